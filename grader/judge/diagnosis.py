"""Diagnosis: naming the mistake that a learner's function looks like.

A misconception is recognised by its transcript: the answers that it gives to some recorded calls. These calls, the
battery of a function, are the ones out of its tests that tell its misconceptions apart. When a test of a
function fails, the battery runs on the learner's code, in a worker of its own. A misconception is named if it
alone gives the same answers, and if it fails that test too. Otherwise nothing is named.

Many mistakes end in an error of the same type. So errors that nobody asked for are alike only if Python or
PyTorch says the same words, with the same sizes, in the same function. Another version may use other words;
then nothing is named, which is better than a wrong name. Where a call should raise a certain error, only its type
counts.

The transcripts are files in `grader/content/behaviour`, written by `make record` from the catalogue. They hold no
code of a wrong implementation.
"""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.course.course import Course, Step
from grader.judge.step_session import StepSession
from grader.judge.stop import Crash, Stop
from grader.testing.answers import Call
from grader.testing.wording import steady
from grader.wire.codec import Opaque

# To be raised when the files get another form, or other calls are chosen for them.
FORM = 2
# Sums in another order, and float32 where float64 was recorded; two mistakes are hardly ever that close.
_RTOL, _ATOL = 1e-3, 1e-5
# For calls that measure time; what they wait for takes some hundredths of a second.
SECONDS = 0.03
_MAX_NUMBERS = 48
_MAX_FORM = 1000
_PLACES = 6
_RAISES, _NO_VALUE = "raises ", "no value: "


@dataclass(frozen=True)
class Fingerprint:
    """What matters of an answer.

    Attributes:
        form: its kinds, shapes and dtypes, as text.
        loose: the same without what is a matter of style: the kind of a scalar, list or tuple, dtypes.
        numbers: the numbers in it, or some of many.
    """

    form: str
    loose: str
    numbers: list[float]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Fingerprint:
        """Return the fingerprint of a worker's answer to a request (see `grader.worker.service`)."""
        if answer["kind"] == "raised":
            form = f"{_RAISES}{answer['type']}: {_origin(answer)}"[:_MAX_FORM]
            return cls(form, form, [])
        if answer["kind"] != "value":
            form = f"{_NO_VALUE}{answer['kind']}"
            return cls(form, form, [])
        numbers: list[float] = []
        form = _form(answer["value"], numbers, loose=False)
        loose = _form(answer["value"], [], loose=True)
        if answer["after"] is not None:
            form, loose = (f"{text}; inputs changed" for text in (form, loose))
        return cls(form[:_MAX_FORM], loose[:_MAX_FORM], _some(numbers))

    @property
    def is_value(self) -> bool:
        """Whether the answer is a value."""
        return not self.form.startswith((_RAISES, _NO_VALUE))

    @property
    def error(self) -> str:
        """The type of the error that the answer is; "" for all other answers."""
        raised = self.form.startswith(_RAISES)
        return self.form.removeprefix(_RAISES).partition(":")[0] if raised else ""

    def matches(self, other: Fingerprint, loosely: bool = False, timed: bool = False) -> bool:
        """Return whether both are of the same form and have about the same numbers.

        Args:
            other: the other one.
            loosely: compare the loose forms.
            timed: the numbers are seconds; a busy machine makes all of them longer, so only their order counts.
        """
        same = self.loose == other.loose if loosely else self.form == other.form
        if not same or len(self.numbers) != len(other.numbers):
            return False
        if timed:
            return np.array_equal(self._order(), other._order())
        return np.allclose(self.numbers, other.numbers, _RTOL, _ATOL, equal_nan=True)

    def _order(self) -> NDArray[np.int8]:
        """Return for each pair of the numbers whether one is clearly more than the other: -1, 0 or 1."""
        numbers = np.array(self.numbers)
        difference = numbers[:, None] - numbers
        return np.where(np.abs(difference) < SECONDS, 0, np.sign(difference)).astype(np.int8)


def _origin(answer: dict[str, Any]) -> str:
    """Return where an error comes from, and its words if they are not the learner's own."""
    if answer["own"]:
        return "on purpose"
    where = ""
    for place, function, _, line in answer["frames"]:
        if place == "probe":
            where = f"where the test does {line}"
        elif not function.startswith("<"):
            # Such as <listcomp>, which not every version of Python has.
            where = f"in {function}"
    message = re.sub(r"(/[\w.+…-]+){2,}", "…", steady(answer["message"]))
    return f"{where}: {message}"


