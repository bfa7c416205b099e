"""Pictures of step 08: descent by PyTorch's optimizer and by the learner's own, with and without momentum."""

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
    draw_path,
    draw_path_and_curve,
    draw_rates,
    losses_of_leaves,
    path_of_leaves,
    points,
    read_path,
)
from grader.content.pictures.picture import Floats, Picture, numbers, returned
from grader.content.references import line_gradients
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LR = 0.1
_MOMENTA = [0.0, 0.8]


def _tutorial(**more: Any) -> dict[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "start": list(START), **more}


def _inputs() -> Mapping[str, Any]:
    return _tutorial(lr=_LR, n_epochs=EPOCHS)


@probe
def fit_epoch_by_epoch(module, x, y, start, lr, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit_with_sgd` for one epoch after the other, and once for all epochs."""
    walk = path_of_leaves(module.fit_with_sgd, x, y, start, lr, n_epochs)
    losses = losses_of_leaves(module.fit_with_sgd, x, y, start, lr, n_epochs)
    return {"path": walk["path"], "fit_with_sgd": losses}


def draw_descent(figure: Figure, answer: Answer) -> str:
    """Draw the path and the losses."""
    losses = numbers(returned(answer, "fit_with_sgd"), EPOCHS)
    path = read_path(returned(answer, "path", "fit_with_sgd"), EPOCHS)
    return draw_path_and_curve(figure, path, losses, _LR)


def _rates() -> Mapping[str, Any]:
    return _tutorial(lrs=list(RATES), n_epochs=EPOCHS)


@probe
def fit_with_rates(module, x, y, start, lrs, n_epochs):  # type: ignore[no-untyped-def]
    """Call `fit_with_sgd` for one epoch after the other, with three learning rates."""
    fit = module.fit_with_sgd
    return {"paths": [path_of_leaves(fit, x, y, start, lr, n_epochs)["path"] for lr in lrs]}


def draw_three_rates(figure: Figure, answer: Answer) -> str:
    """Draw the path with three learning rates."""
    paths = answer.key("paths").each()
    label = "`fit_with_sgd`"
    return draw_rates(
        figure, [read_path(Answer(one.value, one.call, label), EPOCHS) for one in paths]
    )


def _momenta() -> Mapping[str, Any]:
    return _tutorial(lr=_LR, n_epochs=EPOCHS, momenta=_MOMENTA)


@probe
def own_optimizer(module, x, y, start, lr, n_epochs, momenta):  # type: ignore[no-untyped-def]
    """Train with your `SGD`, with and without momentum."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    paths = []
    for momentum in momenta:
        a, b = (torch.tensor([number], requires_grad=True) for number in start)
        optimizer = module.SGD([a, b], lr=lr, momentum=momentum)
        path = [(a.item(), b.item())]
        for _ in range(n_epochs):
            loss = ((a + b * x - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            path.append((a.item(), b.item()))
        paths.append(path)
    return {"paths": paths}


def _with_momentum(momentum: float) -> Floats:
    place, velocity = np.array(START), np.zeros(2)
    path = [place]
    for _ in range(EPOCHS):
        _, *gradient = line_gradients(float(place[0]), float(place[1]), *points())
        velocity = momentum * velocity + np.array(gradient)
        place = place - _LR * velocity
        path.append(place)
    return np.array(path)


def draw_momentum(figure: Figure, answer: Answer) -> str:
    """Draw the path without and with momentum."""
    paths = [
        read_path(Answer(one.value, one.call, "`SGD`"), EPOCHS)
        for one in answer.key("paths").each()
    ]
    said = []
    for axes, momentum, path in zip(
        style.panels(figure, 2, sharey=True), _MOMENTA, paths, strict=True
    ):
        right = _with_momentum(momentum)
        draw_path(axes, path, right)
        axes.set_title(f"your SGD, momentum = {momentum:g}")
        axes.label_outer()
        said.append(f"With momentum {momentum:g}: {describe_path(path, right)}")
        if momentum == _MOMENTA[0]:
            axes.legend(loc="upper right", fontsize=9)
    return " ".join(said)


PICTURES = [
    Picture(
        "path", "PyTorch's optimizer takes the steps that you took by hand",
        ("fit_with_sgd",), fit_epoch_by_epoch, draw_descent, _inputs, (8.8, 4.1),
    ),
    Picture(
        "rates", "Three learning rates: one crawls, one walks, one jumps from side to side",
        ("fit_with_sgd",), fit_with_rates, draw_three_rates, _rates, (9.6, 3.9),
    ),
    Picture(
        "momentum", "Momentum is like a heavy ball: it runs along the valley, and beyond",
        ("SGD",), own_optimizer, draw_momentum, _momenta, (8.8, 4.1),
    ),
]  # fmt: skip
