"""Pictures of step 07: the graph behind a loss, what `cut` takes away from it, and a gradient as an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.graph import draw_graph, graph_behind, read_graph
from grader.content.pictures.picture import (
    Picture,
    as_expected,
    column,
    labelled,
    plain,
    returned,
    text,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_X = np.linspace(-2.2, 2.2, 45)


def _nothing() -> Mapping[str, Any]:
    return {}


@probe
def nodes_found(module):  # type: ignore[no-untyped-def]
    """Call `graph_nodes` and `leaves` with the loss of a line."""
    import torch

    x, y = torch.ones(80, 1), torch.ones(80, 1)
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    loss = ((a + b * x - y) ** 2).mean()
    names = {id(a): "a", id(b): "b"}
    found = module.leaves(loss)
    known = [names.get(id(leaf), "another tensor") for leaf in found]
    return {
        "graph": graph_behind(loss, names),
        "graph_nodes": module.graph_nodes(loss),
        "leaves": known,
    }


def _names(answer: Answer) -> list[str]:
    items = Answer(answer.value, answer.call, answer.label).each()
    answer.check(len(items) <= 200, f"{answer.label}: {len(items)} entries are too many to draw.")
    for item in items:
        answer.check(
            isinstance(item.value, str),
            f"{answer.label}: a list of names is expected, got an entry that is no text.",
        )
    return [text(item.value) for item in items]


def draw_loss(figure: Figure, answer: Answer) -> str:
    """Draw the graph, with the nodes that were found."""
    graph = read_graph(answer.key("graph"))
    found, leaves = _names(returned(answer, "graph_nodes")), _names(returned(answer, "leaves"))
    left, words = figure.subplots(1, 2, width_ratios=[1.7, 1])
    counts = Counter(found)
    known = []
    for name in graph.names:
        known.append(counts[name] > 0)
        counts[name] -= 1
    draw_graph(left, graph, "loss ()", known)
    style.bare(words)
    missed = [name for name, there in zip(graph.names, known, strict=True) if not there]
    more = sorted((counts - Counter()).elements())
    lines = [f"graph_nodes named {len(found)} nodes,", f"the graph has {len(graph.names)}.", ""]
    lines += [f"Not named (red): {', '.join(missed)}", ""] if missed else []
    lines += [f"Named too often: {', '.join(more[:5])}", ""] if more else []
    lines += [f"leaves found: {', '.join(leaves[:6]) or 'nothing'}", "expected: a, b", ""]
    lines += [
        "Grey boxes are operations,",
        "blue ones are leaves.",
        "Arrows: the way forward.",
        "backward() walks against them.",
    ]
    style.note(words, "\n".join(lines), x=0.0, wrap=True)
    return (
        f"The graph of the loss of a line: {', '.join(graph.names)}. `graph_nodes` named "
        f"{len(found)} of {len(graph.names)} nodes"
        + (f"; it missed {', '.join(missed)}" if missed else "")
        + (f"; it named {', '.join(more[:5])} too often" if more else "")
        + f". `leaves` found {', '.join(leaves[:6]) or 'nothing'}; expected are a and b."
    )


@probe
def graphs_with_cut(module):  # type: ignore[no-untyped-def]
    """Use `cut` for one of two ways to the same result."""
    import torch

    x = torch.ones(3, requires_grad=True)
    u = x + 5
    whole, without = (u * u).sum(), (u * module.cut(u)).sum()
    names = {id(x): "x"}
    found = {}
    for name, t in (("whole", whole), ("without", without)):
        found[name] = graph_behind(t, names)
        (found[name + " gradient"],) = torch.autograd.grad(t, x)
    return {name: plain(value) for name, value in found.items()}


def draw_cut(figure: Figure, answer: Answer) -> str:
    """Draw the graph without and with the cut."""
    said = []
    cases = (
        ("whole", "(u * u).sum(), with u = x + 5", 12.0),
        ("without", "(u * cut(u)).sum()", 6.0),
    )
    edges = {}
    for axes, (key, formula, right) in zip(style.panels(figure, 2), cases, strict=True):
        graph = read_graph(answer.key(key))
        edges[key] = len(graph.edges)
        gradient = column(
            Answer(answer.key(f"{key} gradient").value, answer.call, "the gradient"), 3
        )
        draw_graph(axes, graph, "result ()")
        axes.set_title(f"{formula}\nx.grad {gradient[0]:g}, expected {right:g}", fontsize=10)
        said.append(f"The gradient of {formula} is {gradient[0]:g}, expected {right:g}.")
    cuts = (
        "One way back is gone."
        if edges["without"] < edges["whole"]
        else "No way back is gone: nothing was cut."
    )
    return f"{' '.join(said)} {cuts}"


def _gradient() -> Mapping[str, Any]:
    return {"x": _X}


@probe
def gradient_curve(module, x):  # type: ignore[no-untyped-def]
    """Call `gradient_of` for x ** 3 - 3 * x."""
    import torch

    gradient = module.gradient_of(lambda t: t**3 - 3 * t, torch.tensor(x))
    return {"gradient_of": plain(gradient)}


def draw_gradient(figure: Figure, answer: Answer) -> str:
    """Draw a function and its gradient."""
    found = column(labelled(returned(answer, "gradient_of"), "`gradient_of`"), len(_X))
    right = 3 * _X**2 - 3
    left, axes = style.panels(figure, 2)
    curve = _X**3 - 3 * _X
    left.plot(_X, curve, color=style.GREY)
    for i, colour in ((8, style.ORANGE), (22, style.GREEN), (32, style.PURPLE)):
        reach = np.array([-0.5, 0.5])
        left.plot(_X[i] + reach, curve[i] + found[i] * reach, color=colour, linewidth=2.5, zorder=4)
        left.plot(_X[i], curve[i], "o", color=colour, zorder=5)
        axes.plot(_X[i], found[i], "o", color=colour, markersize=8, zorder=5)
    left.set_ylim(-6, 6)
    left.set_title("f(x) = x ** 3 - 3 * x, lines with your slope", fontsize=10.5)
    left.set_xlabel("x")
    left.set_ylabel("f(x)")
    style.yours(axes, _X, found)
    style.expected(axes, _X, right)
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.set_title("gradient_of(f, x)", fontsize=10.5)
    axes.set_xlabel("x")
    axes.set_ylabel("gradient")
    axes.legend(loc="upper center")
    at = int(np.abs(_X).argmin())
    return f"The gradient of x ** 3 - 3 * x: {found[at]:.3g} at x = 0. {as_expected(found, right)}"


PICTURES = [
    Picture(
        "graph", "Behind the loss: PyTorch remembers each operation, down to the leaves",
        ("graph_nodes", "leaves"), nodes_found, draw_loss, _nothing, (8.8, 5.8),
    ),
    Picture(
        "cut", "A cut tensor is a plain number for the graph: no gradient flows through it",
        ("cut",), graphs_with_cut, draw_cut, _nothing, (8.0, 5.2),
    ),
    Picture(
        "slope", "The gradient is the slope at each place: 0 where the curve is flat",
        ("gradient_of",), gradient_curve, draw_gradient, _gradient, (8.6, 3.8),
    ),
]  # fmt: skip
