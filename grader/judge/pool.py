"""Forked judges: pytest collects the tests once, and each piece of work runs in a fork of that session.

The parent collects the tests, draws the examples of all properties and starts the zygote, so that
everything the judges share is made once. Then it forks a judge for each piece of work, a few at a time.

A rehearsal runs all tests on the solutions first, and remembers every request and the digest of its reply.
A verdict is a pure function of the worker's replies, so a submission whose replies are byte-identical to
those of the solutions, or of an earlier submission with which the test passed, passes without running the
test (`grader.judge.passing`). The only observable difference is timing: requests arrive back to back.

Two checks make sure that verdicts really are such functions. The solutions run twice, the second time
with the tests in reverse order, and only exchanges that agree are used. And one in fifty of the passes
without a run is verified: the test runs on the replies. If it does not pass, or makes other requests,
the kit itself failed.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from grader.course.course import Course
from grader.course.verdicts import Status, TestVerdict
from grader.judge.forks import Forks, Outcome
from grader.judge.judge import Judge, mark_of, step_of
from grader.judge.passing import Exchanges, Passing, Trail
from grader.judge.plugin import JUDGE
from grader.judge.pytest_run import run_pytest, verdict_of
from grader.launch.launchers import DirectLauncher, Launcher
from grader.submissions.submission import Submission
from grader.testing.probes import prepare_probes
from grader.testing.properties import is_property

Work = TypeVar("Work")
# By test id: what the solutions' run asked and was answered; and how each test passes.
Rehearsal = dict[str, Exchanges]
Known = dict[str, Passing]
TRIED = 50
# Longer than a zygote ever takes to start.
_START_SECONDS = 600.0


def is_tried(submission: str, test: str) -> bool:
    """Return whether a test runs although its pass is known, whatever the order of submissions: one in fifty.

    Args:
        submission: digest of the submission.
        test: id of the test.
    """
    digest = hashlib.sha256(f"{submission} {test}".encode()).digest()
    return int.from_bytes(digest[:8], "little") % TRIED == 0


class Forked:
    """In a forked judge: all tests, ready to run on a submission.

    Args:
        session: the session that collected them.
        judge: the judge that the tests use.
        known: how tests pass.

    Attributes:
        judge: the judge that the tests use.
        items: the tests, in the order of the lesson.
        found: the trails with which tests have passed and that were not known, by test id.
    """

    def __init__(self, session: pytest.Session, judge: Judge, known: Known) -> None:
        self.judge = judge
        self.items = session.items
        self.found: dict[str, Trail] = {}
        self._known = known
        self._hook = session.config.hook
        self._verdicts: list[TestVerdict] = []
        session.config.pluginmanager.register(self)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the verdict that a report carries."""
        verdict = verdict_of(report)
        if verdict:
            self._verdicts.append(verdict)

    def run(self, submission: Submission, items: Iterable[pytest.Item]) -> Iterator[TestVerdict]:
        """Run tests on a submission one by one, lazily: a caller may stop after any verdict."""
        self.judge.take(submission, self.judge.launcher)
        chosen, digest = list(items), submission.sha256
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            passing = self._known.get(item.nodeid)
            if passing:
                yield self._as_known(item, passing, is_tried(digest, item.nodeid))
            else:
                # Where some passes are known, it is not known yet which test pytest will run next.
                yield self.item(item, None if self._known else following)

    def _as_known(self, item: pytest.Item, passing: Passing, tried: bool) -> TestVerdict:
        """Make the requests of a test; run it if they are not answered as is known, or to verify its pass."""
        session = self.judge.session(step_of(self.judge.course, item))
        same = session.answers_like(mark_of(item).args[0], passing)
        if same and not tried:
            session.forget_ahead(asked=True)
            return self.judge.passed(item)
        heard, verdict = self._heard(item)
        session.forget_ahead(asked=False)
        passed = verdict.status == Status.PASSED
        if same and not (passed and passing.like(heard)):
            return self.judge.broken(item, "With the same answers it does not do the same again.")
        if passed and (trail := passing.new(heard)):
            self.found[item.nodeid] = trail
        return verdict

    def rehearse(self, submission: Submission, items: Iterable[pytest.Item]) -> Rehearsal:
        """Return the requests and replies of each test that a submission passes."""
        self.judge.take(submission, self.judge.launcher)
        found = ((item.nodeid, *self._heard(item)) for item in items)
        return {name: heard for name, heard, verdict in found if verdict.status == Status.PASSED}

    def _heard(self, item: pytest.Item) -> tuple[Exchanges, TestVerdict]:
        """Run one test; return its requests and replies, and the verdict."""
        heard: Exchanges = []
        session = self.judge.session(step_of(self.judge.course, item))
        session.heard = lambda _, request, came: heard.append((request, came))
        verdict = self.item(item)
        session.heard = lambda *_: None
        return heard, verdict

    def item(self, item: pytest.Item, following: pytest.Item | None = None) -> TestVerdict:
        """Run one test on the submission that is being judged, and return the verdict.

        Args:
            item: the test.
            following: the test that runs next, whose fixtures pytest then keeps; None if not known.
        """
        self._verdicts.clear()
        try:
            self._hook.pytest_runtest_protocol(item=item, nextitem=following)
        except Exception as error:
            # For example, the exception that `pytest.exit` raises.
            item.session._setupstate.teardown_exact(None)
            return self.judge.broken(item, f"{type(error).__name__}: {error}")
        if not self._verdicts:
            return self.judge.broken(item, "It ended without a verdict.")
        # The last one counts: if a fixture's teardown fails, a second verdict follows that of the test.
        return self._verdicts[-1]


