"""Pictures of step 04: descent in NumPy, with all points at once and in batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.descent import (
    EPOCHS,
    RATES,
    START,
    describe_path,
    draw_line,
    draw_losses,
    draw_path,
    draw_rates,
    expected_path,
    points,
    read_path,
)
from grader.content.pictures.picture import Picture, labelled, near, numbers, returned, scalar
from grader.content.references import descend, loss_after, trained_in_batches
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LR, _BATCH = 0.1, 16
_LRS = [0.001, 0.01, 0.1, 0.5, 1.0]


def _inputs() -> Mapping[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "start": list(START), "lr": _LR, "n_epochs": EPOCHS}


@probe
def fit_step_by_step(module, x, y, start, lr, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit` for 0, 1, 2 and more epochs, always from the same start."""
    a, b = np.array(start[:1]), np.array(start[1:])
    path, losses = [(a, b)], []
    for n in range(1, n_epochs + 1):
        result = module.fit(x=x, y=y, a=a.copy(), b=b.copy(), lr=lr, n_epochs=n)
        if not isinstance(result, tuple) or len(result) != 3:
            return {"fit": result}
        path.append(result[:2])
        losses = result[2]
    return {"fit": (0.0, 0.0, losses), "path": path}


def draw_path_and_line(figure: Figure, answer: Answer) -> str:
    """Draw the way to the lowest place, and the line at some places of it."""
    returned(answer, "fit").parts("a", "b", "losses")
    path, right = read_path(returned(answer, "path", "fit"), EPOCHS), expected_path(_LR, EPOCHS)
    left, axes = style.panels(figure, 2)
    draw_path(left, path, right)
    left.set_title(f"{EPOCHS} epochs, lr = {_LR:g}, in the valley of the loss")
    left.legend(loc="upper right", fontsize=9)
    shown = [(0, style.BLACK), (3, style.ORANGE), (len(path) - 1, style.YOURS)]
    draw_line(
        axes, [(path[n], colour, f"after {n} epochs") for n, colour in shown if n < len(path)]
    )
    style.expected(axes, np.array([0, 1]), right[-1, 0] + right[-1, 1] * np.array([0, 1]))
    axes.legend(fontsize=9, loc="lower right")
    axes.set_title("the same as lines")
    return describe_path(path, right)


def draw_curve(figure: Figure, answer: Answer) -> str:
    """Draw the losses."""
    losses = numbers(
        labelled(returned(answer, "fit").parts("a", "b", "losses")[2], "`fit`: losses"), EPOCHS
    )
    return draw_losses(
        figure.subplots(), losses, np.array(descend(*START, *points(), _LR, EPOCHS)[0])
    )


def _rates() -> Mapping[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "start": list(START), "lrs": list(RATES), "n_epochs": EPOCHS}


