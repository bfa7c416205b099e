"""Diagnosis: names the misconception that a learner's function behaves like.

A misconception is recognised by its transcript: its answers to some recorded calls. These calls, the
battery of a function, are those calls of its tests that tell its misconceptions apart. When a test of a
function fails, the battery runs on the learner's code in a worker of its own. A misconception is named
if no other one gives the same answers, and if it fails that test too. Otherwise nothing is named.

If nothing fits, a missing check of the inputs may hide the mistake; so the calls that should raise an error
are left out, and the rest is compared again.

Many mistakes end in an error of the same type. So unexpected errors are alike only if Python or PyTorch
gives the same message, with the same sizes, in the same function. Another version may word the message
differently; then nothing is named, which is better than a wrong name. If a call should raise an error,
only the type of the error counts.

The transcripts are files in `grader/content/behaviour`, which `make record` writes from the catalogue.
They contain no code of wrong implementations.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from grader.course.course import Course, Step
from grader.judge.fingerprint import Fingerprint
from grader.judge.step_session import StepSession
from grader.judge.stop import Crash, Stop
from grader.testing.answers import Call

# Increase this when the format of the files changes, or the way their calls are chosen.
FORM = 2


@dataclass(frozen=True)
class Transcript:
    """How a misconception behaves, and what learners read about it.

    Attributes:
        id, sentence, hint, read: as in the catalogue.
        answers: the answers to the requests of the battery, in order.
        fails: ids of the tests that it fails.
        loosely: whether the loose forms of its answers also differ from those of the solution.
    """

    id: str
    sentence: str
    hint: str
    read: str
    answers: list[Fingerprint]
    fails: list[str]
    loosely: bool


@dataclass(frozen=True)
class Request:
    """One call of a battery.

    Attributes:
        payload: the encoded request to a worker.
        timed: whether the answer holds measured seconds.
        error: the type of the error that the solution raises; "" if it returns a value.
    """

    payload: bytes
    timed: bool = False
    error: str = ""

    def same(self, one: Fingerprint, other: Fingerprint, loosely: bool = False) -> bool:
        """Return whether two answers to this request count as the same.

        Args:
            one: the fingerprint of one answer.
            other: that of the other answer.
            loosely: whether to compare the loose forms.
        """
        if self.error and one.error == other.error == self.error:
            return True
        return one.matches(other, loosely, self.timed)


@dataclass(frozen=True)
class Battery:
    """The calls that tell the misconceptions of a function apart.

    Attributes:
        requests: the calls.
        transcripts: the behaviour of each misconception.
    """

    requests: list[Request]
    transcripts: list[Transcript]

    def same(
        self,
        one: list[Fingerprint],
        other: list[Fingerprint],
        loosely: bool = False,
        refused: bool = True,
    ) -> bool:
        """Return whether two lists of answers to these requests count as the same.

        Args:
            one: a fingerprint for each request, in order.
            other: the same for the other answers.
            loosely: whether to compare the loose forms.
            refused: whether to compare the answers to requests that should raise an error, too.
        """
        rows = zip(self.requests, one, other, strict=True)
        return all(
            request.same(a, b, loosely) for request, a, b in rows if refused or not request.error
        )

    def name(self, answers: list[Fingerprint]) -> Transcript | None:
        """Return the misconception that gives these answers, or None if there is not exactly one.

        Many learners write the checks of the inputs last. So if no misconception fits, the requests that should
        raise an error are left out. A misconception that raises those errors is then still told from the right
        answers, and from others of its kind, by the calls that remain.
        """
        for refused in (True, False):
            found = self._alike(answers, refused)
            if found:
                sure = len(found) == 1 and (refused or self._refuses(found[0]))
                return found[0] if sure else None
        return None

    def _alike(self, answers: list[Fingerprint], refused: bool) -> list[Transcript]:
        """Return the misconceptions that give these answers, or if there are none, those that do so loosely."""
        return [
            one for one in self.transcripts if self.same(one.answers, answers, refused=refused)
        ] or [
            one
            for one in self.transcripts
            if one.loosely and self.same(one.answers, answers, loosely=True, refused=refused)
        ]

    def _refuses(self, one: Transcript) -> bool:
        """Return whether a misconception raises each error that the solution raises."""
        rows = zip(self.requests, one.answers, strict=True)
        return all(answer.error == request.error for request, answer in rows if request.error)


@dataclass
class Recorded:
    """The recorded behaviour of a step's misconceptions.

    Attributes:
        made_of: fingerprint of the files that it was recorded from.
        batteries: the batteries by function.
    """

    made_of: str = ""
    batteries: dict[str, Battery] = field(default_factory=dict)

    @classmethod
    def load(cls, course: Course, step: Step) -> Recorded:
        """Read the record of a step; it is empty if there is no file."""
        path = course.root / step.recorded_file
        if not path.is_file():
            return cls()
        data = json.loads(path.read_text("utf-8"))
        return cls(data["made_of"], {f: _battery(entry) for f, entry in data["functions"].items()})

    def text(self) -> str:
        """Return the text of the file, with one line for each request and each misconception."""
        functions = []
        for function, battery in self.batteries.items():
            requests = _lines(map(_packed, battery.requests))
            transcripts = _lines(map(_row, battery.transcripts))
            functions.append(
                f'"{function}": {{\n"requests": {requests},\n"transcripts": {transcripts}\n}}'
            )
        body = ",\n".join(functions)
        return f'{{"made_of": "{self.made_of}", "functions": {{\n{body}\n}}}}\n'


def _lines(values: Iterable[Any]) -> str:
    """Return a JSON list with one value per line."""
    return "[\n" + ",\n".join(json.dumps(value) for value in values) + "]"


def _packed(request: Request) -> list[Any]:
    payload = base64.b64encode(zlib.compress(request.payload, 9)).decode()
    return [payload, request.timed, request.error]


def _row(one: Transcript) -> dict[str, Any]:
    return asdict(one) | {"answers": [list(asdict(answer).values()) for answer in one.answers]}


def _battery(entry: dict[str, Any]) -> Battery:
    transcripts = [
        Transcript(**(one | {"answers": [Fingerprint(*answer) for answer in one["answers"]]}))
        for one in entry["transcripts"]
    ]
    requests = [
        Request(zlib.decompress(base64.b64decode(payload)), *more)
        for payload, *more in entry["requests"]
    ]
    return Battery(requests, transcripts)


def ask_all(session: StepSession, function: str, requests: Iterable[bytes]) -> list[Fingerprint]:
    """Return the answers of a submission to the requests of a battery.

    Args:
        session: the session that sends the requests.
        function: the function under test, whose time they take.
        requests: the encoded requests.

    Raises:
        Stop, Crash: the code does not answer all of them.
    """
    call = Call(function)
    return [Fingerprint.of(session.ask(function, call, one)) for one in requests]


class Diagnosis:
    """Names the misconceptions of one submission in one step; runs each battery at most once.

    Args:
        course: the course.
        session: a session of the step that no test uses, so that batteries take no time from tests.
    """

    def __init__(self, course: Course, session: StepSession) -> None:
        self._session = session
        self._recorded = Recorded.load(course, session.step)
        self._found: dict[str, Transcript | None] = {}

    def name(self, function: str, test: str) -> Transcript | None:
        """Return the misconception that explains why a function failed a test, or None.

        Args:
            function: the function or class.
            test: id of the test.
        """
        if function not in self._found:
            self._found[function] = self.look(function)
        found = self._found[function]
        return found if found and test in found.fails else None

    def look(self, function: str) -> Transcript | None:
        """Return the misconception that a function behaves like, or None."""
        battery = self._recorded.batteries.get(function)
        if battery is None:
            return None
        try:
            return battery.name(
                ask_all(self._session, function, [one.payload for one in battery.requests])
            )
        except (Stop, Crash):
            return None

    def close(self) -> None:
        """End the worker of the diagnosis."""
        self._session.close()
