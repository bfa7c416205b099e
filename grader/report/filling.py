"""Fills marks into the file that a teacher has downloaded from Moodle or Canvas, so that it can be uploaded there.

Both platforms pass over rows without a word: what they would not take is named beforehand. Everything else in the
file stays as it is, names above all, because what a platform does not find by its number it may look up by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.course.marks import Mark
from grader.course.plain_text import one_line
from grader.report import canvas, moodle
from grader.report.sheets import Filled, FillError, Sheet

_MOST_LINES = 20


def fill(
    name: str, data: bytes, marks: Sequence[Mark], assignment: str = "", before: bytes = b""
) -> Filled:
    """Fill marks into a downloaded file, which its columns tell to be of Moodle or Canvas.

    Args:
        name: the name of the file, for messages.
        data: its bytes.
        marks: the marks.
        assignment: the title of the assignment, for a file that holds several.
        before: what was filled in last time for the same platform, or b"".

    Raises:
        FillError: the file cannot be filled in.
    """
    sheet = Sheet.read(name, data)
    if canvas.is_export(sheet):
        return canvas.fill(sheet, marks, assignment)
    if moodle.is_worksheet(sheet):
        return moodle.fill(sheet, marks, before)
    raise FillError(
        f"{name} is neither a grading worksheet of Moodle (submissions, Download grading worksheet) nor an export "
        "of Canvas's gradebook (Gradebook, Export): take the file as it was downloaded."
    )


def summary(filled: Filled, file: str) -> Iterator[str]:
    """Yield lines that say what was filled in, and what will not arrive.

    Args:
        filled: the file that was filled in.
        file: where it was written.
    """
    yield f"{file} is ready for {filled.platform}. Marks filled in: {filled.count}."
    yield from (one_line(note) for note in filled.notes)
    if filled.skipped:
        words = f"Marks that will not arrive, of which {filled.platform} says nothing"
        yield f"{words}: {len(filled.skipped)}"
    for one in filled.skipped[:_MOST_LINES]:
        yield f"  {one_line(one.who)}: {one_line(one.reason)}"
    if (more := len(filled.skipped) - _MOST_LINES) > 0:
        yield f"  and {more} more"
