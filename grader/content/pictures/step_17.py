"""Pictures of step 17: stopping early, and going on from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import Picture, as_expected, labelled, numbers, returned
from grader.content.pictures.training import draw_history, noisy_wave, wave_loaders, wave_network
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST, _PATIENCE = 250, 30
_EPOCHS, _SAVED = 60, 25


def _wave() -> Mapping[str, Any]:
    return {**noisy_wave(), "max_epochs": _MOST, "patience": _PATIENCE, "batch_size": 14}


@probe
def stopped_early(module, x, y, n_train, max_epochs, patience, batch_size):  # type: ignore[no-untyped-def]
    """Call `fit_early` for a network that can learn all its points by heart."""
    import torch
    from torch import nn

    train, val = wave_loaders(x, y, n_train, batch_size)
    model, optimizer = wave_network(False)
    history = module.fit_early(
        model, nn.MSELoss(), optimizer, train, val, max_epochs, patience, "cpu"
    )
    model.eval()
    points, right = (torch.tensor(values).float()[n_train:] for values in (x, y))
    return {"fit_early": history, "end": nn.functional.mse_loss(model(points), right).item()}


def draw_early(figure: Figure, answer: Answer) -> str:
    """Draw the losses up to where training stopped, and the best epoch."""
    history = returned(answer, "fit_early")
    losses = []
    for name in ("train_losses", "val_losses"):
        one = history.key(name)
        count = len(one.value) if isinstance(one.value, (list, tuple, np.ndarray)) else _MOST
        one.check(
            1 <= count <= _MOST, f"{one.label}: {count} losses, though max_epochs is {_MOST}."
        )
        losses.append(numbers(one, count))
    train, val = losses
    answer.check(
        len(train) == len(val),
        f"`fit_early`: {len(train)} training losses, but {len(val)} validation losses.",
    )
    best = history.key("best_epoch").integer()
    end = labelled(answer.key("end"), "the validation loss at the end").scalar()
    right = int(val.argmin())
    axes = figure.subplots()
    draw_history(axes, train, val)
    stop = min(right + _PATIENCE, _MOST - 1)
    style.expected(
        axes, [right, right], axes.get_ylim(), f"expected best epoch: {right}", linewidth=7
    )
    if 0 <= best < len(val):
        axes.axvline(best, color=style.GREEN, linewidth=1.8, label=f"your best_epoch: {best}")
    axes.axvspan(
        right, stop, color=style.PALE, alpha=0.6, zorder=0, label=f"patience: {_PATIENCE} epochs"
    )
    axes.axvline(
        len(val) - 1,
        color=style.RED,
        linewidth=1.8,
        linestyle=":",
        label=f"your last epoch: {len(val) - 1}",
    )
    axes.plot(
        [len(val) - 1],
        [end],
        "D",
        color=style.PURPLE,
        markersize=8,
        zorder=6,
        label="the weights that you gave back",
    )
    axes.axhline(val[right], color=style.PURPLE, linewidth=1, linestyle="--", zorder=1)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return (
        f"The validation loss is lowest in epoch {right}, {val[right]:.3g}; `best_epoch` is "
        f"{best}. Training stopped after epoch "
        f"{len(val) - 1}, and is expected to stop after {stop}. The model at the end has the "
        f"validation loss {end:.3g}."
    )


def _checkpoint() -> Mapping[str, Any]:
    return {**noisy_wave(), "n_epochs": _EPOCHS, "saved_after": _SAVED}


@probe
def trained_for(model, optimizer, x, y, n_epochs):  # type: ignore[no-untyped-def]
    """Train a model, and return its losses."""
    from torch import nn

    losses = []
    for _ in range(n_epochs):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


@probe
def trained_with_a_break(module, x, y, n_train, n_epochs, saved_after):  # type: ignore[no-untyped-def]
    """Train, save a checkpoint, load it into a fresh model and optimizer, and train on."""
    import torch

    x, y = torch.tensor(x).float()[:n_train], torch.tensor(y).float()[:n_train]
    whole = trained_for(*wave_network(False), x, y, n_epochs)
    model, optimizer = wave_network(False)
    first = trained_for(model, optimizer, x, y, saved_after)
    module.save_checkpoint("checkpoint.pt", model, optimizer, saved_after)
    fresh, optimizer = wave_network(False)
    epoch = module.load_checkpoint("checkpoint.pt", fresh, optimizer)
    then = trained_for(fresh, optimizer, x, y, n_epochs - saved_after)
    return {"whole": whole, "first": first, "then": then, "load_checkpoint": epoch}


def draw_break(figure: Figure, answer: Answer) -> str:
    """Draw the losses before and after the break, beside those without one."""
    whole = numbers(labelled(answer.key("whole"), "losses"), _EPOCHS)
    first = numbers(labelled(answer.key("first"), "losses"), _SAVED)
    then = numbers(labelled(answer.key("then"), "losses"), _EPOCHS - _SAVED)
    epoch = returned(answer, "load_checkpoint").integer()
    axes = figure.subplots()
    style.expected(axes, np.arange(_EPOCHS), whole, "without a break, expected")
    style.yours(axes, np.arange(_SAVED), first, "before save_checkpoint", color=style.ORANGE)
    style.yours(axes, np.arange(_SAVED, _EPOCHS), then, "after load_checkpoint, in fresh objects")
    style.log_axis(axes)
    axes.axvline(_SAVED - 0.5, color=style.GREY, linewidth=1.2, linestyle=":")
    axes.set_title(f"load_checkpoint returned epoch {epoch}, expected {_SAVED}", fontsize=10.5)
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss")
    axes.legend(loc="upper right")
    return (
        f"Training was saved after epoch {_SAVED}, and went on from a loss of {then[0]:.3g}. "
        "The curve after the break: "
        f"{as_expected(then, whole[_SAVED:])} `load_checkpoint` returned {epoch}, expected {_SAVED}."
    )


PICTURES = [
    Picture(
        "early", "Stop when validation has not become better for a while, and go back to the best",
        ("fit_early",), stopped_early, draw_early, _wave, (9.4, 4.1),
    ),
    Picture(
        "checkpoint", "After a checkpoint, training goes on as if there had been no break",
        ("save_checkpoint", "load_checkpoint"), trained_with_a_break, draw_break, _checkpoint, (8.0, 4.0),
    ),
]  # fmt: skip
