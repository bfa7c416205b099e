"""Relations: what wrong numbers have to do with the right ones, such as "twice what was expected".

A relation that holds by chance sends a learner the wrong way. So the comparisons of a test are kept, those of
right answers too. A relation is said only if it holds in each one, and for enough different numbers.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_Pair = tuple[Array, Array]

# Of one number or two, many are the half or the double of another one by chance.
_ENOUGH = 3
_KEPT, _MOST_NUMBERS = 24, 1000
# Sums of float32 agree to five digits. Above so many times, every number is near a whole multiple of any other.
_RTOL, _ATOL, _MOST_TIMES = 1e-4, 1e-6, 1000
_FACTORS = {
    -1.0: "The sign is the wrong way round.",
    2.0: "That is twice what was expected.",
    0.5: "That is half of what was expected.",
    -2.0: "That is minus twice what was expected.",
    -0.5: "That is minus half of what was expected.",
}


class Comparisons:
    """The numbers that were compared in one test, by the part of the answer that they are."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[_Pair]] = {}

    def note(self, label: str, got: Array, want: Array) -> None:
        """Keep what came and what was expected, two arrays of one shape, be they close or not.

        Items of one list, such as "losses[0]" and "losses[1]", are one part.
        """
        pairs = self._pairs.setdefault(_part(label), [])
        # Of very many, the first ones and the last one.
        del pairs[_KEPT:]
        pairs.append((got, want))

    def relation(self, label: str) -> str:
        """Return a sentence on a relation that explains all comparisons of this part, or ""."""
        pairs = self._pairs[_part(label)]
        if any(array.dtype.kind == "c" for pair in pairs for array in pair):
            return ""
        return _relation(pairs)


def _part(label: str) -> str:
    return re.sub(r"\[\d+\]", "[]", label)


def _relation(pairs: list[_Pair]) -> str:
    """Return a sentence on a relation between all pairs of arrays, or ""."""
    # A factor says nothing where 0 is expected, and an order nothing where the right number stands.
    if all(not got.any() for got, _ in pairs):
        sentence, told = (
            "All of it is 0.",
            [want[_tells(want)] for _, want in pairs if want.size > 1],
        )
    elif (found := _factor(*pairs[-1])) and all(_near(got, found[0] * want) for got, want in pairs):
        sentence, told = found[1], [np.abs(want[_tells(want)]) for _, want in pairs]
    else:
        told = [want[~_same(got, want)] for got, want in pairs]
        if all(_is_square(got) and _near(got, want.T) for got, want in pairs):
            sentence = "Rows and columns are the wrong way round."
        elif all(_near(np.sort(got, None), np.sort(want, None)) for got, want in pairs):
            sentence = "The numbers are the right ones, but in another order."
        else:
            return ""
    return sentence if _different(told) >= _ENOUGH else ""


def _different(numbers: list[Array]) -> int:
    """Return how many clearly different numbers there are at the beginning of some arrays."""
    few = (array.reshape(-1)[:_MOST_NUMBERS].tolist() for array in numbers)
    return len({f"{number:.2e}" for array in few for number in array})


def _scale(want: Array) -> float:
    return float(np.abs(want).max(initial=0.0))


def _tells(want: Array) -> NDArray[np.bool_]:
    """Return which of the expected numbers are not nothing beside the others."""
    return np.abs(want) > max(1e-3 * _scale(want), 1e-6)


def _same(got: Array, want: Array) -> NDArray[np.bool_]:
    return np.isclose(got, want, rtol=_RTOL, atol=_ATOL * _scale(want))


def _near(got: Array, want: Array) -> bool:
    return got.shape == want.shape and bool(_same(got, want).all())


def _is_square(array: Array) -> bool:
    return array.ndim == 2 and array.shape[0] == array.shape[1]


def _factor(got: Array, want: Array) -> tuple[float, str] | None:
    """Return the simple factor by which the largest entries are apart, and the sentence for it, if any."""
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
