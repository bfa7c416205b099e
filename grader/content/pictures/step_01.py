"""Pictures of step 01: which numbers of the memory a tensor reads, and who sees a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import Picture, labelled, numbers, plain, returned, table
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE, _WIDTH = 12, 4
_ROW_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")
_OWN = "its own memory"


@probe
def seen(t, base):  # type: ignore[no-untyped-def]
    """Return a tensor's numbers, and whether and where it reads the memory of another one."""
    shares = t.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()
    return {
        "values": plain(t),
        "strides": list(t.stride()),
        "shares": shares,
        "start": (t.data_ptr() - base.data_ptr()) // base.element_size() if shares else 0,
    }


def _rows() -> Mapping[str, Any]:
    return {"size": _SIZE, "width": _WIDTH}


@probe
def rows_seen(module, size, width):  # type: ignore[no-untyped-def]
    """Call `rows_of` with a row of numbers."""
    import torch

    t = torch.arange(size)
    rows = module.rows_of(t, width)
    return {"rows_of": seen(rows, t) if isinstance(rows, torch.Tensor) else rows}


def _shade(position: int) -> str:
    return _ROW_COLOURS[position // _WIDTH % len(_ROW_COLOURS)]


def _strides(answer: Answer, count: int) -> list[int]:
    strides = answer.key("strides").each()
    answer.check(
        len(strides) == count, f"{answer.label}: a tensor with {count} dimensions is expected."
    )
    return [stride.integer() for stride in strides]


def draw_rows(figure: Figure, answer: Answer) -> str:
    """Draw the memory, and the matrix that reads it."""
    result = returned(answer, "rows_of")
    if not isinstance(result.value, dict):
        result.tensor((None, _WIDTH))
    values = table(labelled(result.key("values"), "`rows_of`"), None, None)
    answer.check(
        values.shape[0] <= 12 and values.shape[1] <= 12,
        f"`rows_of`: a matrix of shape {values.shape} is too large to draw.",
    )
    strides = _strides(Answer(result.value, answer.call, "`rows_of`"), 2)
    shares = result.key("shares").value is True
    count = int(np.prod(values.shape))
    axes = figure.subplots()
    style.bare(axes)
    axes.set_aspect("equal")
    memory = [_shade(i) for i in range(_SIZE)]
    axes.text(0, 1.25, "the memory of t, one long row", fontsize=10.5)
    style.cells(axes, range(_SIZE), 0, 1, memory)
    flat = values.reshape(-1)
    # Each number is coloured by the place in the memory from which it should come.
    colours = [_shade(int(v)) if 0 <= v < _SIZE else style.PALE for v in flat]
    top = -1.2
    axes.text(0, top + 0.25, "your rows_of(t, 4)", fontsize=10.5)
    if count:
        wrong = [not (i < _SIZE and v == i) for i, v in enumerate(flat)]
        edges = [style.RED if bad else "white" for bad in wrong]
        words = [f"{v:g}" for v in flat]
        style.cells(axes, words, 0, top, colours, columns=values.shape[1], edge=edges)
    right_left = max(values.shape[1], 4) + 2.2
    expected = np.arange(_SIZE)
    axes.text(right_left, top + 0.25, "expected", fontsize=10.5, color=style.GREY)
    style.cells(axes, expected, right_left, top, [style.PALE] * _SIZE, columns=_WIDTH)
    said = (
        f"a view: it reads the memory of t, strides {tuple(strides)}.\n"
        f"The next row is {strides[0]} numbers further, the next column {strides[1]}."
        if shares
        else "a copy: these numbers lie in its own memory,\nand a change in t does not show here."
    )
    bottom = top - max(values.shape[0], 3)
    axes.text(
        0, bottom - 0.35, said, fontsize=10, va="top", color="#333333" if shares else style.RED
    )
    axes.set_xlim(-0.1, max(_SIZE, right_left + 4) + 0.1)
    axes.set_ylim(bottom - 1.6, 1.9)
    same = values.shape == (3, 4) and (flat == expected).all()
    kind = f"a view with the strides {tuple(strides)}" if shares else "a copy with its own memory"
    return (
        f"The memory holds 0 to 11. `rows_of(t, 4)` gives a matrix of shape {values.shape}, "
        f"{kind}; expected is a view of "
        f"shape (3, 4). "
        + ("It holds the expected numbers." if same else "It does not hold the expected numbers.")
    )


@probe
def flat_seen(module):  # type: ignore[no-untyped-def]
    """Call `flat` with a matrix and its transpose."""
    import torch

    m = torch.arange(6).view(2, 3)
    found = {}
    for name, t in (("m", m), ("m.T", m.T)):
        result = module.flat(t)
        found[name] = seen(result, m) if isinstance(result, torch.Tensor) else result
    return {"flat": found}


def draw_flat(figure: Figure, answer: Answer) -> str:
    """Draw a matrix and its transpose, and both as one row."""
    results = returned(answer, "flat")
    said = []
    cases = (
        ("m", np.arange(6).reshape(2, 3), "(3, 1)"),
        ("m.T", np.arange(6).reshape(2, 3).T, "(1, 3)"),
    )
    colours = list(_ROW_COLOURS)
    for axes, (name, matrix, strides) in zip(style.panels(figure, 2), cases, strict=True):
        one = Answer(results.key(name).value, answer.call, f"`flat` of {name}")
        if not isinstance(one.value, dict):
            one.tensor((6,))
        values = table(labelled(one.key("values"), one.label), None)
        answer.check(len(values) <= 12, f"{one.label}: {len(values)} numbers are too many to draw.")
        shares = one.key("shares").value is True
        style.bare(axes)
        axes.set_aspect("equal")
        axes.text(0, 5.2, f"{name}, strides {strides}", fontsize=10.5)
        style.cells(
            axes,
            matrix.reshape(-1),
            0,
            5,
            [colours[v] for v in matrix.reshape(-1)],
            columns=matrix.shape[1],
        )
        axes.text(0, 1.2, f"your flat({name})", fontsize=10.5)
        shades = [colours[int(v)] if v in range(6) else style.PALE for v in values]
        true = [*matrix.reshape(-1), *[None] * 6]
        edges = ["white" if v == true[i] else style.RED for i, v in enumerate(values)]
        style.cells(axes, [f"{v:g}" for v in values], 0, 1, shades, edge=edges)
        axes.text(0, -0.8, "expected", fontsize=10.5, color=style.GREY)
        style.cells(axes, matrix.reshape(-1), 0, -1, [style.PALE] * 6)
        axes.text(
            0,
            -2.3,
            f"a view of m: {name} lies in memory in this order" if shares else f"a copy in {_OWN}",
            fontsize=10,
            va="top",
        )
        axes.set_xlim(-0.1, 7.2)
        axes.set_ylim(-3.1, 5.9)
        right = (
            "as expected"
            if np.array_equal(values, matrix.reshape(-1))
            else ("expected " + " ".join(map(str, matrix.reshape(-1))))
        )
        kind = "a view" if shares else "a copy"
        said.append(f"flat({name}) is {' '.join(f'{v:g}' for v in values)}, {right}, {kind}.")
    return " ".join(said)


@probe
def changes_seen(module):  # type: ignore[no-untyped-def]
    """Call `shared` and `copied` with arrays, and change these afterwards."""
    found = {}
    for name, make in (("shared", module.shared), ("copied", module.copied)):
        array = np.array([1.0, 2.0, 3.0])
        t = make(array)
        before = np.array(plain(t), copy=True) if hasattr(t, "detach") else t
        array[0] = 9.0
        found[name] = {"before": before, "after": plain(t)}
    return found


def draw_changes(figure: Figure, answer: Answer) -> str:
    """Draw what a tensor shows of a change in the array that it was made of."""
    said = []
    rights = {"shared": [9.0, 2.0, 3.0], "copied": [1.0, 2.0, 3.0]}
    for axes, (name, right) in zip(style.panels(figure, 2), rights.items(), strict=True):
        one = returned(answer, name)
        before = numbers(labelled(one.key("before"), one.label), 3)
        after = numbers(labelled(one.key("after"), one.label), 3)
        style.bare(axes)
        axes.set_aspect("equal")
        rows: list[tuple[str, Sequence[float], bool]] = [
            (f"your {name}(array), before", before.tolist(), False),
            ("the array, after array[0] = 9", [9.0, 2.0, 3.0], True),
            ("your tensor now", after.tolist(), True),
        ]
        wrong = after.tolist() != right
        for i, (words, values, now) in enumerate(rows):
            _strip(axes, values, 4 - 1.5 * i, style.YOURS if i != 1 else style.SKY, words, now)
        words = "expected: your tensor is not so" if wrong else "expected, and so it is"
        _strip(axes, right, -0.5, style.PALE, words, True, style.RED if wrong else "#333333")
        axes.set_xlim(-0.1, 8.2)
        axes.set_ylim(-1.7, 4.3)
        sees = "sees the change" if after[0] == 9 else "does not see the change"
        want = "should" if right[0] == 9 else "should not"
        said.append(f"The tensor of {name} {sees}, and it {want}.")
    return "After array[0] = 9: " + " ".join(said)


def _strip(
    axes: Axes,
    values: Sequence[float],
    top: float,
    colour: str,
    words: str,
    now: bool,
    ink: str = "#333333",
) -> None:
    colours = [style.ORANGE if now and value == 9 else colour for value in values]
    style.cells(axes, [f"{value:g}" for value in values], 0, top, colours)
    axes.text(3.25, top - 0.5, words, fontsize=10, va="center", color=ink)


def _nothing() -> Mapping[str, Any]:
    return {}


PICTURES = [
    Picture(
        "rows", "A view reads the same memory in another shape: no number moves",
        ("rows_of",), rows_seen, draw_rows, _rows, (8.2, 4.6),
    ),
    Picture(
        "flat", "Reading order: the transpose needs a copy, for its numbers lie in another order",
        ("flat",), flat_seen, draw_flat, _nothing, (8.4, 4.6),
    ),
    Picture(
        "changes", "Shared memory shows a change, and a copy does not",
        ("shared", "copied"), changes_seen, draw_changes, _nothing, (8.8, 3.7),
    ),
]  # fmt: skip
