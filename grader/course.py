"""The course: which steps there are, in which order, with which points, limits and hints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COURSE_FILE = "course.toml"


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
            `grader.zygote.GROUPS`).
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


@dataclass(frozen=True)
class Course:
    """All steps, in order, and the folder that holds the kit."""

    root: Path
    steps: tuple[Step, ...]

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
        default = table.get("limits", {}).get("seconds", 10)
        steps = tuple(_step(entry, default) for entry in table.get("step", []))
        total = sum(step.points for step in steps)
        if len({step.id for step in steps}) != len(steps):
            raise CourseError(f"{COURSE_FILE}: two steps have the same id.")
        if total != 100:
            raise CourseError(f"{COURSE_FILE}: the steps are worth {total} points, not 100.")
        return cls(root, steps)

    @cached_property
    def by_id(self) -> dict[str, Step]:
        """The steps by id."""
        return {step.id: step for step in self.steps}

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


def _step(entry: dict[str, Any], seconds: float) -> Step:
    known = {"module", "title", "points", "hints", "seconds", "packages"}
    name = entry.get("module", "?")
    missing = {"module", "title", "points", "hints"} - entry.keys()
    if missing or entry.keys() - known:
        wrong = ", ".join(sorted(missing or entry.keys() - known))
        raise CourseError(f"{COURSE_FILE}: {name}: {'missing' if missing else 'unknown'}: {wrong}.")
    parts = name.split("_")
    if len(parts) < 3 or parts[0] != "step" or not name.isidentifier():
        raise CourseError(f"{COURSE_FILE}: a module is called step_XX_name, not {name}.")
    return Step(
        id=parts[1],
        module=name,
        title=entry["title"],
        points=entry["points"],
        seconds=float(entry.get("seconds", seconds)),
        packages=tuple(entry.get("packages", ())),
        hints=tuple(hint.strip() for hint in entry["hints"]),
    )


def find_root(start: Path | None = None) -> Path:
    """Return the kit's folder: the nearest one above the working folder, or else the one of this package.

    Raises:
        CourseError: there is no kit around.
    """
    start = start or Path.cwd()
    package = Path(__file__).resolve().parent.parent
    for folder in (start, *start.parents, package):
        if (folder / COURSE_FILE).is_file():
            return folder
    raise CourseError(f"No kit here: go to the folder that holds {COURSE_FILE} and try again.")
