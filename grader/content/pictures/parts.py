"""What the pictures of splits share (steps 02 and 14): points of two parts, and which point went where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


N, TRAIN = 50, 40


def points_to_split() -> Mapping[str, Any]:
    """Return the inputs of a split: N points in the order of x, of which TRAIN are for training."""
    x = np.linspace(0, 1, N).reshape(-1, 1)
    y = 1 + 2 * x + 0.1 * np.random.RandomState(0).randn(N, 1)
    return {"x": x, "y": y, "n_train": TRAIN, "seed": 3}


def draw_parts(
    figure: Figure, x: Floats, y: Floats, parts: Sequence[Floats], n_train: int, function: str
) -> str:
    """Draw the points of two parts, and below in which part each point is.

    Args:
        figure: where.
        x: all points, of shape (n,), all different.
        y: the same.
        parts: x_train, y_train, x_val, y_val.
        n_train: how many points should be for training.
        function: the learner's function.
    """
    n = len(x)
    axes, strip = figure.subplots(2, 1, height_ratios=[4, 1])
    x_train, y_train, x_val, y_val = parts
    axes.plot(
        x,
        y,
        "o",
        color=style.EXPECTED,
        markersize=10,
        markeredgewidth=0,
        alpha=0.6,
        label="all points",
    )
    axes.plot(
        x_train, y_train, "o", color=style.TRAIN, markersize=5, label=f"training: {len(x_train)}"
    )
    axes.plot(
        x_val, y_val, "s", color=style.VALIDATION, markersize=5, label=f"validation: {len(x_val)}"
    )
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1))
    counts = [
        [int(np.isclose(part, value, atol=1e-6).sum()) for value in x] for part in (x_train, x_val)
    ]
    colours, marks = [], []
    for train, val in zip(*counts, strict=True):
        times = train + val
        colours.append(
            style.TRAIN
            if (train, val) == (1, 0)
            else style.VALIDATION
            if (train, val) == (0, 1)
            else style.RED
        )
        marks.append("" if times == 1 else str(times))
    style.bare(strip)
    style.cells(strip, marks, 0, 1, colours, font=8)
    strip.set_xlim(0, n)
    strip.set_ylim(0, 1.05)
    strip.set_title(
        "each point in the order of x; red: in no part, or more than once", fontsize=9.5
    )
    lost = sum(mark == "0" for mark in marks)
    twice = sum(mark not in ("", "0") for mark in marks)
    # In float32, numbers are rounded.
    kept = sum(
        bool((np.isclose(x, p, atol=1e-5) & np.isclose(y, q, atol=1e-5)).any())
        for p, q in [*zip(x_train, y_train, strict=True), *zip(x_val, y_val, strict=True)]
    )
    said = (
        f"{function} put {len(x_train)} points into the training part and {len(x_val)} into the validation part; "
        f"expected are {n_train} and {n - n_train}. "
    )
    said += (
        f"Lost points: {lost}; points that are there more than once: {twice}. "
        if lost or twice
        else "Each point is in one part. "
    )
    total = len(x_train) + len(x_val)
    return said + (
        "All points keep their y."
        if kept == total
        else f"Points with the y of another point: {total - kept}."
    )
