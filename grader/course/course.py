"""The course: which steps there are, in which order, with which points, limits and hints."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from grader.course.limits import Limits

COURSE_FILE = "course.toml"
FEEDBACK = ("all", "mistake", "title")


class CourseError(ValueError):
    """The course file is missing or says something that makes no sense; the message says what."""


@dataclass(frozen=True)
class Step:
    """One step of the course.

    Attributes:
        id: two digits, such as "02".
        module: name of the module, such as "step_02_gradient".
        title: what learners see.
        points: what the whole step is worth.
        seconds: how long the learner's code may run for all tests of one function together.
        packages: package groups that its workers have loaded beforehand (see
            `grader.worker.preload.GROUPS`).
        hints: from a nudge to nearly there.
    """

    id: str
    module: str
    title: str
    points: int
    seconds: float
    packages: tuple[str, ...]
    hints: tuple[str, ...]

    @property
    def filename(self) -> str:
        """File name of the module."""
        return f"{self.module}.py"

    @property
    def test_file(self) -> str:
        """File name of its tests, visible and hidden ones alike."""
        return f"test_step_{self.id}.py"

    @property
    def recorded_file(self) -> str:
        """Path of what is recorded of its misconceptions, relative to the kit's folder."""
        return f"grader/content/behaviour/step_{self.id}.json"


@dataclass(frozen=True)
class Course:
    """All steps, in order, and the folder that holds the kit.

    Attributes:
        root: the kit's folder, which is only read (see `grader.course.places`).
        steps: the steps.
        limits: what one worker may use.
        seed: what the examples of properties are drawn from; a teacher may keep one secret.
        hidden_feedback: how much of a failed hidden test is shown (see `grader.course.verdicts.told`).
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
            CourseError: it is missing, or not as it should be.
        """
        path = root / COURSE_FILE
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise CourseError(f"There is no {COURSE_FILE} in {root}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CourseError(f"{COURSE_FILE} cannot be read: {error}") from None
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
            raise CourseError(f"{COURSE_FILE}: seed must be a text.")
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
        """The names of all modules, such as "step_02_gradient"."""
        return tuple(step.module for step in self.steps)

    def find(self, name: str) -> Step:
        """Return the step that a learner means by "5", "05", "step_05" or "step_05_autograd.py".

        Raises:
            CourseError: there is none.
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
                f"{COURSE_FILE}: limits: {name} is unknown, or no whole number above 0."
            )
    return Limits(**values)


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, of) for item in value)


def _is_whole(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < float("inf")


# What each field of a step must be: a test, and the words for it.
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "module": (lambda value: isinstance(value, str), "a text"),
    "title": (lambda value: isinstance(value, str), "a text"),
    "points": (_is_whole, "a whole number above 0"),
    "hints": (lambda value: _is_list(value, str) and value, "a list of at least one text"),
    "seconds": (_is_time, "a number above 0"),
    "packages": (lambda value: _is_list(value, str), "a list of texts"),
}


def _step(entry: dict[str, Any], seconds: Any) -> Step:
    name = entry.get("module", "?")
    entry = {"seconds": seconds, "packages": [], **entry}
    for problem, fields in (
        ("missing", _FIELDS.keys() - entry.keys()),
        ("unknown", entry.keys() - _FIELDS.keys()),
    ):
        if fields:
            wrong = ", ".join(sorted(fields))
            raise CourseError(f"{COURSE_FILE}: {name}: {problem}: {wrong}.")
    for part, (holds, words) in _FIELDS.items():
        if not holds(entry[part]):
            raise CourseError(f"{COURSE_FILE}: {name}: {part} must be {words}.")
    if not re.fullmatch(r"step_[0-9]{2}_[a-z][a-z0-9_]*", name):
        raise CourseError(f"{COURSE_FILE}: a module is called step_XX_name, not {name}.")
    return Step(
        id=name.split("_")[1],
        module=name,
        title=entry["title"],
        points=entry["points"],
        seconds=float(entry["seconds"]),
        packages=tuple(entry["packages"]),
        hints=tuple(hint.strip() for hint in entry["hints"]),
    )
