"""How a test can end because of its worker: no answer is coming, or the verdict is known already."""

from __future__ import annotations

from grader.course.verdicts import Status
from grader.testing.answers import Call


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