def _form(value: Any, numbers: list[float], loose: bool) -> str:
    """Return the form of a value, and append its numbers."""
    if value is None or isinstance(value, (bool, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        parts = [_form(item, numbers, loose) for item in value]
        if loose and all(isinstance(item, str) for item in value):
            # Such as the names of nodes, in any order.
            parts.sort()
        inside = ", ".join(parts)
        return f"{'sequence' if loose else type(value).__name__}({inside})"
    if isinstance(value, dict):
        # The order of the keys is nobody's mistake.
        entries = sorted(value.items(), key=lambda entry: str(entry[0]))
        inside = ", ".join(f"{key!r}: {_form(item, numbers, loose)}" for key, item in entries)
        return f"{{{inside}}}"
    if isinstance(value, Opaque):
        return f"an object of type {value.type}"
    if hasattr(value, "requires_grad"):
        flags = f" grad={value.requires_grad} leaf={value.is_leaf} {value.device.type}"
        shape, kind = tuple(value.shape), f"tensor {value.dtype}{flags}"
        flat = _flat([] if value.is_meta else value)
    else:
        array = np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None
        shape = array.shape if array is not None else ()
        dtype = f" {array.dtype}" if array is not None else ""
        kind = type(value).__name__ + dtype
        flat = _flat(value)
    numbers += [_rounded(number) for number in flat.tolist()]
    if loose:
        return "number" if flat.size == 1 else f"numbers{shape}"
    return f"{kind} {shape}"


def _flat(value: Any) -> NDArray[np.float64]:
    """Return numbers of any kind as one row of float64; of complex ones, the real parts."""
    if hasattr(value, "requires_grad"):
        value = value.detach()
        value = (value.real if value.is_complex() else value).double().numpy()
    elif isinstance(value, int) and abs(value) > 10**300:
        value = math.inf
    return np.real(np.asarray(value)).astype(np.float64).reshape(-1)


def _rounded(number: float) -> float:
    """Return a number with the digits that are recorded."""
    return float(f"{number:.{_PLACES}g}")


def _some(numbers: list[float]) -> list[float]:
    """Return all of a few numbers; of many, some from the beginning to the end, and their sum."""
    if len(numbers) <= _MAX_NUMBERS:
        return numbers
    places = np.linspace(0, len(numbers) - 1, _MAX_NUMBERS).round().astype(int)
    return [numbers[place] for place in places] + [_rounded(float(np.sum(numbers)))]


@dataclass(frozen=True)
class Transcript:
    """How a misconception behaves, and the words for it.

    Attributes:
        id, sentence, hint, read: as in the catalogue.
        answers: to the requests of the battery, in order.
        fails: ids of the tests that it fails.
        loosely: whether it can be told from the right answer by the loose forms, too.
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
    """A call that a battery makes.

    Attributes:
        payload: the encoded request to a worker.
        timed: whether it measures time.
        error: the type of the error that is the right answer; "" if a value is.
    """

    payload: bytes
    timed: bool = False
    error: str = ""

    def same(self, one: Fingerprint, other: Fingerprint, loosely: bool = False) -> bool:
        """Return whether two answers are alike."""
        if self.error and one.error == other.error == self.error:
            return True
        return one.matches(other, loosely, self.timed)


@dataclass(frozen=True)
class Battery:
    """What tells the misconceptions of a function apart.

    Attributes:
        requests: the calls.
        transcripts: the behaviour of each misconception.
    """

    requests: list[Request]
    transcripts: list[Transcript]

    def same(self, one: list[Fingerprint], other: list[Fingerprint], loosely: bool = False) -> bool:
        """Return whether two rows of answers are alike."""
        rows = zip(self.requests, one, other, strict=True)
        return all(request.same(a, b, loosely) for request, a, b in rows)

    def name(self, answers: list[Fingerprint]) -> Transcript | None:
        """Return the only misconception that gives these answers, if there is just one."""
        found = [one for one in self.transcripts if self.same(one.answers, answers)]
        if not found:
            found = [
                one
                for one in self.transcripts
                if one.loosely and self.same(one.answers, answers, loosely=True)
            ]
        return found[0] if len(found) == 1 else None


@dataclass
class Recorded:
    """What is recorded of a step.

    Attributes:
        made_of: fingerprint of what it was recorded from.
        batteries: by function.
    """

    made_of: str = ""
    batteries: dict[str, Battery] = field(default_factory=dict)

    @classmethod
    def load(cls, course: Course, step: Step) -> Recorded:
        """Read what is recorded of a step; nothing, if there is no file."""
        path = course.root / step.recorded_file
        if not path.is_file():
            return cls()
        data = json.loads(path.read_text("utf-8"))
        return cls(data["made_of"], {f: _battery(entry) for f, entry in data["functions"].items()})

    def text(self) -> str:
        """Return the text of the file; a line for each request and each misconception."""
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
    """Return a JSON list with one value in each line."""
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

    Raises:
        Stop, Crash: the code does not answer all of them.
    """
    call = Call(function)
    return [Fingerprint.of(session.ask(function, call, one)) for one in requests]


class Diagnosis:
    """Names the misconceptions of one submission in one step; asks for each function once.

    Args:
        course: the course.
        session: a session of the step that no test uses, so that no test pays for the battery.
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
        """Return the misconception that a function behaves as, or None."""
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
        """End its worker."""
        self._session.close()
