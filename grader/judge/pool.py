"""Forked judges: one pytest session, collected once; each piece of work is done in a fork of it.

The parent collects the tests, draws the examples of all properties and starts the zygote, so that what is the
same for all is made once. Then it forks a judge for each piece of work, a few at a time.

A rehearsal lets the solutions run through all tests first and remembers what they were asked and what they
answered. The outcome of a test depends on nothing but these answers: a submission that gives the same ones,
byte for byte, passes as the solutions do, without the test being run. No answer of a learner is remembered. Only
code that goes by the clock can notice: it is asked faster.

That tests are such is a rule, and it is looked after. The solutions run twice, the second time through the tests
in the opposite order, and what differs is not used. Of the passes without a run, one in fifty is tried: the test
runs on the answers that came. If it does not pass with them, or asks for something else, the kit itself failed.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from grader.course.course import Course
from grader.course.verdicts import Status, TestVerdict
from grader.judge.forks import Forks, Outcome
from grader.judge.judge import Judge, mark_of, step_of
from grader.judge.plugin import JUDGE
from grader.judge.pytest_run import run_pytest, verdict_of
from grader.launch.launchers import DirectLauncher, Launcher
from grader.submissions.submission import Submission
from grader.testing.probes import prepare_probes
from grader.testing.properties import is_property

Work = TypeVar("Work")
# What is asked in a test, each with the answer with which it passes; and that for the id of each test.
Exchanges = list[tuple[bytes, bytes]]
Rehearsed = dict[str, Exchanges]
TRIED = 50
# Longer than any start of a zygote.
_START_SECONDS = 600.0


def is_tried(submission: str, test: str) -> bool:
    """Return whether a test runs though its pass is known: one in fifty, the same ones in any order of a class.

    Args:
        submission: digest of the submission.
        test: id of the test.
    """
    digest = hashlib.sha256(f"{submission} {test}".encode()).digest()
    return int.from_bytes(digest[:8], "little") % TRIED == 0


class Forked:
    """In a forked judge: all tests, ready to be run on a submission.

    Args:
        session: the session that collected them.
        judge: what the tests judge with.
        rehearsed: with which answers a test passes.

    Attributes:
        judge: what the tests judge with.
        items: the tests, in the order of the lesson.
    """

    def __init__(self, session: pytest.Session, judge: Judge, rehearsed: Rehearsed) -> None:
        self.judge = judge
        self.items = session.items
        self._rehearsed = rehearsed
        self._hook = session.config.hook
        self._verdicts: list[TestVerdict] = []
        session.config.pluginmanager.register(self)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict out of a report."""
        verdict = verdict_of(report)
        if verdict:
            self._verdicts.append(verdict)

    def run(self, submission: Submission, items: Iterable[pytest.Item]) -> Iterator[TestVerdict]:
        """Run tests on a submission, one by one; who wants no more verdicts stops asking."""
        self.judge.take(submission, self.judge.launcher)
        chosen, digest = list(items), submission.sha256
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            exchanges = self._rehearsed.get(item.nodeid)
            if exchanges:
                yield self._as_rehearsed(item, exchanges, is_tried(digest, item.nodeid))
            else:
                # Which test pytest will run next is not known, if some need not be run.
                yield self.item(item, None if self._rehearsed else following)

    def _as_rehearsed(self, item: pytest.Item, exchanges: Exchanges, tried: bool) -> TestVerdict:
        """Ask what the solutions were asked; run the test if other answers come, or to try whether it passes."""
        session = self.judge.session(step_of(self.judge.course, item))
        same = session.answers_like(mark_of(item).args[0], exchanges)
        if same and not tried:
            session.forget_ahead(asked=True)
            return self.judge.passed(item)
        heard, verdict = self._heard(item)
        session.forget_ahead(asked=False)
        if same and (verdict.status != Status.PASSED or heard != exchanges):
            return self.judge.broken(item, "With the same answers it does not do the same again.")
        return verdict

    def rehearse(self, submission: Submission, items: Iterable[pytest.Item]) -> Rehearsed:
        """Return what a submission is asked in each test that it passes, and what it answers."""
        self.judge.take(submission, self.judge.launcher)
        found = ((item.nodeid, *self._heard(item)) for item in items)
        return {name: heard for name, heard, verdict in found if verdict.status == Status.PASSED}

    def _heard(self, item: pytest.Item) -> tuple[Exchanges, TestVerdict]:
        """Run one test; return what was asked and answered, and the verdict."""
        heard: Exchanges = []
        session = self.judge.session(step_of(self.judge.course, item))
        session.heard = lambda _, request, came: heard.append((request, came))
        verdict = self.item(item)
        session.heard = lambda *_: None
        return heard, verdict

    def item(self, item: pytest.Item, following: pytest.Item | None = None) -> TestVerdict:
        """Run one test on the submission that is being judged, and say which follows."""
        self._verdicts.clear()
        try:
            self._hook.pytest_runtest_protocol(item=item, nextitem=following)
        except Exception as error:
            # Such as what `pytest.exit` raises.
            item.session._setupstate.teardown_exact(None)
            return self.judge.broken(item, f"{type(error).__name__}: {error}")
        if not self._verdicts:
            return self.judge.broken(item, "It ended without a verdict.")
        # A later one takes its place: that of a test whose fixture cannot be taken down, after it passed.
        return self._verdicts[-1]


