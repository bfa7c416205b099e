"""Splits the folder of a class into hand-ins, and gives a reason for every entry that is not one.

A hand-in is a folder, a zip or tar file, or all loose files of one learner, recognised by the names that platforms
give them (see `exports`). The files that this kit writes are known, so results are never mistaken for a hand-in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.course.course import Course
from grader.course.marks import Learner
from grader.course.paths import (
    COURSE_FILE,
    EXERCISES,
    FILLED,
    GRADEBOOK,
    GRADEBOOK_CSV,
    GRADEBOOK_LOCK,
    JUNIT,
    NBGRADER_CSV,
    PROBLEM,
    RESULTS,
    TIMINGS,
)
from grader.course.verdicts import NotTaken
from grader.submissions.exports import (
    METADATA,
    Record,
    only_export,
    origin_of,
    problems_by_entry,
    read_metadata,
    time_of,
    unpack_class,
)
from grader.submissions.members import Refused, is_archive, is_tool_folder, stem_of
from grader.submissions.module_names import is_given, platform_age, platform_learner, understand
from grader.submissions.search import reason_for
from grader.submissions.submission import Submission

# The names of files that the kit writes for a class, or for each of its submissions.
RESULT_FILES = {
    *(RESULTS, f"{RESULTS}.new", PROBLEM, TIMINGS, GRADEBOOK, GRADEBOOK_LOCK),
    *(f"{GRADEBOOK}{ending}" for ending in ("-wal", "-shm", "-journal")),
    *(GRADEBOOK_CSV, NBGRADER_CSV, JUNIT, *FILLED.values()),
}
# Files that operating systems and git put into folders.
_SYSTEM_FILES = re.compile(r"\.DS_Store|\._.*|\.git.*|Thumbs\.db|desktop\.ini", re.IGNORECASE)
_TYPED = "it holds text that was typed into a form"


class ClassError(ValueError):
    """The folder is not a class, or its results cannot be written; the message is a clause that says why."""


@dataclass(frozen=True)
class HandIn:
    """What one learner handed in.

    Attributes:
        name: the learner's name with the platform's number, or the name of the folder or archive.
        places: one folder or archive, or the loose files; empty if nothing in it can be graded.
        learners: who handed it in, as the platform says; several if it was a group, none if nobody says.
        attempt: which of the learner's attempts in the export it is, from 1; 0 if the platform does not tell.
        time: when it was handed in, in the platform's words, or "".
        late: whether the platform marked it as late.
        not_taken: files that cannot even be looked at, with reasons.
        notes: what else is to be said about it, as clauses.
    """

    name: str
    places: tuple[Path, ...]
    learners: tuple[Learner, ...] = ()
    attempt: int = 0
    time: str = ""
    late: bool = False
    not_taken: tuple[NotTaken, ...] = ()
    notes: tuple[str, ...] = ()

    def read(self, course: Course) -> Submission:
        """Read the step modules."""
        if not self.places:
            return Submission(self.name, Path(), {}, {}, not_taken=self.not_taken, notes=self.notes)
        read = Submission.gather(self.name, list(self.places), course)
        return replace(
            read, not_taken=read.not_taken + self.not_taken, notes=read.notes + self.notes
        )


@dataclass(frozen=True)
class Class:
    """The content of a class folder.

    Attributes:
        hand_ins: what to grade, sorted by name.
        left_out: the entries that are not graded, with reasons.
    """

    hand_ins: list[HandIn]
    left_out: list[NotTaken]


@dataclass
class _Group:
    """The entries of one learner, as they are collected."""

    places: list[Path] = field(default_factory=list)
    learners: tuple[Learner, ...] = ()
    time: str = ""
    late: bool = False
    not_taken: list[NotTaken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    first: str = ""


def read_class(
    folder: Path, course: Course, attempts: str = "last", scratch: Path | None = None
) -> Class:
    """Find the hand-ins in the folder of a class, or in the archive that a platform made of it.

    Args:
        folder: the folder, or the archive.
        course: the course.
        attempts: "last" for the last attempt of each learner, or "all". The order is what the platform's names
            and metadata say; the times of files say nothing.
        scratch: an empty folder to unpack an archive in, which must be there as long as the hand-ins are read.

    Raises:
        ClassError: the folder does not exist, cannot be read, or is not that of a class.
    """
    if not os.path.lexists(folder):
        raise ClassError(f"there is no folder {folder}")
    problems: dict[str, list[NotTaken]] = {}
    try:
        if os.path.isfile(folder):
            if scratch is None or not is_archive(folder.name):
                raise ClassError(f"{folder} is neither a folder nor a zip or tar file")
            skipped = unpack_class(folder, scratch, course)
            inside = only_export(scratch)
            problems = problems_by_entry(skipped, "" if inside == scratch else f"{inside.name}/")
        else:
            if os.path.isfile(folder / COURSE_FILE) and os.path.isdir(folder / EXERCISES):
                raise ClassError(f"{folder} is the folder of a kit, not of a class")
            inside = only_export(folder)
        # Absolute paths, because judges run in the kit's folder.
        places = sorted(inside.absolute().iterdir(), key=lambda place: os.fsencode(place.name))
    except Refused as reason:
        raise ClassError(str(reason).replace("it", str(folder), 1)) from None
    except OSError as error:
        raise ClassError(f"{folder} cannot be read ({error.strerror})") from None
    groups, left_out = _grouped(places, course, problems)
    # What is left belongs to entries of which nothing could be unpacked.
    left_out += [
        replace(one, name=name if one.name == name else f"{name}/{one.name}")
        for name, reasons in problems.items()
        for one in reasons
    ]
    hand_ins: list[tuple[str, HandIn]] = []
    for key, group in groups.items():
        if attempts == "all":
            hand_ins += [(group.first, hand_in) for hand_in in _attempts(key, group)]
            continue
        files, older = _without_older(group.places)
        left_out += older
        attempt = len({age[1] for place in group.places if (age := platform_age(place.name))})
        hand_ins.append((group.first, _hand_in(_name(key, files), group, files, attempt)))
    hand_ins.sort(key=lambda pair: os.fsencode(pair[0]))
    return Class(_numbered([one for _, one in hand_ins], left_out, attempts == "all"), left_out)


def _grouped(
    places: list[Path], course: Course, problems: dict[str, list[NotTaken]]
) -> tuple[dict[str, _Group], list[NotTaken]]:
    """Return the entries by learner, and those that are not graded.

    Args:
        places: the entries of the class.
        course: the course.
        problems: what could not be unpacked, by entry; what a learner is told of is taken out.
    """
    groups: dict[str, _Group] = {}
    left_out: list[NotTaken] = []
    records: dict[str, Record] = {}
    metadata = next((place for place in places if place.name == METADATA), None)
    if metadata and not metadata.is_symlink():
        records, unclear = read_metadata(metadata)
        left_out += [NotTaken(METADATA, clause) for clause in unclear]
        if not records and not unclear:
            left_out.append(NotTaken(METADATA, "it names no submission"))
        places = [place for place in places if place != metadata]
    are_named = bool(records)
    for place in places:
        name = place.name
        if _SYSTEM_FILES.fullmatch(name) or (is_given(name) and place.is_file()):
            continue
        record = records.pop(name, None)
        key, reason = _learner(place, course)
        origin = None if place.is_symlink() else origin_of(name, place.is_dir())
        if reason and not key:
            left_out.append(NotTaken(name, reason))
            continue
        if record and record.learners:
            number = record.learners[0].ids["gradescope"]
            names = " and ".join(learner.name for learner in record.learners if learner.name)
            key = f"{names}_{number}" if names else name
        group = groups.setdefault(key, _Group(first=name))
        if record:
            group.learners, group.time = record.learners, record.created_at
            if not record.learners:
                group.notes.append(f"{METADATA} does not say who handed it in")
        elif origin:
            group.learners = (origin.learner,)
            group.late = group.late or origin.late
        elif are_named:
            group.notes.append(f"{METADATA} does not name it")
        if reason:
            group.not_taken.append(NotTaken(name, reason))
        else:
            group.places.append(place)
        group.not_taken += problems.pop(name, [])
    left_out += [NotTaken(name, f"{METADATA} names it, but it is not there") for name in records]
    return groups, left_out


def _hand_in(name: str, group: _Group, places: list[Path], attempt: int = 0) -> HandIn:
    times = [age[1][0] for place in places if (age := platform_age(place.name))]
    return HandIn(
        name,
        tuple(places),
        group.learners,
        attempt,
        group.time or max(times, default=""),
        group.late,
        tuple(group.not_taken),
        tuple(group.notes),
    )


def _attempts(key: str, group: _Group) -> list[HandIn]:
    """Return a hand-in for each attempt that the platform numbered: all that was there after it."""
    named = {place: platform_age(place.name) for place in group.places}
    ages = sorted({age[1] for age in named.values() if age})
    if len(ages) < 2:
        return [_hand_in(_name(key, group.places), group, group.places, len(ages))]
    result = []
    for attempt, until in enumerate(ages, 1):
        there = [place for place, age in named.items() if not age or age[1] <= until]
        newest = {}
        for place in sorted(there, key=lambda place: _age(named[place])):
            age = named[place]
            newest[age[0] if age else place.name] = place
        places = [place for place in group.places if place in newest.values()]
        result.append(_hand_in(f"{key} attempt {attempt}", group, places, attempt))
    return result


def _age(named: tuple[str, tuple[str, int]] | None) -> tuple[str, int]:
    return named[1] if named else ("", 0)


def _numbered(hand_ins: list[HandIn], left_out: list[NotTaken], keep_all: bool) -> list[HandIn]:
    """Return the hand-ins of Gradescope with their attempts numbered, and only the last ones unless all are kept.

    Other platforms number the files, which `_attempts` and `_without_older` deal with.
    """
    by_learner: dict[frozenset[str], list[HandIn]] = {}
    for hand_in in hand_ins:
        ids = [one.ids.get("sid") or one.ids.get("email") or "" for one in hand_in.learners]
        if ids and all(ids):
            by_learner.setdefault(frozenset(ids), []).append(hand_in)
    changed: dict[HandIn, HandIn | None] = {}
    for same in by_learner.values():
        if len(same) < 2:
            continue
        times = {time for one in same if (time := time_of(one.time))}
        if len(times) < len(same):
            words = f"{METADATA} does not tell which of {len(same)} attempts is the last"
            changed |= {one: replace(one, notes=(*one.notes, words)) for one in same}
            continue
        in_order = sorted(times)
        last = next(one for one in same if time_of(one.time) == in_order[-1])
        for one in same:
            time = time_of(one.time)
            assert time
            if one is last or keep_all:
                changed[one] = replace(one, attempt=in_order.index(time) + 1)
            else:
                changed[one] = None
                left_out.append(NotTaken(one.places[0].name, f"{last.places[0].name} is newer"))
    result = (changed.get(one, one) for one in hand_ins)
    return [one for one in result if one]


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
    """Return the learner whom an entry belongs to, or ""; and why it is not a submission, or ""."""
    name = place.name
    if place.is_symlink():
        return "", "it is a link, and links are not followed"
    if place.is_dir():
        if is_tool_folder(name):
            return "", "folders of this name are made by tools, not by learners"
        origin = origin_of(name, is_folder=True)
        if origin:
            return origin.key, _TYPED if origin.is_text else ""
        return ("", "it holds grading results") if _is_results(place) else (name, "")
    if name.startswith("."):
        return "", "its name begins with a dot"
    if not place.is_file():
        return "", "it is not a regular file"
    origin = origin_of(name, is_folder=False)
    if origin and origin.is_text:
        return origin.key, _TYPED
    if is_archive(name):
        return origin.key if origin else platform_learner(name) or name, ""
    understood = understand(name, course)
    if origin:
        reason = "" if understood.module else reason_for(name, understood)
        return origin.key, reason
    if understood.module and understood.learner:
        return understood.learner, ""
    if understood.module:
        return (
            "",
            "its name does not say whose it is; put it into a folder named after the learner",
        )
    if name in RESULT_FILES:
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
    """Return the name of a submission: its learner, or the name of an archive that no platform named.

    A platform gives each archive another name, so what is handed in next would seem to be of somebody else.
    """
    is_own = [place.name for place in places] == [learner] and not places[0].is_dir()
    return stem_of(learner) if is_own and is_archive(learner) else learner


def _is_results(folder: Path) -> bool:
    """Return whether a folder holds results that this kit wrote, and nothing else.

    A learner's folder with such a file beside the modules is still a submission.
    """
    files = list(_file_names(folder, 2))
    return bool(files) and all(name in RESULT_FILES for name in files)


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
