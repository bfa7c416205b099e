"""Verdicts: the record that goes from a test to the gradebook, and the points that follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Any

from grader.course.course import Course, Step

SCHEMA = 1
_DIGITS = 6
# How the messages of `grader.judge.feedback` about a file begin, if none of its functions could be called.
_UNREADABLE = re.compile(
    r"Python cannot read line \d+ of (\S+): |The file \S+ is not (?:saved as UTF-8 text|a Python module): "
)
_UNUSABLE = re.compile(
    r"Python could not import |Importing \S+ did not finish |While importing |The file \S+ is empty\. "
)

# How those messages begin that name something else to write than the function under test.
_NEEDED = re.compile(r"`[\w.]+` needs `([\w.]+)`, which is not written yet: ")
_METHOD = re.compile(r"`(\w+\.\w+)` is not written yet: ")


@dataclass(frozen=True)
class NotTaken:
    """A file that was handed in but is not judged.

    Attributes:
        name: its path below the folder or archive that was handed in, or its name in the folder of a class.
        reason: why it is not judged, as a clause.
        module: the module that it may be meant for, or "".
    """

    name: str
    reason: str
    module: str = ""


@dataclass(frozen=True)
class Graded:
    """How the grading of one submission went.

    Attributes:
        name: the submission's name, and that of its folder in the output.
        seconds: wall time of the grading.
        problem: why there is no result, or why it is not final; or "".
        marked: whether there is a result.
    """

    name: str
    seconds: float
    problem: str = ""
    marked: bool = True


class Status(StrEnum):
    """How a test ended; a step as a whole has one of the first four."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_STARTED = "not_started"
    ERROR = "error"
    """The kit itself failed."""
    TIMEOUT = "timeout"
    CRASHED = "crashed"


@dataclass(frozen=True)
class TestVerdict:
    """What one test says about one function.

    Attributes:
        id: test file and name, such as "test_step_03::test_mse_by_hand".
        step: id of the step.
        function: the function or class that is judged.
        title: what the test shows.
        visibility: "visible" or "hidden".
        status: how the test ended.
        weight: share in the points of the step, relative to its other tests.
        message: sentences for the learner.
        misconception: id of the misconception that was diagnosed, or None.
        counterexample: the inputs of the call that failed, as text by name, or None.
        words: the explanation of the mistake, with which the message ends; or "".
    """

    __test__ = False

    id: str
    step: str
    function: str
    title: str
    visibility: str
    status: Status
    weight: int
    message: str
    misconception: str | None = None
    counterexample: dict[str, str] | None = None
    words: str = ""

    @classmethod
    def of(cls, plain: dict[str, Any]) -> TestVerdict:
        """Return the verdict whose plain data this is.

        Raises:
            TypeError, ValueError, KeyError: it is not the plain data of a verdict.
        """
        return cls(**{**plain, "status": Status(plain["status"])})

    @property
    def plain(self) -> dict[str, Any]:
        """The verdict as plain data, for caches, pytest's reports and replies of forked judges."""
        return {**vars(self), "status": self.status.value}

    @property
    def unwritten(self) -> str:
        """What to write first: this function, one that it needs, or a method such as "SGD.step".

        The message says it (see `feedback.not_written`). As long as a class has no `__init__`, nothing is known of
        its other methods, so the class as a whole is to be written.
        """
        match = _NEEDED.match(self.message) or _METHOD.match(self.message)
        return match[1].removesuffix(".__init__") if match else self.function


def told(verdict: TestVerdict, misconception: str | None, words: str) -> TestVerdict:
    """Return a verdict with the misconception that was diagnosed.

    Args:
        verdict: the verdict on a test.
        misconception: id of the misconception, or None.
        words: the explanation of this misconception, or of another mistake; or "".
    """
    message = f"{verdict.message}\n{words}" if words else verdict.message
    return replace(verdict, message=message, misconception=misconception, words=words)


