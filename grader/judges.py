"""Forked judges: one pytest session, collected once; each piece of work is done in a fork of it.

The parent collects the tests, draws the examples of all properties and starts the zygote, so that what is the
same for all is made once. Then it forks a judge for each piece of work, a few at a time.
"""

from __future__ import annotations

import gc
import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import pytest

from grader.course import Course
from grader.judge import Judge
from grader.launch import DirectLauncher, ForkLauncher
from grader.plugin import JUDGE
from grader.probes import prepare_probes
from grader.properties import is_property
from grader.session import run_pytest
from grader.submission import Submission
from grader.verdicts import TestVerdict

Work = TypeVar("Work")
FAILED = 3


class Forked:
    """In a forked judge: all tests, ready to be run on a submission.

    Attributes:
        judge: what the tests judge with.
        items: the tests, in the order of the lesson.
    """

    def __init__(self, session: pytest.Session, judge: Judge) -> None:
        self.judge = judge
        self.items = session.items
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
            yield self.item(item, following)

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
    """

    def __init__(
        self,
        waiting: Iterable[Work],
        launcher: ForkLauncher | DirectLauncher,
        jobs: int,
        judge: Callable[[Work, Forked], int],
        done: Callable[[Work, float, int], None],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self.begin = begin
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
        self.begin()
        running: dict[int, tuple[Work, float]] = {}
        while self.waiting or running:
            while self.waiting and len(running) < self.jobs:
                work = self.waiting.pop()
                # Made before the fork: the new judge talks to the zygote over a connection of its
                # own.
                branch = self.launcher.branch()
                pid = os.fork()
                if pid == 0:
                    code = FAILED
                    try:
                        judge.launcher = branch
                        code = self.judge(work, Forked(session, judge))
                        judge.end_session()
                    except BaseException:
                        traceback.print_exc()
                    finally:
                        os._exit(code)
                branch.close()
                running[pid] = (work, time.monotonic())
            pid, status = os.wait()
            if pid in running:
                work, start = running.pop(pid)
                self.done(work, time.monotonic() - start, os.waitstatus_to_exitcode(status))
        return True


def run_forked(course: Course, files: list[str], session: ForkingSession[Work]) -> None:
    """Collect test files, and do all that is waiting.

    Raises:
        KitError: the tests could not be collected.
    """
    if isinstance(session.launcher, ForkLauncher):
        session.launcher.warm_up()
    run_pytest(course, files, course.root, session)
