"""How long a learner's code may run: each function has one time for all its tests.

It is wall time, since code that sleeps must end, too. Time in which a worker could have run but found no free
processor is given back. Otherwise correct but slow code would time out on a busy machine, such as one with more
judges than processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grader.course.verdicts import Status
from grader.judge import feedback
from grader.judge.stop import Stop
from grader.testing.answers import Call

# How much time can be given back, in multiples of what there is; a worker's own threads can keep it waiting, too.
_MOST_GIVEN_BACK = 3
# Less than this is not worth another look.
_LEAST_GIVEN_BACK = 0.01


class Budget:
    """The time that the functions of a step have left, in seconds of wall time.

    Args:
        seconds: what each function has in all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._spent: dict[str, float] = {}
        self._given_back: dict[str, float] = {}
        self._aside: dict[str, float] = {}
        self._expired: dict[str, Stop] = {}
        self._debtor = ""

    def left(self, function: str) -> float:
        """Return how long a function may still run; nothing or less if its time is up.

        Raises:
            Stop: a test of this function has learned before that its time is up.
        """
        if function in self._expired:
            raise self._expired[function].again()
        return self._seconds - self._spent.get(function, 0.0)

    def spend(self, function: str, seconds: float) -> None:
        """Take time from a function."""
        self._spent[function] = self._spent.get(function, 0.0) + seconds

    def give_back(self, function: str, seconds: float) -> float:
        """Give time back to a function, if it has not had too much of it yet; return how much it was."""
        before = self._given_back.get(function, 0.0)
        seconds = min(seconds, _MOST_GIVEN_BACK * self._seconds - before)
        if seconds < _LEAST_GIVEN_BACK:
            return 0.0
        self._given_back[function] = before + seconds
        self.spend(function, -seconds)
        return seconds

    def expire(self, function: str, call: Call) -> Stop:
        """Return the verdict for a call that took too long, and keep one for the function's further tests."""
        stop = Stop(Status.TIMEOUT, feedback.timeout(self._seconds), call)
        self._expired[function] = Stop(Status.TIMEOUT, feedback.expired(function, stop.sentence))
        return stop

    def charge(self, function: str) -> None:
        """Let a function pay for the next start of a worker, which it made necessary.

        Without this, a module that is slow to import and crashes would cost one time limit for each test.
        """
        self._debtor = function

    def pay(self, seconds: float) -> None:
        """Take the time of a worker's start from the function that made it necessary, if one did."""
        if self._debtor:
            self.spend(self._debtor, seconds)
            self._debtor = ""

    @contextmanager
    def aside(self, function: str) -> Iterator[None]:
        """Ask for the sake of feedback: it takes no time from the tests, and cannot end them.

        All that is asked aside for a function has one more time limit together.
        """
        spent, expired = dict(self._spent), dict(self._expired)
        self._spent[function] = self._aside.get(function, 0.0)
        try:
            yield
        finally:
            self._aside[function] = self._spent.get(function, 0.0)
            self._spent, self._expired = spent, expired
