"""Pictures of step 02: the points, and how they are split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.parts import TRAIN, draw_parts, points_to_split
from grader.content.pictures.picture import Picture, column, labelled, near, returned
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DATA = {"n": 100, "a": 1.0, "b": 2.0, "noise": 0.1, "seed": 42}


def _data() -> Mapping[str, Any]:
    return _DATA


@probe
def points_made(module, n, a, b, noise, seed):  # type: ignore[no-untyped-def]
    """Call `generate_data` with the tutorial's numbers."""
    return {"generate_data": module.generate_data(n=n, a=a, b=b, noise=noise, seed=seed)}


def draw_data(figure: Figure, answer: Answer) -> str:
    """Draw the points and the line that they belong to, and how far they are from it."""
    n, noise = 100, 0.1
    parts = returned(answer, "generate_data").parts("x", "y")
    x, y = (
        column(labelled(part, f"`generate_data`: {name}"), n)
        for part, name in zip(parts, "xy", strict=True)
    )
    generator = np.random.RandomState(42)
    true_x = generator.rand(n)
    true_y = 1 + 2 * true_x + noise * generator.randn(n)
    left, axes = figure.subplots(1, 2, width_ratios=[1.5, 1])
    ends = np.array([min(0.0, x.min()), max(1.0, x.max())])
    left.plot(
        ends, 1 + 2 * ends, color=style.GREY, linewidth=1.2, label="y = 1 + 2x, without noise"
    )
    left.plot(
        true_x,
        true_y,
        "o",
        markersize=9,
        color=style.EXPECTED,
        alpha=0.7,
        label="expected points",
        markeredgewidth=0,
    )
    left.plot(x, y, "o", markersize=4, color=style.YOURS, label="your points")
    left.set_xlabel("x")
    left.set_ylabel("y")
    left.legend(loc="upper left", fontsize=9)
    errors = y - (1 + 2 * x)
    reach = min(1e3, max(0.35, float(np.abs(errors).max()) * 1.1))
    bins = np.linspace(-reach, reach, 22)
    axes.hist(
        np.clip(true_y - 1 - 2 * true_x, -reach, reach),
        bins,
        color=style.EXPECTED,
        alpha=0.7,
        label="expected",
    )
    axes.hist(
        np.clip(errors, -reach, reach),
        bins,
        histtype="step",
        color=style.YOURS,
        linewidth=2,
        label="your points",
    )
    axes.set_xlabel("distance from the line")
    axes.set_ylabel("points")
    axes.set_title(f"standard deviation {errors.std():.3g}", fontsize=10.5)
    axes.legend(fontsize=9)
    same = near(np.stack([x, y]), np.stack([true_x, true_y]))
    return (
        f"{n} points with x from {x.min():.3g} to {x.max():.3g}; their distance from the line "
        "1 + 2x has a standard "
        f"deviation of {errors.std():.3g}, where about {noise:g} is expected. "
        + ("They are the expected points." if same else "They are not the expected points.")
    )


@probe
def parts_made(module, x, y, n_train, seed):  # type: ignore[no-untyped-def]
    """Call `train_val_split` with points in the order of x."""
    return {
        "train_val_split": module.train_val_split(
            x=x.copy(), y=y.copy(), n_train=n_train, seed=seed
        )
    }


def draw_split(figure: Figure, answer: Answer) -> str:
    """Draw both parts."""
    inputs = points_to_split()
    names = ("x_train", "y_train", "x_val", "y_val")
    parts = returned(answer, "train_val_split").parts(*names)
    columns = [
        np.array(labelled(part, f"`train_val_split`: {name}").numbers())
        for part, name in zip(parts, names, strict=True)
    ]
    for values, name in zip(columns, names, strict=True):
        answer.check(
            len(values) <= 500,
            f"`train_val_split`: {name} has {len(values)} points, too many to draw.",
        )
    for i in (0, 2):
        same = len(columns[i]) == len(columns[i + 1])
        answer.check(same, f"`train_val_split`: {names[i]} and {names[i + 1]} differ in length.")
    return draw_parts(
        figure, inputs["x"][:, 0], inputs["y"][:, 0], columns, TRAIN, "`train_val_split`"
    )


PICTURES = [
    Picture(
        "data", "The points lie around a line, most of them near it",
        ("generate_data",), points_made, draw_data, _data, (8.8, 4.0),
    ),
    Picture(
        "split", "Each point is in one part, chosen at random, and keeps its y",
        ("train_val_split",), parts_made, draw_split, points_to_split, (8.8, 4.2),
    ),
]  # fmt: skip
