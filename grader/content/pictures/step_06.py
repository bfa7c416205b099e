"""Pictures of step 06: descent with gradients that autograd computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.descent import (
    EPOCHS,
    RATES,
    START,
    draw_losses,
    draw_path_and_curve,
    draw_rates,
    losses_of_leaves,
    path_of_leaves,
    points,
    read_path,
)
from grader.content.pictures.picture import Picture, near, numbers, returned, scalars
from grader.content.references import descend_many, line_gradients
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LR = 0.1
_CALLS = 3
_MANY = np.array([[1.0, 0.5], [0.2, -1.0], [-0.7, 0.3], [0.4, 1.2], [-1.1, -0.6], [0.9, -0.2]])
_MANY_EPOCHS = 40


def _tutorial(**more: Any) -> dict[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "start": list(START), **more}


def _calls() -> Mapping[str, Any]:
    return _tutorial(calls=_CALLS)


@probe
def gradients_again(module, x, y, start, calls):  # type: ignore[no-untyped-def]
    """Call `loss_gradients` several times with the same leaves."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    a, b = (torch.tensor([number], requires_grad=True) for number in start)
    found = []
    for _ in range(calls):
        pair = module.loss_gradients(a, b, x, y)
        # What is returned may be the gradient itself, to which the next call adds.
        found.append([part.detach().clone() if hasattr(part, "detach") else part for part in pair])
    return {"loss_gradients": found}


def draw_gradients(figure: Figure, answer: Answer) -> str:
    """Draw the gradients of several calls side by side."""
    label = "`loss_gradients`"
    pairs = [
        Answer(one.value, one.call, label).parts("a_grad", "b_grad")
        for one in Answer(returned(answer, "loss_gradients").value, answer.call).each()
    ]
    answer.check(len(pairs) == _CALLS, f"{label} was not called {_CALLS} times.")
    _, *right = line_gradients(*START, *points())
    found = [
        scalars(Answer([pair[i].value for pair in pairs], answer.call, label), _CALLS)
        for i in (0, 1)
    ]
    for axes, name, values, true in zip(
        style.panels(figure, 2, sharey=True), "ab", found, right, strict=True
    ):
        axes.bar(range(_CALLS), values, width=0.55, color=style.YOURS, label="your code", zorder=3)
        style.expected(axes, [-0.5, _CALLS - 0.5], [true, true])
        axes.set_xticks(range(_CALLS), [f"call {i + 1}" for i in range(_CALLS)])
        axes.axhline(0, color="#444444", linewidth=0.8)
        axes.grid(axis="x", visible=False)
        axes.set_title(f"{name}_grad, expected {true:.4g}")
        axes.label_outer()
        if name == "a":
            axes.set_ylabel("gradient")
        else:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    said = "; ".join(
        f"{name}_grad: " + ", ".join(f"{value:.4g}" for value in values)
        for name, values in zip("ab", found, strict=True)
    )
    grows = "All calls give the expected gradient." if all(
        near(values, np.full(_CALLS, true)) for values, true in zip(found, right, strict=True)
    ) else "Not all calls give the expected gradient."  # fmt: skip
    return f"Gradients of {_CALLS} calls in a row. {said}; expected {right[0]:.4g} and {right[1]:.4g}. {grows}"


def _inputs() -> Mapping[str, Any]:
    return _tutorial(lr=_LR, n_epochs=EPOCHS)


@probe
def fit_epoch_by_epoch(module, x, y, start, lr, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit` for one epoch after the other, and once for all epochs."""
    walk = path_of_leaves(module.fit, x, y, start, lr, n_epochs)
    return {"path": walk["path"], "fit": losses_of_leaves(module.fit, x, y, start, lr, n_epochs)}


def draw_descent(figure: Figure, answer: Answer) -> str:
    """Draw the path and the losses."""
    losses = numbers(returned(answer, "fit"), EPOCHS)
    return draw_path_and_curve(
        figure, read_path(returned(answer, "path", "fit"), EPOCHS), losses, _LR
    )


def _rates() -> Mapping[str, Any]:
    return _tutorial(lrs=list(RATES), n_epochs=EPOCHS)


@probe
def fit_with_rates(module, x, y, start, lrs, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit` for one epoch after the other, with three learning rates."""
    return {"paths": [path_of_leaves(module.fit, x, y, start, lr, n_epochs)["path"] for lr in lrs]}


def draw_three_rates(figure: Figure, answer: Answer) -> str:
    """Draw the path with three learning rates."""
    paths = answer.key("paths").each()
    return draw_rates(
        figure, [read_path(Answer(one.value, one.call, "`fit`"), EPOCHS) for one in paths]
    )


def _many() -> Mapping[str, Any]:
    y = _MANY @ np.array([2.0, -1.0]) + 0.5
    return {"x": _MANY, "y": y, "w": [0.0, 0.0], "b": 0.0, "lr": _LR, "n_epochs": _MANY_EPOCHS}


@probe
def fit_two_features(module, x, y, w, b, lr, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit_many` with two features."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    w, b = (torch.tensor(values, requires_grad=True) for values in (w, [b]))
    losses = module.fit_many(x=x, y=y, w=w, b=b, lr=lr, n_epochs=n_epochs)
    return {"fit_many": losses, "end": [*w.tolist(), b.item()]}


def draw_many(figure: Figure, answer: Answer) -> str:
    """Draw the losses with two features, and where the parameters end."""
    losses = numbers(returned(answer, "fit_many"), _MANY_EPOCHS)
    end = numbers(returned(answer, "end", "fit_many"), 3)
    inputs = _many()
    right, w, b = descend_many(
        inputs["w"], inputs["b"], inputs["x"], inputs["y"], _LR, _MANY_EPOCHS
    )
    left, axes = style.panels(figure, 2)
    words = draw_losses(left, losses, np.array(right))
    left.set_title("the loss before each update")
    places = np.arange(3)
    axes.bar(places, end, width=0.5, color=style.YOURS, label="your code", zorder=3)
    for place, true in zip(places, [*w, b], strict=True):
        style.expected(
            axes, [place - 0.4, place + 0.4], [true, true], "expected" if place == 0 else ""
        )
    axes.set_xticks(places, ["w[0]", "w[1]", "b"])
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.grid(axis="x", visible=False)
    axes.set_title(f"after {_MANY_EPOCHS} epochs")
    axes.legend()
    return (
        f"{words} At the end w is {end[0]:.3g} and {end[1]:.3g}, and b is {end[2]:.3g}; expected are "
        + (f"{w[0]:.3g}, {w[1]:.3g} and {b:.3g}.")
    )


PICTURES = [
    Picture(
        "gradients", "The same question again gives the same gradient: nothing piles up",
        ("loss_gradients",), gradients_again, draw_gradients, _calls, (8.0, 3.6),
    ),
    Picture(
        "path", "Descent by autograd takes the same way as descent by formula",
        ("fit",), fit_epoch_by_epoch, draw_descent, _inputs, (8.8, 4.1),
    ),
    Picture(
        "rates", "Three learning rates: one crawls, one walks, one jumps from side to side",
        ("fit",), fit_with_rates, draw_three_rates, _rates, (9.6, 3.9),
    ),
    Picture(
        "features", "With two features the same loop finds three parameters",
        ("fit_many",), fit_two_features, draw_many, _many, (8.6, 3.7),
    ),
]  # fmt: skip
