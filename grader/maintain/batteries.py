"""Batteries: the calls from a function's tests that tell its misconceptions apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

from grader.judge.diagnosis import Request
from grader.judge.fingerprint import Fingerprint

# How many calls of a battery should tell each misconception from the right answers, how many should tell it from
# each other misconception, and how many it should answer rightly.
_FROM_RIGHT, _FROM_OTHERS, _LIKE_RIGHT = 3, 2, 2


@dataclass(frozen=True)
class Asked:
    """A call from the tests of a function.

    Attributes:
        request: the call.
        right: the answers of the solution and of correct modules in other styles, in a fixed order.
    """

    request: Request
    right: tuple[Fingerprint, ...]

    @classmethod
    def of(cls, payload: bytes, right: tuple[Fingerprint, ...], timed: bool = False) -> Asked:
        """Return a call with its right answers.

        Args:
            payload: the encoded request.
            right: the answers of the solution and of correct modules in other styles. If all are errors, the call
                expects the type of the first, which is the solution's.
            timed: whether the answers contain measured seconds.
        """
        # Types differ where a module raises a subclass of its own.
        error = right[0].error if all(answer.error for answer in right) else ""
        return cls(Request(payload, timed, error), right)

    @property
    def plain(self) -> tuple[Any, ...]:
        """The call as plain data, for a fork to send."""
        return astuple(self.request), plain_of(self.right)

    @classmethod
    def from_plain(cls, plain: tuple[Any, ...]) -> Asked:
        """Return the call whose plain data a fork sent."""
        request, right = plain
        return cls(Request(*request), tuple(fingerprints(right)))


def plain_of(answers: Iterable[Fingerprint]) -> list[tuple[Any, ...]]:
    """Return answers as plain data, for a fork to send."""
    return [astuple(answer) for answer in answers]


def fingerprints(plain: Iterable[tuple[Any, ...]]) -> list[Fingerprint]:
    """Return the answers whose plain data a fork sent."""
    return [Fingerprint(*fields) for fields in plain]


def spread(values: list[bytes], count: int) -> list[bytes]:
    """Return `count` values at equal distances, beginning with the first."""
    return [values[i * len(values) // count] for i in range(count)]


def fewest(calls: list[Asked], answers: list[list[Fingerprint]]) -> tuple[Asked, ...]:
    """Choose few calls that tell misconceptions from each other and from the right answers, greedily.

    The choice also includes calls that a misconception answers with a wrong value, and calls that it answers with
    the right one: when a mistake shows and when it does not says more than any error.

    Args:
        calls: the calls to choose from.
        answers: for each misconception, its answers to all of these calls.
    """
    # Sets of call indices, each with how many of its calls must be chosen.
    demands: list[tuple[set[int], int]] = []

    def demand(indices: set[int], count: int) -> None:
        demands.append((indices, min(len(indices), count)))

    def differing(row: list[Fingerprint], other: list[Fingerprint]) -> set[int]:
        triples = zip(calls, row, other, strict=True)
        return {k for k, (call, a, b) in enumerate(triples) if not call.request.same(a, b)}

    for right in zip(*(call.right for call in calls), strict=True):
        for row in answers:
            wrong = differing(row, list(right))
            values = {k for k, answer in enumerate(row) if answer.is_value}
            demand(wrong, _FROM_RIGHT)
            demand(wrong & values, _FROM_RIGHT)
            demand(values - wrong, _LIKE_RIGHT)
    for row, other in itertools.combinations(answers, 2):
        demand(differing(row, other), _FROM_OTHERS)
    chosen: set[int] = set()
    while unmet := [indices for indices, count in demands if len(indices & chosen) < count]:
        # The call that helps with most demands; of equal ones the shortest.
        gain = {
            k: (sum(k in indices for indices in unmet), -len(call.request.payload))
            for k, call in enumerate(calls)
            if k not in chosen
        }
        chosen.add(max(gain, key=lambda k: gain[k]))
    return tuple(calls[k] for k in sorted(chosen))
