"""A submission: the bytes of a learner's step modules, read once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.verdicts import NotTaken
from grader.submissions.members import Refused, file_member, is_archive, is_tool_folder, stem_of
from grader.submissions.module_names import understand

_EXERCISES = "exercises/"
_MAX_MENTIONED = 3


@dataclass(frozen=True)
class Submission:
    """The work that a learner handed in.

    Attributes:
        name: the name that reports show.
        folder: the folder or file that it was read from, for messages that name a file to open.
        sources: the bytes of each module, by module name such as "step_03_gradient".
        refused: why the files for a module were not taken, by module name.
        paths: the path of each module below `folder`, by module name.
        home: the folder below `folder` where a missing module belongs, such as "exercises/".
        not_taken: the files that are not judged, each with a reason.
        notes: whatever else a reader of the results should know, as clauses.
        unreadable: what could not be read, so that it is unknown what was handed in; or "".
    """

    name: str
    folder: Path
    sources: dict[str, bytes]
    refused: dict[str, str]
    paths: dict[str, str] = field(default_factory=dict)
    home: str = ""
    not_taken: tuple[NotTaken, ...] = ()
    notes: tuple[str, ...] = ()
    unreadable: str = ""

    @classmethod
    def read(cls, place: Path, course: Course, meant: Step | None = None) -> Submission:
        """Read the step modules of a folder, a zip or tar file, or a single module.

        `grader.submissions.search` decides which files are taken. Nothing else is read: no configuration, no
        conftest.py, nothing behind links or paths that lead elsewhere.

        Args:
            place: the folder or file.
            course: the course.
            meant: the step that a single module is for, if its name does not tell.

        Raises:
            FileNotFoundError: there is no such folder or file.
        """
        if place.is_dir():
            name = place.resolve().name
            plain = _plain(place, course)
            sources, refused = _read(place, plain)
            if plain and not refused:
                return cls(name, place, sources, {}, plain)
            return cls._searched(name, place, course, [place])
        if not place.exists():
            raise FileNotFoundError(f"there is no folder or file {place}")
        if place.suffix.lower() == ".py" and meant and not understand(place.name, course).module:
            paths = {meant.module: ""}
            return cls(place.stem, place, *_read(place, paths), paths=paths)
        return cls._searched(stem_of(place.name), place, course, [place])

    @classmethod
    def gather(cls, name: str, places: list[Path], course: Course) -> Submission:
        """Read a submission that consists of one or more files and folders, all in the same folder.

        Args:
            name: the submission's name.
            places: the files and folders.
            course: the course.

        Raises:
            FileNotFoundError: there is only one file or folder, and it does not exist.
        """
        if len(places) == 1:
            return replace(cls.read(places[0], course), name=name)
        return cls._searched(name, places[0].parent, course, places)

    @classmethod
    def _searched(cls, name: str, folder: Path, course: Course, places: list[Path]) -> Submission:
        from grader.submissions.search import search

        result = search(places, course)
        homes = [path.rpartition("/") for path in result.paths.values()]
        home = homes[0][0] + homes[0][1] if homes else ""
        if not result.paths and os.path.isdir(folder / _EXERCISES):
            home = _EXERCISES
        if folder.is_file():
            # A single module is the submission itself and has no path below it.
            result.paths = {
                module: "" if path == folder.name else path for module, path in result.paths.items()
            }
        return cls(
            name,
            folder,
            result.sources,
            result.refused,
            result.paths,
            home,
            tuple(result.not_taken),
            tuple(result.notes),
            result.unreadable,
        )

    def path_of(self, filename: str) -> str:
        """Return the path at which a learner finds a module, relative to the working folder if it lies inside."""
        inside = self.paths.get(Path(filename).stem, f"{self.home}{filename}")
        place = self.folder / inside if inside else self.folder
        try:
            return place.resolve().relative_to(Path.cwd()).as_posix()
        except ValueError:
            return place.as_posix()

    def absence(self, step: Step) -> str:
        """Return why there is no module for a step, as sentences for the learner."""
        if reason := self.refused.get(step.module):
            return f"The file {step.filename} was not taken: {reason}."
        if self.unreadable:
            return (
                f"The file {step.filename} was not found, but not everything could be read: "
                f"{self.unreadable}."
            )
        sentence = f"The file {step.filename} is missing, so step {step.id} counts as not started."
        alike = [file for file in self.not_taken if file.module == step.module][:_MAX_MENTIONED]
        others = (f"But there is {file.name}: {file.reason}." for file in alike)
        return " ".join((sentence, *others))

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal digest of the names and bytes of all modules."""
        digest = hashlib.sha256()
        for name, source in sorted(self.sources.items()):
            digest.update(f"{name}:{len(source)}:".encode() + source)
        return digest.hexdigest()


def _plain(folder: Path, course: Course) -> dict[str, str]:
    """Return the path of each module if a folder holds all of them and nothing that needs a search, else {}.

    A search takes a hundred times as long.
    """
    modules = {step.filename: step.module for step in course.steps}
    paths: dict[str, str] = {}
    waiting = [""]
    for prefix in waiting:
        try:
            with os.scandir(os.path.join(folder, prefix)) as entries:
                for entry in entries:
                    name = entry.name
                    if (
                        name in modules
                        and modules[name] not in paths
                        and entry.is_file(follow_symlinks=False)
                    ):
                        paths[modules[name]] = prefix + name
                    elif (
                        name + "/" == _EXERCISES
                        and not prefix
                        and entry.is_dir(follow_symlinks=False)
                    ):
                        waiting.append(_EXERCISES)
                    elif not is_tool_folder(name) and (
                        "step" in name.lower()
                        or is_archive(name)
                        or not entry.is_file(follow_symlinks=False)
                    ):
                        return {}
        except OSError:
            return {}
    return paths if len(paths) == len(modules) else {}


def _read(folder: Path, paths: dict[str, str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the bytes of the modules that can be read, and why the others are refused; both by module name."""
    sources, refused = {}, {}
    for module, path in paths.items():
        try:
            sources[module] = file_member(folder / path, path).read()
        except Refused as reason:
            refused[module] = str(reason)
    return sources, refused