class ForkingSession(Generic[Work]):
    """A pytest plugin that takes the place of the loop over the tests.

    Args:
        waiting: what is to be done, in order; `done` may append to it, and then the last comes first.
        launcher: what workers are started with; each judge has a branch of it.
        jobs: how many judges may run at a time.
        judge: called in a fork with a piece of work; returns plain data.
        done: called in the parent with the work and its outcome.
        begin: called before the first judge starts, when all is ready.
        rehearse: a folder with solutions to rehearse with; only worth its time for a class.
        patience: a judge is killed after this many times what the learner's code has for all tests (see `Budget`).
    """

    def __init__(
        self,
        waiting: Iterable[Work],
        launcher: Launcher,
        jobs: int,
        judge: Callable[[Work, Forked], Any],
        done: Callable[[Work, Outcome], None],
        begin: Callable[[], None] = lambda: None,
        rehearse: Path | None = None,
        patience: int = 5,
    ) -> None:
        self.begin = begin
        self.rehearse = rehearse
        self.waiting = list(reversed(list(waiting)))
        self.launcher = launcher
        self.jobs = jobs
        self.judge = judge
        self.done = done
        self.patience = patience

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do all that is waiting."""
        judge = session.config.stash[JUDGE]
        for item in session.items:
            # All that is the same for every submission is made before the first fork.
            # What cannot be made fails in the test that needs it, and there alone.
            with contextlib.suppress(Exception):
                prepare_probes(item.module)  # type: ignore[attr-defined]
            with contextlib.suppress(Exception):
                if is_property(item):
                    judge.properties.generate(item)
        # What is made stays: without this, the collector of each judge would copy every page of it.
        gc.collect()
        gc.freeze()
        seconds = _START_SECONDS + self.patience * _budget(session, judge.course)
        rehearsed = self._rehearsed(session, seconds)
        self.begin()
        free = places(self.jobs)
        forks: Forks[tuple[Work, set[int]]] = Forks(seconds)
        while self.waiting or forks:
            while self.waiting and len(forks) < self.jobs:
                work, place = self.waiting.pop(), free.popleft()
                self._fork(forks, (work, place), session, rehearsed, partial(self.judge, work))
            (work, place), outcome = forks.next()
            free.append(place)
            self.done(work, outcome)
        return True

    def _fork(
        self,
        forks: Forks[tuple[Any, set[int]]],
        work: tuple[Any, set[int]],
        session: pytest.Session,
        rehearsed: Rehearsed,
        act: Callable[[Forked], Any],
    ) -> None:
        """Start a forked judge that does something, on the processors that it was given."""
        judge = session.config.stash[JUDGE]
        # Made before the fork: the new judge talks to the zygote over a connection of its own.
        branch = self.launcher.branch()

        def run() -> Any:
            judge.launcher = branch
            _, place = work
            if place:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(0, place)
            value = act(Forked(session, judge, rehearsed))
            judge.end_session()
            return value

        forks.start(work, run)
        branch.close()

    def _rehearsed(self, session: pytest.Session, seconds: float) -> Rehearsed:
        """Rehearse twice, in forks, so that nothing of it stays but what was asked and answered alike."""
        if self.rehearse is None:
            return {}
        solutions = Submission.read(self.rehearse, session.config.stash[JUDGE].course)
        forks: Forks[tuple[int, set[int]]] = Forks(seconds)
        found = []
        for step, place in zip((1, -1), places(2), strict=False):
            if len(forks) == self.jobs:
                found.append(forks.next()[1])

            def act(forked: Forked, step: int = step) -> Rehearsed:
                return forked.rehearse(solutions, forked.items[::step])

            self._fork(forks, (step, place), session, {}, act)
        while forks:
            found.append(forks.next()[1])
        if any(outcome.problem for outcome in found):
            # Without it, everything goes on as it would, and takes longer.
            return {}
        first, second = (outcome.value for outcome in found)
        return {name: heard for name, heard in first.items() if heard == second.get(name)}


def _budget(session: pytest.Session, course: Course) -> float:
    """Return how long a learner's code may take for all tests, in seconds: each function has its own time."""
    functions = {(step_of(course, item), mark_of(item).args[0]) for item in session.items}
    return sum(step.seconds for step, _ in functions)


def places(jobs: int) -> deque[set[int]]:
    """Return the processors for each judge, in turn; an empty set stands for any.

    A judge and its worker never work at the same time, so one processor is enough for both, and to wake the other
    on a second one takes up to a quarter more time. The next judge takes the next place, so that nobody stays
    where another program is busy.
    """
    if sys.platform != "linux":
        return deque([set()] * jobs)
    there = os.sched_getaffinity(0)
    return deque([there] * jobs if len(there) < jobs else ({one} for one in there))


def run_forked(course: Course, files: list[str], session: ForkingSession[Work]) -> None:
    """Collect test files, and do all that is waiting.

    Raises:
        KitError: the tests could not be collected.
    """
    session.launcher.prepare()
    # Nothing is asked before a judge was forked, and each of these has a branch of the launcher.
    run_pytest(files, Judge(course, None, DirectLauncher()), session)
