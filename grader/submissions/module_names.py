"""Which step a file is meant for, by its name: learners and the systems they hand in with change names.

A name that holds the whole name of a module is understood, in any case and with any separator:
`Step-02 Gradient.PY`, `step_02_gradient.py.txt`, with the mark of a copy behind (`(1)`, `-1`, `- Copy`), or
with words before it (`Copy of …`, a learner's name, `onelearner_12345_67891_`). Words that say that it is
something else, such as `test` or `old`, are believed. Half a name (`step_02.py`, `gradient.py`) is not enough to
judge by, but enough to be mentioned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from grader.course.course import Course

# No file system takes a longer name, but an archive may hold one.
_LONGEST = 255
_CODE = re.compile(r"(?P<stem>.*)\.py(?:\.py|\.txt)?", re.IGNORECASE | re.DOTALL)
_OTHER_THINGS = re.compile(
    r"(?<![a-z])(?:backup|bak|broken|conftest|draft|old|orig|original|solutions?|stub|template|tests?)(?![a-z])",
    re.IGNORECASE,
)
# What browsers, file managers and platforms put around the name of a copy.
_COPY = r"copy|kopie|copie|copia|cópia|kopia|kopi"
# Possessive: a long row of digits can be divided in too many ways to try them all.
_BEHIND = re.compile(rf"(?:[ _.-]*(?:\(?(?P<number>\d++)\)?|{_COPY}))*+[ _.-]*", re.IGNORECASE)
_BEFORE = re.compile(
    rf"(?:(?:\(\d+\)|(?:{_COPY})(?: ?\(\d+\))?(?: (?:of|von|de|af))?)[ _.-]*)+", re.IGNORECASE
)
# How platforms begin the names of all learners' files in one folder. Canvas: name_[LATE_]user_file_; Blackboard:
# assignment_user_attempt_time_; Moodle: name_number_assignsubmission_file_. Only the first two say what is newer.
_PLATFORMS = (
    re.compile(r"(?P<learner>[^_]+)_(?:LATE_)?(?P<user>\d+)_\d+_"),
    re.compile(r".+_(?P<learner>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})_"),
    re.compile(r"(?P<learner>.+_\d+)_assignsubmission_(?:file|onlinetext)_(?P<unknown>)"),
)


@dataclass(frozen=True)
class ModuleName:
    """What the name of a file says.

    Attributes:
        module: the module that it holds, such as "step_02_gradient", or "".
        like: the module that it may be meant for, or "".
        exact: whether it is the very name that the course gives.
        learner: whose it is, where that stands before the module's name, or "".
        age: where the platform guarantees it: the greater, the newer among the files of one learner and step.
    """

    module: str = ""
    like: str = ""
    exact: bool = False
    learner: str = ""
    age: tuple[str, int] | None = None


def understand(filename: str, course: Course) -> ModuleName:
    """Return what the name of a file says; it has no folder before it."""
    if len(filename) > _LONGEST or not _hint(course.modules).search(filename):
        return ModuleName()
    code = _CODE.fullmatch(filename)
    stem = code["stem"] if code else filename.rpartition(".")[0] or filename
    like = ""
    for module, whole, part in _patterns(course.modules):
        if filename == f"{module}.py":
            return ModuleName(module, module, exact=True)
        if found := whole.fullmatch(stem):
            return (
                _around(module, found["before"], found["after"]) if code else ModuleName("", module)
            )
        if part.fullmatch(stem):
            like = like or module
    return ModuleName(like=like)


def platform_learner(filename: str) -> str:
    """Return whose file it is, if its name begins as a platform writes it, or ""."""
    return next((_learner(found) for p in _PLATFORMS if (found := p.match(filename))), "")


def platform_age(filename: str) -> tuple[str, tuple[str, int]] | None:
    """Return the name that a learner gave to a file, and how new it is; None if no platform guarantees that."""
    for platform in _PLATFORMS:
        if (found := platform.match(filename)) and "unknown" not in found.groupdict():
            name, _, ending = filename[found.end() :].partition(".")
            tries = re.fullmatch(r"(?P<name>.+?)(?:-(?P<number>\d+))?", name)
            if tries:
                time = found.groupdict().get("time") or ""
                return f"{tries['name']}.{ending}", (time, int(tries["number"] or 0))
    return None


def _learner(found: re.Match[str]) -> str:
    return "_".join(filter(None, (found["learner"], found.groupdict().get("user"))))


@lru_cache(maxsize=8)
def _hint(modules: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern that leaves out most names at once: there may be a million."""
    names = ("[ _-]*".join(module.split("_")[2:]) for module in modules)
    return re.compile("|".join(("step", *names)), re.IGNORECASE)


@lru_cache(maxsize=8)
def _patterns(modules: tuple[str, ...]) -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    """Return each module with the pattern of its whole name, and of a part that may mean it."""
    result = []
    for module in modules:
        _, number, *words = module.split("_")
        step, name = rf"step[ _-]*0*{int(number)}", "[ _-]*".join(words)
        whole = rf"(?P<before>(?:.*[^a-z0-9])?){step}[ _-]+{name}(?P<after>.*)"
        part = rf"(?:.*[^a-z])?(?:{step}(?![0-9]).*|{name})"
        flags = re.IGNORECASE | re.DOTALL
        result.append((module, re.compile(whole, flags), re.compile(part, flags)))
    return result


def _around(module: str, before: str, after: str) -> ModuleName:
    """Return what the words before and after a module's name say."""
    copied = _BEFORE.match(before)
    before = before[copied.end() :] if copied else before
    found = next((found for p in _PLATFORMS if (found := p.match(before))), None)
    # An assignment may be called "Test", and a learner Old.
    own = before[found.end() :] if found else before
    if _OTHER_THINGS.search(own) or _OTHER_THINGS.search(after) or after[:1].isalpha():
        return ModuleName(like=module)
    if found is None:
        return ModuleName(module, module, learner=before.strip(" _.-"))
    mark = _BEHIND.fullmatch(after)
    number = int(mark["number"] or 0) if mark and len(after) < 10 else 0
    time = found.groupdict().get("time") or ""
    age = None if "unknown" in found.groupdict() else (time, number)
    return ModuleName(module, module, learner=_learner(found), age=age)
