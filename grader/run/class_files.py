"""Writes the files of a graded class that other systems read."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course.course import Course
from grader.course.files import write_whole
from grader.course.marks import Mark
from grader.course.paths import FILLED, GRADEBOOK_CSV, JUNIT, NBGRADER_CSV, RESULTS
from grader.report.filling import fill
from grader.report.gradebooks import gradebook_csv, nbgrader_csv
from grader.report.junit import write_junit
from grader.report.sheets import Filled, FillError

# For nbgrader's column, if the teacher names no assignment.
_ASSIGNMENT = "torchsteps"


@dataclass(frozen=True)
class Download:
    """A file that a teacher has downloaded from a platform, to be filled in.

    Attributes:
        name: the name of the file.
        data: its bytes.
        assignment: the title of the assignment that the marks are for; "" if there is only one.
    """

    name: str
    data: bytes
    assignment: str = ""

    @classmethod
    def read(cls, path: Path, assignment: str = "") -> Download:
        """Read the file, and check that it can be filled in, before anything is graded.

        Raises:
            FillError: it cannot be read or filled in.
        """
        try:
            download = cls(path.name, path.read_bytes(), assignment)
        except OSError as error:
            raise FillError(f"{path} cannot be read ({error.strerror}).") from None
        download.fill([])
        return download

    def fill(self, marks: Sequence[Mark], out: Path | None = None) -> Filled:
        """Fill in the marks.

        Args:
            marks: the marks.
            out: the folder of results, which may hold a file that was filled in last time.

        Raises:
            FillError: the file cannot be filled in.
        """
        platform = fill(self.name, self.data, [], self.assignment).platform
        before = b""
        if out and (out / FILLED[platform]).is_file():
            before = (out / FILLED[platform]).read_bytes()
        return fill(self.name, self.data, marks, self.assignment, before)


def write_class_files(
    course: Course,
    out: Path,
    marks: Sequence[Mark],
    assignment: str = "",
    download: Download | None = None,
) -> Filled | None:
    """Write `gradebook.csv`, `nbgrader.csv` and `junit.xml`, and a file of a platform, if there is one to fill in.

    Args:
        course: the course.
        out: the folder of results.
        marks: the marks, in the order of the rows.
        assignment: the name of the assignment, or "".
        download: the file to fill in.

    Returns:
        The file that was filled in.

    Raises:
        OSError: a file cannot be written; the earlier one is unchanged.
    """
    # A step that was taken out of the course still counts in the marks that were given before.
    steps = sorted({step.id for step in course.steps}.union(*(mark.max_steps for mark in marks)))
    write_whole(out / GRADEBOOK_CSV, gradebook_csv(marks, steps))
    write_whole(out / NBGRADER_CSV, nbgrader_csv(marks, assignment or _ASSIGNMENT))
    report = io.BytesIO()
    write_junit(report, marks, lambda mark: _results(out, mark))
    write_whole(out / JUNIT, report.getvalue())
    filled = download.fill(marks, out) if download else None
    if filled:
        write_whole(out / FILLED[filled.platform], filled.data)
    return filled


def _results(out: Path, mark: Mark) -> dict[str, Any] | None:
    """Return the content of a submission's `results.json`, or None if there is none."""
    path = out / mark.folder / RESULTS
    if not mark.folder or not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content
