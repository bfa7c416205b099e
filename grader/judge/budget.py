"""How long a learner's code may run: the tests of each function share one time limit.

The limit is wall time, because code that sleeps must end too. Time during which a worker was ready to
run but waited for a free processor is given back. Otherwise slow but correct code would time out on a
busy machine, such as one with more judges than processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grader.course.verdicts import Status
from grader.judge import feedback
from grader.judge.stop import Stop
from grader.testing.answers import Call

# The most time that is given back, as a multiple of the limit. There must be a bound, since a worker's
# own threads can also keep it waiting.
_MOST_GIVEN_BACK = 3
# In seconds; less is not worth another round of waiting.
_LEAST_GIVEN_BACK = 0.01


class Budget:
    """The wall time that each function of a step has left.

    Args:
        seconds: the time limit of each function.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._spent: dict[str, float] = {}
        self._given_back: dict[str, float] = {}
        self._aside: dict[str, float] = {}
        self._expired: dict[str, Stop] = {}
        self._debtor = ""

    def left(self, function: str) -> float:
        """Return the seconds that a function may still run; 0 or less if its time is up.

        Raises:
            Stop: an earlier test of this function ended because its time was up.
        """
        if function in self._expired:
            raise self._expired[function].again()
        return self._seconds - self._spent.get(function, 0.0)

    def spend(self, function: str, seconds: float) -> None:
        """Take seconds from a function."""
        self._spent[function] = self._spent.get(function, 0.0) + seconds

    def give_back(self, function: str, seconds: float) -> float:
        """Give seconds back to a function, up to a bound; return how many were given back."""
        before = self._given_back.get(function, 0.0)
        seconds = min(seconds, _MOST_GIVEN_BACK * self._seconds - before)
        if seconds < _LEAST_GIVEN_BACK:
            return 0.0
        self._given_back[function] = before + seconds
        self.spend(function, -seconds)
        return seconds

    def expire(self, function: str, call: Call) -> Stop:
        """Return the verdict on a call that took too long, and keep one for the function's other tests."""
        stop = Stop(Status.TIMEOUT, feedback.timeout(self._seconds), call)
        self._expired[function] = Stop(Status.TIMEOUT, feedback.expired(function, stop.sentence))
        return stop

    def charge(self, function: str) -> None:
        """Make a function pay for the next start of a worker, because it made that start necessary.

        Otherwise a module that imports slowly and then crashes would cost one time limit per test.
        """
        self._debtor = function

    def pay(self, seconds: float) -> None:
        """Take the seconds that a worker's start took from the function that must pay for it, if any."""
        if self._debtor:
            self.spend(self._debtor, seconds)
            self._debtor = ""

    @contextmanager
    def aside(self, function: str) -> Iterator[None]:
        """Leave the time of the tests as it is, for requests that only improve the feedback.

        All such requests for one function share a second time limit.
        """
        spent, expired = dict(self._spent), dict(self._expired)
        self._spent[function] = self._aside.get(function, 0.0)
        try:
            yield
        finally:
            self._aside[function] = self._spent.get(function, 0.0)
            self._spent, self._expired = spent, expired
