"""The step modules among the files of a hand-in: what is unambiguous is taken, the rest is named with a reason.

It is one rule for each step, hence one module of over 300 lines:

1. A file counts if its name is understood (see `module_names`), wherever it lies. Not looked into are folders
   that tools make, and `solutions`, `tests` and `grader` beside `exercises`: these are the kit's own.
2. Files with the same bytes count once. An exercise as it was given out does not stand against work.
3. Of files that differ, the one with the exact name is taken that lies in the expected place: beside the other
   modules, nearest to the top; then in `exercises`. Of several tries of one learner that Canvas or Blackboard
   stored side by side, the last is taken, since these platforms number them.
4. Otherwise nobody knows which one is meant, and none is taken.

Archives inside are opened, two deep at most, if work on some step is missing without them. Source is never parsed
here: bytes are compared, and searched with regular expressions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from grader.course.course import Course, Step
from grader.course.verdicts import NotTaken
from grader.submissions.members import (
    Member,
    Refused,
    Unreadable,
    file_member,
    folder_members,
    is_archive,
)
from grader.submissions.module_names import ModuleName, understand

# Of each step.
MAX_CANDIDATES = 24
MAX_ARCHIVES = 4
MAX_DEEP = 2
MAX_NAMED = 20
MAX_KEPT = 10_000
_KITS_OWN = {"solutions", "tests", "grader"}
_OF_THE_KIT = {"course.toml", "README.md", "__init__.py"}
_NOTABLE = (".py", ".ipynb", ".rar", ".7z", ".gz", ".xz", ".zst")
_DEFINITION = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]", re.MULTILINE)
_UNWRITTEN = re.compile(rb"^[ \t]+raise NotImplementedError\b", re.MULTILINE)
_RETURN = re.compile(rb"^[ \t]+(?:return|yield)\b", re.MULTILINE)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be a step module: its bytes, or why they cannot be had."""

    path: str
    name: ModuleName
    source: bytes | None
    refusal: str = ""

    @property
    def folder(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")[:-1])


@dataclass
class Found:
    """What a search found.

    Attributes:
        sources: the bytes of each module that is taken, by module name.
        paths: where it lies.
        refused: why a module that is there is not taken, by module name.
        not_taken: the files that are not taken.
        notes: whatever else a reader should know.
        unreadable: what could not be read, so that nobody knows what was handed in; or "".
    """

    sources: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    not_taken: list[NotTaken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: str = ""


def is_stub(source: bytes) -> bool:
    """Return whether it is an exercise in which nothing was written: each function only raises."""
    unwritten = len(_UNWRITTEN.findall(source))
    return unwritten == len(_DEFINITION.findall(source)) > 0 and not _RETURN.search(source)


def reason_for(filename: str, name: ModuleName) -> str:
    """Return why a file is not a step module, by its name and what that says."""
    low = filename.lower()
    if low.endswith(".ipynb"):
        return "it is a notebook; the functions are to stand in a module"
    if low.endswith(_NOTABLE) and not low.endswith(".py"):
        return "archives of this kind are not opened; zip and tar are"
    if name.like:
        return f"its name is not {name.like}.py"
    if low.endswith(".py"):
        return "its name is not that of a step"
    return "it is no Python module"


def search(places: list[Path], course: Course) -> Found:
    """Look for the step modules in folders, archives and single files, all in one folder."""
    with ExitStack() as stack:
        one = _Search(course, stack)
        alone = len(places) == 1
        broken = None
        for place in places:
            prefix = "" if alone else f"{place.name}/"
            if place.is_symlink() or not place.is_dir():
                member = file_member(place, place.name)
                if alone and not place.name.lower().endswith((".py", ".txt", ".ipynb")):
                    problem = one.open_root(member)
                    broken = NotTaken(place.name, problem) if problem else None
                else:
                    one.look([member])
            else:
                one.look(folder_members(place), prefix)
        return one.found(broken)


class _Search:
    """Collects what may be a module, and then chooses.

    Args:
        course: the course.
        stack: closes what is opened on the way.
    """

    def __init__(self, course: Course, stack: ExitStack) -> None:
        self._course = course
        self._stack = stack
        self._candidates: dict[str, list[_Candidate]] = {step.module: [] for step in course.steps}
        self._too_many: set[str] = set()
        self._kits: set[tuple[str, ...]] = set()
        self._archives: list[tuple[str, IO[bytes], int]] = []
        self._broken: list[NotTaken] = []
        self._notable: list[NotTaken] = []
        self._plain: list[NotTaken] = []
        self._seen = False
        self._granted: Counter[str] = Counter()
        self._unreadable: list[str] = []

    def look(self, members: Iterable[Member], prefix: str = "", deep: int = 0) -> None:
        """Look at all files of a folder or an archive.

        Args:
            members: the files.
            prefix: what stands before their paths.
            deep: in how many archives they lie.
        """
        for member in members:
            self._seen = True
            path = prefix + member.path
            *folder, filename = path.split("/")
            if filename == "course.toml":
                self._kits.add(tuple(folder))
            for i, part in enumerate(folder):
                if part.lower() == "exercises":
                    self._kits.add(tuple(folder[:i]))
            name = understand(filename, self._course)
            if member.kind == "unreadable":
                self._unreadable.append(_about(path, _reason(member)))
            elif name.module:
                candidates = self._candidates[name.module]
                if len(candidates) < MAX_CANDIDATES:
                    candidates.append(self._candidate(path, name, member))
                else:
                    self._too_many.add(name.module)
            elif is_archive(filename) and member.kind == "file":
                self._keep(path, member, deep)
            else:
                self._name(path, name, member)

    def open_root(self, member: Member) -> str:
        """Look at all files of the archive that was handed in; return why that was not possible, or ""."""
        try:
            file = self._stack.enter_context(member.unpack())
        except Unreadable as reason:
            self._unreadable.append(_about(member.path, str(reason)))
            return str(reason)
        except Refused as reason:
            return str(reason)
        return self.open(file)

    def open(self, file: IO[bytes], prefix: str = "", deep: int = 1) -> str:
        """Look at all files of an archive; return why that was not possible to the end, or ""."""
        # Not before there is an archive: `zipfile` and `tarfile` take their time to import.
        from grader.submissions.archives import archive_members, kind_of

        kind = kind_of(file)
        try:
            self.look(archive_members(file, self._wanted, self._stack), prefix, deep)
        except Refused as reason:
            return str(reason)
        except Exception as error:
            # Of a file that was made to do harm, the decoders raise all kinds.
            return f"the {kind} file cannot be read ({error or type(error).__name__})"
        return ""

    def found(self, broken: NotTaken | None = None) -> Found:
        """Choose among what was found.

        Args:
            broken: the archive that was handed in, if it could not be looked at to its end.
        """
        self._open_kept()
        found = Found(not_taken=[*([broken] if broken else []), *self._broken])
        base = self._base()
        for step in self._course.steps:
            if step.module in self._too_many:
                # The one that is meant may be among those that were not read.
                reason = f"more than {MAX_CANDIDATES} files have this name"
                found.refused[step.module] = reason
            else:
                self._choose(step, base, found)
        missing = [step for step in self._course.steps if step.module not in found.sources]
        for step in missing:
            reasons = [f"{one.name}: {one.reason}" for one in self._broken]
            if broken or reasons:
                reason = broken.reason if broken else "; ".join(reasons)
                found.refused.setdefault(step.module, reason)
        # If nothing is missing, the rest is the learner's own affair.
        if missing:
            found.not_taken += self._notable
        if not found.sources:
            found.not_taken += self._plain[: MAX_NAMED - len(self._notable)]
        if not self._seen and not broken:
            found.notes.append("nothing is in it")
        found.unreadable = "; ".join(self._unreadable[:MAX_NAMED])
        return found

    def _wanted(self, path: str) -> bool:
        """Say whether a member of an archive is looked at; of those that hold no module a few are, to be named."""
        filename = path.rpartition("/")[2]
        if not path:
            return False
        self._seen = True
        alike = bool(understand(filename, self._course).like)
        if alike or is_archive(filename) or filename == "course.toml":
            kind, limit = "alike", MAX_KEPT
        else:
            kind = "notable" if filename.lower().endswith(_NOTABLE) else "plain"
            limit = MAX_NAMED
        self._granted[kind] += 1
        return self._granted[kind] <= limit

    def _candidate(self, path: str, name: ModuleName, member: Member) -> _Candidate:
        try:
            return _Candidate(path, name, member.read())
        except Unreadable as reason:
            self._unreadable.append(_about(path, str(reason)))
            return _Candidate(path, name, None, str(reason))
        except Refused as reason:
            return _Candidate(path, name, None, str(reason))

    def _keep(self, path: str, member: Member, deep: int) -> None:
        if deep >= MAX_DEEP:
            self._broken.append(NotTaken(path, "it is an archive in an archive in another one"))
            return
        if len(self._archives) >= MAX_ARCHIVES:
            self._broken.append(NotTaken(path, f"only {MAX_ARCHIVES} archives are opened"))
            return
        try:
            file = self._stack.enter_context(member.unpack())
        except Unreadable as reason:
            self._unreadable.append(_about(path, str(reason)))
        except Refused as reason:
            self._broken.append(NotTaken(path, str(reason)))
        else:
            self._archives.append((path, file, deep + 1))

    def _open_kept(self) -> None:
        for path, file, deep in self._archives:
            if all(any(map(_is_work, found)) for found in self._candidates.values()):
                return
            if problem := self.open(file, f"{path}/", deep):
                self._broken.append(NotTaken(path, problem))

    def _name(self, path: str, name: ModuleName, member: Member) -> None:
        """Keep what is to be said of a file that is no module, if it is one of the first."""
        filename = path.rpartition("/")[2]
        if filename in _OF_THE_KIT:
            return
        linked = member.kind == "link"
        reason = (
            "it is a link, and links are not followed" if linked else reason_for(filename, name)
        )
        notable = linked or name.like or filename.lower().endswith(_NOTABLE)
        kept = self._notable if notable else self._plain
        if len(kept) < MAX_NAMED:
            kept.append(NotTaken(path, reason, name.like))

    def _base(self) -> tuple[str, ...] | None:
        """Return the folder nearest to the top that holds modules, itself or in `exercises`; None if two do."""
        folders = {
            one.folder[:-1] if one.folder[-1:] == ("exercises",) else one.folder
            for candidates in self._candidates.values()
            for one in candidates
            if one.name.exact and not self._is_kits_own(one)
        }
        nearest = min(map(len, folders), default=0)
        bases = [folder for folder in folders if len(folder) == nearest]
        return bases[0] if len(bases) == 1 else None

    def _is_kits_own(self, candidate: _Candidate) -> bool:
        folder = candidate.folder
        return any(name in _KITS_OWN and folder[:i] in self._kits for i, name in enumerate(folder))

    def _choose(self, step: Step, base: tuple[str, ...] | None, found: Found) -> None:
        """Choose the file of one step."""
        candidates = [one for one in self._candidates[step.module] if not self._is_kits_own(one)]
        places = [base, (*base, "exercises")] if base is not None else []

        def rank(one: _Candidate) -> tuple[bool, int, int, str]:
            place = places.index(one.folder) if one.folder in places else len(places)
            return not one.name.exact, place, len(one.folder), one.path

        candidates.sort(key=rank)
        readable: dict[bytes, _Candidate] = {}
        for one in candidates:
            if one.source is not None:
                readable.setdefault(one.source, one)
        rivals = list(filter(_is_work, readable.values()))
        rivals = rivals or list(readable.values())[:1]
        chosen = _best(rivals, places)
        if chosen:
            assert chosen.source is not None
            found.sources[step.module] = chosen.source
            found.paths[step.module] = chosen.path
            if not chosen.name.exact:
                found.notes.append(f"{step.filename} was read from {chosen.path}")
        elif rivals:
            names = ", ".join(one.path for one in rivals)
            found.refused[step.module] = (
                f"there are {len(rivals)} that differ, and nothing says which one is meant: {names}"
            )
        elif len(candidates) == 1:
            found.refused[step.module] = candidates[0].refusal
        elif candidates:
            reasons = (f"{one.path}: {one.refusal}" for one in candidates)
            found.refused[step.module] = "; ".join(reasons)
        for one in candidates:
            if one is not chosen and (one.source is None or readable[one.source] is not chosen):
                reason = one.refusal or _why_not(one, chosen)
                found.not_taken.append(NotTaken(one.path, reason, step.module))
        if not candidates:
            found.not_taken += [
                NotTaken(one.path, "it lies in a folder of the kit itself", step.module)
                for one in self._candidates[step.module]
                if one.folder[-1:] == ("solutions",)
            ]


def _is_work(candidate: _Candidate) -> bool:
    source = candidate.source
    return source is not None and bool(source.strip()) and not is_stub(source)


def _best(rivals: list[_Candidate], places: list[tuple[str, ...]]) -> _Candidate | None:
    """Return which of several files that differ is meant, in the order of their ranks, or None."""
    if len(rivals) == 1:
        return rivals[0]
    expected = [one for one in rivals if one.name.exact and one.folder in places]
    if expected:
        return expected[0]
    tries = [one.name.age for one in rivals]
    newest = max((age for age in tries if age), default=None)
    same = len({(one.folder, one.name.learner) for one in rivals}) == 1
    if same and None not in tries and tries.count(newest) == 1:
        return rivals[tries.index(newest)]
    return None


def _why_not(candidate: _Candidate, chosen: _Candidate | None) -> str:
    if chosen is None:
        return "it differs from others, and nothing says which one is meant"
    if not _is_work(candidate):
        return f"nothing is written in it; {chosen.path} was taken"
    return f"{chosen.path} was taken"


def _about(path: str, reason: str) -> str:
    return reason.replace("it", "the folder" if path == "." else path, 1)


def _reason(member: Member) -> str:
    try:
        member.read()
    except Refused as reason:
        return str(reason)
    return ""
