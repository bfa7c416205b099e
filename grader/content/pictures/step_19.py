"""Pictures of step 19: cross-entropy, digits right and wrong, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import (
    Floats,
    Picture,
    as_expected,
    labelled,
    numbers,
    plain,
    returned,
    scalars,
    table,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEED = 1
_LOGITS = np.linspace(-6, 10, 33)
_COLUMNS, _RIGHT, _WRONG = 8, 8, 16


def _logits() -> Mapping[str, Any]:
    return {"logits": _LOGITS}


@probe
def losses_of_logits(module, logits):  # type: ignore[no-untyped-def]
    """Call `cross_entropy` for one image, with several logits of the right digit."""
    import torch

    losses = []
    for logit in logits.tolist():
        row = torch.zeros(1, 10)
        row[0, 3] = logit
        losses.append(plain(module.cross_entropy(row, torch.tensor([3]))))
    return {"cross_entropy": losses}


def draw_entropy(figure: Figure, answer: Answer) -> str:
    """Draw the loss over the probability of the right digit."""
    found = scalars(returned(answer, "cross_entropy"), len(_LOGITS))
    probability = np.exp(_LOGITS) / (np.exp(_LOGITS) + 9)
    right = -np.log(probability)
    axes = figure.subplots()
    style.yours(axes, probability, found)
    style.expected(axes, probability, right)
    axes.plot(
        [0.1],
        [-np.log(0.1)],
        "o",
        color=style.RED,
        markersize=9,
        zorder=5,
        label="no idea: 0.1 for each digit, loss 2.30",
    )
    axes.set_xlabel("probability of the right digit")
    axes.set_ylabel("loss of this image")
    axes.legend(loc="upper right")
    return (
        f"The loss is {found[0]:.3g} when the right digit has the probability "
        f"{probability[0]:.2g}, and {found[-1]:.3g} at {probability[-1]:.3f}. {as_expected(found, right)}"
    )


def _seed() -> Mapping[str, Any]:
    return {"seed": _SEED}


@probe
def digits_predicted(module, seed):  # type: ignore[no-untyped-def]
    """Load the digits, train a model, predict for the test part, and make the confusion matrix."""
    import torch

    train, val, test = module.load_data(seed)
    model, _ = module.train(train, val, seed)
    items = [test[i] for i in range(len(test))]
    images = torch.stack([x for x, _ in items])
    labels = [int(label) for _, label in items]
    return {
        "images": plain(images),
        "labels": labels,
        "predict": plain(module.predict(model, images)),
    }


def _read(answer: Answer) -> tuple[Floats, Floats, Floats]:
    """Return images, labels and predictions of the test part."""
    images = answer.key("images")
    count = len(images.value) if isinstance(images.value, np.ndarray) and images.value.ndim else 360
    images.check(1 <= count <= 2000, f"`load_data`: {count} test images, about 360 are expected.")
    array = np.asarray(labelled(images, "`load_data`: test images").array((count, 64)), dtype=float)
    labels = numbers(labelled(answer.key("labels"), "`load_data`: test labels"), count)
    predicted = numbers(returned(answer, "predict"), count)
    return array, labels, predicted


def draw_digits(figure: Figure, answer: Answer) -> str:
    """Draw some digits that were read rightly, and those that were not."""
    images, labels, predicted = _read(answer)
    good = predicted == labels
    rights, wrongs = np.flatnonzero(good)[:_RIGHT], np.flatnonzero(~good)[:_WRONG]
    rows = 1 + max(1, -(-len(wrongs) // _COLUMNS))
    parts = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in parts.flat:
        style.bare(axes)
    for indices, first, colour in ((rights, 0, style.BLUE), (wrongs, _COLUMNS, style.RED)):
        for place, index in enumerate(indices):
            axes = parts.flat[first + place]
            axes.imshow(
                images[index].reshape(8, 8), cmap="Greys", vmin=0, vmax=1, interpolation="nearest"
            )
            words = (
                f"{labels[index]:g}"
                if good[index]
                else f"{labels[index]:g}, read as {predicted[index]:g}"
            )
            axes.set_title(words, fontsize=9.5, color=colour, loc="center")
    wrong = int((~good).sum())
    accuracy = float(good.mean())
    figure.supxlabel(
        f"first row: right; below: {min(wrong, _WRONG)} of {wrong} wrong ones. Accuracy "
        f"{accuracy:.3f}, expected at least 0.95",
        fontsize=10,
    )
    said = ", ".join(f"{labels[i]:g} read as {predicted[i]:g}" for i in wrongs[:6])
    return (
        f"{len(labels)} unseen digits, accuracy {accuracy:.3f}, expected at least 0.95; {wrong} are wrong"
        + (f", such as {said}." if said else ".")
    )


def _nothing() -> Mapping[str, Any]:
    return {}


@probe
def confusion_made(module):  # type: ignore[no-untyped-def]
    """Call `confusion` for a model that reads every 3 as 5, and half of the 8 as 1."""
    import torch
    from torch import nn
    from torch.utils.data import TensorDataset

    # The first number of an image says how it is read.
    labels = torch.arange(10).repeat_interleave(10)
    read = labels.clone()
    read[labels == 3] = 5
    read[80:85] = 1
    x = torch.zeros(100, 64)
    x[torch.arange(100), read] = 1.0
    model = nn.Linear(64, 10)
    with torch.no_grad():
        model.weight.copy_(torch.eye(10, 64))
        model.bias.zero_()
    return {"confusion": plain(module.confusion(model, TensorDataset(x, labels)))}


def _expected_confusion() -> Floats:
    right = 10.0 * np.eye(10)
    right[3, 3], right[3, 5] = 0, 10
    right[8, 8], right[8, 1] = 5, 5
    return right


def draw_confusion(figure: Figure, answer: Answer) -> str:
    """Draw the confusion matrix of a model with two known habits."""
    found, right = table(returned(answer, "confusion"), 10, 10), _expected_confusion()
    for axes, values, title in zip(
        style.panels(figure, 2), (found, right), ("your confusion", "expected"), strict=True
    ):
        style.bare(axes)
        axes.set_aspect("equal")
        flat = values.reshape(-1)
        most = max(1.0, float(flat.max()))
        colours = [_shade(value / most, i // 10 == i % 10) for i, value in enumerate(flat)]
        edges = [style.RED if title.startswith("your") and value != true else "white"
                 for value, true in zip(flat, right.reshape(-1), strict=True)]  # fmt: skip
        style.cells(
            axes,
            [f"{value:g}" if value else "" for value in flat],
            0,
            10,
            colours,
            columns=10,
            font=9,
            edge=edges,
        )
        for digit in range(10):
            axes.text(-0.3, 9.5 - digit, str(digit), ha="right", va="center_baseline", fontsize=9.5)
            axes.text(digit + 0.5, -0.25, str(digit), ha="center", va="top", fontsize=9.5)
        axes.text(-1.25, 5, "true digit", rotation=90, va="center", ha="center", fontsize=10)
        axes.text(5, -1.05, "read as", ha="center", va="top", fontsize=10)
        axes.set_xlim(-1.7, 10.1)
        axes.set_ylim(-1.9, 10.1)
        axes.set_title(title, fontsize=10.5)
    wrong = int((found != right).sum())
    return (
        "A model that reads every 3 as 5 and half of the 8 as 1: row 3, column 5 holds "
        f"{found[3, 5]:g}, expected 10; row 8, "
        f"column 1 holds {found[8, 1]:g}, expected 5. "
        + ("All entries are as expected." if not wrong else f"{wrong} entries differ.")
    )


def _shade(share: float, is_right: bool) -> str:
    """Return a colour from white to blue for right readings, or to orange for wrong ones."""
    end = (0x00, 0x72, 0xB2) if is_right else (0xE6, 0x9F, 0x00)
    share = min(1.0, max(0.0, share))
    base = 0xF2
    return "#" + "".join(f"{round(base + (value - base) * share):02X}" for value in end)


PICTURES = [
    Picture(
        "entropy", "The loss asks how probable the right digit was: the less, the higher",
        ("cross_entropy",), losses_of_logits, draw_entropy, _logits, (7.6, 3.8),
    ),
    Picture(
        "digits", "Digits right and wrong: some of the wrong ones are hard for people, too",
        ("load_data", "train", "predict"), digits_predicted, draw_digits, _seed, (8.6, 4.4),
    ),
    Picture(
        "confusion", "The confusion matrix shows which digit is taken for which: 3 for 5, and 8 for 1",
        ("confusion",), confusion_made, draw_confusion, _nothing, (9.0, 4.9),
    ),
]  # fmt: skip
