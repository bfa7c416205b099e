"""Splits the folder of a class into hand-ins, and gives a reason for every entry that is not one.

A hand-in is a folder, a zip or tar file, or all loose files of one learner, recognised by the names that platforms
give them. The files that this kit writes are known, so results are never mistaken for a hand-in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import Course
from grader.course.paths import COURSE_FILE, EXERCISES, PROBLEM, RESULTS, TIMINGS
from grader.course.verdicts import NotTaken
from grader.submissions.members import is_archive, is_tool_folder, stem_of
from grader.submissions.module_names import is_given, platform_age, platform_learner, understand
from grader.submissions.search import reason_for
from grader.submissions.submission import Submission

_RESULT_FILES = {RESULTS, f"{RESULTS}.new", PROBLEM, TIMINGS}
# Files that operating systems and git put into folders.
_SYSTEM_FILES = re.compile(r"\.DS_Store|\._.*|\.git.*|Thumbs\.db|desktop\.ini", re.IGNORECASE)
# Moodle's folder for text typed into a form.
_ONLINE_TEXT = re.compile(r".*_assignsubmission_onlinetext_?", re.IGNORECASE)


class ClassError(ValueError):
    """The folder is not a class, or its results cannot be written; the message is a clause that says why."""


@dataclass(frozen=True)
class HandIn:
    """What one learner handed in.

    Attributes:
        name: the learner's name, or that of the folder or archive.
        places: one folder or archive, or the loose files.
    """

    name: str
    places: tuple[Path, ...]

    def read(self, course: Course) -> Submission:
        """Read the step modules."""
        return Submission.gather(self.name, list(self.places), course)


@dataclass(frozen=True)
class Class:
    """The content of a class folder.

    Attributes:
        hand_ins: what to grade, sorted by name.
        left_out: the entries that are not graded, with reasons.
    """

    hand_ins: list[HandIn]
    left_out: list[NotTaken]


def read_class(folder: Path, course: Course) -> Class:
    """Find the hand-ins in the folder of a class.

    Raises:
        ClassError: the folder does not exist, cannot be read, or is not that of a class.
    """
    if not os.path.lexists(folder):
        raise ClassError(f"there is no folder {folder}")
    if os.path.isfile(folder):
        raise ClassError(f"{folder} is not a folder; if it holds a class, unpack it first")
    if os.path.isfile(folder / COURSE_FILE) and os.path.isdir(folder / EXERCISES):
        raise ClassError(f"{folder} is the folder of a kit, not of a class")
    try:
        # Absolute paths, because judges run in the kit's folder.
        places = sorted(folder.absolute().iterdir(), key=lambda place: os.fsencode(place.name))
    except OSError as error:
        raise ClassError(f"{folder} cannot be read ({error.strerror})") from None
    groups: dict[str, list[Path]] = {}
    left_out = []
    for place in places:
        if _SYSTEM_FILES.fullmatch(place.name) or (is_given(place.name) and place.is_file()):
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
    hand_ins.sort(key=lambda hand_in: os.fsencode(hand_in.places[0].name))
    return Class(hand_ins, left_out)


def check_output(folder: Path, out: Path, names: list[str]) -> None:
    """Create the folder for results, and check that results can be written there.

    Args:
        folder: the folder of the class.
        out: the folder for results.
        names: the names of the folders that grading will create in it.

    Raises:
        ClassError: the results would end up among the submissions, or cannot be written.
    """
    class_folder = folder.resolve()
    out_folder = out.resolve()
    if any(_is_same(parent, class_folder) for parent in (out_folder, *out_folder.parents)):
        raise ClassError(
            f"the results would end up among the submissions in {folder}; choose another folder for OUT"
        )
    for name in names:
        result = out_folder / name
        if any(_is_same(result, parent) for parent in (class_folder, *class_folder.parents)):
            raise ClassError(
                f"the results of {name} would end up in the folder of the class; choose another folder for OUT"
            )
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Large enough to notice a full disk.
        trial = out / f".{TIMINGS}.trial"
        trial.write_bytes(bytes(1 << 16))
        trial.unlink()
    except OSError as error:
        raise ClassError(f"results cannot be written to {out} ({error.strerror})") from None


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return path == other


def _learner(place: Path, course: Course) -> tuple[str, str]:
    """Return the learner whom an entry belongs to and "", or "" and why it is not a submission."""
    name = place.name
    if place.is_symlink():
        return "", "it is a link, and links are not followed"
    if place.is_dir():
        if is_tool_folder(name):
            return "", "folders of this name are made by tools, not by learners"
        if _ONLINE_TEXT.fullmatch(name):
            return "", "it holds text that was typed into a form"
        return ("", "it holds grading results") if _is_results(place) else (name, "")
    if name.startswith("."):
        return "", "its name begins with a dot"
    if not place.is_file():
        return "", "it is not a regular file"
    if is_archive(name):
        return platform_learner(name) or name, ""
    understood = understand(name, course)
    if understood.module and understood.learner:
        return understood.learner, ""
    if understood.module:
        return (
            "",
            "its name does not say whose it is; put it into a folder named after the learner",
        )
    if name in _RESULT_FILES:
        return "", "it is a grading result"
    return "", reason_for(name, understood)


def _without_older(places: list[Path]) -> tuple[list[Path], list[NotTaken]]:
    """Return one learner's files without the archives that a later attempt replaces, and those archives.

    An attempt is later if the platform numbered it so; both archives had the same name before the platform
    changed it.
    """
    # By the name that the learner gave: the age and the file name of the newest attempt.
    newest: dict[str, tuple[tuple[str, int], str]] = {}
    attempts = {place: platform_age(place.name) for place in places if is_archive(place.name)}
    for place, attempt in attempts.items():
        if attempt:
            own_name, age = attempt
            newest[own_name] = max(newest.get(own_name, (age, "")), (age, place.name))
    kept, older = [], []
    for place in places:
        attempt = attempts.get(place)
        newest_name = newest[attempt[0]][1] if attempt else place.name
        if newest_name != place.name:
            older.append(NotTaken(place.name, f"{newest_name} is newer"))
        else:
            kept.append(place)
    return kept, older


def _name(learner: str, places: list[Path]) -> str:
    """Return the name of a submission: a single archive is named after its file, all else after the learner."""
    if len(places) > 1 or not is_archive(places[0].name) or places[0].is_dir():
        return learner
    return stem_of(places[0].name)


def _is_results(folder: Path) -> bool:
    """Return whether a folder holds results that this kit wrote, and nothing else.

    A learner's folder with such a file beside the modules is still a submission.
    """
    files = list(_file_names(folder, 2))
    return bool(files) and all(name in _RESULT_FILES for name in files)


def _file_names(folder: Path, depth: int) -> Iterator[str]:
    """Yield the names of all files in a folder, down to some depth.

    A deeper folder yields its name with a slash, and one that cannot be read "?"; no result file has such a name.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry.name
                elif depth:
                    yield from _file_names(Path(entry.path), depth - 1)
                else:
                    yield entry.name + "/"
    except OSError:
        yield "?"
