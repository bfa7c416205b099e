"""What a mark depends on: a key for each step, and the versions that are written beside a mark.

A verdict counts as long as the key of its step is the same. The key leaves out the kit's own code and the
packages, which may change without a teacher's wish. Their versions are kept with each verdict, so that it can be
said when they differ.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.paths import EXERCISES, MEMORY, STUBS_FILE
from grader.run.shared_source import SHARED, used_source
from grader.submissions.members import Refused, file_member
from grader.submissions.submission import Submission

# The rooms whose code takes part in a verdict.
_JUDGING = (
    "course", "submissions", "wire", "sandbox", "worker", "launch", "testing", "judge",
)  # fmt: skip


def grading_key(course: Course, step: Step) -> str:
    """Return a digest of what the verdicts on a step depend on, the submission and the kit's own code apart.

    These are the step's tests, visible and hidden, what they use of the shared probes and references, the recorded
    behaviour of mistakes, the limits and the seed. Points, title and dates are not among them.
    """
    settings = (course.seed, course.limits, step.module, step.seconds, step.packages)
    return _digest([repr(settings).encode(), *_content(course, step)])


def versions(course: Course) -> dict[str, str]:
    """Return the versions that a mark is stamped with.

    Returns:
        "kit": the version of the kit and a digest of the code that judges; "course": a digest of tests and points,
        in which the seed does not take part, because learners see it; "torch", "numpy", "python".
    """
    files = [*SHARED, *(file for step in course.steps for file in _files(step))]
    content = [_bytes_of(course.root / file) for file in files]
    points = repr([(step.id, step.points) for step in course.steps]).encode()
    return {
        "kit": f"{_kit_version(course.root)}+{_code()}",
        "course": _digest([points, *content])[:12],
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "python": platform.python_version(),
    }


def differences(made_with: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return in words which versions differ, but for that of the course, whose steps have keys."""
    return [
        f"{name} {made_with[name]}, now {now[name]}"
        for name in now
        if name != "course" and made_with.get(name, now[name]) != now[name]
    ]


def other_stubs(course: Course, submission: Submission) -> str:
    """Return in which steps a workspace was made with other exercises than the kit has, as a clause, or "".

    Only a folder tells: a workspace of the installed kit remembers its exercises as they were handed out.
    """
    home = submission.home.removesuffix(f"{EXERCISES}/")
    place = submission.folder / home / MEMORY / STUBS_FILE
    try:
        stubs = json.loads(file_member(place, STUBS_FILE).read())
    except (Refused, ValueError, RecursionError):
        return ""
    if not isinstance(stubs, dict):
        return ""
    ours = {step: _bytes_of(course.root / EXERCISES / step.filename) for step in course.steps}
    other = [
        step.id
        for step, stub in ours.items()
        if stub is not None
        and isinstance(theirs := stubs.get(step.filename), str)
        and theirs.encode("utf-8", "replace") != stub
    ]
    if not other:
        return ""
    return f"its workspace was made with other exercises than this kit has: step {', '.join(other)}"


def as_text(stamp: dict[str, str]) -> str:
    """Return versions as the text that the gradebook holds."""
    return json.dumps(stamp, sort_keys=True)


def _files(step: Step) -> list[str]:
    return [step.visible_tests, step.hidden_tests, step.recorded_file]


def _content(course: Course, step: Step) -> list[bytes | None]:
    """Return the content of the files that a step is judged by; None for one that is not there."""
    files = _files(step)
    tests = [file for file in files[:2] if (course.root / file).is_file()]
    try:
        shared: list[bytes | None] = [used_source(course.root, tests).encode()]
    except (SyntaxError, UnicodeDecodeError, FileNotFoundError):
        # Half a file is said when the tests are collected, and a kit may do without the shared modules.
        shared = [_bytes_of(course.root / file) for file in SHARED]
    return [step.id.encode(), *(_bytes_of(course.root / file) for file in files), *shared]


@cache
def _code() -> str:
    grader = Path(__file__).parents[1]
    files = [file for room in _JUDGING for file in sorted((grader / room).glob("*.py"))]
    files += sorted((grader / "content").glob("*.toml"))
    return _digest([part for file in files for part in (file.name.encode(), _bytes_of(file))])[:8]


def _kit_version(root: Path) -> str:
    try:
        table = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
        return str(table["project"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _digest(parts: Iterable[bytes | None]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # With its length before it, no two sequences of parts look alike.
        digest.update(b"-;" if part is None else f"{len(part)};".encode() + part)
    return digest.hexdigest()