def shown(verdict: TestVerdict, feedback: str) -> TestVerdict:
    """Return a verdict as the learner sees it.

    Args:
        verdict: the verdict on a test.
        feedback: how much to show of a hidden test that failed: "all"; "mistake" for the diagnosed misconception
            without any inputs and values; or "title".
    """
    if (
        verdict.visibility != "hidden"
        or feedback == "all"
        or verdict.status not in (Status.FAILED, Status.TIMEOUT, Status.CRASHED)
    ):
        return verdict
    less = replace(verdict, message="A hidden test failed.", counterexample=None, words="")
    if feedback == "title":
        return replace(less, misconception=None)
    return told(less, verdict.misconception, verdict.words)


@dataclass(frozen=True)
class StepVerdict:
    """The verdicts on all tests of a step.

    Attributes:
        step: the step.
        tests: the verdicts, in the order of the test file.
    """

    step: Step
    tests: tuple[TestVerdict, ...]

    @property
    def status(self) -> Status:
        """PASSED, FAILED, NOT_STARTED or ERROR; a step without tests is an error."""
        statuses = {test.status for test in self.tests}
        if not statuses or Status.ERROR in statuses:
            return Status.ERROR
        if statuses in ({Status.PASSED}, {Status.NOT_STARTED}):
            return statuses.pop()
        return Status.FAILED

    @property
    def file_problem(self) -> str:
        """Why no test could begin, as a clause without a subject; "" if the file of the step could be loaded.

        Such verdicts say nothing about a function: all tests fail, with the same message.
        """
        if self.status != Status.FAILED:
            return ""
        for words, pattern in (("cannot be read", _UNREADABLE), ("cannot be run", _UNUSABLE)):
            if all(pattern.match(test.message) for test in self.tests):
                return words
        return ""

    @property
    def file(self) -> str:
        """The file to open: that of the step, or of a module that it imports and Python cannot read."""
        match = _UNREADABLE.match(self.tests[0].message) if self.file_problem else None
        return (match and match[1]) or self.step.filename

    @property
    def wrong(self) -> dict[str, list[TestVerdict]]:
        """The verdicts by function, of those functions and classes that are to be mended.

        The first test that a function does not pass decides, because tests are in the order of the lesson. If
        that one needs something that is not written yet, such as a method, this is to be written first, although
        a later test may fail for another reason.
        """
        return {name: tests for name, tests in self.by_function.items() if _is_wrong(tests)}

    @property
    def unwritten(self) -> dict[str, list[str]]:
        """What is to be written, by the function whose tests need it: itself, its methods, or others."""
        found = {
            name: [test.unwritten for test in tests if test.status == Status.NOT_STARTED]
            for name, tests in self.by_function.items()
            if not _is_wrong(tests)
        }
        return {name: list(dict.fromkeys(names)) for name, names in found.items() if names}

    @property
    def to_write(self) -> list[str]:
        """All functions, classes and methods that are not written yet, in the order of the lesson."""
        found: list[str] = []
        for function, names in self.unwritten.items():
            found += names
            # If nothing at all is written, then neither is a function that was only seen to need another one.
            if self.status == Status.NOT_STARTED and all(
                class_of(name) != function for name in names
            ):
                found.append(function)
        return list(dict.fromkeys(found))

    @property
    def is_right_so_far(self) -> bool:
        """Whether all that is written is right, and something is missing."""
        return {test.status for test in self.tests} == {Status.PASSED, Status.NOT_STARTED}

    @property
    def share(self) -> Fraction:
        """The share of the step's points that was reached, from 0 to 1."""
        reached = sum(test.weight for test in self.tests if test.status == Status.PASSED)
        return Fraction(reached, self.weight) if self.weight else Fraction(0)

    @cached_property
    def weight(self) -> int:
        """The sum of the weights of all tests."""
        return sum(test.weight for test in self.tests)

    def points_of(self, test: TestVerdict) -> Fraction:
        """Return how many of the step's points one of its tests is worth."""
        return Fraction(self.step.points * test.weight, self.weight)

    @property
    def to_do(self) -> str:
        """The function or class to write or fix first; "" if all tests pass."""
        for test in self.tests:
            if test.status != Status.PASSED:
                # What it needs may be a method, or a helper that no test names.
                name = class_of(test.unwritten)
                return name if name in self.by_function else test.function
        return ""

    @property
    def by_function(self) -> dict[str, list[TestVerdict]]:
        """The verdicts by function, in the order of the lesson."""
        result: dict[str, list[TestVerdict]] = {}
        for test in self.tests:
            result.setdefault(test.function, []).append(test)
        return result


