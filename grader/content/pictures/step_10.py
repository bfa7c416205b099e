"""Pictures of step 10: what models look like, new and trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.descent import BEST, points
from grader.content.pictures.picture import Floats, Picture, column, labelled, line, plain, returned
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEEDS = [1, 2, 3, 4, 5]
_ENDS = np.array([[0.0], [1.0]])
_WAVE_X = np.linspace(-3, 3, 61).reshape(-1, 1)
_LINES = ("ManualLinearRegression", "LayerLinearRegression", "make_sequential")


def _line() -> Mapping[str, Any]:
    x, y = points()
    return {"x": x, "y": y, "ends": _ENDS, "seeds": _SEEDS}


@probe
def lines_drawn(make, x, y, ends, seeds):  # type: ignore[no-untyped-def]
    """Make models with several seeds, predict, train the last one, and predict again."""
    import torch

    x, y, ends = (torch.tensor(values).float() for values in (x, y, ends))
    new = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = make()
        new.append(plain(model(ends)))
    parameters = list(model.parameters())
    if parameters:
        optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        for _ in range(150):
            optimizer.zero_grad()
            ((model(x) - y) ** 2).mean().backward()
            optimizer.step()
    return {"new": new, "trained": plain(model(ends)), "parameters": len(parameters)}


@probe
def manual_lines(module, x, y, ends, seeds):  # type: ignore[no-untyped-def]
    """Train `ManualLinearRegression`."""
    return {"ManualLinearRegression": lines_drawn(module.ManualLinearRegression, x, y, ends, seeds)}


@probe
def layer_lines(module, x, y, ends, seeds):  # type: ignore[no-untyped-def]
    """Train `LayerLinearRegression` and what `make_sequential` makes."""
    return {
        "LayerLinearRegression": lines_drawn(module.LayerLinearRegression, x, y, ends, seeds),
        "make_sequential": lines_drawn(module.make_sequential, x, y, ends, seeds),
    }


def _draw_models(figure: Figure, answer: Answer, names: tuple[str, ...]) -> str:
    said = []
    x, y = points()
    for axes, name in zip(style.panels(figure, len(names), sharey=True), names, strict=True):
        one = returned(answer, name)
        new = [
            column(Answer(item.value, item.call, one.label), 2) for item in one.key("new").each()
        ]
        answer.check(len(new) == len(_SEEDS), f"{one.label}: not {len(_SEEDS)} models.")
        trained = column(labelled(one.key("trained"), one.label), 2)
        count = one.key("parameters").integer()
        style.tutorial_points(axes, x, y)
        for i, values in enumerate(new):
            axes.plot(
                _ENDS,
                values,
                color=style.ORANGE,
                linewidth=1.2,
                label="new, with several seeds" if i == 0 else "",
            )
        style.yours(axes, _ENDS, trained, "trained")
        style.expected(axes, _ENDS, BEST[0] + BEST[1] * _ENDS)
        axes.set_title(f"your {name}", fontsize=10.5)
        axes.label_outer()
        end = line(trained[0], trained[1] - trained[0])
        found = (
            "no parameters, so nothing can be trained"
            if not count
            else f"the line {end} after training"
        )
        said.append(f"`{name}` gives {found}; expected is {line(*BEST)}.")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return f"New models are random lines. {' '.join(said)}"


def draw_manual(figure: Figure, answer: Answer) -> str:
    """Draw the lines of models with two parameters of their own."""
    return _draw_models(figure, answer, _LINES[:1])


def draw_layers(figure: Figure, answer: Answer) -> str:
    """Draw the lines of models with a layer."""
    return _draw_models(figure, answer, _LINES[1:])


def _wave() -> Mapping[str, Any]:
    return {"x": _WAVE_X, "y": np.sin(1.5 * _WAVE_X), "hidden": [1, 4, 30]}


@probe
def curves_learned(module, x, y, hidden):  # type: ignore[no-untyped-def]
    """Train networks that `make_mlp` makes on a wave."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    curves = []
    for n in hidden:
        torch.manual_seed(13)
        model = module.make_mlp(1, n, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        for _ in range(400):
            optimizer.zero_grad()
            ((model(x) - y) ** 2).mean().backward()
            optimizer.step()
        curves.append(plain(model(x)))
    return {"make_mlp": curves}


def draw_curves(figure: Figure, answer: Answer) -> str:
    """Draw the curves of networks of several sizes."""
    inputs = _wave()
    curves = returned(answer, "make_mlp").each()
    x, y = _WAVE_X[:, 0], inputs["y"][:, 0]
    said = []
    for axes, n, one in zip(
        style.panels(figure, 3, sharey=True), inputs["hidden"], curves, strict=True
    ):
        curve = column(Answer(one.value, one.call, "`make_mlp`"), len(x))
        style.expected(axes, x, y, "to be learned")
        style.yours(axes, x, curve, "your network")
        bends = _bends(x, curve)
        words = f"{n} hidden unit{'s' if n > 1 else ''}: {bends} bend{'s' if bends != 1 else ''}"
        axes.set_title(words, fontsize=10.5)
        axes.set_xlabel("x")
        axes.label_outer()
        error = float(((curve - y) ** 2).mean())
        said.append(f"{words}, mean squared error {error:.2g}.")
    axes.set_ylim(-1.9, 1.9)
    axes.legend(loc="lower right")
    return f"A wave, learned by `make_mlp`. {' '.join(said)} A ReLU makes at most one bend for each hidden unit."


def _bends(x: Floats, curve: Floats) -> int:
    """Return how many times a curve of straight pieces changes its slope; one between two places counts once."""
    slopes = np.diff(curve) / np.diff(x)
    changes = np.abs(np.diff(slopes)) > 0.02
    # A bend between two places shows in one difference or in two neighbours.
    return int((changes & ~np.r_[False, changes[:-1]]).sum())


PICTURES = [
    Picture(
        "manual", "A new model is a random line; training moves its two parameters",
        ("ManualLinearRegression",), manual_lines, draw_manual, _line, (8.0, 3.9),
    ),
    Picture(
        "layers", "A linear layer is the same line: its bias is a, its weight is b",
        ("LayerLinearRegression", "make_sequential"), layer_lines, draw_layers, _line, (9.6, 3.8),
    ),
    Picture(
        "curves", "A network is made of straight pieces: more hidden units, more bends",
        ("make_mlp",), curves_learned, draw_curves, _wave, (9.6, 3.6),
    ),
]  # fmt: skip
