"""Pictures of step 13: which pair each index of a dataset gives, and what it reads of a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import (
    Picture,
    column,
    labelled,
    near,
    numbers,
    plain,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N = 10
_HEAD = ("size", "price", "age")
_ROWS = ((50.0, 1.5, 30.0), (80.0, 2.4, 10.0), (65.0, 2.0, 12.0), (120.0, 3.1, 40.0))
_TARGET = "price"


def _points() -> Mapping[str, Any]:
    x = np.linspace(0, 1, _N).reshape(-1, 1)
    return {"x": x, "y": 1 + 2 * x**2}


@probe
def items_of_dataset(module, x, y):  # type: ignore[no-untyped-def]
    """Make a `CustomDataset`, and ask it for each item, and for the last one by -1."""
    import torch

    dataset = module.CustomDataset(torch.tensor(x).float(), torch.tensor(y).float())
    n = len(dataset)
    items = [dataset[i] for i in [*range(min(n, 50)), -1]]
    return {"length": n, "items": [[plain(part) for part in item] for item in items]}


def draw_items(figure: Figure, answer: Answer) -> str:
    """Draw the pair that each index gives."""
    inputs = _points()
    x, y = inputs["x"][:, 0], inputs["y"][:, 0]
    length = labelled(answer.key("length"), "len(dataset)").integer()
    pairs = [
        Answer(item.value, item.call, "`dataset[i]`").parts("x", "y")
        for item in answer.key("items").each()
    ]
    found = np.array([[labelled(part, "`dataset[i]`").scalar() for part in pair] for pair in pairs])
    axes = figure.subplots()
    axes.plot(x, y, "o", color=style.EXPECTED, markersize=17, markeredgewidth=0, label="expected")
    axes.plot(*found[:-1].T, "o", color=style.YOURS, markersize=11, label="your dataset[i]")
    for i, place in enumerate(found[:-1]):
        axes.annotate(str(i), place, ha="center", va="center_baseline", color="white", fontsize=8)
    axes.annotate("dataset[-1]", found[-1], xytext=(-70, -28), textcoords="offset points", fontsize=10,
                  arrowprops={"arrowstyle": "-|>", "color": "#333333", "shrinkB": 9})  # fmt: skip
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.set_title(f"len(dataset) is {length}, expected {_N}", fontsize=10.5)
    axes.legend(loc="upper left")
    same = (
        length == _N
        and near(found[:-1], np.stack([x, y], axis=1))
        and near(found[-1], np.array([x[-1], y[-1]]))
    )
    return f"A dataset of length {length}, expected {_N}. " + (
        "Each index gives its own pair, and -1 the last one."
        if same
        else "Not each index gives its own pair."
    )


def _file() -> Mapping[str, Any]:
    rows = [_HEAD, *([f"{value:g}" for value in row] for row in _ROWS)]
    return {"text": "".join(",".join(row) + "\n" for row in rows), "target": _TARGET}


@probe
def items_of_file(module, text, target):  # type: ignore[no-untyped-def]
    """Write a CSV file, and read it with a `CsvDataset`."""
    with open("prices.csv", "w") as file:
        file.write(text)
    dataset = module.CsvDataset("prices.csv", target)
    items = [dataset[i] for i in range(min(len(dataset), 20))]
    return {"length": len(dataset), "items": [[plain(part) for part in item] for item in items]}


def draw_file(figure: Figure, answer: Answer) -> str:
    """Draw the file, and what the dataset has of it."""
    length = labelled(answer.key("length"), "len(dataset)").integer()
    pairs = [
        Answer(item.value, item.call, "`dataset[i]`").parts("features", "target")
        for item in answer.key("items").each()
    ]
    rows = []
    for features, target in pairs:
        answer.check(
            np.size(features.value) <= 8,
            f"`dataset[i]`: {np.size(features.value)} features are too many to draw.",
        )
        rows.append((numbers(labelled(features, "`dataset[i]`: features"), int(np.size(features.value))),
                     column(labelled(target, "`dataset[i]`: target"), 1)[0]))  # fmt: skip
    axes = figure.subplots()
    style.bare(axes)
    place = _HEAD.index(_TARGET)
    axes.text(0, 0.35, "the file", fontsize=10.5)
    colours = [style.ORANGE if i == place else style.SKY for i in range(3)]
    style.cells(axes, _HEAD, 0, 0, ["#444444"] * 3, size=1.3, height=0.7)
    for i, row in enumerate(_ROWS):
        style.cells(
            axes, [f"{value:g}" for value in row], 0, -0.7 * (i + 1), colours, size=1.3, height=0.7
        )
    axes.text(5.4, 0.35, f"your dataset: {length} points, expected {len(_ROWS)}", fontsize=10.5)
    axes.text(5.4, -0.4, "features", fontsize=10)
    width = max([len(own) for own, _ in rows] or [2]) * 1.3
    axes.text(5.9 + width, -0.4, "target", fontsize=10)
    good = length == len(_ROWS)
    for i, (own, value) in enumerate(rows[:8]):
        right = _ROWS[i] if i < len(_ROWS) else (np.nan,) * 3
        others = [right[j] for j in range(3) if j != place]
        same = len(own) == 2 and bool(np.allclose(own, others, rtol=1e-4))
        known = bool(np.isclose(value, right[place], rtol=1e-4))
        good = good and same and known
        top = -0.7 * (i + 1)
        style.cells(axes, [f"{one:.4g}" for one in own], 5.4, top, [style.SKY] * len(own), size=1.3,
                    height=0.7, edge="white" if same else style.RED)  # fmt: skip
        style.cells(axes, [f"{value:.4g}"], 5.9 + width, top, [style.ORANGE], size=1.3, height=0.7,
                    edge="white" if known else style.RED)  # fmt: skip
    axes.set_xlim(-0.1, max(10.6, 7.4 + width))
    axes.set_ylim(-0.7 * (max(len(_ROWS), min(len(rows), 8)) + 1) - 0.2, 0.9)
    return f"A CSV file of {len(_ROWS)} points; the dataset has {length}. " + (
        f"Each row gives two features, and {_TARGET} as its target."
        if good
        else "Not each row is what is expected."
    )


PICTURES = [
    Picture(
        "items", "Each index gives one pair (x, y); -1 counts from the end",
        ("CustomDataset",), items_of_dataset, draw_items, _points, (7.6, 4.0),
    ),
    Picture(
        "file", "Each row of the file is a point; the target column is no feature",
        ("CsvDataset",), items_of_file, draw_file, _file, (8.6, 3.4),
    ),
]  # fmt: skip
