"""A judge that stays: it collects all visible tests once, and judges a step whenever it is asked.

It is the judge process (`grader.judge.process`) of a watcher. It reads requests from standard input and
writes answers to standard output, one JSON object a line:

    {"run": 7, "step": "03"}    ->  {"run": 7, "place": 2, "test": {…}}   a verdict, for each test
                                    {"run": 7, "judged": "…"}    all are there; the digest of what was judged
                                    {"run": 7, "problem": "…"}   or the kit itself failed
                                {"ready": true}                  once, before the first request is answered

    {"run": 7, "step": "03", "aside": true}   the same for a step that the learner does not work on

    {"run": 7, "step": "03", "pictures": "folder"}
                                {"run": 7, "picture": {…}}   how a picture went, as plain data
                                {"run": 7, "drawn": true}    that was the last one

A request ends whatever is still running. Where a process may fork, each request is answered in a fork, which
has everything loaded and leaves nothing behind. Elsewhere this process answers one request itself and then
ends, so that the next one must be started; it loads everything while the learner is typing.
The module is over 300 lines because parent and forks share the protocol and each other's descriptors.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grader.course.course import Course, Step
from grader.course.verdicts import TestVerdict
from grader.judge.judge import Judge, id_of, mark_of, step_of
from grader.judge.order import Answers
from grader.judge.passing import Exchanges
from grader.judge.pictures import Drawn, NoMatplotlib, draw_pictures
from grader.judge.plugin import JUDGE
from grader.judge.pool import Forked, prepare
from grader.judge.pytest_run import run_pytest
from grader.judge.repeats import Passed, Repeats, passed_by
from grader.judge.workers import packages_for
from grader.launch.launchers import (
    DirectLauncher,
    ForkLauncher,
    Launcher,
    LaunchError,
)
from grader.launch.spare import SpareLauncher
from grader.submissions.submission import Submission
from grader.wire.codec import encode
from grader.wire.decoder import decode

CAN_FORK = sys.platform == "linux"
# Two repeat what is known, while the tests of what is not known run.
_THREADS = 2
_SWITCH = 0.0002
# A function that passes so many times with other replies than before has replies that vary from call to call, such
# as measured times. It is not repeated any more.
_VARIED = 2
_MAX_WORDS = 1000


@dataclass
class _Child:
    """A fork that judges a step once.

    Attributes:
        step: the step.
        pid: its process id.
        orders: the descriptor on which it waits for the request.
        heard: the descriptor on which it sends what is useful next time.
        run: number of the request; 0 while it waits.
        received: what it has sent so far.
    """

    step: Step
    pid: int
    orders: int
    heard: int
    run: int = 0
    received: bytearray = field(default_factory=bytearray)

    def ask(self, request: dict[str, Any]) -> None:
        """Let it answer this request."""
        self.run = request["run"]
        os.write(self.orders, json.dumps(request).encode())
        os.close(self.orders)
        self.orders = -1

    def kill(self) -> None:
        """End it, and wait until it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for descriptor in (self.orders, self.heard):
            if descriptor >= 0:
                os.close(descriptor)


