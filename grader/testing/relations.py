"""Relations: how wrong numbers relate to the right ones, such as "twice what was expected".

A relation that holds by chance misleads the learner. So the comparisons of a test are kept, even
where the answer was right, and a relation is reported only if it holds for all of them and for
enough different numbers.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_Pair = tuple[Array, Array]

# One number or two are often half or double another number by chance.
_ENOUGH = 3
_KEPT, _MOST_NUMBERS = 24, 1000
# Float32 sums agree to about five digits, and with a large enough factor every number is close to
# a whole multiple of every other.
_RTOL, _ATOL, _MOST_TIMES = 1e-4, 1e-6, 1000
_FACTORS = {
    -1.0: "Only the sign is wrong.",
    2.0: "That is twice what was expected.",
    0.5: "That is half of what was expected.",
    -2.0: "That is -2 times what was expected.",
    -0.5: "That is -1/2 of what was expected.",
}


class Comparisons:
    """The numbers compared in one test, grouped by the part of the answer they belong to."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[_Pair]] = {}

    def note(self, label: str, got: Array, want: Array) -> None:
        """Record one comparison, whether or not the numbers are close.

        Args:
            label: the label of the answer; items of one list, such as "losses[0]" and "losses[1]",
                count as one part.
            got: the numbers that were returned, float64 or complex128, of any shape.
            want: the expected numbers, of the same shape.
        """
        pairs = self._pairs.setdefault(_part(label), [])
        # Keep the first comparisons and the latest one.
        del pairs[_KEPT:]
        pairs.append((got, want))

    def relation(self, label: str) -> str:
        """Return a sentence about a relation that explains all comparisons of this part, or ""."""
        pairs = self._pairs[_part(label)]
        if any(array.dtype.kind == "c" for pair in pairs for array in pair):
            return ""
        return _relation(pairs)


def _part(label: str) -> str:
    return re.sub(r"\[\d+\]", "[]", label)


def _relation(pairs: list[_Pair]) -> str:
    """Return a sentence about a relation that holds for all pairs of arrays, or ""."""
    # `told` holds the numbers that speak for the relation. A factor proves nothing where 0 is
    # expected, and an order proves nothing where the number is right.
    if all(not got.any() for got, _ in pairs):
        sentence, told = (
            "All the numbers are 0.",
            [want[_tells(want)] for _, want in pairs if want.size > 1],
        )
    elif (found := _factor(*pairs[-1])) and all(_near(got, found[0] * want) for got, want in pairs):
        sentence, told = found[1], [np.abs(want[_tells(want)]) for _, want in pairs]
    else:
        told = [want[~_same(got, want)] for got, want in pairs]
        if all(_is_square(got) and _near(got, want.T) for got, want in pairs):
            sentence = "Rows and columns are swapped."
        elif all(_near(np.sort(got, None), np.sort(want, None)) for got, want in pairs):
            sentence = "The numbers are right, but in the wrong order."
        else:
            return ""
    return sentence if _different(told) >= _ENOUGH else ""


def _different(numbers: list[Array]) -> int:
    """Count the clearly different numbers at the beginning of these arrays."""
    few = (array.reshape(-1)[:_MOST_NUMBERS].tolist() for array in numbers)
    return len({f"{number:.2e}" for array in few for number in array})


def _scale(want: Array) -> float:
    """Return the largest finite size among the expected numbers."""
    return float(np.abs(want[np.isfinite(want)]).max(initial=0.0))


def _tells(want: Array) -> NDArray[np.bool_]:
    """Return a mask of the expected numbers that are not negligible next to the largest one."""
    return np.abs(want) > max(1e-3 * _scale(want), 1e-6)


def _same(got: Array, want: Array) -> NDArray[np.bool_]:
    return np.isclose(got, want, rtol=_RTOL, atol=_ATOL * _scale(want))


def _near(got: Array, want: Array) -> bool:
    return got.shape == want.shape and bool(_same(got, want).all())


def _is_square(array: Array) -> bool:
    return array.ndim == 2 and array.shape[0] == array.shape[1]


def _factor(got: Array, want: Array) -> tuple[float, str] | None:
    """Return the simple factor that the largest expected entry is off by, and its sentence."""
    largest = np.abs(want).argmax()
    one, other = float(got.flat[largest]), float(want.flat[largest])
    quotient = one / other if other and np.isfinite(one) else 0.0
    for factor, sentence in _FACTORS.items():
        if abs(quotient - factor) < 0.01:
            return factor, sentence
    if 2.5 < quotient < _MOST_TIMES:
        return float(round(quotient)), f"That is {round(quotient)} times what was expected."
    if 2.5 < 1 / (quotient or 1) < _MOST_TIMES:
        parts = round(1 / quotient)
        return 1 / parts, f"That is 1/{parts} of what was expected."
    return None
