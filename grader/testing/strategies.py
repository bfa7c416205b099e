"""Strategies for properties, named for what they give; their inputs read well in a message.

Unless a docstring says otherwise, numbers are multiples of 1/4, which are exact in float32 and
short when printed, and sizes are small.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray


def numbers(low: float = -3, high: float = 3) -> st.SearchStrategy[float]:
    """Floats from low to high inclusive that are multiples of 1/4."""
    return st.integers(round(low * 4), round(high * 4)).map(_quarter)


def sizes(low: int = 1, high: int = 8) -> st.SearchStrategy[int]:
    """Numbers of points, rows or columns, from low to high inclusive."""
    return st.integers(low, high)


def seeds() -> st.SearchStrategy[int]:
    """Seeds from 0 to 2**31 - 1."""
    return st.integers(0, 2**31 - 1)


def all_seeds() -> st.SearchStrategy[int]:
    """Seeds over NumPy's whole range, often 0, which is falsy, and often above 2**31 - 1."""
    return st.one_of(st.just(0), seeds(), st.integers(2**31, 2**32 - 1))


def seed_pairs() -> st.SearchStrategy[list[int]]:
    """Lists of two different seeds in either order, one of which is 0."""
    other = st.one_of(st.integers(1, 2**31 - 1), st.integers(2**31, 2**32 - 1))
    return other.flatmap(lambda seed: st.permutations([0, seed]))


def learning_rates() -> st.SearchStrategy[float]:
    """Learning rates with which gradient descent on small numbers does not diverge."""
    return st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.2])


def exact_rates() -> st.SearchStrategy[float]:
    """Learning rates that are exact in float32, and with which a few steps stay small."""
    return st.sampled_from([0.015625, 0.03125, 0.0625])


def shapes(dims_low: int = 1, dims_high: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of dims_low to dims_high sizes, all different so that no transposed answer fits."""
    return st.lists(st.integers(1, 6), min_size=dims_low, max_size=dims_high, unique=True).map(
        tuple
    )


def fractions() -> st.SearchStrategy[float]:
    """Positions in an array as fractions of its size; `place` turns one into an index."""
    return st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def place(shape: Any, fraction: float) -> tuple[int, ...]:
    """Return the index at this fraction of an array's entries, counted in C order."""
    flat = int(fraction * (int(np.prod(shape)) - 1))
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def arrays(shape: Any) -> st.SearchStrategy[NDArray[Any]]:
    """Float64 arrays of multiples of 1/4 between -3 and 3.

    Args:
        shape: a tuple of sizes, or a strategy for one.
    """
    return hnp.arrays(np.int64, shape, elements=st.integers(-12, 12)).map(_quarter)


def tensors(shape: Any, dtype: Any = None) -> st.SearchStrategy[Any]:
    """Tensors of multiples of 1/4 between -3 and 3.

    Args:
        shape: a tuple of sizes, or a strategy for one.
        dtype: a torch dtype; float32 by default.
    """
    import torch

    kind = dtype or torch.float32
    return arrays(shape).map(lambda array: torch.from_numpy(array).to(kind))


def points(low: int = 1, high: int = 8) -> st.SearchStrategy[tuple[NDArray[Any], NDArray[Any]]]:
    """Pairs (x, y) of float64 arrays of the same shape (n, 1), with n from low to high."""
    pairs = sizes(low, high).flatmap(lambda n: arrays((2, n, 1)))
    return pairs.map(lambda pair: (pair[0].copy(), pair[1].copy()))


def many_points() -> st.SearchStrategy[tuple[NDArray[Any], NDArray[Any]]]:
    """Pairs (x, y) of float64 arrays of the same shape (n, 1), with n from 81 to 150.

    The numbers are uniform between -3 and 3, so float32 has to round them.
    """

    def drawn(n: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        generator = np.random.RandomState(seed)
        return generator.uniform(-3, 3, (n, 1)), generator.uniform(-3, 3, (n, 1))

    return st.builds(drawn, sizes(81, 150), seeds())


def tensor_points(low: int = 1, high: int = 8) -> st.SearchStrategy[tuple[Any, Any]]:
    """Pairs (x, y) of float32 tensors of the same shape (n, 1), with n from low to high."""
    import torch

    def to_tensors(pair: tuple[NDArray[Any], NDArray[Any]]) -> tuple[Any, Any]:
        return torch.from_numpy(pair[0]).float(), torch.from_numpy(pair[1]).float()

    return points(low, high).map(to_tensors)


def many_tensor_points() -> st.SearchStrategy[tuple[Any, Any]]:
    """Pairs (x, y) of float32 tensors of the same shape (n, 1), with n from 81 to 150."""
    import torch

    return many_points().map(
        lambda pair: (torch.tensor(pair[0]).float(), torch.tensor(pair[1]).float())
    )


def _quarter(value: Any) -> Any:
    # Dividing a zero-dimensional array gives a NumPy number, not an array.
    return np.asarray(value / 4) if isinstance(value, np.ndarray) else value / 4
