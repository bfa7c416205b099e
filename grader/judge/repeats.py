"""Functions whose tests need not run: their module answers as it did when these tests last passed.

A verdict is a pure function of the worker's replies (`grader.judge.pool`), and the tests of a function are
judged apart from those of others. So while a learner works on one function, the others get the requests of their
last passing run once more, several functions at a time, in workers of their own. If every reply is
the same to the byte, their verdicts stand. If one differs, the tests of that function run as usual.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grader.course.course import Step
from grader.course.verdicts import Status, TestVerdict
from grader.judge.judge import MUCH_OUTPUT
from grader.judge.pool import Exchanges
from grader.judge.step_session import StepSession
from grader.launch.launchers import Launcher
from grader.submissions.submission import Submission

# The time of each function. One that takes longer, as in an endless loop, is judged as usual.
_SECONDS = 2.0


@dataclass(frozen=True)
class Passed:
    """How the tests of a function passed.

    Attributes:
        exchanges: all their requests and replies, in order.
        verdicts: their verdicts, as plain data.
        seconds: how long the worker took, to share out the work next time.
    """

    exchanges: Exchanges
    verdicts: list[dict[str, Any]]
    seconds: float

    @property
    def plain(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "exchanges": self.exchanges,
            "verdicts": self.verdicts,
            "seconds": self.seconds,
        }


class Repeats:
    """Repeats the exchanges of functions in threads, and says which gave the same replies.

    Args:
        submission: the submission.
        step: the step.
        launchers: one for each thread.
        passed: how the functions' tests passed before, by function, in the order of the lesson.
    """

    def __init__(
        self,
        submission: Submission,
        step: Step,
        launchers: Sequence[Launcher],
        passed: dict[str, Passed],
    ) -> None:
        self._passed = passed
        self._same = {name: queue.SimpleQueue[bool]() for name in passed}
        for names, launcher in zip(shares(passed, len(launchers)), launchers, strict=True):
            if names:
                session = StepSession(submission, replace(step, seconds=_SECONDS), launcher)
                threading.Thread(target=self._repeat, args=(session, names), daemon=True).start()
        self._known: dict[str, bool] = {}

    def __contains__(self, function: str) -> bool:
        return function in self._passed

    def same(self, function: str) -> bool:
        """Wait until all exchanges of a function were repeated; return whether no reply differed."""
        if function not in self._known:
            self._known[function] = self._same[function].get()
        return self._known[function]

    def verdict(self, test: str) -> TestVerdict:
        """Return the verdict of a test that passed before, by its id."""
        return TestVerdict.of(
            next(
                plain
                for passed in self._passed.values()
                for plain in passed.verdicts
                if plain["id"] == test
            )
        )

    def _repeat(self, session: StepSession, names: Iterable[str]) -> None:
        for name in names:
            same = False
            session.most_printed = 0
            try:
                same = session.answers_like(name, self._passed[name].exchanges)
                session.forget_ahead(asked=True)
                # A verdict says so if much was printed.
                same = same and session.most_printed <= MUCH_OUTPUT
            finally:
                self._same[name].put(same)


def shares(passed: dict[str, Passed], number: int) -> list[list[str]]:
    """Share out functions, so that each share takes about the same time.

    Args:
        passed: the functions, with their times.
        number: the number of shares.

    Returns:
        The names in each share, in the order of `passed`.
    """
    loads, owner = [0.0] * number, {}
    for name in sorted(passed, key=lambda name: -passed[name].seconds):
        least = loads.index(min(loads))
        loads[least] += passed[name].seconds
        owner[name] = least
    return [[name for name in passed if owner[name] == share] for share in range(number)]


def passed_by(verdicts: Iterable[TestVerdict]) -> dict[str, list[dict[str, Any]]]:
    """Return the verdicts of functions whose tests all passed without a word, as plain data."""
    found: dict[str, list[TestVerdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.function, []).append(verdict)
    return {
        name: [one.plain for one in tests]
        for name, tests in found.items()
        if all(one.status == Status.PASSED and not one.message for one in tests)
    }
