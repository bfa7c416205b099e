"""Finds the step modules among the files of a hand-in; a file that is not clearly one is reported with a reason.

The same rule applies to each step, and this module of over 300 lines holds all of it:

1. A file counts if its name is understood (see `module_names`), wherever it lies. Skipped are folders made by
   tools, and the kit's own folders `solutions`, `tests` and `grader` if they lie beside `exercises`.
2. Files with the same bytes count once. An unchanged exercise never competes with work.
3. Of files that differ, the one with the exact name in the expected folder is taken. That is the folder nearest
   to the top that holds modules, and then its folder `exercises`. Canvas and Blackboard number the attempts of
   one learner; if these lie side by side, the last one is taken.
4. Otherwise it is unknown which file is meant, and none is taken.

Archives inside the hand-in are opened, at most two deep, if work on some step is missing without them. Source is
never parsed here, only compared as bytes and searched with regular expressions.
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
from grader.course.paths import COURSE_FILE, EXERCISES, SOLUTIONS
from grader.course.verdicts import NotTaken
from grader.submissions.members import (
    Member,
    Refused,
    Unreadable,
    file_member,
    folder_members,
    is_archive,
)
from grader.submissions.module_names import ModuleName, is_given, understand

# For each step.
MAX_CANDIDATES = 24
MAX_ARCHIVES = 4
MAX_NESTING = 2
# How many files of one sort are mentioned.
MAX_NAMED = 20
# How many members of an archive are looked at although they are not modules: archives, and half a name.
MAX_KEPT = 10_000
_KIT_FOLDERS = {SOLUTIONS, "tests", "grader"}
_KIT_FILES = {COURSE_FILE, "README.md", "__init__.py"}
_NOTABLE = (".py", ".ipynb", ".rar", ".7z", ".gz", ".xz", ".zst")
_DEFINITION = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]", re.MULTILINE)
_UNWRITTEN = re.compile(rb"^[ \t]+raise NotImplementedError\b", re.MULTILINE)
_RETURN = re.compile(rb"^[ \t]+(?:return|yield)\b", re.MULTILINE)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be a step module, with its bytes, or with the reason why it cannot be read."""

    path: str
    name: ModuleName
    source: bytes | None
    refusal: str = ""

    @property
    def folder(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")[:-1])


@dataclass
class SearchResult:
    """The result of a search.

    Attributes:
        sources: the bytes of each module that is taken, by module name.
        paths: the path of each module that is taken, by module name.
        refused: why none of the files for a module is taken, by module name.
        not_taken: the files that are not taken, with reasons.
        notes: whatever else a reader of the results should know, as clauses.
        unreadable: what could not be read, so that it is unknown what was handed in; or "".
    """

    sources: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    not_taken: list[NotTaken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: str = ""


def is_stub(source: bytes) -> bool:
    """Return whether this is an exercise with no function written yet: all of them only raise."""
    unwritten = len(_UNWRITTEN.findall(source))
    return unwritten == len(_DEFINITION.findall(source)) > 0 and not _RETURN.search(source)


def reason_for(filename: str, name: ModuleName) -> str:
    """Return why a file is not a step module, as a clause.

    Args:
        filename: the file's name, without any folder.
        name: what that name tells.
    """
    lower = filename.lower()
    if lower.endswith(".ipynb"):
        return "it is a notebook; the functions belong in a Python module"
    if lower.endswith(_NOTABLE) and not lower.endswith(".py"):
        return "archives of this kind are not opened; only zip and tar archives are"
    if name.like:
        return f"its name is not {name.like}.py"
    if lower.endswith(".py"):
        return "its name is not that of a step"
    return "it is not a Python module"


def search(places: list[Path], course: Course) -> SearchResult:
    """Search folders, archives and single files, all of which lie in one folder, for step modules."""
    with ExitStack() as stack:
        collector = _Search(course, stack)
        alone = len(places) == 1
        broken = None
        for place in places:
            prefix = "" if alone else f"{place.name}/"
            if place.is_symlink() or not place.is_dir():
                member = file_member(place, place.name)
                if alone and not place.name.lower().endswith((".py", ".txt", ".ipynb")):
                    problem = collector.open_root(member)
                    broken = NotTaken(place.name, problem) if problem else None
                else:
                    collector.look([member])
            else:
                collector.look(folder_members(place), prefix)
        return collector.result(broken)


class _Search:
    """Collects the files that may be modules, then chooses among them.

    Args:
        course: the course.
        stack: closes the files that are opened on the way.
    """

    def __init__(self, course: Course, stack: ExitStack) -> None:
        self._course = course
        self._stack = stack
        self._candidates: dict[str, list[_Candidate]] = {step.module: [] for step in course.steps}
        self._too_many: set[str] = set()
        self._kit_roots: set[tuple[str, ...]] = set()
        self._archives: list[tuple[str, IO[bytes], int]] = []
        self._broken: list[NotTaken] = []
        self._notable: list[NotTaken] = []
        self._plain: list[NotTaken] = []
        self._seen = False
        self._granted: Counter[str] = Counter()
        self._unreadable: list[str] = []

    def look(self, members: Iterable[Member], prefix: str = "", depth: int = 0) -> None:
        """Look at all files of a folder or archive.

        Args:
            members: the files.
            prefix: what to put before their paths.
            depth: how many archives they are nested in.
        """
        for member in members:
            self._seen = True
            path = prefix + member.path
            *folder, filename = path.split("/")
            if filename == COURSE_FILE:
                self._kit_roots.add(tuple(folder))
            for i, part in enumerate(folder):
                if part.lower() == EXERCISES:
                    self._kit_roots.add(tuple(folder[:i]))
            name = understand(filename, self._course)
            if member.kind == "unreadable":
                self._unreadable.append(_sentence(path, _refusal(member)))
            elif name.module:
                candidates = self._candidates[name.module]
                if len(candidates) < MAX_CANDIDATES:
                    candidates.append(self._candidate(path, name, member))
                else:
                    self._too_many.add(name.module)
            elif is_archive(filename) and member.kind == "file":
                self._keep_archive(path, member, depth)
            else:
                self._mention(path, name, member)

    def open_root(self, member: Member) -> str:
        """Look at all files of the archive that was handed in; return why it cannot be read, or ""."""
        try:
            file = self._stack.enter_context(member.unpack())
        except Unreadable as reason:
            self._unreadable.append(_sentence(member.path, str(reason)))
            return str(reason)
        except Refused as reason:
            return str(reason)
        return self.open(file)

    def open(self, file: IO[bytes], prefix: str = "", depth: int = 1) -> str:
        """Look at all files of an archive, as far as it can be read.

        Args:
            file: the archive.
            prefix: what to put before the paths of its members.
            depth: how many archives the members are nested in.

        Returns:
            Why the archive cannot be read to its end, or "".
        """
        # Imported only when there is an archive, because `zipfile` and `tarfile` are slow to import.
        from grader.submissions.archives import archive_format, archive_members

        kind = archive_format(file)
        try:
            self.look(archive_members(file, self._wanted, self._stack), prefix, depth)
        except Refused as reason:
            return str(reason)
        except Exception as error:
            # On a malicious file, the decoders raise exceptions of any type.
            return f"the {kind} file cannot be read ({error or type(error).__name__})"
        return ""

    def result(self, broken: NotTaken | None = None) -> SearchResult:
        """Choose among the files that were collected.

        Args:
            broken: the archive that was handed in, if it could not be read to its end.
        """
        self._open_archives()
        result = SearchResult(not_taken=[*([broken] if broken else []), *self._broken])
        base = self._base()
        for step in self._course.steps:
            if step.module in self._too_many:
                # The file that is meant may be among those that were not read.
                reason = f"more than {MAX_CANDIDATES} files have this name"
                result.refused[step.module] = reason
            else:
                self._choose(step, base, result)
        missing = [step for step in self._course.steps if step.module not in result.sources]
        for step in missing:
            reasons = [f"{archive.name}: {archive.reason}" for archive in self._broken]
            if broken or reasons:
                reason = broken.reason if broken else "; ".join(reasons)
                result.refused.setdefault(step.module, reason)
        # If every module was found, the other files do not matter.
        if missing:
            result.not_taken += self._notable
        if not result.sources:
            result.not_taken += self._plain[: MAX_NAMED - len(self._notable)]
        if not self._seen and not broken:
            result.notes.append("the submission is empty")
        result.unreadable = "; ".join(self._unreadable[:MAX_NAMED])
        return result

    def _wanted(self, path: str) -> bool:
        """Return whether to look at a member of an archive.

        Of the members that are not modules, only a few are looked at, so that they can be mentioned.
        """
        filename = path.rpartition("/")[2]
        if not path:
            return False
        self._seen = True
        alike = bool(understand(filename, self._course).like)
        if alike or is_archive(filename) or filename == COURSE_FILE:
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
            self._unreadable.append(_sentence(path, str(reason)))
            return _Candidate(path, name, None, str(reason))
        except Refused as reason:
            return _Candidate(path, name, None, str(reason))

    def _keep_archive(self, path: str, member: Member, depth: int) -> None:
        if depth >= MAX_NESTING:
            self._broken.append(NotTaken(path, "it is an archive in an archive in an archive"))
            return
        if len(self._archives) >= MAX_ARCHIVES:
            self._broken.append(NotTaken(path, f"only {MAX_ARCHIVES} archives are opened"))
            return
        try:
            file = self._stack.enter_context(member.unpack())
        except Unreadable as reason:
            self._unreadable.append(_sentence(path, str(reason)))
        except Refused as reason:
            self._broken.append(NotTaken(path, str(reason)))
        else:
            self._archives.append((path, file, depth + 1))

    def _open_archives(self) -> None:
        for path, file, depth in self._archives:
            if all(any(map(_is_work, candidates)) for candidates in self._candidates.values()):
                return
            if problem := self.open(file, f"{path}/", depth):
                self._broken.append(NotTaken(path, problem))

    def _mention(self, path: str, name: ModuleName, member: Member) -> None:
        """Add a file that is not a module to those that may be mentioned, up to MAX_NAMED of them."""
        filename = path.rpartition("/")[2]
        if filename in _KIT_FILES or is_given(filename):
            return
        is_link = member.kind == "link"
        reason = (
            "it is a link, and links are not followed" if is_link else reason_for(filename, name)
        )
        notable = is_link or name.like or filename.lower().endswith(_NOTABLE)
        mentioned = self._notable if notable else self._plain
        if len(mentioned) < MAX_NAMED:
            mentioned.append(NotTaken(path, reason, name.like))

    def _base(self) -> tuple[str, ...] | None:
        """Return the folder nearest to the top that holds modules, itself or in its `exercises`.

        None if there is no such folder, or more than one at the same depth.
        """
        folders = {
            candidate.folder[:-1] if candidate.folder[-1:] == (EXERCISES,) else candidate.folder
            for candidates in self._candidates.values()
            for candidate in candidates
            if candidate.name.exact and not self._is_of_kit(candidate)
        }
        nearest = min(map(len, folders), default=0)
        bases = [folder for folder in folders if len(folder) == nearest]
        return bases[0] if len(bases) == 1 else None

    def _is_of_kit(self, candidate: _Candidate) -> bool:
        folder = candidate.folder
        return any(
            name in _KIT_FOLDERS and folder[:i] in self._kit_roots for i, name in enumerate(folder)
        )

    def _choose(self, step: Step, base: tuple[str, ...] | None, result: SearchResult) -> None:
        """Choose the file of one step, and add it or the reasons against it to the result.

        Args:
            step: the step.
            base: the folder that the modules are expected in, as `_base` returns it.
            result: the result to add to.
        """
        candidates = [
            candidate
            for candidate in self._candidates[step.module]
            if not self._is_of_kit(candidate)
        ]
        expected = [base, (*base, EXERCISES)] if base is not None else []

        def rank(candidate: _Candidate) -> tuple[bool, int, int, str]:
            folder = candidate.folder
            place = expected.index(folder) if folder in expected else len(expected)
            return not candidate.name.exact, place, len(folder), candidate.path

        candidates.sort(key=rank)
        readable: dict[bytes, _Candidate] = {}
        for candidate in candidates:
            if candidate.source is not None:
                readable.setdefault(candidate.source, candidate)
        rivals = list(filter(_is_work, readable.values()))
        rivals = rivals or list(readable.values())[:1]
        chosen = _best(rivals, expected)
        if chosen:
            assert chosen.source is not None
            result.sources[step.module] = chosen.source
            result.paths[step.module] = chosen.path
            if not chosen.name.exact:
                result.notes.append(f"{step.filename} was read from {chosen.path}")
        elif rivals:
            paths = ", ".join(rival.path for rival in rivals)
            result.refused[step.module] = (
                f"{len(rivals)} files differ, and nothing says which one is meant: {paths}"
            )
        elif len(candidates) == 1:
            result.refused[step.module] = candidates[0].refusal
        elif candidates:
            reasons = (f"{candidate.path}: {candidate.refusal}" for candidate in candidates)
            result.refused[step.module] = "; ".join(reasons)
        for candidate in candidates:
            source = candidate.source
            if candidate is not chosen and (source is None or readable[source] is not chosen):
                reason = candidate.refusal or _why_not(candidate, chosen)
                result.not_taken.append(NotTaken(candidate.path, reason, step.module))
        if not candidates:
            result.not_taken += [
                NotTaken(candidate.path, "it is in a folder of the kit itself", step.module)
                for candidate in self._candidates[step.module]
                if candidate.folder[-1:] == (SOLUTIONS,)
            ]


def _is_work(candidate: _Candidate) -> bool:
    source = candidate.source
    return source is not None and bool(source.strip()) and not is_stub(source)


def _best(rivals: list[_Candidate], expected: list[tuple[str, ...]]) -> _Candidate | None:
    """Return which of several files that differ is meant, or None if that is unknown.

    Args:
        rivals: the files, the one with the best rank first.
        expected: the folders that modules are expected in.
    """
    if len(rivals) == 1:
        return rivals[0]
    for rival in rivals:
        if rival.name.exact and rival.folder in expected:
            return rival
    ages = [rival.name.age for rival in rivals]
    newest = max((age for age in ages if age), default=None)
    same_learner = len({(rival.folder, rival.name.learner) for rival in rivals}) == 1
    if same_learner and None not in ages and ages.count(newest) == 1:
        return rivals[ages.index(newest)]
    return None


def _why_not(candidate: _Candidate, chosen: _Candidate | None) -> str:
    if chosen is None:
        return "it differs from other files, and nothing says which one is meant"
    if not _is_work(candidate):
        return f"no function in it is written; {chosen.path} was taken"
    return f"{chosen.path} was taken"


def _sentence(path: str, reason: str) -> str:
    """Return a reason such as "it cannot be read" with the path in place of "it"."""
    return reason.replace("it", "the folder" if path == "." else path, 1)


def _refusal(member: Member) -> str:
    """Return why a member cannot be read, or ""."""
    try:
        member.read()
    except Refused as reason:
        return str(reason)
    return ""
