"""Marks as CSV files of our own: the class's gradebook, and one with the columns of nbgrader's export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from grader.course.marks import Mark, Student
from grader.course.plain_text import one_line

ROSTER_COLUMNS = ("id", "last_name", "first_name", "email")
NBGRADER_COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
)  # fmt: skip
# With a full-width sign, too, spreadsheets of some languages begin a formula.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def number(value: float) -> str:
    """Return a number of points as plain text, with a point and at most five decimals.

    No platform keeps more decimals, and none of them reads an exponent or a comma safely.
    """
    return f"{value:.5f}".rstrip("0").rstrip(".")


def cell(text: str) -> str:
    """Return text for a cell of a CSV file that no spreadsheet takes for a formula.

    Control characters become visible, and an apostrophe goes before a sign that would begin a formula.
    """
    return "'" + one_line(text) if text.startswith(_FORMULA) else one_line(text)


def gradebook_csv(marks: Iterable[Mark], steps: Sequence[str]) -> bytes:
    """Return the gradebook of a class.

    Its columns are `submission`, `step_00` and so on, `score`, `max_score` and `graded_at` (ISO 8601); if any mark
    has a student of the roster, the columns of `ROSTER_COLUMNS` follow. The points of a submission with a problem
    are unknown or not final, so they are left empty; who handed nothing in has 0.

    Args:
        marks: the marks, in the order of the rows.
        steps: the ids of the steps, such as "00".
    """
    marks = list(marks)
    named = any(mark.student for mark in marks)
    header = ["submission", *(f"step_{step}" for step in steps), "score", "max_score", "graded_at"]
    rows = [header + (list(ROSTER_COLUMNS) if named else [])]
    for mark in marks:
        final = is_final(mark)
        points = [
            number(mark.steps.get(step, 0)) if final and step in mark.max_steps else ""
            for step in steps
        ]
        score = number(mark.score or 0) if final else ""
        graded_at = mark.graded_at.isoformat(timespec="seconds") if mark.graded_at else ""
        row = [cell(mark.submission), *points, score, number(mark.max_score), graded_at]
        rows.append(row + (_of_roster(mark.student) if named else []))
    return _written(rows, csv.QUOTE_MINIMAL)


def nbgrader_csv(marks: Iterable[Mark], assignment: str) -> bytes:
    """Return the marks in the columns of nbgrader's export, quoted, with times in UTC.

    Without a row of the roster, the submission's name stands for the student's id. The scores of a submission with
    a problem are left empty.

    Args:
        marks: the marks, in the order of the rows.
        assignment: the name of the assignment.
    """
    rows = [list(NBGRADER_COLUMNS)]
    for mark in marks:
        student = _of_roster(mark.student)
        student[0] = student[0] or cell(mark.submission)
        scores = (mark.raw, mark.penalty, mark.score) if is_final(mark) else ()
        rows.append(
            [
                cell(assignment),
                _utc(mark.due),
                _utc(mark.handed_in),
                *student,
                *([number(score or 0) for score in scores] or [""] * 3),
                number(mark.max_score),
            ]
        )
    return _written(rows, csv.QUOTE_ALL)


def is_final(mark: Mark) -> bool:
    """Return whether a mark may leave the kit: there is a result without a problem, or nothing was handed in."""
    return mark.score is not None and (not mark.problem or is_missing(mark))


def is_missing(mark: Mark) -> bool:
    """Return whether the student of a mark handed nothing in, which is worth 0."""
    return mark.score == 0 and not mark.folder


def _of_roster(student: Student | None) -> list[str]:
    if student is None:
        return [""] * len(ROSTER_COLUMNS)
    return [cell(getattr(student, name)) for name in ROSTER_COLUMNS]


def _utc(time: datetime | None) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if time else ""


def _written(rows: Iterable[Sequence[str]], quoting: int) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    # A name may hold what is no text.
    return text.getvalue().encode("utf-8", "backslashreplace")
