"""Functions whose tests need not run: their module answers as it did when these tests last passed.

A verdict is a pure function of the worker's replies (`grader.judge.pool`), and the tests of a function are
judged apart from those of others. So after a save the requests of the last passing run are made once more, test by
test and the longest first, in two workers at a time. If every reply to a function's tests is the same to the byte,
their verdicts stand. If one differs, the tests of that function run as usual.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grader.course.course import Step
from grader.course.verdicts import Status, TestVerdict
from grader.judge.judge import MUCH_OUTPUT
from grader.judge.passing import Exchanges
from grader.judge.step_session import StepSession
from grader.launch.launchers import Launcher
from grader.submissions.submission import Submission

# The time of each function. One that takes longer, as in an endless loop, is judged as usual.
_SECONDS = 2.0


@dataclass(frozen=True)
class Passed:
    """How a test passed.

    Attributes:
        exchanges: its requests and the replies, in order.
        seconds: how long it ran.
        verdict: its verdict, as plain data.
    """

    exchanges: Exchanges
    seconds: float
    verdict: dict[str, Any]

    @property
    def plain(self) -> dict[str, Any]:
        """All of it as plain data."""
        return vars(self).copy()


class Repeats:
    """Repeats the exchanges of functions in threads, and says which gave the same replies.

    Args:
        submission: the submission.
        step: the step.
        launchers: none if nothing is to be repeated, or one for each of two threads.
        passed: how the tests passed before, by function, in the order of the lesson.
    """

    def __init__(
        self,
        submission: Submission,
        step: Step,
        launchers: Sequence[Launcher],
        passed: dict[str, list[Passed]],
    ) -> None:
        self._passed = passed if launchers else {}
        tests = [(name, test) for name, tests in self._passed.items() for test in tests]
        tests.sort(key=lambda pair: pair[1].seconds, reverse=True)
        self._waiting = deque((name, test.exchanges) for name, test in tests)
        self._left = Counter(name for name, _ in self._waiting)
        self._different: set[str] = set()
        self._lock = threading.Lock()
        self._same = {name: queue.SimpleQueue[bool]() for name in self._passed}
        self._known: dict[str, bool] = {}
        if self._waiting:
            for launcher in launchers:
                session = StepSession(submission, replace(step, seconds=_SECONDS), launcher)
                threading.Thread(target=self._repeat, args=(session,), daemon=True).start()

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
                passed.verdict
                for tests in self._passed.values()
                for passed in tests
                if passed.verdict["id"] == test
            )
        )

    def _repeat(self, session: StepSession) -> None:
        while True:
            try:
                name, exchanges = self._waiting.popleft()
            except IndexError:
                return
            same = False
            session.most_printed = 0
            # If a worker cannot be started or ended, the test runs as usual and says so. A test that is never
            # counted would be waited for without end.
            with contextlib.suppress(Exception):
                same = name not in self._different and session.repeats(name, exchanges)
            # A verdict says so if a call has printed much; here, all calls of a test are counted together.
            self._count(name, same and session.most_printed <= MUCH_OUTPUT)

    def _count(self, name: str, same: bool) -> None:
        with self._lock:
            self._left[name] -= 1
            if name in self._different:
                return
            if not same:
                self._different.add(name)
            if not same or not self._left[name]:
                self._same[name].put(same)


def passed_by(tests: Iterable[tuple[TestVerdict, Passed]]) -> dict[str, list[Passed]]:
    """Return the functions whose tests all passed without a word, and how, for those that were called at all."""
    found: dict[str, list[tuple[TestVerdict, Passed]]] = {}
    for verdict, test in tests:
        found.setdefault(verdict.function, []).append((verdict, test))
    return {
        name: [test for _, test in of_function]
        for name, of_function in found.items()
        if all(one.status == Status.PASSED and not one.message for one, _ in of_function)
        and any(test.exchanges for _, test in of_function)
    }
