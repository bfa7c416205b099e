"""Pictures of step 09: what losses make of one error, and what an outlier does to a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import (
    Picture,
    labelled,
    line,
    near,
    numbers,
    returned,
    scalar,
    scalars,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without 0, where a root has no slope.
_E = np.linspace(-3, 3, 60)
_REDUCTIONS = ("none", "sum", "mean")


def _errors() -> Mapping[str, Any]:
    return {"errors": _E}


@probe
def loss_of_errors(loss, errors):  # type: ignore[no-untyped-def]
    """Return the loss and its slope for one error at a time."""
    import torch

    losses, slopes = [], []
    for error in errors.tolist():
        yhat = torch.tensor([[error]], requires_grad=True)
        value = loss(yhat, torch.zeros(1, 1))
        losses.append(value.detach() if hasattr(value, "detach") else value)
        if getattr(value, "requires_grad", False) and value.numel() == 1:
            value.backward()
        slopes.append(0.0 if yhat.grad is None else yhat.grad.item())
    return {"losses": losses, "slopes": slopes}


@probe
def losses_of_errors(module, errors):  # type: ignore[no-untyped-def]
    """Call `mse` and `huber` for one error at a time."""
    return {
        "mse": loss_of_errors(module.mse, errors),
        "huber": loss_of_errors(module.huber, errors),
    }


def draw_losses(figure: Figure, answer: Answer) -> str:
    """Draw both losses and their slopes."""
    size = np.abs(_E)
    rights = {
        "mse": (_E**2, 2 * _E),
        "huber": (np.where(size <= 1, 0.5 * _E**2, size - 0.5), np.clip(_E, -1, 1)),
    }
    left, axes = style.panels(figure, 2)
    said = []
    for (name, right), colour in zip(rights.items(), (style.ORANGE, style.BLUE), strict=True):
        one = returned(answer, name)
        found = scalars(labelled(one.key("losses"), one.label), len(_E))
        slopes = scalars(labelled(one.key("slopes"), one.label), len(_E))
        style.yours(left, _E, found, f"your {name}", color=colour)
        style.yours(axes, _E, slopes, f"your {name}", color=colour)
        last = "expected" if name == "huber" else ""
        style.expected(left, _E, right[0], last)
        style.expected(axes, _E, right[1], last)
        good = near(found, right[0]) and near(slopes, right[1])
        said.append(
            f"For an error of 3, `{name}` is {found[-1]:.3g} with the slope {slopes[-1]:.3g}; expected are "
            f"{right[0][-1]:.3g} and {right[1][-1]:.3g}; "
            + ("both curves are right." if good else "the curves differ.")
        )
    left.set_title("the loss of one error")
    left.set_xlabel("error")
    left.set_ylabel("loss")
    axes.set_title("its slope: how hard this point pulls")
    axes.set_xlabel("error")
    axes.set_ylabel("gradient")
    left.legend(loc="upper center")
    return " ".join(said)


def _outlier() -> Mapping[str, Any]:
    x = np.linspace(0, 1, 12)
    y = 1 + 2 * x + 0.08 * np.sin(37 * x)
    y[-2] = -4.0
    return {"x": x.reshape(-1, 1), "y": y.reshape(-1, 1)}


@probe
def line_with_outlier(module, x, y):  # type: ignore[no-untyped-def]
    """Train a line with `mse`, and one with `huber`."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    found = {}
    for name, loss in (("mse", module.mse), ("huber", module.huber)):
        a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([a, b], lr=0.3, momentum=0.8)
        for _ in range(250):
            optimizer.zero_grad()
            loss(a + b * x, y).backward()
            optimizer.step()
        found[name] = [a.item(), b.item()]
    return found


