"""Pictures of step 03: the loss surface, the gradient on it, the difference quotient, and one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.descent import A_RANGE, B_RANGE, BEST, loss_grid, points, valley
from grader.content.pictures.picture import Floats, Picture, as_expected, near, returned, scalars
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_A, _B = np.linspace(*A_RANGE, 25), np.linspace(*B_RANGE, 25)
_CUT_A = 1.0
_ARROW_A, _ARROW_B = np.linspace(-0.5, 2.5, 5), np.linspace(-0.5, 3.5, 5)
_START = 0.49671415, -0.1382643
_EPS = 1.0


def _grid() -> Mapping[str, Any]:
    x, y = points()
    return {"a": _A.tolist(), "b": _B.tolist(), "cut": _CUT_A, "x": x, "y": y}


@probe
def losses_on_grid(module, a, b, cut, x, y):  # type: ignore[no-untyped-def]
    """Call `predict` and `mse` for many lines."""
    places = [(p, q) for q in b for p in a] + [(cut, q) for q in b]
    return {"mse": [module.mse(y, module.predict(p, q, x)) for p, q in places]}


def draw_surface(figure: Figure, answer: Answer) -> str:
    """Draw the loss over all lines, and a cut through it."""
    losses = scalars(returned(answer, "mse"), len(_A) * len(_B) + len(_B))
    surface, cut = losses[: -len(_B)].reshape(len(_B), len(_A)), losses[-len(_B) :]
    right = loss_grid(np.array([_CUT_A]), _B)[:, 0]
    left = figure.add_subplot(1, 2, 1, projection="3d")
    a, b = np.meshgrid(_A, _B)
    left.plot_surface(
        a, b, surface, cmap="cividis", rcount=25, ccount=25, linewidth=0.2, edgecolor="#FFFFFF55"
    )
    left.plot([_CUT_A] * len(_B), _B, cut, color=style.RED, zorder=9, linewidth=2)
    left.view_init(elev=32, azim=-58)
    left.set_xlabel("a")
    left.set_ylabel("b")
    left.set_zlabel("loss")
    left.set_title("your loss over all lines")
    axes = figure.add_subplot(1, 2, 2)
    style.yours(axes, _B, cut, "your code", color=style.RED)
    style.expected(axes, _B, right)
    axes.set_xlabel("b")
    axes.set_ylabel("loss")
    axes.set_title(f"the cut at a = {_CUT_A:g} (orange on the left)")
    axes.legend(loc="upper center")
    lowest = np.unravel_index(int(surface.argmin()), surface.shape)
    place = f"a = {_A[lowest[1]]:.2f}, b = {_B[lowest[0]]:.2f}"
    return (
        "The loss of `mse` and `predict` over a and b, as a surface. Of the places that were tried, "
        f"it is lowest, {surface.min():.3g}, at {place}. "
        f"Beside it a cut at a = {_CUT_A:g}. {as_expected(cut, right)}"
    )


def _arrows() -> Mapping[str, Any]:
    x, y = points()
    return {
        "places": [(a, b) for b in _ARROW_B.tolist() for a in _ARROW_A.tolist()],
        "x": x,
        "y": y,
    }


@probe
def gradients_at(module, places, x, y):  # type: ignore[no-untyped-def]
    """Call `gradients` for some lines."""
    return {"gradients": [module.gradients(a, b, x, y) for a, b in places]}


def _pairs(answer: Answer, count: int) -> Floats:
    """Return what some calls returned, each of them a pair of numbers, as an array of shape (count, 2)."""
    label = answer.label
    answers = Answer(answer.value, answer.call).each()
    pairs = [Answer(one.value, one.call, label).parts("a_grad", "b_grad") for one in answers]
    answer.check(len(pairs) == count, f"{label} was not called {count} times.")
    halves = [
        scalars(Answer([pair[i].value for pair in pairs], answer.call, label), count)
        for i in (0, 1)
    ]
    return np.stack(halves, axis=1)


def _true_gradients(places: Floats) -> Floats:
    x, y = points()
    error = places[:, :1] + places[:, 1:] * x.T - y.T
    return np.stack([2 * error.mean(axis=1), 2 * (error * x.T).mean(axis=1)], axis=1)


def draw_arrows(figure: Figure, answer: Answer) -> str:
    """Draw an arrow against the gradient at some places of the valley."""
    places = np.array(_arrows()["places"])
    found = _pairs(returned(answer, "gradients"), len(places))
    right = _true_gradients(places)
    axes = figure.subplots()
    valley(axes)
    # One scale for both, so that a factor of 2 shows; an arrow longer than the picture shows nothing more.
    shrink = 0.1
    for steps, colour, width, order, label in (
        (right, "#9A9A9A", 0.011, 3, "expected"),
        (found, style.BLUE, 0.0045, 4, "your code"),
    ):
        down = np.clip(-shrink * steps, -4, 4)
        axes.quiver(
            *places.T, *down.T, angles="xy", scale_units="xy", scale=1, color=colour, width=width,
            zorder=order, label=label,
        )  # fmt: skip
    axes.plot(*BEST, "*", color=style.RED, markersize=15, zorder=5, label="lowest loss")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    to_best = np.array(BEST) - places
    ways = ((-found * to_best).sum(axis=1) > 0).sum()
    same = (
        "They are the expected ones." if near(found, right) else "They are not the expected ones."
    )
    first = f"a_grad = {found[0, 0]:.3g}, b_grad = {found[0, 1]:.3g}"
    return (
        f"{len(places)} arrows against your gradient on the contours of the loss; {ways} of "
        "them lead towards the lowest "
        f"place of all, a = {BEST[0]:.2f}, b = {BEST[1]:.2f} (by least squares). {same} "
        f"At a = {places[0, 0]:g}, b = {places[0, 1]:g}: {first}."
    )


def _slope() -> Mapping[str, Any]:
    x, y = points()
    return {"a": _START[0], "b": _START[1], "x": x, "y": y, "eps": [_EPS, 1e-6]}


@probe
def slopes_at(module, a, b, x, y, eps):  # type: ignore[no-untyped-def]
    """Call `numerical_gradients` with a large and a small eps."""
    return {"numerical_gradients": [module.numerical_gradients(a, b, x, y, eps=e) for e in eps]}


def draw_slope(figure: Figure, answer: Answer) -> str:
    """Draw the loss along b, and lines with the slopes that the difference quotients have."""
    found = _pairs(returned(answer, "numerical_gradients"), 2)
    a, b = _START
    right = _true_gradients(np.array([[a, b]]))[0]
    line = np.linspace(-2.2, 3.6, 80)
    parts = style.panels(figure, 2, sharey=True)
    for axes, which, name in zip(parts, (0, 1), "ab", strict=True):
        here = _START[which]
        if which == 0:
            curve, at = (
                loss_grid(line, np.array([b]))[0],
                loss_grid(line[:1] * 0 + a, np.array([b])),
            )
        else:
            curve, at = (
                loss_grid(np.array([a]), line)[:, 0],
                loss_grid(np.array([a]), np.array([b])),
            )
        height = float(at[0, 0])
        axes.plot(line, curve, color=style.GREY, linewidth=1.5, label="loss")
        side = np.array([here - _EPS, here + _EPS])
        across = (
            loss_grid(side, np.array([b]))[0]
            if which == 0
            else loss_grid(np.array([a]), side)[:, 0]
        )
        axes.plot(side, across, "o", color=style.ORANGE, markersize=7, zorder=5)
        middle = across.mean()
        for slope, colour, through, label in (
            (found[0, which], style.ORANGE, middle, f"your slope, eps = {_EPS:g}"),
            (found[1, which], style.YOURS, height, "your slope, eps = 0.000001"),
        ):
            reach = np.array([-1.5, 1.5])
            axes.plot(here + reach, through + slope * reach, color=colour, label=label, zorder=4)
        style.expected(axes, here + np.array([-1.5, 1.5]), height + right[which] * np.array([-1.5, 1.5]),
                       "expected, at the point")  # fmt: skip
        axes.plot([here], [height], "o", color=style.BLUE, zorder=6)
        axes.set_xlabel(name)
        axes.set_ylim(-4, 14)
        axes.set_title(
            f"along {name}: slope {found[1, which]:.4g}, expected {right[which]:.4g}", fontsize=10.5
        )
    parts[0].set_ylabel("loss")
    parts[1].legend(loc="upper right", fontsize=9)
    return (
        "The loss along a and along b, with straight lines of the slopes from "
        "`numerical_gradients`: with eps = 0.000001 "
        f"they are {found[1, 0]:.4g} and {found[1, 1]:.4g}, where {right[0]:.4g} and {right[1]:.4g} are expected."
    )


def _steps() -> Mapping[str, Any]:
    a_grad, b_grad = _true_gradients(np.array([_START]))[0].tolist()
    return {
        "a": _START[0],
        "b": _START[1],
        "a_grad": a_grad,
        "b_grad": b_grad,
        "lrs": [0.1, 0.2, 0.4],
    }


@probe
def steps_from(module, a, b, a_grad, b_grad, lrs):  # type: ignore[no-untyped-def]
    """Call `update` with three learning rates."""
    return {"update": [module.update(a, b, a_grad, b_grad, lr) for lr in lrs]}


def draw_steps(figure: Figure, answer: Answer) -> str:
    """Draw where one update leads, with three learning rates."""
    inputs = _steps()
    found = _pairs(returned(answer, "update"), 3)
    lrs, slope = np.array(inputs["lrs"]), np.array([inputs["a_grad"], inputs["b_grad"]])
    right = np.array(_START) - lrs[:, None] * slope
    axes = figure.subplots()
    valley(axes)
    axes.plot(*_START, "o", color=style.BLACK, markersize=8, zorder=6, label="before")
    colours = (style.ORANGE, style.BLUE, style.PURPLE)
    for (a, b), lr, colour, true in zip(found, lrs, colours, right, strict=True):
        axes.plot([_START[0], a], [_START[1], b], "-", color=colour, linewidth=1.5, zorder=4)
        axes.plot(
            a, b, "o", color=colour, markersize=9, zorder=5, label=f"your update, lr = {lr:g}"
        )
        axes.plot(*true, "o", markerfacecolor="none", markeredgecolor=style.EXPECTED, markersize=15, zorder=5,
                  label="expected" if lr == lrs[-1] else None)  # fmt: skip
    axes.plot(*BEST, "*", color=style.RED, markersize=15, zorder=5, label="lowest loss")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    ends = "; ".join(
        f"lr = {lr:g}: a = {a:.3g}, b = {b:.3g}" for lr, (a, b) in zip(lrs, found, strict=True)
    )
    return f"One update from a = {_START[0]:.2f}, b = {_START[1]:.2f}. {ends}. " + (
        "They are the expected ones." if near(found, right) else "They are not the expected ones."
    )


PICTURES = [
    Picture(
        "surface", "The loss is a valley: each line is a place, its loss is the height",
        ("predict", "mse"), losses_on_grid, draw_surface, _grid, (8.6, 4.0),
    ),
    Picture(
        "gradient", "Against the gradient it goes downhill, faster where it is steeper",
        ("gradients",), gradients_at, draw_arrows, _arrows, (7.6, 4.6),
    ),
    Picture(
        "slope", "A line through two near points of the curve has its slope",
        ("numerical_gradients",), slopes_at, draw_slope, _slope, (8.6, 3.9),
    ),
    Picture(
        "update", "A larger learning rate takes a longer step in the same direction",
        ("update",), steps_from, draw_steps, _steps, (7.6, 4.6),
    ),
]  # fmt: skip
