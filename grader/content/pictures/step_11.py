"""Pictures of step 11: which weights move when a part of a model is frozen, and what a copy of them does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import (
    Floats,
    Picture,
    as_expected,
    column,
    labelled,
    plain,
    returned,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = ("0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias")
_X = np.linspace(-2, 2, 41).reshape(-1, 1)


def _nothing() -> Mapping[str, Any]:
    return {}


@probe
def network(n_out):  # type: ignore[no-untyped-def]
    """Return Linear, Tanh, Linear, Tanh, Linear."""
    import torch
    from torch import nn

    torch.manual_seed(5)
    return nn.Sequential(
        nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, n_out)
    )


@probe
def way_moved(model, n_out):  # type: ignore[no-untyped-def]
    """Train a model for five steps, and return how far each parameter moved."""
    import torch

    x = torch.linspace(-2, 2, 20).reshape(-1, 1)
    y = torch.sin(2 * x).expand(20, n_out)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
    return {name: (p - before[name]).abs().max().item() for name, p in model.named_parameters()}


@probe
def moved_when_frozen(module):  # type: ignore[no-untyped-def]
    """Call `freeze_all_but` for the last layer, and train."""
    model = network(1)
    module.freeze_all_but(model, "4.")
    return {"freeze_all_but": way_moved(model, 1)}


@probe
def moved_with_new_head(module):  # type: ignore[no-untyped-def]
    """Call `replace_head` with two outputs, and train."""
    model = network(1)
    module.replace_head(model, 2)
    return {"replace_head": way_moved(model, 2)}


def _draw_moved(figure: Figure, answer: Answer, function: str) -> str:
    result = returned(answer, function)
    ways = [labelled(result.key(name), f"{result.label}: {name}").scalar() for name in _NAMES]
    axes = figure.subplots()
    places = np.arange(len(_NAMES))
    colours = [style.ORANGE if name.startswith("4") else style.YOURS for name in _NAMES]
    top = max(0.05, *ways) * 1.25
    axes.bar(places, ways, width=0.6, color=colours, zorder=3)
    for place, way in zip(places.tolist(), ways, strict=True):
        axes.text(
            place,
            way + top * 0.02,
            "0, frozen" if way == 0 else f"{way:.2g}",
            ha="center",
            va="bottom",
        )
    axes.set_xticks(
        places, [f"{name}\n{'head' if name.startswith('4') else 'body'}" for name in _NAMES]
    )
    axes.set_ylim(0, top)
    axes.set_ylabel("moved in five training steps")
    axes.grid(axis="x", visible=False)
    wrong = [
        name for name, way in zip(_NAMES, ways, strict=True) if (way > 0) != name.startswith("4")
    ]
    words = "expected: only the head moves"
    words += f"; {len(wrong)} of {len(ways)} parameters are not so" if wrong else ", and so it is"
    axes.set_title(words, fontsize=10.5, color=style.RED if wrong else "#333333")
    said = ", ".join(f"{name} {way:.2g}" for name, way in zip(_NAMES, ways, strict=True))
    return (
        f"After `{function}` and five training steps, the parameters moved by: {said}. Expected "
        "is that only those of layer 4 move."
    )


def draw_frozen(figure: Figure, answer: Answer) -> str:
    """Draw how far the parameters moved after `freeze_all_but`."""
    return _draw_moved(figure, answer, "freeze_all_but")


def draw_head(figure: Figure, answer: Answer) -> str:
    """Draw how far the parameters moved after `replace_head`."""
    return _draw_moved(figure, answer, "replace_head")


def _x() -> Mapping[str, Any]:
    return {"x": _X}


@probe
def curves_of_copy(module, x):  # type: ignore[no-untyped-def]
    """Call `copy_weights`, and change the source afterwards."""
    import torch
    from torch import nn

    x = torch.tensor(x).float()
    source = network(1)
    torch.manual_seed(6)
    target = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    found = {"source": plain(source(x)), "before": plain(target(x))}
    module.copy_weights(source, target)
    found["copied"] = plain(target(x))
    with torch.no_grad():
        for p in source.parameters():
            p.mul_(1.7)
    return {**found, "source changed": plain(source(x)), "target then": plain(target(x))}


def draw_copy(figure: Figure, answer: Answer) -> str:
    """Draw the curves of both models before the copy, after it, and after a change of the source."""
    curves: dict[str, Floats] = {
        name: column(labelled(answer.key(name), f"{name}"), len(_X))
        for name in ("source", "before", "copied", "source changed", "target then")
    }
    cases = (
        ("before copy_weights", "source", "before", ""),
        ("after it: the same", "source", "copied", "source"),
        ("after a change of the source", "source changed", "target then", "source"),
    )
    x = _X[:, 0]
    for axes, (title, source, target, right) in zip(
        style.panels(figure, 3, sharey=True), cases, strict=True
    ):
        axes.plot(x, curves[source], color=style.ORANGE, label="source", zorder=3, linewidth=3)
        style.yours(axes, x, curves[target], "target", zorder=4, linewidth=1.8)
        if right:
            style.expected(axes, x, curves[right], "expected target", linewidth=8)
        axes.set_title(title, fontsize=10.5)
        axes.set_xlabel("x")
        axes.label_outer()
    axes.set_ylabel("")
    axes.legend(loc="best", fontsize=9)
    first, second = (
        as_expected(curves[name], curves["source"]) for name in ("copied", "target then")
    )
    return f"The curve of the target after `copy_weights`: {first} After a change of the source: {second}"


PICTURES = [
    Picture(
        "copy", "A copy has the same weights, and goes its own way afterwards",
        ("copy_weights",), curves_of_copy, draw_copy, _x, (9.6, 3.6),
    ),
    Picture(
        "frozen", "Frozen weights stay where they are, whatever the loss says",
        ("freeze_all_but",), moved_when_frozen, draw_frozen, _nothing, (8.4, 3.7),
    ),
    Picture(
        "head", "Fine-tuning: a new head learns, on a body that stays as it was",
        ("replace_head",), moved_with_new_head, draw_head, _nothing, (8.4, 3.7),
    ),
]  # fmt: skip
