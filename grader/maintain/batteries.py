"""Batteries: which calls out of the tests of a function tell its misconceptions apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

from grader.judge.diagnosis import Request
from grader.judge.fingerprint import Fingerprint

# How often each misconception should show that it is not right, that it is not another one, and that it is right.
_FROM_RIGHT, _FROM_OTHERS, _LIKE_RIGHT = 3, 2, 2


@dataclass(frozen=True)
class Asked:
    """A call out of the tests of a function.

    Attributes:
        request: the call.
        right: the answers of the solution, and of correct sets in other styles.
    """

    request: Request
    right: tuple[Fingerprint, ...]

    @classmethod
    def of(cls, payload: bytes, right: tuple[Fingerprint, ...], timed: bool = False) -> Asked:
        """Return a call with its right answers.

        Args:
            payload: the encoded request.
            right: the answers of the solution, and of correct sets in other styles. If all are errors of one
                type, the call expects this type.
            timed: whether the answers hold measured seconds.
        """
        error = right[0].error
        asked_for = error if all(one.error == error for one in right) else ""
        return cls(Request(payload, timed, asked_for), right)

    @property
    def plain(self) -> tuple[Any, ...]:
        """What a fork can send of it."""
        return astuple(self.request), plain_of(self.right)

    @classmethod
    def from_plain(cls, plain: tuple[Any, ...]) -> Asked:
        """Return the call that a fork sent."""
        request, right = plain
        return cls(Request(*request), tuple(fingerprints(right)))


def plain_of(answers: Iterable[Fingerprint]) -> list[tuple[Any, ...]]:
    """Return answers as a fork can send them."""
    return [astuple(answer) for answer in answers]


def fingerprints(plain: Iterable[tuple[Any, ...]]) -> list[Fingerprint]:
    """Return the answers that a fork sent."""
    return [Fingerprint(*fields) for fields in plain]


def spread(values: list[bytes], count: int) -> list[bytes]:
    """Return some values, from the first to the last."""
    return [values[i * len(values) // count] for i in range(count)]


def fewest(calls: list[Asked], answers: list[list[Fingerprint]]) -> tuple[Asked, ...]:
    """Return the fewest calls that tell these rows of answers from each other, and from the right ones.

    Of each row there are also calls with a value that is wrong and calls with a value that is right: when a
    mistake shows itself, and when it does not, says more than any error.
    """
    wishes: list[tuple[set[int], int]] = []

    def wish(places: set[int], count: int) -> None:
        wishes.append((places, min(len(places), count)))

    def apart(one: list[Fingerprint], other: list[Fingerprint]) -> set[int]:
        rows = zip(calls, one, other, strict=True)
        return {k for k, (call, a, b) in enumerate(rows) if not call.request.same(a, b)}

    for right in zip(*(call.right for call in calls), strict=True):
        for one in answers:
            wrong = apart(one, list(right))
            values = {k for k, answer in enumerate(one) if answer.is_value}
            wish(wrong, _FROM_RIGHT)
            wish(wrong & values, _FROM_RIGHT)
            wish(values - wrong, _LIKE_RIGHT)
    for one, other in itertools.combinations(answers, 2):
        wish(apart(one, other), _FROM_OTHERS)
    chosen: set[int] = set()
    while open_wishes := [places for places, count in wishes if len(places & chosen) < count]:
        gain = {
            k: (sum(k in places for places in open_wishes), -len(call.request.payload))
            for k, call in enumerate(calls)
            if k not in chosen
        }
        chosen.add(max(gain, key=lambda k: gain[k]))
    return tuple(calls[k] for k in sorted(chosen))