def _is_wrong(tests: Iterable[TestVerdict]) -> bool:
    statuses = [test.status for test in tests if test.status != Status.PASSED]
    return Status.ERROR in statuses or (bool(statuses) and statuses[0] != Status.NOT_STARTED)


def class_of(name: str) -> str:
    """Return the class that a method belongs to, or the name itself."""
    return name.partition(".")[0]


def collect(course: Course, tests: Iterable[TestVerdict]) -> list[StepVerdict]:
    """Group verdicts by step, in the order of the course; steps without a verdict are left out."""
    by_step: dict[str, list[TestVerdict]] = {}
    for test in tests:
        by_step.setdefault(test.step, []).append(test)
    return [StepVerdict(s, tuple(by_step[s.id])) for s in course.steps if s.id in by_step]


def results(
    name: str,
    sha256: str,
    steps: list[StepVerdict],
    not_taken: Iterable[NotTaken] = (),
    notes: Iterable[str] = (),
    versions: dict[str, str] | None = None,
    late: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of a submission's `results.json`, which depends on nothing but the arguments.

    Args:
        name: the submission's name.
        sha256: digest of the submission's modules, in hexadecimal.
        steps: the verdicts.
        not_taken: the files that were handed in but are not judged.
        notes: whatever else a reader of the results should know, as clauses.
        versions: of what the verdicts depend on (see `grader.run.stamps`).
        late: how late it was, with the points that this costs as "penalty"; None if there is no due date.
    """
    reached, most = points(steps)
    penalty = late["penalty"] if late else 0
    return {
        "schema": SCHEMA,
        "submission": name,
        "sha256": sha256,
        "score": round(max(0.0, reached - penalty), _DIGITS),
        "max_score": most,
        "late": late,
        "versions": versions or {},
        "not_taken": [{"name": file.name, "reason": file.reason} for file in not_taken],
        "notes": list(notes),
        "steps": [_step(step) for step in steps],
    }


def points(steps: Iterable[StepVerdict]) -> tuple[float, float]:
    """Return the points that were reached in steps, and what they are worth, both rounded as everywhere."""
    steps = list(steps)
    reached = sum((step.share * step.step.points for step in steps), Fraction(0))
    return _number(reached), _number(Fraction(sum(step.step.points for step in steps)))


def _step(verdict: StepVerdict) -> dict[str, Any]:
    step = verdict.step
    return {
        "id": step.id,
        "title": step.title,
        "status": verdict.status,
        "score": _number(verdict.share * step.points),
        "max_score": _number(Fraction(step.points)),
        "tests": [_test(verdict, test) for test in verdict.tests],
    }


def _test(verdict: StepVerdict, test: TestVerdict) -> dict[str, Any]:
    worth = _number(verdict.points_of(test))
    return {
        "id": test.id,
        "function": test.function,
        "title": test.title,
        "visibility": test.visibility,
        "status": test.status,
        "score": worth if test.status == Status.PASSED else 0.0,
        "max_score": worth,
        "message": test.message,
        "misconception": test.misconception,
        "counterexample": test.counterexample,
    }


def _number(value: Fraction) -> float:
    return round(float(value), _DIGITS)
