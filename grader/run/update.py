"""New stubs for a learner's files: changes are decided first, then the files are copied, then all are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from grader.course.files import keep_copy, write_whole
from grader.run.merge import merge
from grader.run.pieces import Unmergeable

_NOT_PLAIN = "it is a link or no file"


class UpdateError(RuntimeError):
    """Nothing was updated; the message is a sentence."""


@dataclass(frozen=True)
class Exercise:
    """A learner's file and the stubs of the two versions.

    Attributes:
        path: the file.
        old: the stub that it began with; None if there was none, or it is not known.
        new: the stub of the new version; None if the course does not have this step any more.
        mine: what the file holds; None if there is no file.
        problem: why it cannot be read, as a clause, or "".
    """

    path: Path
    old: str | None
    new: str | None
    mine: bytes | None
    problem: str = ""

    @classmethod
    def read(cls, path: Path, old: str | None, new: str | None) -> Exercise:
        """Read a learner's file.

        Args:
            path: the file.
            old: the stub that it began with, if it is known.
            new: the stub of the new version; None if the course does not have this step any more.
        """
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return cls(path, old, new, None, _NOT_PLAIN)
        try:
            return cls(path, old, new, path.read_bytes())
        except FileNotFoundError:
            return cls(path, old, new, None)
        except OSError as error:
            return cls(path, old, new, None, f"it cannot be read ({error.strerror})")


@dataclass
class Plan:
    """What an update does.

    Attributes:
        writes: the new content of each file that changes.
        changed: names of the files that changes come to.
        alone: names of the files that are left alone, though their stubs changed.
        said: sentences on what was done.
        copies: of the files that changed, as they were before.
    """

    writes: dict[Exercise, bytes] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    copies: list[Path] = field(default_factory=list)


def plan(exercises: Iterable[Exercise]) -> Plan:
    """Decide what becomes of each file; nothing is written yet."""
    made = Plan()
    for one in exercises:
        try:
            _decide(one, made)
        except Unmergeable as reason:
            made.alone.append(one.path.name)
            made.said.append(f"{one.path.name} was not touched, though its stub changed: {reason}.")
    return made


def _decide(one: Exercise, made: Plan) -> None:
    name = one.path.name
    if one.new is None:
        made.said.append(f"{name} is no part of the course any more; your file stays.")
        return
    if one.old == one.new and one.mine is not None:
        return
    if one.problem:
        raise Unmergeable(one.problem)
    new = one.new.encode()
    if one.mine is None:
        made.writes[one] = new
        made.changed.append(name)
        made.said.append(f"{name} is new.")
        return
    if one.mine.replace(b"\r\n", b"\n") == new:
        return
    if one.old is None:
        raise Unmergeable("it is not known from which stub it was made")
    merged = merge(one.old, one.new, one.mine)
    if merged.source != one.mine:
        made.writes[one] = merged.source
        made.changed.append(name)
        made.said.append(f"{name} has changed: {', '.join(merged.taken)}.")
    if merged.kept:
        words = ", ".join(merged.kept)
        made.said.append(f"{name}: your own version stays, though the stub changed: {words}.")


class Rewriting:
    """Files that change together: if anything fails before all is done, each one gets back what it held."""

    def __init__(self) -> None:
        self._before: dict[Path, bytes | None] = {}

    def __enter__(self) -> Self:
        return self

    def begin(self, exercise: Exercise, content: bytes | None) -> None:
        """Change a file for the first time; None removes it.

        Raises:
            UpdateError: it does not hold any more what was read.
        """
        if Exercise.read(exercise.path, None, None).mine != exercise.mine:
            raise UpdateError(f"{exercise.path.name} was changed in the meantime. Try again.")
        self._before[exercise.path] = exercise.mine
        self.write(exercise.path, content)

    def write(self, path: Path, content: bytes | None) -> None:
        """Change a file once more."""
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            for path, content in self._before.items():
                with contextlib.suppress(OSError):
                    self.write(path, content)


def keep_copies(exercises: Iterable[Exercise], backup: Path) -> list[Path]:
    """Copy what some files hold into a folder; return the copies.

    Raises:
        OSError: this is not possible.
    """
    return [keep_copy(one.path, one.mine, backup) for one in exercises if one.mine is not None]


def steps_of(names: Iterable[str]) -> str:
    """Return the ids of the steps of some modules, and the names of those that are no steps, in words."""
    names = set(names)
    steps = {name for name in names if name.startswith("step_")}
    ids = sorted({name.removeprefix("step_")[:2] for name in steps})
    words = [f"{'step' if len(ids) == 1 else 'steps'} {', '.join(ids)}"] if ids else []
    return " and ".join((*words, *sorted(names - steps))) or "no step"
