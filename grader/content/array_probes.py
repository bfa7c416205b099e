"""Probes for steps that need only NumPy, and for others: whoever imports them does not load torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.testing.probes import probe


@probe
def array_laid_out(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """Return an array with the same numbers in another memory layout.

    Args:
        array: of any shape and dtype; of shape (n, 1) for a column of a table.
        layout: "turned" (Fortran order), "every second" (in each dimension), "every second row",
            "behind others" (two more rows come first) or "column of a table"; any other word gives
            a contiguous copy.

    Returns:
        An array of the same shape and dtype, which shares no memory with the given one.
    """
    shape = array.shape
    if layout == "turned":
        view = np.empty(shape, array.dtype, order="F")
    elif layout == "every second":
        room = np.full([2 * size for size in shape], 99, array.dtype)
        # Without the ellipsis, indexing a zero-dimensional array would give a number.
        every_second: Any = (..., *[slice(None, None, 2)] * array.ndim)
        view = room[every_second]
    elif layout == "every second row":
        view = np.full((2 * shape[0], *shape[1:]), 99, array.dtype)[::2]
    elif layout == "behind others":
        view = np.full((shape[0] + 2, *shape[1:]), 99, array.dtype)[2:]
    elif layout == "column of a table":
        view = np.full((shape[0], 3), 99, array.dtype)[:, 1:2]
    else:
        view = np.empty(shape, array.dtype)
    view[...] = array
    return view


@probe
def noted(result: Any) -> Any:
    """Return a copy of a result, and overwrite its arrays and tensors with 7.

    A function that hands out the same memory twice is then caught by its next result.

    Args:
        result: an array, a tensor, or a tuple or list of them; anything else is kept as it is.
    """
    several = isinstance(result, (tuple, list))
    kept: list[Any] = []
    for part in result if several else [result]:
        if isinstance(part, np.ndarray):
            kept.append(part.copy())
            part.fill(7)
        elif hasattr(part, "detach"):
            # A tensor. A probe that named torch would import it in a worker that needs only NumPy.
            kept.append(part.detach().clone())
            part.detach().fill_(7)
        else:
            kept.append(part)
    return kept if several else kept[0]
