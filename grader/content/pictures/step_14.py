"""Pictures of step 14: both parts, the batches of several epochs, and columns before and after they are scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.parts import TRAIN, draw_parts, points_to_split
from grader.content.pictures.picture import (
    Floats,
    Picture,
    drawable,
    labelled,
    near,
    plain,
    returned,
    table,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BATCHED, _VAL, _SIZE, _EPOCHS = 20, 8, 6, 3
_EPOCHS_OF_DESCENT = 25


@probe
def parts_made(module, x, y, n_train, seed):  # type: ignore[no-untyped-def]
    """Call `split` with points in the order of x."""
    import torch
    from torch.utils.data import TensorDataset

    dataset = TensorDataset(torch.tensor(x).float(), torch.tensor(y).float())
    parts = module.split(dataset, n_train, seed)
    return {
        "split": [
            [[plain(value) for value in part[i]] for i in range(min(len(part), 200))]
            for part in parts
        ]
    }


def draw_split(figure: Figure, answer: Answer) -> str:
    """Draw both parts."""
    inputs = points_to_split()
    columns: list[Floats] = []
    for part in returned(answer, "split").parts("train", "val"):
        pairs = [
            labelled(item, "`split`").parts("x", "y")
            for item in Answer(part.value, part.call).each()
        ]
        for i in (0, 1):
            columns.append(np.array([labelled(pair[i], "`split`").scalar() for pair in pairs]))
    return draw_parts(figure, inputs["x"][:, 0], inputs["y"][:, 0], columns, TRAIN, "`split`")


def _loaders() -> Mapping[str, Any]:
    return {"n_train": _BATCHED, "n_val": _VAL, "batch_size": _SIZE, "seed": 1, "n_epochs": _EPOCHS}


@probe
def batches_drawn(module, n_train, n_val, batch_size, seed, n_epochs):  # type: ignore[no-untyped-def]
    """Call `make_loaders`, and note the points of each batch in several epochs."""
    import torch
    from torch.utils.data import TensorDataset

    sets = [TensorDataset(torch.arange(n), torch.arange(n)) for n in (n_train, n_val)]
    loaders = module.make_loaders(*sets, batch_size, seed)
    found = []
    for loader in loaders:
        epochs = []
        for _ in range(n_epochs):
            epochs.append([x.reshape(-1).tolist() for x, _ in loader][:60])
        found.append(epochs)
    return {"make_loaders": found}


def draw_batches(figure: Figure, answer: Answer) -> str:
    """Draw the points of each batch, epoch by epoch."""
    parts = returned(answer, "make_loaders").parts("train", "val")
    axes = figure.subplots()
    style.bare(axes)
    colours = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.SKY, style.YELLOW)
    top, widest, said = 0.0, 0.0, []
    for part, n, name, shuffled in zip(
        parts, (_BATCHED, _VAL), ("training", "validation"), (True, False), strict=True
    ):
        words = "a new order in every epoch" if shuffled else "always in order"
        axes.text(
            0,
            top + 0.3,
            f"{name}, {n} points in batches of {_SIZE}; expected: {words}, no point dropped",
            fontsize=10,
        )
        orders = []
        for i, epoch in enumerate(Answer(part.value, part.call).each()[:_EPOCHS]):
            batches = [
                [
                    point.integer()
                    for point in Answer(batch.value, batch.call, "`make_loaders`").each()
                ]
                for batch in epoch.each()
            ]
            order = [point for batch in batches for point in batch]
            answer.check(
                len(order) <= 60, f"`make_loaders`: {len(order)} points are too many to draw."
            )
            orders.append(order)
            axes.text(-0.3, top - 0.5, f"epoch {i + 1}", ha="right", va="center", fontsize=9.5)
            left = 0.0
            for j, batch in enumerate(batches):
                # The colour of a point is that of its batch in the first epoch, so that a new order shows.
                shades = [_first_colour(orders[0], point, colours) for point in batch]
                style.cells(axes, [str(point) for point in batch], left, top, shades, font=8.5)
                left += len(batch) + (0.45 if j < len(batches) - 1 else 0)
            if sorted(order) != list(range(n)):
                words = f"not all {n} points"
                axes.text(left + 0.3, top - 0.5, words, va="center", fontsize=9.5, color=style.RED)
                left += 5
            widest = max(widest, left)
            top -= 1.25
        top -= 1.1
        full = all(sorted(order) == list(range(n)) for order in orders)
        same = all(order == orders[0] for order in orders)
        said.append(
            f"The {name} loader gives {'all' if full else 'not exactly all'} points in each epoch, in "
            + ("the same order" if same else "different orders")
            + f"; expected are all, in {'different orders' if shuffled else 'the same order'}."
        )
    axes.text(
        0,
        top + 0.9,
        "A point has the colour of its batch in epoch 1.",
        fontsize=9.5,
        color=style.GREY,
    )
    axes.set_xlim(-2.6, max(widest, 10) + 0.2)
    axes.set_ylim(top + 0.5, 1.0)
    return " ".join(said)


def _first_colour(order: list[int], point: int, colours: tuple[str, ...]) -> str:
    if point not in order:
        return style.PALE
    return colours[order.index(point) // _SIZE % len(colours)]


def _columns() -> Mapping[str, Any]:
    generator = np.random.RandomState(4)
    x = np.stack([generator.uniform(20, 60, 60), generator.uniform(1, 5, 60)], axis=1)
    return {"x_train": x[:45], "x_val": x[45:]}


@probe
def columns_scaled(module, x_train, x_val):  # type: ignore[no-untyped-def]
    """Call `standardize` with two columns of different size."""
    import torch

    parts = module.standardize(torch.tensor(x_train).float(), torch.tensor(x_val).float())
    return {"standardize": [plain(part) for part in parts]}


def _scaled(answer: Answer) -> tuple[Floats, Floats]:
    train, val = returned(answer, "standardize").parts("x_train", "x_val")
    return table(labelled(train, "`standardize`: x_train"), 45, 2), table(
        labelled(val, "`standardize`: x_val"), 15, 2
    )


def draw_scaled(figure: Figure, answer: Answer) -> str:
    """Draw both columns before and after."""
    inputs = _columns()
    train, val = _scaled(answer)
    mean, std = inputs["x_train"].mean(axis=0), inputs["x_train"].std(axis=0)
    rights = [(inputs[name] - mean) / std for name in ("x_train", "x_val")]
    left, axes = style.panels(figure, 2)
    left.plot(*inputs["x_train"].T, "o", color=style.TRAIN, markersize=5)
    left.plot(*inputs["x_val"].T, "s", color=style.VALIDATION, markersize=5)
    left.set_title("before, both axes in the same scale")
    left.set_aspect("equal", adjustable="datalim")
    for right in rights:
        axes.plot(*right.T, "o", color=style.EXPECTED, markersize=10, markeredgewidth=0, alpha=0.7,
                  label="expected" if right is rights[0] else "")  # fmt: skip
    axes.plot(*train.T, "o", color=style.TRAIN, markersize=5, label="your training part")
    axes.plot(*val.T, "s", color=style.VALIDATION, markersize=5, label="your validation part")
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(
        f"after: training mean {_pair(train.mean(axis=0))}, std {_pair(train.std(axis=0))}",
        fontsize=10,
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=9)
    for one in (left, axes):
        one.set_xlabel("column 0")
        one.set_ylabel("column 1")
    same = near(train, rights[0]) and near(val, rights[1])
    return (
        f"Two columns with the means {_pair(mean)} and the standard deviations {_pair(std)}. "
        "After `standardize` those of the "
        f"training part are {_pair(train.mean(axis=0))} and {_pair(train.std(axis=0))}. "
        + ("Both parts are as expected." if same else "Not both parts are as expected.")
    )


def _pair(values: Floats) -> str:
    return " and ".join(f"{value + 0.0:.2f}".replace("-0.00", "0.00") for value in values)


def draw_valleys(figure: Figure, answer: Answer) -> str:
    """Draw the loss over the two weights, before and after, and a descent on it."""
    inputs = _columns()
    train, _ = _scaled(answer)
    raw = inputs["x_train"]
    mean, std = raw.mean(axis=0), raw.std(axis=0)
    y = (raw - mean) / std @ np.array([1.0, 1.0])
    said = []
    cases = (("x as it is", raw - mean), ("x by your standardize", train))
    for axes, (title, x) in zip(style.panels(figure, 2), cases, strict=True):
        best, *_ = np.linalg.lstsq(x, y, rcond=None)
        curvature = np.linalg.eigvalsh(2 * x.T @ x / len(x))
        answer.check(
            curvature[-1] > 0 and np.abs(best).max() < 1e6,
            "`standardize`: all columns are 0, so there is no valley.",
        )
        # The largest rate with which the descent does not jump higher on the other side.
        lr = 0.9 / curvature[-1]
        path = [np.zeros(2)]
        for _ in range(_EPOCHS_OF_DESCENT):
            path.append(path[-1] - lr * 2 * x.T @ (x @ path[-1] - y) / len(x))
        way = drawable(np.array(path), 1e6)
        _draw_valley(axes, x, y, best, way)
        left = float(np.linalg.norm(way[-1] - best)) / max(1e-12, float(np.linalg.norm(best)))
        axes.set_title(f"{title}: {left:.0%} of the way is left", fontsize=10.5)
        said.append(f"{title}: after {_EPOCHS_OF_DESCENT} epochs {left:.0%} of the way is left")
    axes.legend(loc="upper left", fontsize=9)
    return (
        f"Descent on the loss over two weights. {'; '.join(said)}. Expected is a round valley "
        "after scaling, with 0% left."
    )


def _draw_valley(axes: Axes, x: Floats, y: Floats, best: Floats, way: Floats) -> None:
    reach = 1.5 * max(float(np.abs(best).max()), 1e-9)
    first, second = (np.linspace(value - reach, value + reach, 61) for value in best)
    error = first[None, :, None] * x[:, 0] + second[:, None, None] * x[:, 1] - y
    loss = (error**2).mean(axis=2)
    levels = np.linspace(0, 1, 10) ** 2 * float(loss.max())
    shades = [f"#{shade:02X}{shade:02X}{shade:02X}" for shade in range(255, 210, -5)]
    axes.contourf(first, second, loss, levels=levels, colors=shades)
    axes.contour(first, second, loss, levels=levels[1:], colors="#BDBDBD", linewidths=0.7)
    axes.plot(*way.T, "-o", color=style.YOURS, markersize=3.5, linewidth=1.4, label="descent")
    axes.plot(*best, "*", color=style.RED, markersize=14, label="lowest loss")
    axes.set_xlabel("weight of column 0")
    axes.set_ylabel("weight of column 1")
    axes.set_xlim(first[0], first[-1])
    axes.set_ylim(second[0], second[-1])
    axes.grid(False)


PICTURES = [
    Picture(
        "split", "Each point is in one part, chosen at random",
        ("split",), parts_made, draw_split, points_to_split, (8.8, 4.2),
    ),
    Picture(
        "batches", "Training is shuffled anew in every epoch, validation never is",
        ("make_loaders",), batches_drawn, draw_batches, _loaders, (9.2, 4.6),
    ),
    Picture(
        "scaled", "Standardized columns lie around 0, as wide as each other",
        ("standardize",), columns_scaled, draw_scaled, _columns, (9.6, 3.8),
    ),
    Picture(
        "valley", "Without scaling the valley is a ditch, and descent crawls; with it, it is a bowl",
        ("standardize",), columns_scaled, draw_valleys, _columns, (8.8, 4.2),
    ),
]  # fmt: skip