class ForkingSession(Generic[Work]):
    """A pytest plugin that replaces the loop over the tests.

    Args:
        waiting: the pieces of work, in order; `done` may append more, and the last of those is done first.
        launcher: starts the workers; each judge has a branch of it.
        jobs: how many judges may run at a time.
        judge: called in a fork with a piece of work; returns plain data.
        done: called in the parent with the work and its outcome.
        begin: called when everything is ready, before the first judge starts.
        rehearse: the folder of solutions to rehearse with, which pays off only for a class; or None.
        patience: a judge is killed after this multiple of the time limits of all functions (see `Budget`).
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
        """Do all the work that is waiting."""
        judge = session.config.stash[JUDGE]
        for item in session.items:
            prepare(item)
        # Without this, the garbage collector of each judge would touch, and so copy, every page.
        gc.collect()
        gc.freeze()
        seconds = _START_SECONDS + self.patience * _budget(session, judge.course)
        known = self._rehearsed(session, seconds)
        self.begin()
        free = places(self.jobs)
        forks: Forks[tuple[Work, set[int]]] = Forks(seconds)
        try:
            while self.waiting or forks:
                while self.waiting and len(forks) < self.jobs:
                    work, place = self.waiting.pop(), free.popleft()
                    self._fork(forks, (work, place), session, known, partial(self.judge, work))
                (work, place), outcome = forks.next()
                free.append(place)
                if outcome.value:
                    for name, trail in outcome.value["found"].items():
                        known[name].add(trail)
                    outcome = replace(outcome, value=outcome.value["value"])
                self.done(work, outcome)
        finally:
            # After Ctrl-C, or if `done` fails.
            forks.end()
        return True

    def _fork(
        self,
        forks: Forks[tuple[Any, set[int]]],
        work: tuple[Any, set[int]],
        session: pytest.Session,
        known: Known,
        act: Callable[[Forked], Any],
    ) -> None:
        """Call `act` in a forked judge; `work` is the piece of work and the processors that it may use.

        The outcome is a dict: what `act` returned as "value", and `Forked.found` as "found".
        """
        judge = session.config.stash[JUDGE]
        # The new judge talks to the zygote over its own connection, which must exist before the fork.
        branch = self.launcher.branch()

        def run() -> Any:
            judge.launcher = branch
            _, place = work
            if place:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(0, place)
            forked = Forked(session, judge, known)
            value = act(forked)
            judge.end_session()
            return {"value": value, "found": forked.found}

        forks.start(work, run)
        branch.close()

    def _rehearsed(self, session: pytest.Session, seconds: float) -> Known:
        """Rehearse twice, in forks; return how those tests pass that do the same both times."""
        if self.rehearse is None:
            return {}
        solutions = Submission.read(self.rehearse, session.config.stash[JUDGE].course)
        forks: Forks[tuple[int, set[int]]] = Forks(seconds)
        found = []
        try:
            for step, place in zip((1, -1), places(2), strict=False):
                if len(forks) == self.jobs:
                    found.append(forks.next()[1])

                def act(forked: Forked, step: int = step) -> Rehearsal:
                    return forked.rehearse(solutions, forked.items[::step])

                self._fork(forks, (step, place), session, {}, act)
            while forks:
                found.append(forks.next()[1])
        finally:
            forks.end()
        if any(outcome.problem for outcome in found):
            # Without a rehearsal, grading only takes longer.
            return {}
        first, second = (outcome.value["value"] for outcome in found)
        return {
            name: Passing(heard)
            for name, heard in first.items()
            if heard and heard == second.get(name)
        }


def prepare(item: pytest.Item) -> None:
    """Make what all runs of a test share, before the first fork.

    What cannot be made fails again in the test that needs it, and only there.
    """
    with contextlib.suppress(Exception):
        prepare_probes(item.module)  # type: ignore[attr-defined]
    with contextlib.suppress(Exception):
        if is_property(item):
            item.config.stash[JUDGE].properties.generate(item)


def _budget(session: pytest.Session, course: Course) -> float:
    """Return the sum of the time limits of all functions under test, in seconds."""
    functions = {(step_of(course, item), mark_of(item).args[0]) for item in session.items}
    return sum(step.seconds for step, _ in functions)


def places(jobs: int) -> deque[set[int]]:
    """Return the processors for each judge, in turn; an empty set stands for any.

    A judge and its worker never run at the same time, so they share one processor: waking the other on
    a second processor takes up to 25 % longer. Judges take turns, so that none stays on a processor
    that another program keeps busy.
    """
    if sys.platform != "linux":
        return deque([set()] * jobs)
    there = os.sched_getaffinity(0)
    return deque([there] * jobs if len(there) < jobs else ({one} for one in there))


def run_forked(course: Course, files: list[str], session: ForkingSession[Work]) -> None:
    """Collect test files, and do the work of a session in forks.

    Args:
        course: the course.
        files: test files, relative to the kit's folder.
        session: the work, and what is done with it.

    Raises:
        KitError: the tests could not be collected.
    """
    session.launcher.prepare()
    # The parent itself asks no worker, and each forked judge brings its own launcher.
    run_pytest(files, Judge(course, None, DirectLauncher()), session)
