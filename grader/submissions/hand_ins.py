"""A class: which entries of its folder are submissions, and why the others are not.

A submission is a folder, a zip or tar file, or all loose files of one learner, as platforms name them. Every other
entry is left out with a reason. What this kit itself wrote is recognised, so that results are never taken for a
submission.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import COURSE_FILE, Course
from grader.course.verdicts import RESULTS, NotTaken
from grader.submissions.members import is_archive, is_of_tools, stem_of
from grader.submissions.module_names import platform_age, platform_learner, understand
from grader.submissions.search import reason_for
from grader.submissions.submission import Submission

TIMINGS = "timings.json"
PROBLEM = "problem.txt"
_RESULT_FILES = {RESULTS, f"{RESULTS}.new", PROBLEM, TIMINGS}
# What systems put into every folder.
_OF_SYSTEMS = re.compile(r"\.DS_Store|\._.*|\.git.*|Thumbs\.db|desktop\.ini", re.IGNORECASE)
_TYPED = re.compile(r".*_assignsubmission_onlinetext_?", re.IGNORECASE)


class ClassError(ValueError):
    """A folder that is no class, or a place where its results cannot go; the message is a sentence."""


@dataclass(frozen=True)
class HandIn:
    """What one learner handed in.

    Attributes:
        name: the learner, or the name of the folder or file.
        places: the folder, or the files.
    """

    name: str
    places: tuple[Path, ...]

    def read(self, course: Course) -> Submission:
        """Read the step modules."""
        return Submission.gather(self.name, list(self.places), course)


@dataclass(frozen=True)
class Class:
    """A class.

    Attributes:
        hand_ins: what is graded, in order of the names.
        left_out: what is not, with reasons.
    """

    hand_ins: list[HandIn]
    left_out: list[NotTaken]


def read_class(folder: Path, course: Course) -> Class:
    """Find the submissions in the folder of a class.

    Raises:
        ClassError: it is no folder of a class, or cannot be read.
    """
    if not os.path.lexists(folder):
        raise ClassError(f"there is no folder {folder}")
    if os.path.isfile(folder):
        raise ClassError(f"{folder} is no folder; unpack it first, if it holds a class")
    if os.path.isfile(folder / COURSE_FILE) and os.path.isdir(folder / "exercises"):
        raise ClassError(f"{folder} is the folder of a kit, not of a class")
    try:
        # Absolute: judges work in the kit's folder.
        places = sorted(folder.absolute().iterdir(), key=lambda place: os.fsencode(place.name))
    except OSError as error:
        raise ClassError(f"{folder} cannot be read ({error.strerror})") from None
    groups: dict[str, list[Path]] = {}
    left_out = []
    for place in places:
        if _OF_SYSTEMS.fullmatch(place.name):
            continue
        learner, reason = _learner(place, course)
        if reason:
            left_out.append(NotTaken(place.name, reason))
        else:
            groups.setdefault(learner, []).append(place)
    for learner, files in groups.items():
        groups[learner], older = _without_older(files)
        left_out += older
    hand_ins = [HandIn(_name(learner, files), tuple(files)) for learner, files in groups.items()]
    hand_ins.sort(key=lambda one: os.fsencode(one.places[0].name))
    return Class(hand_ins, left_out)


def check_output(folder: Path, out: Path, names: list[str]) -> None:
    """Make the folder for results, and see whether it can hold them.

    Args:
        folder: the folder of the class.
        out: the folder for results.
        names: of the folders in it.

    Raises:
        ClassError: results would lie among the submissions, or cannot be written.
    """
    hand_ins = folder.resolve()
    place = out.resolve()
    if any(_is_same(one, hand_ins) for one in (place, *place.parents)):
        raise ClassError(
            f"the results would lie among the submissions in {folder}; choose another folder for OUT"
        )
    for name in names:
        if any(_is_same(place / name, one) for one in (hand_ins, *hand_ins.parents)):
            raise ClassError(
                f"the results of {name} would lie in the folder of the class; choose another one for OUT"
            )
    try:
        out.mkdir(parents=True, exist_ok=True)
        trial = out / f".{TIMINGS}.trial"
        trial.write_bytes(bytes(1 << 16))
        trial.unlink()
    except OSError as error:
        raise ClassError(f"results cannot be written to {out} ({error.strerror})") from None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other


def _learner(place: Path, course: Course) -> tuple[str, str]:
    """Return what the entries of one learner have in common, and "", or why an entry is no submission."""
    name = place.name
    if place.is_symlink():
        return "", "it is a link, and links are not followed"
    if place.is_dir():
        if is_of_tools(name):
            return "", "a folder of this name is made by tools, not by learners"
        if _TYPED.fullmatch(name):
            return "", "it holds a text that was typed into a form"
        return (name, "") if not _is_results(place) else ("", "it holds results of a grading")
    if name.startswith("."):
        return "", "its name begins with a dot"
    if not place.is_file():
        return "", "it is not a regular file"
    if is_archive(name):
        return platform_learner(name) or name, ""
    found = understand(name, course)
    if found.module and found.learner:
        return found.learner, ""
    if found.module:
        return "", "it does not say whose it is; put it into a folder with the learner's name"
    if name in _RESULT_FILES:
        return "", "it is a result of a grading"
    return "", reason_for(name, found)


def _without_older(places: list[Path]) -> tuple[list[Path], list[NotTaken]]:
    """Leave out archives of which a platform stored a newer one of the same name beside them."""
    newest: dict[str, tuple[tuple[str, int], str]] = {}
    ages = {place: platform_age(place.name) for place in places if is_archive(place.name)}
    for place, named in ages.items():
        if named:
            newest[named[0]] = max(newest.get(named[0], (named[1], "")), (named[1], place.name))
    kept, older = [], []
    for place in places:
        named = ages.get(place)
        if named and newest[named[0]][1] != place.name:
            reason = f"{newest[named[0]][1]} is newer"
            older.append(NotTaken(place.name, reason))
        else:
            kept.append(place)
    return kept, older


def _name(learner: str, places: list[Path]) -> str:
    """Return the name of a submission; that of a single folder or archive is as it is."""
    if len(places) > 1 or not is_archive(places[0].name) or places[0].is_dir():
        return learner
    return stem_of(places[0].name)


def _is_results(folder: Path) -> bool:
    """Return whether a folder holds results that this kit wrote, and nothing else.

    A learner's folder that holds such a file beside modules is a submission.
    """
    files = list(_files(folder, 2))
    return bool(files) and all(name in _RESULT_FILES for name in files)


def _files(folder: Path, deep: int) -> Iterator[str]:
    """Yield the names of the files in a folder and below, or something else for what is too deep."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry.name
                elif deep:
                    yield from _files(Path(entry.path), deep - 1)
                else:
                    yield entry.name + "/"
    except OSError:
        yield "?"
