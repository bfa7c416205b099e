"""The session of one step: asks workers on behalf of tests, keeps the time, replaces a worker that is lost.

`StepSession` belongs to one step of one submission. It starts a worker when one is needed, and a new one when the
old one crashed, had to be stopped, or is no longer as it was when the tests of another function begin.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from grader.course.course import Step
from grader.course.verdicts import Status
from grader.judge import feedback
from grader.judge.advice import of_file
from grader.launch.launchers import Connection, Launcher, LaunchError
from grader.submissions.imports import imported
from grader.submissions.submission import Submission
from grader.testing.answers import Call
from grader.wire.codec import CodecError, encode
from grader.wire.messages import TO_LOAD, TO_RUN, parse
from grader.wire.stream import WireBroken, WireTimeout


class Crash(Exception):
    """The worker ended in the middle of a call."""

    def __init__(self, call: Call, sentence: str) -> None:
        super().__init__(sentence)
        self.call = call
        self.sentence = sentence


class Stop(BaseException):
    """This test has its verdict and must end at once: no further example, no shrinking.

    Attributes:
        status: FAILED, NOT_STARTED, TIMEOUT or CRASHED.
        call: what was asked, where it matters.
    """

    def __init__(self, status: Status, sentence: str, call: Call | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.call = call

    def again(self) -> Stop:
        """Return the same verdict to raise once more; an exception that is raised again grows."""
        return Stop(self.status, self.sentence, self.call)


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


WORN = encode({"kind": "worn"})
# How a request begins that is for the second worker; the request itself follows.
ELSEWHERE = encode({"op": "elsewhere", "request": b""})[:-4]


@dataclass
class _Worker:
    """A place for a worker.

    Attributes:
        connection: what the session holds of it; None if none is alive.
        served: the functions whose tests have used it.
        last: the function whose test used it last.
    """

    connection: Connection | None = None
    served: set[str] = field(default_factory=set)
    last: str = ""


class StepSession:
    """One step of one submission, with a worker, and a second one for what must be asked elsewhere.

    Attributes:
        printed: the beginning of what the last call printed, and how much it was.
        heard: called with the function whose test asks, the request, and what came.
    """

    def __init__(self, submission: Submission, step: Step, launcher: Launcher) -> None:
        self.submission = submission
        self.step = step
        self._launcher = launcher
        self._first, self._second = _Worker(), _Worker()
        self._broken: Stop | None = None
        self._spent: dict[str, float] = {}
        self._charged = ""
        self._aside: dict[str, float] = {}
        self._expired: dict[str, Stop] = {}
        self._ahead: deque[tuple[bytes, bytes | BaseException]] = deque()
        self.printed = ("", 0)
        self.heard: Callable[[str, bytes, bytes], None] = lambda *_: None

    def ask(self, function: str, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request on behalf of a function's test, and return a well-formed answer.

        Raises:
            Stop: the module cannot be used, the function is not written, or its time is up.
            Crash: the worker ended, or sent something that is not an answer.
        """
        payload = encode(request)
        try:
            came = self._asked_ahead(payload)
            if came is None:
                came = self._send(function, payload)
            answer = self._parsed(function, came)
        except WireTimeout:
            raise self._expire(function, call) from None
        except _Lost as lost:
            if lost.shared:
                # Something that another function left behind may have done it: ask a new worker.
                return self.ask(function, call, request)
            self._charged = function
            raise Crash(call, feedback.crash(lost.how, lost.error)) from None
        self.heard(function, payload, came)
        return answer

    def answers_like(self, function: str, exchanges: Iterable[tuple[bytes, bytes]]) -> bool:
        """Ask a series of requests on behalf of a function's test; return whether each answer is the given one.

        The first other answer ends the series. When the test is run, it gets what came as long as it asks the
        same requests, so that nothing is asked twice. Call `forget_ahead` after it, or if it need not run.

        Args:
            function: whose time it takes.
            exchanges: pairs of request and expected answer, as bytes.
        """
        for payload, expected in exchanges:
            try:
                came = self._send(function, payload)
                if came != expected:
                    # A worker that sends nonsense is ended now, as it would be in the test.
                    self._parsed(function, came)
            except (Exception, Stop) as error:
                self._ahead.append((payload, error))
                return False
            self._ahead.append((payload, came))
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

    def _asked_ahead(self, payload: bytes) -> bytes | None:
        """Return the answer to a request that was asked ahead, or None; raises what came in its place."""
        if not self._ahead:
            return None
        asked, came = self._ahead.popleft()
        if asked != payload:
            # The test goes another way.
            self._ahead.append((asked, came))
            self.forget_ahead(asked=False)
            return None
        if isinstance(came, BaseException):
            raise came
        return came

    def _send(self, function: str, payload: bytes) -> bytes:
        """Send a request, and return the bytes that came within the function's time.

        Raises:
            Stop: the module cannot be used, or the function's time was up before.
            WireTimeout: its time is up now.
            _Lost: the worker ended.
        """
        if function in self._expired:
            raise self._expired[function].again()
        if self._spent.get(function, 0.0) >= self.step.seconds:
            raise WireTimeout
        worker, message = self._first, payload
        if payload.startswith(ELSEWHERE):
            worker, message = self._second, payload[len(ELSEWHERE) + 4 :]
        before = worker.last
        if before in ("", function):
            return self._exchange(worker, function, message)
        came = self._exchange(worker, function, encode({"op": "turn", "request": message}))
        if came != WORN:
            return came
        # Who left behind what cannot be put back pays for the new worker.
        self._charged = before
        self._end(worker)
        return self._send(function, payload)

    def _exchange(self, worker: _Worker, function: str, message: bytes) -> bytes:
        """Send a message to a worker, and return what came within the function's time; raises as `_send` does."""
        connection = self._connect(worker)
        worker.served.add(function)
        worker.last = function
        spent = self._spent.get(function, 0.0)
        start = time.monotonic()
        try:
            return connection.request(message, start + self.step.seconds - spent)
        except WireTimeout:
            self.close()
            raise
        except WireBroken as error:
            raise self._lost(function, error) from None
        finally:
            self._spent[function] = spent + time.monotonic() - start
            self.printed = connection.printed()

    def _parsed(self, function: str, came: bytes) -> dict[str, Any]:
        """Return the answer in these bytes; raises _Lost if it is none."""
        try:
            return parse(came, TO_RUN)
        except CodecError as error:
            raise self._lost(function, error) from None

    def _lost(self, function: str, error: Exception) -> _Lost:
        """End a worker that does not answer as it should.

        Raises:
            LaunchError: it is the kit that lost it, and no other function's test has used it.
        """
        shared = bool((self._first.served | self._second.served) - {function})
        try:
            how = self.close()
        except LaunchError:
            if not shared:
                raise
            how = ""
        return _Lost(how, error, shared)

    @contextmanager
    def aside(self, function: str) -> Iterator[None]:
        """Ask for the sake of feedback: it takes no time from the tests, and cannot end them.

        All that is asked aside for a function has one more time limit together.
        """
        spent, expired = dict(self._spent), dict(self._expired)
        self._spent[function] = self._aside.get(function, 0.0)
        try:
            yield
        finally:
            self._aside[function] = self._spent.get(function, 0.0)
            self._spent, self._expired = spent, expired

    def _expire(self, function: str, call: Call) -> Stop:
        """Return the verdict for a function whose time is up, and keep one for its further tests."""
        stop = Stop(Status.TIMEOUT, feedback.timeout(self.step.seconds), call)
        self._expired[function] = Stop(Status.TIMEOUT, feedback.expired(function, stop.sentence))
        return stop

    def _connect(self, worker: _Worker) -> Connection:
        """Return a worker that has the module loaded."""
        if self._broken:
            raise self._broken.again()
        if worker.connection is None:
            start = time.monotonic()
            try:
                self._load(worker)
            except Stop as stop:
                # The module will not load a second time either: one attempt, one verdict for all
                # its functions.
                self._broken = stop
                self.close()
                raise
            if self._charged:
                # Who made it necessary pays for it: a slow import must not cost a limit for each test.
                seconds = time.monotonic() - start
                self._spent[self._charged] = self._spent.get(self._charged, 0.0) + seconds
                self._charged = ""
        assert worker.connection
        return worker.connection

    def _load(self, worker: _Worker) -> None:
        """Start a worker and let it load the module; raises Stop if it cannot."""
        step = self.step
        path = step.filename
        source = self.submission.sources.get(step.module)
        if source is None:
            submission = self.submission
            unclear = step.module in submission.refused or submission.unreadable
            raise Stop(Status.FAILED if unclear else Status.NOT_STARTED, submission.absence(step))
        if not source.strip():
            raise Stop(Status.FAILED, feedback.empty_file(path))
        if why := of_file(source):
            raise Stop(Status.FAILED, feedback.no_module(path, why))
        worker.connection = connection = self._launcher.start(list(step.packages))
        # A debugger needs the real path; messages have no paths, so that they are the same everywhere.
        filename = self.submission.path_of(path) if self._launcher.in_process else path
        request = {
            "op": "load",
            "name": step.module,
            "filename": filename,
            "source": source,
            "others": imported(self.submission.sources, step.module),
        }
        try:
            reply = connection.request(encode(request), time.monotonic() + step.seconds)
            answer = parse(reply, TO_LOAD)
        except WireTimeout:
            self.printed = connection.printed()
            raise Stop(Status.TIMEOUT, feedback.load_timeout(path, step.seconds)) from None
        except (WireBroken, CodecError) as error:
            self.printed = connection.printed()
            how = self.close()
            raise Stop(Status.CRASHED, feedback.load_crash(path, how, error)) from None
        if answer["kind"] == "loaded":
            return
        self.printed = connection.printed()
        status = Status.NOT_STARTED if answer.get("stub") else Status.FAILED
        raise Stop(status, feedback.load_failure(path, answer, source))

    def close(self) -> str:
        """End the workers; return how one had ended by itself, as a clause.

        Raises:
            LaunchError: how it ended is not known, for what forked it is gone.
        """
        second, first = self._end(self._second), self._end(self._first)
        return second or first

    def _end(self, worker: _Worker) -> str:
        connection, worker.connection = worker.connection, None
        worker.served, worker.last = set(), ""
        if connection is None:
            return ""
        how = connection.end()
        self.printed = connection.printed()
        return how