class Resident:
    """A pytest plugin that replaces the loop over the tests by one over requests.

    Args:
        course: the course.
        place: the folder with the learner's modules.
        launcher: starts the workers.
        requests: the descriptor to read requests from.
        answers: where answers go.
    """

    def __init__(
        self, course: Course, place: Path, launcher: Launcher, requests: int, answers: Answers
    ) -> None:
        self._course = course
        self._place = place
        self._launcher = launcher
        self._requests = requests
        self._answers = answers
        self._waiting = b""
        self._child: _Child | None = None
        # Has been forked already, and waits for the next save.
        self._next: _Child | None = None
        # How the tests of each function passed last, by step and function.
        self._passed: dict[str, dict[str, list[Passed]]] = {}
        # How often they passed again, with other replies.
        self._varied: Counter[tuple[str, str]] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer requests until there are no more."""
        self._answers.say(ready=True)
        if not CAN_FORK:
            request = self._next_request(session)
            if request:
                step = self._course.by_id[request["step"]]
                if "pictures" in request:
                    self._draw(request, step, self._launcher)
                else:
                    self._judge(session, request, step, self._launcher, [])
            return True
        # Of the tests that nobody has asked for yet, in idle moments.
        idle = deque(session.items)
        gc.collect()
        gc.freeze()
        while True:
            if idle and not select.select([self._requests], [], [], 0)[0]:
                prepare(idle.popleft())
                continue
            request = self._next_request(session)
            self._end_child()
            if request is None:
                if self._next:
                    self._next.kill()
                return True
            step = self._course.by_id[request["step"]]
            if "pictures" in request:
                self._child = self._fork_to_draw(request, step)
                continue
            for item in self._items(session, step):
                prepare(item)
            # What waits for the step that the learner works on goes on waiting.
            take = self._fork if request.get("aside") else self._take_next
            self._child = take(session, step)
            try:
                self._child.ask(request)
            except OSError:
                # Somebody has ended it while it waited.
                self._child.kill()
                self._child = self._fork(session, step)
                self._child.ask(request)

    def _next_request(self, session: pytest.Session) -> dict[str, Any] | None:
        """Wait for a request, and return it; None when nobody will ask any more."""
        while b"\n" not in self._waiting:
            ready = [self._requests]
            if self._child:
                # The child's end must be noticed although nobody asks.
                ready = select.select([self._requests, self._child.heard], [], [])[0]
            if self._child and self._child.heard in ready:
                self._hear(session, self._child)
            if self._requests in ready:
                chunk = os.read(self._requests, 1 << 16)
                if not chunk:
                    return None
                self._waiting += chunk
        # Only the last one counts.
        *_, line, self._waiting = self._waiting.split(b"\n")
        request: dict[str, Any] = json.loads(line)
        return request

    def _items(self, session: pytest.Session, step: Step) -> list[pytest.Item]:
        return [item for item in session.items if step_of(self._course, item) is step]

    def _take_next(self, session: pytest.Session, step: Step) -> _Child:
        """Return a child for a step: the one that waits if it is for this step, or else a new one."""
        child, self._next = self._next, None
        if child and child.step is step:
            return child
        if child:
            child.kill()
        return self._fork(session, step)

    def _fork(
        self, session: pytest.Session, step: Step, packages: list[str] | None = None
    ) -> _Child:
        """Fork a child that waits for its request.

        Args:
            session: pytest's session.
            step: the step that it will judge.
            packages: the package groups of workers that wait with it; None if the request is there already.
        """
        # A launcher for the tests, and one for each thread that repeats what is known. Their connections to the
        # zygote must exist before the fork.
        assert isinstance(self._launcher, ForkLauncher)
        launchers = [SpareLauncher(self._launcher) for _ in range(1 + _THREADS)]
        if packages is not None:
            for launcher in launchers:
                launcher.wait_with(packages)
        orders, our_orders = os.pipe()
        our_heard, heard = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                os.close(our_orders)
                for launcher in launchers:
                    launcher.connect()
                # A thread that could go on waits that long for another one; Python's own value is 5 ms.
                sys.setswitchinterval(_SWITCH)
                order = os.read(orders, 1 << 16)
                if order:
                    found = self._judge(
                        session, json.loads(order), step, launchers[0], launchers[1:]
                    )
                    with open(heard, "wb") as pipe:
                        pipe.write(encode(found, strict=True))
                code = 0
            finally:
                os._exit(code)
        os.close(orders)
        os.close(heard)
        for launcher in launchers:
            launcher.close()
        return _Child(step, pid, our_orders, our_heard)

    def _fork_to_draw(self, request: dict[str, Any], step: Step) -> _Child:
        """Fork a child that draws the pictures of a step."""
        # Imported here, so that the next one need not do it again.
        for name in ("matplotlib.figure", "matplotlib.backends.backend_svg"):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        branch = self._launcher.branch()
        our_heard, heard = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                self._draw(request, step, branch)
            finally:
                os._exit(0)
        os.close(heard)
        branch.close()
        return _Child(step, pid, -1, our_heard, request["run"])

    def _draw(self, request: dict[str, Any], step: Step, launcher: Launcher) -> None:
        """Draw the pictures of a step, and say how each went."""
        run, folder = request["run"], Path(request["pictures"])
        try:
            submission = Submission.read(self._place, self._course)
            for drawn in draw_pictures(self._course, launcher, submission, step, folder, ("svg",)):
                self._answers.say(run=run, picture=asdict(drawn))
        except Exception as error:
            failed = isinstance(error, NoMatplotlib)
            words = str(error) if failed else f"The kit itself failed: {error}"[:_MAX_WORDS]
            self._answers.say(run=run, picture=asdict(Drawn("", "Pictures", (), words, "")))
        self._answers.say(run=run, drawn=True)

    def _judge(
        self,
        session: pytest.Session,
        request: dict[str, Any],
        step: Step,
        launcher: Launcher,
        others: Sequence[Launcher],
    ) -> dict[str, Any]:
        """Judge a step, and say each verdict as soon as it is known.

        Args:
            session: pytest's session.
            request: the request.
            step: the step.
            launcher: starts the workers of the tests.
            others: launchers for threads that repeat what passed before.

        Returns:
            What is useful next time, as plain data: how the tests of functions passed that ran now, and the
            package groups of the workers.
        """
        run = request["run"]
        try:
            judge = session.config.stash[JUDGE]
            submission = Submission.read(self._place, self._course)
            repeats = Repeats(submission, step, others, self._passed.get(step.id, {}))
            judge.take(submission, launcher)
            forked = Forked(session, judge, {})
            tests: list[tuple[TestVerdict, Passed]] = []
            heard: Exchanges = []
            judge.session(step).heard = lambda _, request, reply: heard.append((request, reply))
            items = [
                (place, item, mark_of(item).args[0])
                for place, item in enumerate(self._items(session, step))
            ]
            # What is to be repeated comes last: threads see to it while the rest runs.
            for place, item, function in sorted(items, key=lambda one: one[2] in repeats):
                if function in repeats and repeats.same(function):
                    self._answers.say(run=run, place=place, test=repeats.verdict(id_of(item)).plain)
                    continue
                heard.clear()
                start = time.perf_counter()
                verdict = forked.item(item, None)
                seconds = time.perf_counter() - start
                tests.append((verdict, Passed(heard.copy(), seconds, verdict.plain)))
                self._answers.say(run=run, place=place, test=verdict.plain)
            self._answers.say(run=run, judged=submission.sha256)
            passed = {
                name: [test.plain for test in of_function]
                for name, of_function in passed_by(tests).items()
            }
            return {"passed": passed, "packages": packages_for(submission, step)}
        except Exception as error:
            words = "".join(traceback.format_exception_only(error)).strip()
            self._answers.say(run=run, problem=words[-_MAX_WORDS:])
            return {"passed": {}, "packages": list(step.packages)}

    def _hear(self, session: pytest.Session, child: _Child) -> None:
        """Take in what a child sends; once it has ended, remember that, and let the next one wait."""
        chunk = os.read(child.heard, 1 << 20)
        child.received += chunk
        if chunk:
            return
        self._child = None
        os.close(child.heard)
        _, status = os.waitpid(child.pid, 0)
        if status:
            code = os.waitstatus_to_exitcode(status)
            self._answers.say(run=child.run, problem=f"the judge ended with code {code}")
            return
        if not child.received:
            # It has drawn pictures.
            return
        found = decode(bytes(child.received))
        known = self._passed.setdefault(child.step.id, {})
        for name, tests in found["passed"].items():
            if name in known:
                self._varied[child.step.id, name] += 1
            known[name] = [Passed(**plain) for plain in tests]
            if self._varied[child.step.id, name] >= _VARIED:
                del known[name]
        if self._next:
            return
        with contextlib.suppress(LaunchError, OSError):
            self._next = self._fork(session, child.step, found["packages"])

    def _end_child(self) -> None:
        if self._child:
            self._child.kill()
            self._child = None
            # It may have been in the middle of a line.
            self._answers.end_line()


def stay(course: Course, place: Path, launcher: Launcher, requests: int, answers: Answers) -> None:
    """Answer requests about the modules of a folder until nobody will ask any more.

    Args:
        course: the course.
        place: the folder with the learner's modules.
        launcher: starts the workers.
        requests: the descriptor to read requests from.
        answers: where answers go.

    Raises:
        KitError: the tests could not be collected.
    """
    resident = Resident(course, place, launcher, requests, answers)
    files = [step.visible_tests for step in course.steps]
    run_pytest(files, Judge(course, None, DirectLauncher()), resident)