@probe
def fit_with_rates(module, x, y, start, lrs, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit` for 0, 1, 2 and more epochs with three learning rates."""
    return {str(lr): fit_step_by_step(module, x, y, start, lr, n_epochs) for lr in lrs}


def draw_three_rates(figure: Figure, answer: Answer) -> str:
    """Draw the way with three learning rates."""
    paths = []
    for lr in RATES:
        one = answer.key(str(lr))
        returned(one, "fit").parts("a", "b", "losses")
        paths.append(read_path(returned(one, "path", "fit"), EPOCHS))
    return draw_rates(figure, paths)


def _batches() -> Mapping[str, Any]:
    x, y = points()
    return {
        "x": x,
        "y": y,
        "start": list(START),
        "lr": _LR,
        "n_epochs": 4,
        "batch_sizes": [80, _BATCH, 1],
    }


@probe
def fit_in_batches(module, x, y, start, lr, n_epochs, batch_sizes):  # type: ignore[no-untyped-def]
    """Call `fit_minibatch` with batches of several sizes."""
    a, b = np.array(start[:1]), np.array(start[1:])
    return {
        "fit_minibatch": [
            module.fit_minibatch(
                x=x, y=y, a=a.copy(), b=b.copy(), lr=lr, n_epochs=n_epochs, batch_size=size
            )
            for size in batch_sizes
        ]
    }


def draw_batches(figure: Figure, answer: Answer) -> str:
    """Draw the losses of training in batches of several sizes."""
    inputs = _batches()
    label = "`fit_minibatch`"
    results = Answer(returned(answer, "fit_minibatch").value, answer.call).each()
    said = []
    names = ("all 80 points at once", f"batches of {_BATCH}", "one point at a time")
    together = zip(
        style.panels(figure, 3, sharey=True), inputs["batch_sizes"], results, names, strict=True
    )
    for axes, size, result, name in together:
        *_, right = trained_in_batches(*START, *points(), _LR, inputs["n_epochs"], size)
        losses = numbers(
            labelled(labelled(result, label).parts("a", "b", "losses")[2], f"{label}: losses"),
            len(right),
        )
        words = draw_losses(axes, losses, np.array(right), "update")
        axes.set_title(f"{name}: {len(right)} updates", fontsize=10)
        axes.label_outer()
        if size != 1:
            axes.get_legend().remove()  # type: ignore[union-attr]
        said.append(f"With {name}: {words}")
    return " ".join(said)


def _best() -> Mapping[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "start": list(START), "lrs": _LRS, "n_epochs": 100}


@probe
def rate_chosen(module, x, y, start, lrs, n_epochs):  # type: ignore[no-untyped-def]
    """Call `best_learning_rate` with the rates of the lesson."""
    a, b = np.array(start[:1]), np.array(start[1:])
    return {"best_learning_rate": module.best_learning_rate(x, y, a, b, lrs, n_epochs)}


def draw_best(figure: Figure, answer: Answer) -> str:
    """Draw the loss that each learning rate leads to, and the rate that was chosen."""
    chosen = scalar(returned(answer, "best_learning_rate"))
    losses = [loss_after(*START, *points(), lr, 100) for lr in _LRS]
    best = _LRS[int(np.nanargmin(losses))]
    axes = figure.subplots()
    # What is higher than this runs off the top.
    top = 100.0
    places = np.arange(len(_LRS))
    colours = [style.YOURS if near(np.array(lr), np.array(chosen)) else style.PALE for lr in _LRS]
    heights = [loss if loss < top else 10 * top for loss in losses]
    axes.bar(places, heights, color=colours, width=0.6)
    for place, loss, height in zip(places.tolist(), losses, heights, strict=True):
        if loss < top:
            axes.text(place, height * 1.08, f"{loss:.2g}", ha="center", va="bottom", fontsize=9.5)
        else:
            words = f"up to\n{loss:.2g},\nfar above\nthe picture ↑"
            axes.text(
                place,
                top * 0.7,
                words,
                ha="center",
                va="top",
                fontsize=9.5,
                bbox={"facecolor": "white", "edgecolor": "none"},
            )
    style.log_axis(axes)
    axes.set_ylim(0.004, top)
    axes.set_xticks(places, [f"{lr:g}" for lr in _LRS])
    axes.plot(
        [_LRS.index(best)], [0.0055], "*", color=style.RED, markersize=14, label="expected choice"
    )
    axes.plot([], [], "s", color=style.YOURS, markersize=10, label=f"your choice: {chosen:g}")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss after 100 epochs")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    heights_said = ", ".join(f"{lr:g}: {loss:.2g}" for lr, loss in zip(_LRS, losses, strict=True))
    return (
        f"Loss after 100 epochs by learning rate: {heights_said}. "
        f"`best_learning_rate` chose {chosen:g}, and {best:g} is expected."
    )


PICTURES = [
    Picture(
        "path", "Descent walks down the valley, in shorter and shorter steps",
        ("fit",), fit_step_by_step, draw_path_and_line, _inputs, (8.8, 4.1),
    ),
    Picture(
        "curve", "The loss falls fast at first, and then slowly",
        ("fit",), fit_step_by_step, draw_curve, _inputs, (7.0, 3.9),
    ),
    Picture(
        "rates", "Three learning rates: one crawls, one walks, one jumps from side to side",
        ("fit",), fit_with_rates, draw_three_rates, _rates, (9.6, 3.9),
    ),
    Picture(
        "batches", "Smaller batches: more updates in the same 4 epochs, and a noisier loss",
        ("fit_minibatch",), fit_in_batches, draw_batches, _batches, (9.6, 3.7),
    ),
    Picture(
        "best", "The best rate is the one with the lowest loss, neither the smallest nor the largest",
        ("best_learning_rate",), rate_chosen, draw_best, _best, (8.6, 3.9),
    ),
]  # fmt: skip
