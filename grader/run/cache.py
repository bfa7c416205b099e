"""The cache of earlier checks: a step whose files did not change is not run again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.course.files import write_whole


class State:
    """A JSON file with state; a broken or missing file counts as empty."""

    def __init__(self, folder: Path | None, name: str) -> None:
        """Read the file of this name in a folder; with None for a folder, nothing can be remembered."""
        self._path = folder / name if folder else None
        self.data: dict[str, Any] = {}
        if self._path is None:
            return
        try:
            data = json.loads(self._path.read_text("utf-8"))
            self.data = data if isinstance(data, dict) else {}
        except (OSError, ValueError, RecursionError):
            pass

    def save(self) -> bool:
        """Write the file, and return whether that was possible.

        Of two commands that do so at once, the later one wins, and what the other one knew is found out again.
        """
        try:
            self.write()
        except OSError:
            return False
        return self._path is not None

    def write(self) -> None:
        """Write the file, if there is a folder for it.

        Raises:
            OSError: it cannot be written.
        """
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # People read these files, too.
            text = json.dumps(self.data, indent=1, sort_keys=True, ensure_ascii=False)
            write_whole(self._path, f"{text}\n".encode("utf-8", "backslashreplace"))


def kit_fingerprint(course: Course) -> str:
    """Return a digest of everything that a verdict may depend on, apart from the step's own files."""
    digest = hashlib.sha256()
    surroundings = (platform.platform(), sys.version, _packages())
    # From the course as it was read, because the tests run with that.
    settings = (course.seed, course.limits, course.hidden_feedback)
    _add(digest, repr((surroundings, settings)).encode())
    for path in _kit_files(course):
        # Without the name of the kit's own folder, which may be moved.
        room = "" if path.parent == course.root else path.parent.name
        _add(digest, f"{room}/{path.name}".encode())
        _add(digest, _bytes_of(path))
    return digest.hexdigest()


def step_key(
    course: Course,
    step: Step,
    source: bytes | None,
    others: dict[str, bytes],
    refused: str | None,
    kit: str,
) -> str:
    """Return a digest that changes whenever a step's verdict may change.

    Args:
        course: the course.
        step: the step.
        source: the source of the step's module; None if it was not handed in.
        others: the sources of the learner's other modules that it imports, by name.
        refused: why there is no source, as sentences; None if there is one.
        kit: the result of `kit_fingerprint`.

    Returns:
        A SHA-256 digest in hexadecimal.
    """
    digest = hashlib.sha256()
    _add(digest, f"{kit} {step!r} {refused!r}".encode())
    _add(digest, source)
    _add(digest, repr(sorted(others.items())).encode())
    for path in _step_files(course, step):
        _add(digest, _bytes_of(path))
    return digest.hexdigest()


def stamps(course: Course, steps: Iterable[Step]) -> Any:
    """Return a value that differs after any change to the files that the verdicts on these steps depend on.

    A change that was undone counts too, because the tests may have run in between. The files of the
    submission are left out, because it is judged as it was read.
    """
    files = [*_kit_files(course), *(path for step in steps for path in _step_files(course, step))]
    return _packages(), [_stamp(path) for path in files]


def _kit_files(course: Course) -> list[Path]:
    configured = ("pyproject.toml", "conftest.py", "tests/conftest.py", "tests/steps/conftest.py")
    # Each room is one folder; the deeper ones hold hidden tests, skeletons, pictures and, in a wheel, the kit.
    grader = Path(__file__).parents[1]
    code = sorted([*grader.glob("*.py"), *grader.glob("*/*.py"), *grader.glob("content/*.toml")])
    return [*code, *(course.root / name for name in configured)]


def _step_files(course: Course, step: Step) -> list[Path]:
    return [course.root / step.visible_tests, course.root / step.recorded_file]


def _packages() -> list[list[str]]:
    """Return the entries of all package folders: their names include versions, and a module may import any."""
    folders = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    return [sorted(os.listdir(folder)) for folder in folders if os.path.isdir(folder)]


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _add(digest: hashlib._Hash, part: bytes | None) -> None:
    """Add a part, prefixed by its length so that different sequences never collide; None if it is missing."""
    digest.update(b"missing;" if part is None else f"{len(part)}:".encode() + part)
