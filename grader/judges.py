"""Forked judges: one pytest session, collected once; each piece of work is done in a fork of it.

The parent collects the tests, draws the examples of all properties and starts the zygote, so that what is the
same for all is made once. Then it forks a judge for each piece of work, a few at a time.

A rehearsal lets the solutions run through all tests first and remembers what they were asked and what they
answered. The outcome of a test depends on nothing but these answers: a submission that gives the same ones,
byte for byte, passes as the solutions do, without the test being run. No answer of a learner is remembered. Only
code that goes by the clock can notice: it is asked faster.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from grader.codec import encode
from grader.course import Course
from grader.decoder import decode
from grader.judge import Judge, step_of
from grader.launch import DirectLauncher, ForkLauncher
from grader.plugin import JUDGE
from grader.probes import prepare_probes
from grader.properties import is_property
from grader.session import run_pytest
from grader.submission import Submission
from grader.verdicts import TestVerdict

Work = TypeVar("Work")
# What is asked in a test, each with the answer with which it passes; and that for the id of each test.
Exchanges = list[tuple[bytes, bytes]]
Rehearsed = dict[str, Exchanges]
FAILED = 3


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
        if hasattr(report, "verdict"):
            self._verdicts.append(TestVerdict(**report.verdict))

    def run(self, submission: Submission, items: Iterable[pytest.Item]) -> Iterator[TestVerdict]:
        """Run tests on a submission, one by one; who wants no more verdicts stops asking."""
        self.judge.take(submission, self.judge.launcher)
        chosen = list(items)
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            verdict = self._as_rehearsed(item)
            # Which test pytest will run next is not known, if some need not be run.
            yield verdict or self.item(item, None if self._rehearsed else following)

    def _as_rehearsed(self, item: pytest.Item) -> TestVerdict | None:
        exchanges = self._rehearsed.get(item.nodeid)
        return self.judge.answered_like(item, exchanges) if exchanges else None

    def rehearse(self, submission: Submission) -> Rehearsed:
        """Return what a submission is asked in each test that it passes, and what it answers."""
        self.judge.take(submission, self.judge.launcher)
        return {item.nodeid: self._exchanges(item) for item in self.items}

    def _exchanges(self, item: pytest.Item) -> Exchanges:
        exchanges: Exchanges = []

        def hear(function: str, request: bytes, came: bytes) -> None:
            exchanges.append((request, came))

        self.judge.session(step_of(self.judge.course, item)).heard = hear
        return exchanges if self.item(item).status == "passed" else []

    def item(self, item: pytest.Item, following: pytest.Item | None = None) -> TestVerdict:
        """Run one test on the submission that is being judged, and say which follows.

        Raises:
            RuntimeError: it ended without a verdict.
        """
        self._verdicts.clear()
        self._hook.pytest_runtest_protocol(item=item, nextitem=following)
        if len(self._verdicts) != 1:
            raise RuntimeError(f"{item.nodeid} ended without a verdict")
        return self._verdicts[0]


class ForkingSession(Generic[Work]):
    """A pytest plugin that takes the place of the loop over the tests.

    Args:
        waiting: what is to be done, in order.
        launcher: what workers are started with; each judge has a branch of it.
        jobs: how many judges may run at a time.
        judge: called in a fork with a piece of work; what it returns becomes the exit code.
        done: called in the parent with the work, its seconds of wall time, and the exit code.
        begin: called before the first judge starts, when all is ready.
        rehearse: a folder with solutions to rehearse with; only worth its time for a class.
    """

    def __init__(
        self,
        waiting: Iterable[Work],
        launcher: ForkLauncher | DirectLauncher,
        jobs: int,
        judge: Callable[[Work, Forked], int],
        done: Callable[[Work, float, int], None],
        begin: Callable[[], None] = lambda: None,
        rehearse: Path | None = None,
    ) -> None:
        self.begin = begin
        self.rehearse = rehearse
        self.waiting = list(reversed(list(waiting)))
        self.launcher = launcher
        self.jobs = jobs
        self.judge = judge
        self.done = done

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do all that is waiting."""
        if session.testsfailed:
            # A test file that cannot be collected must not make everybody's maximum smaller.
            raise session.Interrupted("the tests cannot be collected")
        judge = session.config.stash[JUDGE]
        for item in session.items:
            # All that is the same for every submission is made before the first fork.
            prepare_probes(item.module)  # type: ignore[attr-defined]
            if is_property(item):
                judge.properties.generate(item)
        # What is made stays: without this, the collector of each judge would copy every page of it.
        gc.collect()
        gc.freeze()
        rehearsed = self._rehearsed(session)
        self.begin()
        free = places(self.jobs)
        running: dict[int, tuple[Work, float, set[int]]] = {}
        while self.waiting or running:
            while self.waiting and len(running) < self.jobs:
                work, place = self.waiting.pop(), free.popleft()
                pid = self._fork(session, rehearsed, partial(self.judge, work), place)
                running[pid] = (work, time.monotonic(), place)
            pid, status = os.wait()
            if pid in running:
                work, start, place = running.pop(pid)
                free.append(place)
                self.done(work, time.monotonic() - start, os.waitstatus_to_exitcode(status))
        return True

    def _fork(
        self,
        session: pytest.Session,
        rehearsed: Rehearsed,
        act: Callable[[Forked], int],
        place: set[int],
    ) -> int:
        """Do something in a forked judge, whose exit code it returns; return the fork's pid."""
        judge = session.config.stash[JUDGE]
        # Made before the fork: the new judge talks to the zygote over a connection of its own.
        branch = self.launcher.branch()
        pid = os.fork()
        if pid == 0:
            code = FAILED
            try:
                judge.launcher = branch
                if place:
                    with contextlib.suppress(OSError):
                        os.sched_setaffinity(0, place)
                code = act(Forked(session, judge, rehearsed))
                judge.end_session()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        branch.close()
        return pid

    def _rehearsed(self, session: pytest.Session) -> Rehearsed:
        """Rehearse in a fork, so that nothing of it stays but what was asked and answered."""
        if self.rehearse is None:
            return {}
        solutions = Submission.read(self.rehearse, session.config.stash[JUDGE].course)
        with tempfile.TemporaryFile() as file:

            def act(forked: Forked) -> int:
                file.write(encode(forked.rehearse(solutions), strict=True))
                file.flush()
                return 0

            _, status = os.waitpid(self._fork(session, {}, act, set()), 0)
            file.seek(0)
            # Without it, everything goes on as it would, and takes longer.
            rehearsed: Rehearsed = {} if status else decode(file.read())
        return rehearsed


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
    if isinstance(session.launcher, ForkLauncher):
        session.launcher.warm_up()
    run_pytest(course, files, course.root, session)
