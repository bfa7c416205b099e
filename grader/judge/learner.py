"""The learner as the tests see it: turns calls and probes into requests, and replies into answers.

`Learner` is the value of the fixture `learner`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from grader.course.verdicts import Status
from grader.judge import feedback, slips
from grader.judge.step_session import StepSession
from grader.judge.stop import Stop
from grader.testing.answers import Answer, Call, Mismatch
from grader.testing.probes import Probe
from grader.testing.relations import Comparisons
from grader.testing.wording import returned_error, shown
from grader.wire import messages


class LearnerError(Exception):
    """The learner's code raised an exception.

    Attributes:
        call: the request.
        report: the worker's description of the exception: type, message and frames as plain data.
        sentence: what the learner reads.
    """

    def __init__(self, call: Call, report: dict[str, Any], sentence: str) -> None:
        super().__init__(sentence)
        self.call = call
        self.report = report
        self.sentence = sentence


class Learner:
    """Calls the learner's functions: `learner.gradients(a=0.0, …)` returns an `Answer`."""

    def __init__(self, session: StepSession, function: str, *, second: bool = False) -> None:
        self._session = session
        self._function = function
        self._second = second
        self._last: Answer | None = None
        self._comparisons = Comparisons()

    @functools.cached_property
    def elsewhere(self) -> Learner:
        """The same module in a second process, which shares no state with the first one.

        Results of one process can be passed to the other as plain data.
        """
        return Learner(self._session, self._function, second=True)

    def __repr__(self) -> str:
        return f"<the learner's {self._session.step.module}>"

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Answer:
            return self._call(name, args, kwargs)

        return call

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answer:
        call = Call(name, args, kwargs)
        answer = self._ask(call, messages.call(name, args, kwargs))
        if answer["after"] is not None and not name.endswith("_"):
            raise Mismatch(call, feedback.changed_inputs(call, answer["after"]))
        return Answer(answer["value"], call, comparisons=self._comparisons)

    def run(self, probe: Probe, *args: Any, **kwargs: Any) -> Answer:
        """Run a probe in the worker, as `probe(module, *args, **kwargs)`, and return its answer."""
        call = Call(probe.name, args, kwargs, probe.purpose or probe.name)
        answer = self._ask(call, messages.probe(probe.parcel, args, kwargs))
        return Answer(answer["value"], call, comparisons=self._comparisons)

    def _ask(self, call: Call, request: bytes) -> dict[str, Any]:
        self._last = Answer(None, call)
        if self._second:
            request = messages.elsewhere(request)
        answer = self._session.ask(self._function, call, request)
        step, kind = self._session.step, answer["kind"]
        path = step.filename
        if kind == "value":
            self._last = Answer(answer["value"], call)
            return answer
        source = self._session.submission.sources.get(step.module, b"")
        if kind == "missing":
            raise Stop(Status.FAILED, feedback.missing_function(answer["name"], path, source))
        if kind == "signature":
            raise Stop(Status.FAILED, feedback.wrong_signature(call, answer["message"]), call)
        if kind == "unplain":
            raise Mismatch(call, feedback.unplain(answer["message"]))
        if answer["stub"]:
            # The stub may stand below what the learner wrote.
            name = feedback.name_not_written(answer, self._function)
            if twice := slips.defined_twice(source, name):
                raise Stop(Status.FAILED, twice)
            raise Stop(Status.NOT_STARTED, feedback.not_written(answer, path, self._function))
        raise LearnerError(call, answer, feedback.raised(answer, path))

    @contextmanager
    def raises(self, kind: type[Exception], because: str) -> Iterator[None]:
        """Demand that the code in this context makes the learner's code raise an exception of this kind.

        Args:
            kind: the built-in exception.
            because: the reason, as a clause that completes "Expected a ValueError because …".

        Raises:
            Mismatch: the learner's code raised no exception, or one of another kind.
        """
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        expected = f"Expected {article} {kind.__name__} because {because}"
        try:
            yield
        except LearnerError as error:
            bases, name = error.report["bases"], error.report["type"]
            if kind.__name__ not in bases:
                path = self._session.step.filename
                got = feedback.raised(error.report, path, f"the {kind.__name__}")
                sentence = f"{expected}, but got another error. {got}"
                if name.rpartition(".")[2] == kind.__name__:
                    sentence += (
                        f" That class only shares the name {kind.__name__}: raise the built-in one."
                    )
                raise Mismatch(error.call, sentence) from None
        else:
            assert self._last, "nothing was called inside raises()"
            got = shown(self._last.value)
            sentence = f"{expected}, but got {got}. {returned_error(self._last.value)}"
            raise Mismatch(self._last.call, sentence.rstrip())
