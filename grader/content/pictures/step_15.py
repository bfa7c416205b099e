"""Pictures of step 15: training against validation, measured by the learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import Floats, Picture, near, plain, returned, scalars, table
from grader.content.pictures.training import noisy_wave, wave_loaders, wave_network
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EPOCHS, _EVERY, _BATCH = 300, 10, 8


def _inputs() -> Mapping[str, Any]:
    return {**noisy_wave(), "n_epochs": _EPOCHS, "every": _EVERY, "batch_size": _BATCH}


@probe
def measures(measure, x, y, n_train, n_epochs, every, batch_size):  # type: ignore[no-untyped-def]
    """Train a network with dropout, measure it every few epochs, and note what it predicts then."""
    import torch
    from torch import nn

    loaders = wave_loaders(x, y, n_train, batch_size)
    model, optimizer = wave_network(True)
    inputs, targets = torch.tensor(x).float(), torch.tensor(y).float()[:n_train]
    found, predicted = [], []
    for epoch in range(n_epochs):
        if epoch % every == 0:
            found.append([measure(model, loader) for loader in loaders])
            model.eval()
            predicted.append(plain(model(inputs)).reshape(-1).tolist())
        model.train()
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs[:n_train]), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {"measured": found, "predicted": predicted}


@probe
def losses_measured(module, x, y, n_train, n_epochs, every, batch_size):  # type: ignore[no-untyped-def]
    """Call `evaluate` while a network is trained."""
    from torch import nn

    def measure(model, loader):  # type: ignore[no-untyped-def]
        return module.evaluate(model, nn.MSELoss(), loader, "cpu")

    return {"evaluate": measures(measure, x, y, n_train, n_epochs, every, batch_size)}


@probe
def scores_measured(module, x, y, n_train, n_epochs, every, batch_size):  # type: ignore[no-untyped-def]
    """Call `r2_score` while a network is trained."""

    def measure(model, loader):  # type: ignore[no-untyped-def]
        return module.r2_score(model, loader, "cpu")

    return {"r2_score": measures(measure, x, y, n_train, n_epochs, every, batch_size)}


def _read(answer: Answer, function: str) -> tuple[list[Floats], Floats]:
    """Return what was measured of both parts, and what the network predicted then."""
    result = returned(answer, function)
    count = _EPOCHS // _EVERY
    pairs = [
        Answer(one.value, one.call, result.label).parts("train", "val")
        for one in result.key("measured").each()
    ]
    found = [
        scalars(Answer([pair[i].value for pair in pairs], answer.call, result.label), count)
        for i in (0, 1)
    ]
    predicted = Answer(
        np.array(result.key("predicted").value, dtype=float), answer.call, "predictions"
    )
    return found, table(predicted, count, len(noisy_wave()["x"]))


def _draw(figure: Figure, answer: Answer, function: str, right_of: Any) -> str:
    found, predicted = _read(answer, function)
    inputs = noisy_wave()
    x, y, n = inputs["x"][:, 0], inputs["y"][:, 0], inputs["n_train"]
    rights = [right_of(predicted[:, part], y[part]) for part in (slice(None, n), slice(n, None))]
    left, axes = figure.subplots(1, 2, width_ratios=[1.25, 1])
    epochs = np.arange(0, _EPOCHS, _EVERY)
    for values, right, colour, name in zip(
        found, rights, (style.TRAIN, style.VALIDATION), ("training", "validation"), strict=True
    ):
        style.yours(left, epochs, values, f"your {function}, {name}", color=colour)
        style.expected(left, epochs, right, "expected" if name == "validation" else "")
    left.set_xlabel("epoch")
    left.set_ylabel("loss" if function == "evaluate" else "R²")
    left.legend(fontsize=9)
    if function == "r2_score":
        left.set_ylim(max(-1.0, left.get_ylim()[0]), 1.05)
    order = np.argsort(x)
    axes.plot(x[:n], y[:n], "o", color=style.TRAIN, markersize=5, label="training points")
    axes.plot(x[n:], y[n:], "s", color=style.VALIDATION, markersize=4, label="validation points")
    axes.plot(
        x[order],
        predicted[-1][order],
        color=style.BLACK,
        linewidth=1.5,
        label="the network at the end",
    )
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.set_ylim(-2.2, 3.2)
    axes.legend(fontsize=9, loc="upper left", ncols=1)
    same = all(near(one, right, 1e-2) for one, right in zip(found, rights, strict=True))
    ends = [
        f"{name} from {one[0]:.3g} to {one[-1]:.3g}"
        for one, name in zip(found, ("training", "validation"), strict=True)
    ]
    return f"`{function}` over {_EPOCHS} epochs: {', '.join(ends)}. " + (
        "Both curves are as expected." if same else "Not both curves are as expected."
    )


def draw_losses(figure: Figure, answer: Answer) -> str:
    """Draw the losses of both parts."""
    return _draw(figure, answer, "evaluate", lambda yhat, y: ((yhat - y) ** 2).mean(axis=1))


def draw_scores(figure: Figure, answer: Answer) -> str:
    """Draw R² of both parts."""
    return _draw(
        figure, answer, "r2_score", lambda yhat, y: 1 - ((yhat - y) ** 2).mean(axis=1) / y.var()
    )


PICTURES = [
    Picture(
        "losses", "What a network learned by heart shows in training, and not in validation",
        ("evaluate",), losses_measured, draw_losses, _inputs, (9.4, 4.0),
    ),
    Picture(
        "r2", "R² is 1 for perfect predictions, and 0 for predicting the mean",
        ("r2_score",), scores_measured, draw_scores, _inputs, (9.4, 4.0),
    ),
]  # fmt: skip
