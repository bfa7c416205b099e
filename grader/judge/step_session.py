"""The session of one step: asks workers on behalf of tests.

`StepSession` belongs to one step of one submission. It keeps each function within its time (`Budget`), replaces a
worker that crashed, had to be stopped, or is no longer as it was when the tests of another function begin
(`Workers`), and serves replies that were asked for ahead of their test (`Ahead`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from grader.course.course import Step
from grader.judge import feedback
from grader.judge.ahead import Ahead
from grader.judge.budget import Budget
from grader.judge.stop import Crash, Stop
from grader.judge.workers import Worker, Workers
from grader.launch.launchers import Launcher, LaunchError
from grader.submissions.submission import Submission
from grader.testing.answers import Call
from grader.wire import messages
from grader.wire.codec import CodecError
from grader.wire.stream import WireBroken, WireTimeout


class _Lost(Exception):
    """A worker ended, or sent what is no answer, and was ended.

    Attributes:
        how: how it had ended by itself, as a clause.
        error: what was wrong.
        shared: whether tests of other functions have used it.
    """

    def __init__(self, how: str, error: Exception, shared: bool) -> None:
        super().__init__(how)
        self.how = how
        self.error = error
        self.shared = shared


class StepSession:
    """One step of one submission, as the tests ask it.

    Attributes:
        heard: called with the function whose test asks, the request, and what came.
    """

    def __init__(self, submission: Submission, step: Step, launcher: Launcher) -> None:
        self.submission = submission
        self.step = step
        self.heard: Callable[[str, bytes, bytes], None] = lambda *_: None
        self._budget = Budget(step.seconds)
        self._workers = Workers(submission, step, launcher, self._budget)
        self._ahead = Ahead()

    @property
    def printed(self) -> tuple[str, int]:
        """The beginning of what the last call printed, and how much it was."""
        return self._workers.printed

    def ask(self, function: str, call: Call, request: bytes) -> dict[str, Any]:
        """Send a request on behalf of a function's test, and return a well-formed answer.

        Args:
            function: whose time it takes.
            call: the request in words.
            request: the request, as `grader.wire.messages` makes it.

        Raises:
            Stop: the module cannot be used, the function is not written, or its time is up.
            Crash: the worker ended, or sent something that is not an answer.
        """
        try:
            came = self._came_ahead(request)
            if came is None:
                came = self._send(function, request)
            answer = self._parsed(function, came)
        except WireTimeout:
            raise self._budget.expire(function, call) from None
        except _Lost as lost:
            if lost.shared:
                # Something that another function left behind may have done it: ask a new worker.
                return self.ask(function, call, request)
            self._budget.charge(function)
            raise Crash(call, feedback.crash(lost.how, lost.error)) from None
        self.heard(function, request, came)
        return answer

    def answers_like(self, function: str, exchanges: Iterable[tuple[bytes, bytes]]) -> bool:
        """Ask a series of requests on behalf of a function's test; return whether each answer is the given one.

        The first other answer ends the series. When the test is run, it gets what came as long as it asks the
        same requests, so that nothing is asked twice. Call `forget_ahead` after it, or if it need not run.

        Args:
            function: whose time it takes.
            exchanges: pairs of request and expected answer, as bytes.
        """
        for request, expected in exchanges:
            try:
                came = self._send(function, request)
                if came != expected:
                    # A worker that sends nonsense is ended now, as it would be in the test.
                    self._parsed(function, came)
            except (Exception, Stop) as error:
                self._ahead.add(request, error)
                return False
            self._ahead.add(request, came)
            if came != expected:
                return False
        return True

    def forget_ahead(self, asked: bool) -> None:
        """Forget the answers that were asked ahead, for an equal request in another test is another call.

        Args:
            asked: whether the test would have asked them all; calls that it did not make must not count.
        """
        if self._ahead and not asked:
            self.close()
        self._ahead.clear()

    def _came_ahead(self, request: bytes) -> bytes | None:
        """Return the answer to a request that was asked ahead, or None; raises what came in its place."""
        if self._ahead.follows(request):
            return self._ahead.take()
        # If there are others, the test goes another way.
        self.forget_ahead(asked=False)
        return None

    def _send(self, function: str, request: bytes) -> bytes:
        """Send a request, and return the bytes that came within the function's time.

        Raises:
            Stop: the module cannot be used, or the function's time was up before.
            WireTimeout: its time is up now.
            _Lost: the worker ended.
        """
        inner = messages.for_elsewhere(request)
        worker, message = (
            (self._workers.first, request) if inner is None else (self._workers.second, inner)
        )
        if self._budget.left(function) <= 0 and not self._grace(worker, function):
            raise WireTimeout
        before = worker.last
        if before in ("", function):
            return self._exchange(worker, function, message)
        came = self._exchange(worker, function, messages.turn(message))
        if came != messages.WORN:
            return came
        # Who left behind what cannot be put back pays for the new worker.
        self._budget.charge(before)
        self._workers.end(worker)
        return self._send(function, request)

    def _exchange(self, worker: Worker, function: str, message: bytes) -> bytes:
        """Send a message to a worker, and return what came within the function's time; raises as `_send` does."""
        connection = self._workers.connect(worker)
        worker.served.add(function)
        if worker.last != function:
            worker.last, worker.waited = function, connection.waited()
        start = time.monotonic()
        deadline = start + self._budget.left(function)
        try:
            return connection.request(message, deadline, lambda: self._grace(worker, function))
        except WireTimeout:
            self.close()
            raise
        except WireBroken as error:
            raise self._lost(function, error) from None
        finally:
            self._budget.spend(function, time.monotonic() - start)
            self._workers.printed = connection.printed()

    def _grace(self, worker: Worker, function: str) -> float:
        """Give a function back the time in which its worker waited for a processor; return how much it was."""
        if worker.last != function:
            return 0.0
        return self._budget.give_back(function, worker.waited_since())

    def _parsed(self, function: str, came: bytes) -> dict[str, Any]:
        """Return the answer in these bytes; raises _Lost if it is none."""
        try:
            return messages.parse(came, messages.TO_RUN)
        except CodecError as error:
            raise self._lost(function, error) from None

    def _lost(self, function: str, error: Exception) -> _Lost:
        """End a worker that does not answer as it should.

        Raises:
            LaunchError: it is the kit that lost it, and no other function's test has used it.
        """
        shared = self._workers.shared(function)
        try:
            how = self.close()
        except LaunchError:
            if not shared:
                raise
            how = ""
        return _Lost(how, error, shared)

    def aside(self, function: str) -> AbstractContextManager[None]:
        """Ask for the sake of feedback: it takes no time from the tests, and cannot end them."""
        return self._budget.aside(function)

    def close(self) -> str:
        """End the workers; return how one had ended by itself, as a clause.

        Raises:
            LaunchError: how it ended is not known, for what forked it is gone.
        """
        return self._workers.close()
