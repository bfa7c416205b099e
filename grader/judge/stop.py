"""Exceptions that end a test because of its worker: there is no answer, or the verdict is already known."""

from __future__ import annotations

from grader.course.verdicts import Status
from grader.testing.answers import Call


class Crash(Exception):
    """The worker ended during a call."""

    def __init__(self, call: Call, sentence: str) -> None:
        super().__init__(sentence)
        self.call = call
        self.sentence = sentence


class Stop(BaseException):
    """This test has its verdict and must end at once, without further examples or shrinking.

    Attributes:
        status: FAILED, NOT_STARTED, TIMEOUT or CRASHED.
        call: the request that the message shows, or None.
    """

    def __init__(self, status: Status, sentence: str, call: Call | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.call = call

    def again(self) -> Stop:
        """Return a fresh exception with this verdict: raising the same one again would extend its traceback."""
        return Stop(self.status, self.sentence, self.call)
