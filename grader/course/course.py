"""Reads the course file: the steps in order, with their points and limits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from grader.course.limits import Limits
from grader.course.paths import (
    AFTER,
    BEHAVIOUR,
    COURSE_FILE,
    HIDDEN_TESTS,
    HINTS,
    QUIZ,
    SOLUTIONS,
    VISIBLE_TESTS,
)

FEEDBACK = ("all", "mistake", "title")


class CourseError(ValueError):
    """The course file is missing or invalid, or a step does not exist; the message is a sentence."""


def read_table(root: Path, file: str) -> dict[str, Any]:
    """Return the content of a TOML file of a kit.

    Args:
        root: the kit's folder.
        file: path of the file, relative to it.

    Raises:
        CourseError: the file is missing or is no TOML.
    """
    try:
        return tomllib.loads((root / file).read_text("utf-8"))
    except FileNotFoundError:
        raise CourseError(f"There is no {file} in {root}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{file} cannot be read: {error}") from None


@dataclass(frozen=True)
class Step:
    """One step of the course.

    Attributes:
        id: two digits, such as "03".
        module: name of the module, such as "step_03_gradient".
        title: the title that learners see.
        points: what the whole step is worth.
        seconds: how long the learner's code may run in all tests of one function together.
        packages: package groups that are loaded before a worker starts (see `grader.worker.preload.GROUPS`).
    """

    id: str
    module: str
    title: str
    points: int
    seconds: float
    packages: tuple[str, ...]

    @property
    def filename(self) -> str:
        """File name of the module."""
        return f"{self.module}.py"

    @property
    def test_file(self) -> str:
        """File name of the step's tests, visible and hidden ones alike."""
        return f"test_step_{self.id}.py"

    @property
    def solution(self) -> str:
        """Path of the solution, relative to the kit's folder, as are the next ones."""
        return f"{SOLUTIONS}/{self.filename}"

    @property
    def visible_tests(self) -> str:
        """Path of the visible tests."""
        return f"{VISIBLE_TESTS}/{self.test_file}"

    @property
    def hidden_tests(self) -> str:
        """Path of the hidden tests."""
        return f"{HIDDEN_TESTS}/{self.test_file}"

    @property
    def recorded_file(self) -> str:
        """Path of the recorded behaviour of the step's misconceptions."""
        return f"{BEHAVIOUR}/step_{self.id}.json"

    @property
    def quiz_file(self) -> str:
        """Path of the questions, which a step may do without."""
        return f"{QUIZ}/step_{self.id}.toml"

    @property
    def hints_file(self) -> str:
        """Path of the hints for the step's functions."""
        return f"{HINTS}/step_{self.id}.toml"

    @property
    def after_file(self) -> str:
        """Path of the step's idea and of its task for those who want more."""
        return f"{AFTER}/step_{self.id}.toml"


@dataclass(frozen=True)
class Course:
    """The content of the course file, and the folder of the kit that it belongs to.

    Attributes:
        root: the kit's folder, which is only read (see `grader.course.places`).
        steps: the steps, in order.
        limits: what one worker may use.
        seed: the seed that property examples are drawn from; a teacher may keep it secret.
        hidden_feedback: how much learners see of a failed hidden test (see `grader.course.verdicts.told`).
    """

    root: Path
    steps: tuple[Step, ...]
    limits: Limits = field(default_factory=Limits)
    seed: str = ""
    hidden_feedback: str = "all"

    @classmethod
    def load(cls, root: Path) -> Course:
        """Read the course file of a kit's folder.

        Raises:
            CourseError: the file is missing or invalid.
        """
        table = read_table(root, COURSE_FILE)
        limits, entries = table.get("limits", {}), table.get("step", [])
        if not isinstance(limits, dict) or not _is_list(entries, dict):
            raise CourseError(f"{COURSE_FILE}: write [limits] once, and [[step]] for each step.")
        steps = tuple(_step(entry, limits.get("seconds", 10)) for entry in entries)
        total = sum(step.points for step in steps)
        if len({step.id for step in steps}) != len(steps):
            raise CourseError(f"{COURSE_FILE}: two steps have the same id.")
        if total != 100:
            raise CourseError(f"{COURSE_FILE}: the steps are worth {total} points, not 100.")
        seed = table.get("seed", "")
        if not isinstance(seed, str):
            raise CourseError(f"{COURSE_FILE}: seed must be a string.")
        feedback = table.get("hidden_feedback", "all")
        if feedback not in FEEDBACK:
            raise CourseError(
                f"{COURSE_FILE}: hidden_feedback must be one of {', '.join(FEEDBACK)}."
            )
        return cls(root, steps, _worker_limits(limits), seed, feedback)

    @cached_property
    def by_id(self) -> dict[str, Step]:
        """The steps by id."""
        return {step.id: step for step in self.steps}

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The names of all modules, such as "step_03_gradient"."""
        return tuple(step.module for step in self.steps)

    def find(self, name: str) -> Step:
        """Return the step that a learner means by "6", "06", "step_06" or "step_06_autograd.py".

        Raises:
            CourseError: there is no such step.
        """
        wanted = Path(name).stem.lower()
        for step in self.steps:
            if wanted in (
                step.id,
                step.id.lstrip("0") or "0",
                f"step_{step.id}",
                step.module.lower(),
            ):
                return step
        known = f"{self.steps[0].id} to {self.steps[-1].id}" if self.steps else "none"
        raise CourseError(f'There is no step "{name}": the steps are {known}.')


def _worker_limits(table: dict[str, Any]) -> Limits:
    values = {name: value for name, value in table.items() if name != "seconds"}
    for name, value in values.items():
        if name not in Limits.__dataclass_fields__ or not _is_whole(value):
            raise CourseError(
                f"{COURSE_FILE}: limits: {name} is unknown, or not a whole number above 0."
            )
    return Limits(**values)


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, of) for item in value)


def _is_whole(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < float("inf")


# For each field of a step, a check of its value and what a valid value is, in words.
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "module": (lambda value: isinstance(value, str), "a string"),
    "title": (lambda value: isinstance(value, str), "a string"),
    "points": (_is_whole, "a whole number above 0"),
    "seconds": (_is_time, "a number above 0"),
    "packages": (lambda value: _is_list(value, str), "a list of strings"),
}


def _step(entry: dict[str, Any], seconds: Any) -> Step:
    name = entry.get("module", "?")
    entry = {"seconds": seconds, "packages": [], **entry}
    for problem, fields in (
        ("missing", _FIELDS.keys() - entry.keys()),
        ("unknown", entry.keys() - _FIELDS.keys()),
    ):
        if fields:
            names = ", ".join(sorted(fields))
            raise CourseError(f"{COURSE_FILE}: {name}: {problem}: {names}.")
    for key, (is_valid, words) in _FIELDS.items():
        if not is_valid(entry[key]):
            raise CourseError(f"{COURSE_FILE}: {name}: {key} must be {words}.")
    if not re.fullmatch(r"step_[0-9]{2}_[a-z][a-z0-9_]*", name):
        raise CourseError(f"{COURSE_FILE}: a module must be named step_XX_name, not {name}.")
    return Step(
        id=name.split("_")[1],
        module=name,
        title=entry["title"],
        points=entry["points"],
        seconds=float(entry["seconds"]),
        packages=tuple(entry["packages"]),
    )
