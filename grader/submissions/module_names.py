"""Tells from a file's name which step it is meant for, because learners and platforms change names.

A name is understood if it contains the whole name of a module, in any case and with any separator:
`Step-03 Gradient.PY`, `step_03_gradient.py.txt`. The mark of a copy may follow (`(1)`, `-1`, `- Copy`), and other
words may precede (`Copy of …`, a learner's name, `onelearner_12345_67891_`). But words such as `test` or `old` say
that the file is something else. Files with half a name (`step_03.py`, `gradient.py`) are only mentioned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from grader.course.course import Course
from grader.course.paths import GIVEN

# The limit of most file systems; an archive may contain longer names.
_LONGEST = 255
_CODE = re.compile(r"(?P<stem>.*)\.py(?:\.py|\.txt)?", re.IGNORECASE | re.DOTALL)
_OTHER_PURPOSE = re.compile(
    r"(?<![a-z])(?:backup|bak|broken|conftest|draft|old|orig|original|solutions?|stub|template|tests?)(?![a-z])",
    re.IGNORECASE,
)
# The words and numbers that browsers, file managers and platforms add to the name of a copy.
_COPY = r"copy|kopie|copie|copia|cópia|kopia|kopi"
# Possessive quantifiers, because otherwise matching a long row of digits takes exponential time.
_COPY_AFTER = re.compile(rf"(?:[ _.-]*(?:\(?(?P<number>\d++)\)?|{_COPY}))*+[ _.-]*", re.IGNORECASE)
_COPY_BEFORE = re.compile(
    rf"(?:(?:\(\d+\)|(?:{_COPY})(?: ?\(\d+\))?(?: (?:of|von|de|af))?)[ _.-]*)+", re.IGNORECASE
)
# The kit's given modules, also as copies, with a learner's name before.
_GIVEN = re.compile(
    rf"(?:(?!.*step)[^.]*[ _-])?(?:{'|'.join(GIVEN)})(?:[ _.-]*(?:\(?\d{{1,9}}\)?|{_COPY}))?\.py(?:\.txt)?",
    re.IGNORECASE,
)
# The prefixes that platforms put before learners' file names. Canvas: name_[LATE_]user_file_; Blackboard:
# assignment_user_attempt_time_; Moodle: name_number_assignsubmission_file_. Moodle's tells no order of attempts.
_PLATFORMS = (
    re.compile(r"(?P<learner>[^_]+)_(?:LATE_)?(?P<user>\d+)_\d+_"),
    re.compile(r"(?:LATE_)?(?P<learner>anon_[A-Za-z0-9]+)_\d+_"),
    re.compile(r".+_(?P<learner>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})_"),
    re.compile(
        r"(?P<learner>.+_\d+)_assignsubmission_(?:file|onlinetext)_(?P<unknown>)", re.DOTALL
    ),
)


@dataclass(frozen=True)
class ModuleName:
    """What the name of a file tells.

    Attributes:
        module: the module that the file holds, such as "step_03_gradient", or "".
        like: the module that it may be meant for, or "".
        exact: whether the name is exactly the one in the course file.
        learner: the learner, if named before the module, or "".
        age: orders the attempts of one learner at one step, the newest last; None if the platform does not tell.
    """

    module: str = ""
    like: str = ""
    exact: bool = False
    learner: str = ""
    age: tuple[str, int] | None = None


def understand(filename: str, course: Course) -> ModuleName:
    """Return what the name of a file, without any folder, tells."""
    if len(filename) > _LONGEST or not _hint(course.modules).search(filename) or is_given(filename):
        return ModuleName()
    code = _CODE.fullmatch(filename)
    stem = code["stem"] if code else filename.rpartition(".")[0] or filename
    like = ""
    for module, whole, part in _patterns(course.modules):
        if filename == f"{module}.py":
            return ModuleName(module, module, exact=True)
        if match := whole.fullmatch(stem):
            if not code:
                return ModuleName(like=module)
            return _around(module, match["before"], match["after"])
        if part.fullmatch(stem):
            like = like or module
    return ModuleName(like=like)


def is_given(filename: str) -> bool:
    """Return whether this is the name of one of the kit's given modules, perhaps after a learner's name."""
    return len(filename) <= _LONGEST and bool(_GIVEN.fullmatch(filename))


def platform_learner(filename: str) -> str:
    """Return the learner that a platform's prefix names, or ""."""
    prefix = _platform_prefix(filename)
    return _learner(prefix) if prefix else ""


def platform_age(filename: str) -> tuple[str, tuple[str, int]] | None:
    """Return the name that the learner gave to a file, and its `age` (see `ModuleName`).

    None if no platform tells which of several attempts is newer.
    """
    for platform in _PLATFORMS:
        if (prefix := platform.match(filename)) and "unknown" not in prefix.groupdict():
            name, _, extension = filename[prefix.end() :].partition(".")
            attempt = re.fullmatch(r"(?P<name>.+?)(?:-(?P<number>\d+))?", name)
            if attempt:
                time = prefix.groupdict().get("time") or ""
                return f"{attempt['name']}.{extension}", (time, int(attempt["number"] or 0))
    return None


def _platform_prefix(name: str) -> re.Match[str] | None:
    return next((prefix for p in _PLATFORMS if (prefix := p.match(name))), None)


def _learner(prefix: re.Match[str]) -> str:
    return "_".join(filter(None, (prefix["learner"], prefix.groupdict().get("user"))))


@lru_cache(maxsize=8)
def _hint(modules: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern that quickly rules out most names, of which there may be a million."""
    names = ("[ _-]*".join(module.split("_")[2:]) for module in modules)
    return re.compile("|".join(("step", *names)), re.IGNORECASE)


@lru_cache(maxsize=8)
def _patterns(modules: tuple[str, ...]) -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    """Return each module with one pattern for its whole name, and one for a part that may stand for it."""
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
    """Return what a file name with a module's whole name tells.

    Args:
        module: the module.
        before: the part of the file name before the module's name.
        after: the part after it.
    """
    copy_mark = _COPY_BEFORE.match(before)
    before = before[copy_mark.end() :] if copy_mark else before
    prefix = _platform_prefix(before)
    # Only the learner's own words count: an assignment may be called "Test", and a learner Old.
    own = before[prefix.end() :] if prefix else before
    if _OTHER_PURPOSE.search(own) or _OTHER_PURPOSE.search(after) or after[:1].isalpha():
        return ModuleName(like=module)
    if prefix is None:
        return ModuleName(module, module, learner=before.strip(" _.-"))
    mark = _COPY_AFTER.fullmatch(after)
    number = int(mark["number"] or 0) if mark and len(after) < 10 else 0
    time = prefix.groupdict().get("time") or ""
    age = None if "unknown" in prefix.groupdict() else (time, number)
    return ModuleName(module, module, learner=_learner(prefix), age=age)
