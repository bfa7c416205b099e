"""Pictures of step 16: training against validation, by the learner's whole pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.descent import START, draw_line, points
from grader.content.pictures.picture import (
    Picture,
    column,
    labelled,
    line,
    near,
    numbers,
    plain,
    returned,
)
from grader.content.pictures.training import draw_history, noisy_wave, wave_loaders, wave_network
from grader.content.references import line_gradients, trained_in_batches
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LR, _EPOCHS, _BATCH = 0.1, 15, 16
_N = 60
_WAVE_EPOCHS = 250


def _line() -> Mapping[str, Any]:
    x, y = points()
    return {
        "x": x,
        "y": y,
        "n_train": _N,
        "start": list(START),
        "lr": _LR,
        "n_epochs": _EPOCHS,
        "batch_size": _BATCH,
    }


@probe
def line_fitted(module, x, y, n_train, start, lr, n_epochs, batch_size):  # type: ignore[no-untyped-def]
    """Call `fit` for a line."""
    import torch
    from torch import nn

    loaders = wave_loaders(x, y, n_train, batch_size)
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.bias.fill_(start[0])
        model.weight.fill_(start[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = module.fit(model, nn.MSELoss(), optimizer, *loaders, n_epochs, "cpu")
    return {"fit": history, "end": [model.bias.item(), model.weight.item()]}


def draw_fit(figure: Figure, answer: Answer) -> str:
    """Draw the losses of both parts, and the line at the end."""
    history = returned(answer, "fit")
    found = [numbers(history.key(name), _EPOCHS) for name in ("train_losses", "val_losses")]
    end = numbers(returned(answer, "end", "fit"), 2)
    x, y = points()
    (a, b), rights = START, ([], [])  # type: ignore[var-annotated]
    for _ in range(_EPOCHS):
        a, b, losses = trained_in_batches(a, b, x[:_N], y[:_N], _LR, 1, _BATCH)
        sizes = [min(_BATCH, _N - start) for start in range(0, _N, _BATCH)]
        rights[0].append(float(np.average(losses, weights=sizes)))
        rights[1].append(line_gradients(a, b, x[_N:], y[_N:])[0])
    left, axes = style.panels(figure, 2)
    for i, right in enumerate(rights):
        style.expected(left, np.arange(_EPOCHS), right, "expected" if i == 0 else "")
    draw_history(left, *found)
    left.legend()
    draw_line(axes, [(START, style.BLACK, "before"), (end, style.YOURS, "after training")])
    ends = np.array([0, 1])
    style.expected(axes, ends, a + b * ends)
    axes.legend(fontsize=9, loc="lower right")
    same = all(near(one, np.array(right), 1e-2) for one, right in zip(found, rights, strict=True))
    return (
        f"Losses of a line in {_EPOCHS} epochs: training from {found[0][0]:.3g} to "
        f"{found[0][-1]:.3g}, validation from "
        f"{found[1][0]:.3g} to {found[1][-1]:.3g}. "
        + (
            "Both curves are as expected. "
            if same
            else f"Expected at the end: {rights[0][-1]:.3g} and {rights[1][-1]:.3g}. "
        )
        + f"The line at the end is {line(*end)}, expected {line(a, b)}."
    )


def _wave() -> Mapping[str, Any]:
    return {**noisy_wave(), "n_epochs": _WAVE_EPOCHS, "batch_size": 14}


@probe
def wave_fitted(module, x, y, n_train, n_epochs, batch_size):  # type: ignore[no-untyped-def]
    """Call `fit` for a network that can learn all its points by heart."""
    import torch
    from torch import nn

    loaders = wave_loaders(x, y, n_train, batch_size)
    model, optimizer = wave_network(False)
    history = module.fit(model, nn.MSELoss(), optimizer, *loaders, n_epochs, "cpu")
    model.eval()
    return {"fit": history, "curve": plain(model(torch.linspace(-3, 3, 121).reshape(-1, 1)))}


def draw_overfitting(figure: Figure, answer: Answer) -> str:
    """Draw the losses of both parts, and the curve at the end."""
    history = returned(answer, "fit")
    train, val = (
        numbers(history.key(name), _WAVE_EPOCHS) for name in ("train_losses", "val_losses")
    )
    curve = column(labelled(answer.key("curve"), "the network"), 121)
    inputs = noisy_wave()
    x, y, n = inputs["x"][:, 0], inputs["y"][:, 0], inputs["n_train"]
    left, axes = style.panels(figure, 2)
    draw_history(left, train, val)
    best = int(val.argmin())
    left.axvline(best, color=style.GREY, linewidth=1.2, linestyle=":")
    left.annotate(f"lowest validation\nloss, epoch {best}", (best, val[best]), xytext=(14, -30),
                  textcoords="offset points", fontsize=9)  # fmt: skip
    left.legend(loc="upper right", ncols=2)
    left.set_ylim(top=left.get_ylim()[1] * 1.6)
    grid = np.linspace(-3, 3, 121)
    style.expected(axes, grid, np.sin(1.5 * grid), "the wave without noise")
    axes.plot(x[:n], y[:n], "o", color=style.TRAIN, markersize=6, label="training points", zorder=5)
    axes.plot(
        x[n:], y[n:], "s", color=style.VALIDATION, markersize=4, label="validation points", zorder=4
    )
    axes.plot(grid, curve, color=style.BLACK, linewidth=1.5, label="the network", zorder=6)
    axes.set_ylim(-2.2, 3.6)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.legend(fontsize=9, loc="upper left", ncols=2)
    return (
        f"A network with 14 training points: its training loss goes from {train[0]:.3g} to "
        f"{train[-1]:.3g}. Its validation "
        f"loss is lowest in epoch {best}, {val[best]:.3g}, and {val[-1]:.3g} at the end."
    )


PICTURES = [
    Picture(
        "line", "A line learns what it can: both losses fall together",
        ("fit",), line_fitted, draw_fit, _line, (8.8, 4.0),
    ),
    Picture(
        "overfitting", "A large network on few points: training goes on falling, validation turns",
        ("fit",), wave_fitted, draw_overfitting, _wave, (9.2, 4.1),
    ),
]  # fmt: skip
