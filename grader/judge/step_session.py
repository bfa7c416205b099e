"""The session of one step: sends requests to workers on behalf of tests.

`StepSession` belongs to one step of one submission. It keeps each function within its time limit
(`Budget`) and serves replies that were requested ahead of their test (`Ahead`). It replaces a worker
that crashed or was stopped, or that cannot be reset before the tests of another function (`Workers`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from grader.course.course import Step
from grader.judge import feedback
from grader.judge.ahead import Ahead
from grader.judge.budget import Budget
from grader.judge.passing import Passing, further
from grader.judge.stop import Crash, Stop
from grader.judge.workers import Worker, Workers
from grader.launch.launchers import Launcher, LaunchError
from grader.submissions.submission import Submission
from grader.testing.answers import Call
from grader.wire import messages
from grader.wire.codec import CodecError
from grader.wire.stream import WireBroken, WireTimeout


class _Lost(Exception):
    """A worker ended by itself, or was ended because it sent something that is not an answer.

    Attributes:
        how: how it ended by itself, as a clause; "" if it did not.
        error: what the judge noticed.
        shared: whether tests of other functions had used it.
    """

    def __init__(self, how: str, error: Exception, shared: bool) -> None:
        super().__init__(how)
        self.how = how
        self.error = error
        self.shared = shared


class StepSession:
    """One step of one submission, as the tests use it.

    Args:
        submission: the submission.
        step: the step.
        launcher: starts the workers.

    Attributes:
        heard: called after each exchange with the function under test, the request and the reply.
        most_printed: the most bytes that a call has printed.
    """

    def __init__(self, submission: Submission, step: Step, launcher: Launcher) -> None:
        self.submission = submission
        self.step = step
        self.heard: Callable[[str, bytes, bytes], None] = lambda *_: None
        self._budget = Budget(step.seconds)
        self._workers = Workers(submission, step, launcher, self._budget)
        self._ahead = Ahead()
        self.most_printed = 0

    @property
    def printed(self) -> tuple[str, int]:
        """The beginning of what the last call printed, and its full size in bytes."""
        return self._workers.printed

    def ask(self, function: str, call: Call, request: bytes) -> dict[str, Any]:
        """Send a request on behalf of a function's test, and return a well-formed answer.

        Args:
            function: the function under test, whose time the request takes.
            call: the request as a call, for messages.
            request: the request as bytes, made by `grader.wire.messages`.

        Returns:
            The parsed answer; `grader.wire.messages` describes its fields.

        Raises:
            Stop: the module cannot be loaded, or the function's time is up.
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
                # Something that another function left behind may be the cause, so ask a fresh worker.
                return self.ask(function, call, request)
            self._budget.charge(function)
            raise Crash(call, feedback.crash(lost.how, lost.error)) from None
        self.heard(function, request, came)
        return answer

    def answers_like(self, function: str, passing: Passing) -> bool:
        """Make the requests of a function's test; return whether the replies are known to make it pass.

        The first reply that is not known ends the series. If the test then runs, it is served these replies for as
        long as it makes the same requests, so that nothing is requested twice. Call `forget_ahead` when the
        test has run, or if it need not run.

        Args:
            function: the function under test, whose time the requests take.
            passing: how the test passes.
        """
        trail = b""
        for request in passing.requests:
            try:
                came = self._send(function, request)
                trail = further(trail, came)
                if trail not in passing:
                    # A malformed reply ends the worker now, as it would in the test.
                    self._parsed(function, came)
            except (Exception, Stop) as error:
                self._ahead.add(request, error)
                return False
            self._ahead.add(request, came)
            if trail not in passing:
                return False
        return True

    def repeats(self, function: str, exchanges: Sequence[tuple[bytes, bytes]]) -> bool:
        """Send requests, some ahead of earlier replies; return whether each reply is the expected one.

        A function whose replies differ has made calls that no test may have asked for, so the workers end then.

        Args:
            function: the function under test, whose time the requests take.
            exchanges: pairs of request and expected reply, as bytes.
        """
        same = False
        try:
            # The first request says whose turn it is, and whether the worker is still as it was.
            first, rest = exchanges[:1], exchanges[1:]
            if any(messages.for_elsewhere(request) for request, _ in rest):
                first, rest = exchanges, []
            same = all(self._send(function, request) == expected for request, expected in first)
            if same and rest:
                same = self._series(function, rest)
        except (Exception, Stop):
            return False
        finally:
            if not same:
                self.close()
        return same

    def _series(self, function: str, exchanges: Sequence[tuple[bytes, bytes]]) -> bool:
        worker = self._workers.first
        connection = self._workers.connect(worker)
        start = time.monotonic()
        came = connection.series(
            exchanges,
            start + self._budget.left(function),
            lambda: self._grace(worker, function),
        )
        try:
            return all(
                reply == expected for reply, (_, expected) in zip(came, exchanges, strict=True)
            )
        finally:
            self._budget.spend(function, time.monotonic() - start)
            self.most_printed = max(self.most_printed, connection.printed()[1])

    def forget_ahead(self, asked: bool) -> None:
        """Forget the replies requested ahead, because an equal request of another test is a new call.

        Args:
            asked: whether the test would have made all these requests. If not, the workers are ended, so
                that calls that no test made leave nothing behind.
        """
        if self._ahead and not asked:
            self.close()
        self._ahead.clear()

    def _came_ahead(self, request: bytes) -> bytes | None:
        """Return the reply if this request was made ahead, else None; raises the exception kept instead of it."""
        if self._ahead.follows(request):
            return self._ahead.take()
        # Replies that are left belong to requests that the test does not make.
        self.forget_ahead(asked=False)
        return None

    def _send(self, function: str, request: bytes) -> bytes:
        """Send a request, and return the reply if it arrives within the function's time.

        Raises:
            Stop: the module cannot be loaded, or the function's time was already up.
            WireTimeout: the function's time is up now.
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
        # The function that left changes behind that cannot be undone pays for the new worker.
        self._budget.charge(before)
        self._workers.end(worker)
        return self._send(function, request)

    def _exchange(self, worker: Worker, function: str, message: bytes) -> bytes:
        """Send a message to one worker, and return its reply; raises what `_send` raises."""
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
            self.most_printed = max(self.most_printed, self.printed[1])

    def _grace(self, worker: Worker, function: str) -> float:
        """Give back the time that a function's worker waited for a processor; return the seconds."""
        if worker.last != function:
            return 0.0
        return self._budget.give_back(function, worker.waited_since())

    def _parsed(self, function: str, came: bytes) -> dict[str, Any]:
        """Return the answer in a reply; raises _Lost if it is malformed."""
        try:
            return messages.parse(came, messages.TO_RUN)
        except CodecError as error:
            raise self._lost(function, error) from None

    def _lost(self, function: str, error: Exception) -> _Lost:
        """End the workers after a broken exchange, and return the exception to raise.

        Raises:
            LaunchError: the kit itself lost a worker that no other function's test had used.
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
        """Leave the time of the tests as it is, for requests that only improve the feedback."""
        return self._budget.aside(function)

    def close(self) -> str:
        """End the workers; return how one had ended by itself, as a clause, or "".

        Raises:
            LaunchError: that is unknown, because the process that forked the worker is gone.
        """
        return self._workers.close()
