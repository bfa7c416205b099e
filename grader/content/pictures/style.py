"""How all pictures look: colours, type, lines, and the few kinds of axes and marks that several of them have.

The colours are those of Okabe and Ito, which people with any kind of colour vision can tell apart. The learner's
code is always drawn through, in blue where it is one line. What is to be expected is a wide, grey, dashed line,
which shows on both sides of a learner's line that covers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from grader.content.pictures.picture import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
YOURS, EXPECTED, GREY, PALE = BLUE, "#ADADAD", "#6E6E6E", "#E6E6E6"
TRAIN, VALIDATION, WRONG = BLUE, ORANGE, RED

_SETTINGS: dict[str, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#EBEBEB",
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    # A learner's line may run below the legend.
    "legend.frameon": True,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "lines.linewidth": 2.0,
    # Names come from learners: a dollar sign begins no formula.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.formatter.useoffset": False,
    # Text as outlines looks the same wherever the picture is shown.
    "svg.fonttype": "path",
    # Otherwise each file has random ids.
    "svg.hashsalt": "torchsteps",
    "path.simplify": True,
}
DPI = 120
# No date and no version: the same code gives the same bytes.
METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of all pictures, whatever the settings of the user are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)  # type: ignore[arg-type]
        yield


def new_figure(title: str, size: tuple[float, float]) -> Figure:
    """Return an empty figure with its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.05)  # type: ignore[union-attr, call-arg]
    figure.suptitle(title, x=0.012, ha="left", fontsize=12.5, fontweight="bold")
    return figure


def panels(figure: Figure, count: int, **options: Any) -> list[Axes]:
    """Return so many axes in a row."""
    made = figure.subplots(1, count, squeeze=False, **options)
    return list(made[0])


def bare(axes: Axes) -> None:
    """Take all lines, ticks and the grid from axes on which boxes and words are placed."""
    axes.set_axis_off()
    axes.grid(False)


def log_axis(axes: Axes, which: str = "y") -> None:
    """Make an axis logarithmic, with plain numbers at its ticks."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.yaxis if which == "y" else axes.xaxis
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    low, high = sorted(axes.get_ylim() if which == "y" else axes.get_xlim())
    # One decade or two have too few ticks otherwise.
    steps = (1.0, 2.0, 5.0) if high / max(low, 1e-300) < 300 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def tutorial_points(axes: Axes, x: Floats, y: Floats, label: str = "points") -> None:
    """Draw the points of the tutorial."""
    axes.plot(x, y, "o", color=SKY, markersize=4, alpha=0.75, markeredgewidth=0, label=label)
    axes.set_xlabel("x")
    axes.set_ylabel("y")


def yours(axes: Axes, x: Any, y: Any, label: str = "your code", **options: Any) -> None:
    """Draw a line of the learner's."""
    axes.plot(x, y, **{"color": YOURS, "label": label, "zorder": 3, **options})


def expected(axes: Axes, x: Any, y: Any, label: str = "expected", **options: Any) -> None:
    """Draw a line that is to be expected, below the learner's."""
    look = {
        "color": EXPECTED,
        "linestyle": (0, (1.4, 0.5)),
        "linewidth": 6,
        "dash_capstyle": "butt",
    }
    axes.plot(x, y, **{**look, "label": label, "zorder": 2, **options})


def cells(
    axes: Axes,
    values: Iterable[Any],
    left: float,
    top: float,
    colours: Sequence[str],
    *,
    columns: int = 0,
    size: float = 1.0,
    height: float = 1.0,
    font: float = 10.5,
    edge: str | Sequence[str] = "white",
) -> None:
    """Draw values in boxes, row by row.

    Args:
        axes: where.
        values: what stands in the boxes, as text.
        left: left edge of the first box.
        top: upper edge of the first box.
        colours: the colour of each box.
        columns: boxes in a row; by default, all.
        size: width of a box.
        height: height of a box.
        font: size of the type.
        edge: colour of the lines around the boxes, or one for each.
    """
    from matplotlib.patches import Rectangle

    values = list(values)
    columns = columns or max(1, len(values))
    edges = [edge] * len(values) if isinstance(edge, str) else list(edge)
    for i, value in enumerate(values):
        row, place = divmod(i, columns)
        corner = (left + place * size, top - (row + 1) * height)
        strong = edges[i] != "white"
        box = Rectangle(
            corner,
            size,
            height,
            facecolor=colours[i],
            edgecolor=edges[i],
            linewidth=2 if strong else 1.2,
        )
        box.set_zorder(2 if strong else 1)
        axes.add_patch(box)
        middle = corner[0] + size / 2, corner[1] + height / 2
        axes.text(
            *middle,
            str(value),
            ha="center",
            va="center_baseline",
            fontsize=font,
            color=ink(colours[i]),
            zorder=3,
        )


def ink(colour: str) -> str:
    """Return black or white, whichever can be read on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#FFFFFF"


def note(axes: Axes, words: str, x: float = 0.02, y: float = 0.98, **options: Any) -> None:
    """Write words into axes, at a place in fractions of them."""
    look = {
        "ha": "left",
        "va": "top",
        "fontsize": 9.5,
        "color": "#333333",
        "transform": axes.transAxes,
    }
    axes.text(x, y, words, **{**look, **options})
