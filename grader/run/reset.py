"""Gives a step its stub back, and keeps what was written."""

from __future__ import annotations

import time
from pathlib import Path

from grader.course.course import Step
from grader.course.files import write_whole
from grader.course.paths import BACKUP


def reset(exercises: Path, memory: Path, step: Step, stub: str) -> Path | None:
    """Write the stub of a step, and return the copy of what was there; None if nothing was.

    Args:
        exercises: the learner's folder of exercises.
        memory: the folder for copies.
        step: the step.
        stub: the text of the stub.

    Raises:
        OSError: a file cannot be written; then the exercise is as it was.
    """
    file = exercises / step.filename
    copy = None
    if file.is_file():
        folder = memory / BACKUP / time.strftime("%Y-%m-%d_%H.%M.%S")
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / step.filename
        copy.write_bytes(file.read_bytes())
    write_whole(file, stub.encode())
    return copy
