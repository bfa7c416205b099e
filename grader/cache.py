"""What earlier checks found: a step whose files did not change is not run again."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from grader.course import Course, Step

FOLDER = ".torchsteps"


class State:
    """One JSON file in the kit's folder for things to remember; a broken or read-only one does no harm."""

    def __init__(self, root: Path, name: str) -> None:
        self._path = root / FOLDER / name
        self.data: dict[str, Any] = {}
        try:
            data = json.loads(self._path.read_text("utf-8"))
            self.data = data if isinstance(data, dict) else {}
        except (OSError, ValueError, RecursionError):
            pass

    def save(self) -> None:
        """Write the file whole or not at all."""
        try:
            self._path.parent.mkdir(exist_ok=True)
            new = self._path.with_suffix(".new")
            new.write_text(json.dumps(self.data), "utf-8")
            new.replace(self._path)
        except OSError:
            pass


def kit_fingerprint(course: Course) -> str:
    """Return a digest of everything besides a step's own files that a verdict may depend on."""
    digest = hashlib.sha256()
    for name in ("torch", "numpy", "scikit-learn", "hypothesis", "pytest"):
        try:
            digest.update(f"{name} {version(name)};".encode())
        except PackageNotFoundError:
            digest.update(f"{name} missing;".encode())
    digest.update(f"{platform.platform()} {platform.python_version()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def step_key(
    course: Course,
    step: Step,
    source: bytes | None,
    others: dict[str, bytes],
    refused: str | None,
    kit: str,
) -> str:
    """Return a digest that is the same exactly while a step's verdict is."""
    files = [course.root / "tests" / "steps" / step.test_file, course.root / step.recorded_file]
    limits = f"{course.seed!r} {step.points} {step.seconds} {step.packages} {refused}"
    parts = [
        kit.encode(),
        limits.encode(),
        source or b"",
        repr(sorted(others.items())).encode(),
        *(file.read_bytes() if file.exists() else b"" for file in files),
    ]
    digest = hashlib.sha256()
    for part in (*parts, b"there" if source is not None else b"missing"):
        digest.update(f"{len(part)}:".encode() + part)
    return digest.hexdigest()
