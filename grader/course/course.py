"""Reads the course file: the steps in order, with their points and limits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from grader.course.dates import Dates
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
# The version of the course file's own format, which the file may name.
FORMAT = 1


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
        hidden_feedback: how much learners see of a failed hidden test (see `grader.course.verdicts.shown`).
        dates: when submissions are due, and what lateness costs.
    """

    root: Path
    steps: tuple[Step, ...]
    limits: Limits = field(default_factory=Limits)
    seed: str = ""
    hidden_feedback: str = "all"
    dates: Dates = field(default_factory=Dates)

    @classmethod
    def load(cls, root: Path) -> Course:
        """Read the course file of a kit's folder.

        Raises:
            CourseError: the file is missing or invalid.
        """
        table = read_table(root, COURSE_FILE)
        lines = _Lines((root / COURSE_FILE).read_text("utf-8"))
        limits, entries = table.get("limits", {}), table.get("step", [])
        if not isinstance(limits, dict) or not _is_list(entries, dict):
            raise CourseError(f"{COURSE_FILE}: write [limits] once, and [[step]] for each step.")
        _check_top(table, lines)
        seconds = limits.get("seconds", 10)
        steps = tuple(_step(entry, seconds, number, lines) for number, entry in enumerate(entries))
        for number, step in enumerate(steps):
            if step.id in {one.id for one in steps[:number]}:
                where = lines.of("step", "module", number)
                raise CourseError(f"{where}: two steps have the same id, {step.id}.")
        total = sum(step.points for step in steps)
        if total != 100:
            raise CourseError(f"{COURSE_FILE}: the steps are worth {total} points, not 100.")
        return cls(
            root,
            steps,
            _worker_limits(limits, lines),
            table.get("seed", ""),
            table.get("hidden_feedback", "all"),
            _dates(table.get("dates", {}), lines),
        )

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


class _Lines:
    """Finds the line of the course file that a message is about."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def of(self, table: str, key: str, number: int = 0) -> str:
        """Return the file and the line of a key, or of its table if the key is not there.

        Args:
            table: the name of the table; "" for the keys before the first one.
            key: the key.
            number: which of the tables of this name, from 0.
        """
        here, seen, place = "", -1, 0
        for count, line in enumerate(self._lines, 1):
            if head := re.match(r"\s*\[\[?\s*([\w.]+)\s*\]", line):
                here = head[1]
                seen += here == table
                if here == table and seen == number:
                    place = count
            elif (
                here == table
                and (not table or seen == number)
                and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line)
            ):
                place = count
                break
        return f"{COURSE_FILE}: line {place}" if place else COURSE_FILE


def _check_top(table: dict[str, Any], lines: _Lines) -> None:
    """Check the keys outside of the tables."""
    for key, value in table.items():
        where = lines.of("", key)
        if key == "format" and value != FORMAT:
            words = f"this kit reads format {FORMAT}, and the file says {value!r}"
            raise CourseError(f"{where}: {words}: use the kit that the file belongs to.")
        if key == "seed" and not isinstance(value, str):
            raise CourseError(f"{where}: seed must be a string.")
        if key == "hidden_feedback" and value not in FEEDBACK:
            raise CourseError(f"{where}: hidden_feedback must be one of {', '.join(FEEDBACK)}.")
        if key not in ("format", "seed", "hidden_feedback", "limits", "dates", "step"):
            raise CourseError(
                f"{where if where != COURSE_FILE else lines.of(key, '')}: unknown: {key}."
            )


def _worker_limits(table: dict[str, Any], lines: _Lines) -> Limits:
    values = {name: value for name, value in table.items() if name != "seconds"}
    for name, value in values.items():
        if name not in Limits.__dataclass_fields__ or not _is_whole(value):
            where = lines.of("limits", name)
            raise CourseError(f"{where}: limits: {name} is unknown, or not a whole number above 0.")
    return Limits(**values)


_MOMENT = "a date and time with its offset, such as 2026-12-04T23:59:00+01:00"
# For each key of the dates, a check of its value and what a valid value is, in words.
_DATES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "due": (lambda value: _is_moment(value), _MOMENT),
    "grace_minutes": (lambda value: _is_amount(value), "a number, 0 or above"),
    "late_percent_per_day": (lambda value: _is_amount(value, 100), "a number from 0 to 100"),
    "late_percent_at_most": (lambda value: _is_amount(value, 100), "a number from 0 to 100"),
    "late_days": (lambda value: value == 0 or _is_whole(value), "a whole number, 0 or above"),
    "reveal_after": (lambda value: _is_moment(value), _MOMENT),
}


def _dates(table: Any, lines: _Lines) -> Dates:
    if not isinstance(table, dict):
        raise CourseError(f"{lines.of('', 'dates')}: write [dates] once.")
    for key, value in table.items():
        where = lines.of("dates", key)
        if key not in _DATES:
            raise CourseError(f"{where}: dates: unknown: {key}. There are {', '.join(_DATES)}.")
        is_valid, words = _DATES[key]
        if not is_valid(value):
            raise CourseError(f"{where}: dates: {key} must be {words}.")
    if "due" not in table and table.keys() - {"reveal_after"}:
        raise CourseError(f"{lines.of('dates', '')}: dates: there is no due date: write due.")
    return Dates(**table)


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _is_amount(value: Any, most: float = float("inf")) -> bool:
    return type(value) in (int, float) and 0 <= value <= most and value < float("inf")


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


def _step(entry: dict[str, Any], seconds: Any, number: int, lines: _Lines) -> Step:
    name = entry.get("module", "?")
    entry = {"seconds": seconds, "packages": [], **entry}
    for problem, fields in (
        ("missing", _FIELDS.keys() - entry.keys()),
        ("unknown", entry.keys() - _FIELDS.keys()),
    ):
        if fields:
            names = ", ".join(sorted(fields))
            where = lines.of("step", min(fields), number)
            raise CourseError(f"{where}: {name}: {problem}: {names}.")
    for key, (is_valid, words) in _FIELDS.items():
        if not is_valid(entry[key]):
            raise CourseError(f"{lines.of('step', key, number)}: {name}: {key} must be {words}.")
    if not re.fullmatch(r"step_[0-9]{2}_[a-z][a-z0-9_]*", name):
        where = lines.of("step", "module", number)
        raise CourseError(f"{where}: a module must be named step_XX_name, not {name}.")
    return Step(
        id=name.split("_")[1],
        module=name,
        title=entry["title"],
        points=entry["points"],
        seconds=float(entry["seconds"]),
        packages=tuple(entry["packages"]),
    )
