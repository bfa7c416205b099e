"""A submission: the bytes of a learner's step modules, read once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.verdicts import NotTaken
from grader.submissions.members import Refused, file_member, is_archive, is_of_tools, stem_of
from grader.submissions.module_names import understand

_EXERCISES = "exercises/"
_MENTIONED = 3


@dataclass(frozen=True)
class Submission:
    """What a learner handed in.

    Attributes:
        name: the folder's name, as shown in reports.
        folder: where it was read from, for messages that name a file to open.
        sources: the bytes of each module that is there, by module name such as "step_02_gradient".
        refused: why a module that is there was not taken, by module name.
        paths: where in the folder each module lies.
        home: where a module that is not there would lie, such as "exercises/".
        not_taken: the files that are not judged, each with a reason.
        notes: whatever else a reader of the results should know.
        unreadable: what the system did not let us read, so that nobody knows what was handed in; or "".
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
        """Read the step modules of a folder, a zip or tar file, or one module.

        What is taken, `grader.submissions.search` says. Nothing else is looked at: no configuration, no
        conftest.py, no link, no name that leads elsewhere.

        Args:
            place: the folder or file.
            course: the course.
            meant: the step that a single module is for, if its name does not say so.

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
        """Read a submission that consists of one or several files and folders in one folder.

        Args:
            name: the submission's name.
            places: the files and folders.
            course: the course.
        """
        if len(places) == 1:
            return replace(cls.read(places[0], course), name=name)
        return cls._searched(name, places[0].parent, course, places)

    @classmethod
    def _searched(cls, name: str, folder: Path, course: Course, places: list[Path]) -> Submission:
        from grader.submissions.search import search

        found = search(places, course)
        homes = [path.rpartition("/") for path in found.paths.values()]
        home = homes[0][0] + homes[0][1] if homes else ""
        if not found.paths and os.path.isdir(folder / _EXERCISES):
            home = _EXERCISES
        if folder.is_file():
            # One module has no place in a folder, it is the submission.
            found.paths = {
                m: "" if path == folder.name else path for m, path in found.paths.items()
            }
        return cls(
            name,
            folder,
            found.sources,
            found.refused,
            found.paths,
            home,
            tuple(found.not_taken),
            tuple(found.notes),
            found.unreadable,
        )

    def path_of(self, filename: str) -> str:
        """Return where a learner finds a module, relative to the working folder where that is shorter."""
        inside = self.paths.get(Path(filename).stem, f"{self.home}{filename}")
        place = self.folder / inside if inside else self.folder
        try:
            return place.resolve().relative_to(Path.cwd()).as_posix()
        except ValueError:
            return place.as_posix()

    def absence(self, step: Step) -> str:
        """Return why a module is not there, as sentences for the learner."""
        if reason := self.refused.get(step.module):
            return f"The file {step.filename} was not taken: {reason}."
        if self.unreadable:
            return f"The file {step.filename} was not found, but not all could be read: {self.unreadable}."
        sentence = f"The file {step.filename} is not there, so step {step.id} has not begun."
        alike = [one for one in self.not_taken if one.module == step.module][:_MENTIONED]
        return " ".join((sentence, *(f"But there is {one.name}: {one.reason}." for one in alike)))

    @property
    def sha256(self) -> str:
        """Hexadecimal digest over the names and bytes of all modules."""
        digest = hashlib.sha256()
        for name, source in sorted(self.sources.items()):
            digest.update(f"{name}:{len(source)}:".encode() + source)
        return digest.hexdigest()


def _plain(folder: Path, course: Course) -> dict[str, str]:
    """Return where each module lies in a folder that holds all of them and nothing else of interest, or {}.

    Looking closer takes a hundred times as long.
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
                    elif not is_of_tools(name) and (
                        "step" in name.lower()
                        or is_archive(name)
                        or not entry.is_file(follow_symlinks=False)
                    ):
                        return {}
        except OSError:
            return {}
    return paths if len(paths) == len(modules) else {}


def _read(folder: Path, paths: dict[str, str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the bytes of modules, and why others were refused."""
    sources, refused = {}, {}
    for module, path in paths.items():
        try:
            sources[module] = file_member(folder / path, path).read()
        except Refused as reason:
            refused[module] = str(reason)
    return sources, refused
