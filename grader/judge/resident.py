"""A judge that stays: it collects all visible tests once, and judges a step whenever it is asked.

It runs as a process of its own, started by `grader.run.resident`. It reads requests from standard input and
writes answers to standard output, one JSON object a line:

    {"run": 7, "step": "03"}    ->  {"run": 7, "test": {…}}      a verdict, as plain data; one line for each test
                                    {"run": 7, "judged": "…"}    all are there; the digest of what was judged
                                    {"run": 7, "problem": "…"}   or the kit itself failed
                                {"ready": true}                  once, before the first request is answered

A request ends whatever is still running. Where a process may fork, each request is answered in a fork, which
has everything loaded and leaves nothing behind. Elsewhere this process answers one request itself and then
ends, so that the next one must be started; it loads everything while the learner is typing.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import traceback
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from grader.course.course import Course
from grader.judge.judge import Judge, step_of
from grader.judge.plugin import JUDGE
from grader.judge.pool import Forked
from grader.judge.pytest_run import KitError, run_pytest
from grader.launch.launchers import DirectLauncher, Launcher, pick_launcher
from grader.submissions.submission import Submission
from grader.testing.probes import prepare_probes
from grader.testing.properties import is_property

CAN_FORK = sys.platform == "linux"


class Resident:
    """A pytest plugin that replaces the loop over the tests by one over requests.

    Args:
        course: the course.
        place: the folder with the learner's modules.
        launcher: starts the workers.
        requests: the descriptor to read requests from.
        answers: the descriptor to write answers to.
    """

    def __init__(
        self, course: Course, place: Path, launcher: Launcher, requests: int, answers: int
    ) -> None:
        self._course = course
        self._place = place
        self._launcher = launcher
        self._requests = requests
        self._answers = answers
        self._waiting = b""
        self._child = 0
        self._run = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer requests until there are no more."""
        self._say(ready=True)
        if not CAN_FORK:
            request = self._next_request()
            if request:
                self._judge(session, request)
            return True
        # Of the tests that nobody has asked for yet, in idle moments.
        idle = deque(session.items)
        gc.collect()
        gc.freeze()
        while True:
            if idle and not select.select([self._requests], [], [], 0)[0]:
                self._prepare(session, idle.popleft())
                continue
            request = self._next_request()
            self._end_child()
            if request is None:
                return True
            for item in self._items(session, request):
                self._prepare(session, item)
            self._fork(session, request)

    def _next_request(self) -> dict[str, Any] | None:
        """Wait for a request, and return it; None when nobody will ask any more."""
        while b"\n" not in self._waiting:
            ready = [self._requests]
            if self._child:
                # The child's end must be noticed although nobody asks.
                ready = select.select([self._requests], [], [], 0.2)[0]
                self._reap()
            if not ready:
                continue
            chunk = os.read(self._requests, 1 << 16)
            if not chunk:
                return None
            self._waiting += chunk
        # Only the last one counts.
        *_, line, self._waiting = self._waiting.split(b"\n")
        request: dict[str, Any] = json.loads(line)
        return request

    def _items(self, session: pytest.Session, request: dict[str, Any]) -> list[pytest.Item]:
        return [item for item in session.items if step_of(self._course, item).id == request["step"]]

    def _prepare(self, session: pytest.Session, item: pytest.Item) -> None:
        """Make what all runs of a test share; what cannot be made fails again in the test."""
        with contextlib.suppress(Exception):
            prepare_probes(item.module)  # type: ignore[attr-defined]
        with contextlib.suppress(Exception):
            if is_property(item):
                session.config.stash[JUDGE].properties.generate(item)

    def _fork(self, session: pytest.Session, request: dict[str, Any]) -> None:
        # The connection to the zygote must exist before the fork.
        branch = self._launcher.branch()  # type: ignore[attr-defined]
        self._run = request["run"]
        self._child = os.fork()
        if self._child == 0:
            code = 1
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                self._launcher = branch
                self._judge(session, request)
                code = 0
            finally:
                os._exit(code)
        branch.close()

    def _judge(self, session: pytest.Session, request: dict[str, Any]) -> None:
        """Judge a step, and say each verdict as soon as it is known."""
        run = request["run"]
        try:
            judge = session.config.stash[JUDGE]
            judge.launcher = self._launcher
            submission = Submission.read(self._place, self._course)
            forked = Forked(session, judge, {})
            for verdict in forked.run(submission, self._items(session, request)):
                self._say(run=run, test=verdict.plain)
            judge.end_session()
            self._say(run=run, judged=submission.sha256)
        except Exception as error:
            words = "".join(traceback.format_exception_only(error)).strip()
            self._say(run=run, problem=words[-1000:])

    def _reap(self) -> None:
        """Notice that a child ended; if it ended by itself without having said so, say it."""
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if pid:
            self._child = 0
            if status:
                code = os.waitstatus_to_exitcode(status)
                self._say(run=self._run, problem=f"the judge ended with code {code}")

    def _end_child(self) -> None:
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0
            # It may have been in the middle of a line.
            os.write(self._answers, b"\n")

    def _say(self, **answer: Any) -> None:
        line = json.dumps(answer).encode("utf-8", "backslashreplace") + b"\n"
        while line:
            line = line[os.write(self._answers, line) :]


def main(kit: str, place: str) -> None:
    """Serve requests about the modules of a folder.

    Args:
        kit: the kit's folder.
        place: the folder with the learner's modules.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = os.dup(0), os.dup(1)
    # What a test prints must not get between the answers.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    course = Course.load(Path(kit))
    launcher = pick_launcher(layers=["limits"], limits=course.limits)
    launcher.prepare({step.packages for step in course.steps})
    resident = Resident(course, Path(place), launcher, requests, answers)
    try:
        launcher.prefer("scratch")
        files = [step.visible_tests for step in course.steps]
        run_pytest(files, Judge(course, None, DirectLauncher()), resident)
    except KitError as error:
        resident._say(run=0, problem=str(error))
    finally:
        launcher.close()
