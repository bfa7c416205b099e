"""Pictures of step 12: what a train step does to a line and to a curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.descent import START, draw_line, draw_losses, expected_path, points
from grader.content.pictures.picture import (
    Picture,
    column,
    labelled,
    line,
    numbers,
    plain,
    returned,
    scalars,
)
from grader.content.references import descend
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LR, _STEPS = 0.1, 30
_SHOWN = (0, 3, _STEPS)
_X = np.linspace(-3, 3, 61).reshape(-1, 1)
_CURVE_SHOWN = [0, 20, 300]


def _line() -> Mapping[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "start": list(START), "lr": _LR, "n_steps": _STEPS}


@probe
def line_trained(module, x, y, start, lr, n_steps):  # type: ignore[no-untyped-def]
    """Make a train step for a line, and call it several times."""
    import torch
    from torch import nn

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.bias.fill_(start[0])
        model.weight.fill_(start[1])
    train_step = module.make_train_step(
        model, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=lr)
    )
    lines, losses = [[model.bias.item(), model.weight.item()]], []
    for _ in range(n_steps):
        loss = train_step(x, y)
        losses.append(loss.detach() if hasattr(loss, "detach") else loss)
        lines.append([model.bias.item(), model.weight.item()])
    return {"make_train_step": losses, "lines": lines}


def draw_training(figure: Figure, answer: Answer) -> str:
    """Draw the line after some steps, and the losses."""
    losses = scalars(labelled(returned(answer, "make_train_step"), "`train_step`"), _STEPS)
    lines = [
        numbers(Answer(one.value, one.call, "the line"), 2) for one in answer.key("lines").each()
    ]
    right = expected_path(_LR, _STEPS)
    left, axes = style.panels(figure, 2)
    colours = (style.BLACK, style.ORANGE, style.YOURS)
    draw_line(
        left,
        [(lines[n], colour, f"after {n} steps") for n, colour in zip(_SHOWN, colours, strict=True)],
    )
    ends = np.array([0, 1])
    style.expected(left, ends, right[-1, 0] + right[-1, 1] * ends)
    left.legend(fontsize=9, loc="lower right")
    left.set_title("the model")
    words = draw_losses(axes, losses, np.array(descend(*START, *points(), _LR, _STEPS)[0]), "step")
    axes.set_title("what train_step returned")
    end, true = line(*lines[-1]), line(*right[-1])
    return f"After {_STEPS} steps the line is {end}, expected {true}. {words}"


def _curve() -> Mapping[str, Any]:
    return {"x": _X, "y": np.sin(1.5 * _X), "shown": _CURVE_SHOWN}


@probe
def curve_trained(module, x, y, shown):  # type: ignore[no-untyped-def]
    """Make a train step for a small network, and call it several times."""
    import torch
    from torch import nn

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(1, 30), nn.ReLU(), nn.Linear(30, 1))
    train_step = module.make_train_step(
        model, nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=0.03)
    )
    curves = []
    for step in range(max(shown) + 1):
        if step in shown:
            curves.append(plain(model(x)))
        train_step(x, y)
    return {"make_train_step": curves}


def draw_network(figure: Figure, answer: Answer) -> str:
    """Draw the curve of a network after some steps."""
    curves = returned(answer, "make_train_step").each()
    x, y = _X[:, 0], np.sin(1.5 * _X[:, 0])
    said = []
    for axes, step, one in zip(
        style.panels(figure, 3, sharey=True), _CURVE_SHOWN, curves, strict=True
    ):
        curve = column(Answer(one.value, one.call, "the network"), len(x))
        style.expected(axes, x, y, "to be learned")
        style.yours(axes, x, curve, "the network")
        error = float(((curve - y) ** 2).mean())
        axes.set_title(f"after {step} steps: loss {error:.2g}", fontsize=10.5)
        axes.set_xlabel("x")
        axes.label_outer()
        said.append(f"after {step} steps {error:.2g}")
    axes.set_ylim(-2, 2)
    axes.legend(loc="lower right")
    return f"A network learns a wave with your train step. Mean squared error: {', '.join(said)}."


PICTURES = [
    Picture(
        "line", "Each train step moves the line towards the points, and the loss falls",
        ("make_train_step",), line_trained, draw_training, _line, (8.8, 4.0),
    ),
    Picture(
        "network", "The same train step teaches a network a wave",
        ("make_train_step",), curve_trained, draw_network, _curve, (9.6, 3.5),
    ),
]  # fmt: skip
