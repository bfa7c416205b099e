"""Autograd's graph as plain data, and as the picture that torchviz makes of it (step 07)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.content.pictures import style
from grader.content.pictures.picture import text
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NODES = 60
_WIDTH, _HEIGHT = 1.0, 0.52
_COLOURS = {"operation": "#D9D9D9", "leaf": style.SKY, "result": "#7FCBB4"}


@probe
def graph_behind(t, names):  # type: ignore[no-untyped-def]
    """Return the nodes and the edges of the graph behind a tensor, as plain data.

    Args:
        t: the tensor.
        names: the names of the leaves, by `id` of the leaf.
    """
    nodes: list[tuple[str, str]] = []
    edges, known = [], {}
    waiting = [t.grad_fn] if t.grad_fn is not None else []
    while waiting and len(nodes) < 100:
        node = waiting.pop()
        if node in known:
            continue
        known[node] = len(nodes)
        leaf = getattr(node, "variable", None)
        label = "" if leaf is None else f"{names.get(id(leaf), 'leaf')} {tuple(leaf.shape)}"
        nodes.append((type(node).__name__, label))
        for following, _ in node.next_functions:
            if following is not None:
                edges.append((node, following))
                waiting.append(following)
    pairs = [(known[one], known[other]) for one, other in edges if other in known]
    return {"nodes": nodes, "edges": pairs, "shape": list(t.shape)}


@dataclass
class Graph:
    """A graph: the names of its nodes, what its leaves are called, and its edges from results to inputs."""

    names: list[str]
    leaves: list[str]
    edges: list[tuple[int, int]]

    @property
    def depths(self) -> list[int]:
        """The layer of each node: one below the lowest of those that use it."""
        depths = [0] * len(self.names)
        for _ in self.names:
            for upper, lower in self.edges:
                depths[lower] = max(depths[lower], min(depths[upper] + 1, len(self.names)))
        return depths


def read_graph(answer: Answer) -> Graph:
    """Return a graph that the probe found."""
    nodes = [node.parts("name", "leaf") for node in answer.key("nodes").each()]
    answer.check(len(nodes) <= _MOST_NODES, f"The graph has {len(nodes)} nodes, too many to draw.")
    words = [[_word(part) for part in node] for node in nodes]
    edges = [edge.parts("from", "to") for edge in answer.key("edges").each()]
    pairs = [(one.integer(), other.integer()) for one, other in edges]
    known = all(0 <= end < len(nodes) for pair in pairs for end in pair)
    answer.check(known and len(pairs) <= 4 * _MOST_NODES, "The graph cannot be drawn.")
    return Graph([name for name, _ in words], [leaf for _, leaf in words], pairs)


def _word(answer: Answer) -> str:
    answer.check(isinstance(answer.value, str), "The graph has a name that is no text.")
    return text(answer.value, 32)


def draw_graph(axes: Axes, graph: Graph, result: str, found: list[bool] | None = None) -> None:
    """Draw a graph from its result down to its leaves.

    Args:
        axes: where.
        graph: the graph.
        result: what stands in the box of the result.
        found: for each node, whether the learner's code named it; by default, all.
    """
    from matplotlib.patches import FancyBboxPatch

    style.bare(axes)
    depths = graph.depths
    layers: dict[int, list[int]] = {}
    for node, depth in enumerate(depths):
        layers.setdefault(depth, []).append(node)
    centres: dict[int, float] = {}
    for depth in sorted(layers):
        # Below those that use them, so that few edges cross.
        def wish(node: int) -> float:
            above = [centres[one] for one, other in graph.edges if other == node and one in centres]
            return sum(above) / len(above) if above else 0.0

        row = sorted(layers[depth], key=lambda node: (wish(node), node))
        for place, node in enumerate(row):
            centres[node] = (place - (len(row) - 1) / 2) * (_WIDTH + 0.25)
    bottom = max(depths, default=0)

    def arrow(point: tuple[float, float], tail: tuple[float, float], bend: float) -> None:
        look = {"arrowstyle": "-|>", "color": style.GREY, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
        curve = {"connectionstyle": f"arc3,rad={bend}"}
        axes.annotate("", xy=point, xytext=tail, arrowprops=look | curve)

    for upper, lower in graph.edges:
        start = (centres[upper], -depths[upper] - _HEIGHT / 2)
        end = (centres[lower], -depths[lower] + _HEIGHT / 2)
        # Two edges between the same nodes bend to two sides.
        same = [edge for edge in graph.edges if edge == (upper, lower)]
        bends = (0.25, -0.25) if len(same) > 1 else (0.0,)
        for bend in bends:
            arrow(start, end, bend)

    def box(x: float, y: float, words: str, kind: str, known: bool = True) -> None:
        look: dict[str, Any] = {"edgecolor": "#555555", "linestyle": "-", "linewidth": 1.0}
        if not known:
            look = {"edgecolor": style.RED, "linestyle": "--", "linewidth": 2.2}
        corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
        shape = FancyBboxPatch(
            corner,
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=_COLOURS[kind],
            **look,
        )
        shape.set_zorder(3)
        axes.add_patch(shape)
        axes.text(x, y, words, ha="center", va="center", fontsize=8.8, zorder=4)

    top = 1.0
    box(0, top, result, "result")
    if graph.names:
        arrow((0, top - _HEIGHT / 2), (0, _HEIGHT / 2), 0.0)
    for node, (name, leaf) in enumerate(zip(graph.names, graph.leaves, strict=True)):
        known = found[node] if found else True
        box(
            centres[node],
            -depths[node],
            f"{leaf}\n{name}" if leaf else name,
            "leaf" if leaf else "operation",
            known,
        )
    reach = max([abs(x) for x in centres.values()] or [0.0]) + _WIDTH * 0.62
    axes.set_xlim(-max(reach, 1.0), max(reach, 1.0))
    axes.set_ylim(-bottom - 0.45, top + 0.45)