def draw_outlier(figure: Figure, answer: Answer) -> str:
    """Draw the lines that both losses lead to."""
    inputs = _outlier()
    x, y = inputs["x"][:, 0], inputs["y"][:, 0]
    axes = figure.subplots()
    axes.plot(x, y, "o", color=style.SKY, label="points")
    axes.plot(x[-2], y[-2], "o", color=style.RED, markersize=10, label="outlier")
    ends = np.array([0.0, 1.0])
    axes.plot(
        ends, 1 + 2 * ends, color=style.GREY, linewidth=1.2, label="the line without the outlier"
    )
    slope, start = np.polyfit(x, y, 1)
    rights = {"mse": np.array([start, slope]), "huber": _huber_line(x, y)}
    said = []
    for (name, right), colour in zip(rights.items(), (style.ORANGE, style.BLUE), strict=True):
        a, b = numbers(returned(answer, name), 2)
        style.expected(axes, ends, right[0] + right[1] * ends, "expected" if name == "mse" else "")
        axes.plot(ends, a + b * ends, color=colour, label=f"trained with your {name}", zorder=3)
        said.append(f"With `{name}` the line is {line(a, b)}, expected {line(*right)}.")
    axes.set_ylim(-4.6, 3.6)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return f"12 points near 1 + 2x, one of them far away. {' '.join(said)}"


def _huber_line(x: Any, y: Any) -> Any:
    """Return the line with the smallest Huber loss, by the same descent."""
    place, velocity = np.zeros(2), np.zeros(2)
    for _ in range(250):
        pull = np.clip(place[0] + place[1] * x - y, -1, 1)
        velocity = 0.8 * velocity + np.array([pull.mean(), (pull * x).mean()])
        place = place - 0.3 * velocity
    return place


@probe
def reduced_losses(module):  # type: ignore[no-untyped-def]
    """Call `mse` with the three reductions."""
    import torch

    yhat, y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0, 5.0])
    return {
        "mse": {
            name: module.mse(yhat, y, name).detach().numpy() for name in ("none", "sum", "mean")
        }
    }


def draw_reductions(figure: Figure, answer: Answer) -> str:
    """Draw what the reductions make of three squared errors."""
    rights = ([1.0, 4.0, 9.0], [14.0], [14 / 3])
    result = returned(answer, "mse")
    axes = figure.subplots()
    said, left = [], 0.0
    ticks = []
    for name, right in zip(_REDUCTIONS, rights, strict=True):
        one = labelled(result.key(name), f'`mse` with "{name}"')
        values = numbers(one, 3) if name == "none" else np.array([scalar(one)])
        places = left + np.arange(len(right))
        axes.bar(
            places,
            values,
            width=0.6,
            color=style.YOURS,
            zorder=3,
            label="your code" if name == "none" else "",
        )
        for place, value, true in zip(places, values, right, strict=True):
            style.expected(
                axes,
                [place - 0.42, place + 0.42],
                [true, true],
                "expected" if left + place == 0 else "",
            )
            axes.text(place, max(value, true) + 0.5, f"{value:.3g}", ha="center")
        ticks.append((float(places.mean()), f'"{name}"'))
        left = float(places[-1]) + 1.6
        said.append(f'"{name}" gives {_listed(values)}, expected {_listed(right)}.')
    axes.set_xticks([place for place, _ in ticks], [word for _, word in ticks])
    axes.set_ylim(0, 17)
    axes.set_ylabel("squared errors")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return f"Three squared errors, 1, 4 and 9. {' '.join(said)}"


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _nothing() -> Mapping[str, Any]:
    return {}


PICTURES = [
    Picture(
        "losses", "A square grows faster and faster; the Huber loss goes on as a straight line",
        ("mse", "huber"), losses_of_errors, draw_losses, _errors, (8.6, 3.9),
    ),
    Picture(
        "outlier", "One outlier bends the line of squares, and hardly that of the Huber loss",
        ("mse", "huber"), line_with_outlier, draw_outlier, _outlier, (8.6, 4.0),
    ),
    Picture(
        "reductions", "A reduction makes one number of many: all of them, their sum, or their mean",
        ("mse",), reduced_losses, draw_reductions, _nothing, (8.4, 3.6),
    ),
]  # fmt: skip
