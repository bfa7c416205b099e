"""Fills marks into an export of Canvas's gradebook.

What its importer does (`lib/gradebook_importer.rb`): it finds students by `ID`, then by the columns of the
institution, then by name. It finds an assignment by the number behind its title, and makes a new one of any other
title. It takes every column of the file for new grades, so those of other assignments are left out here: grades
that have changed since the export would be set back. It reads `1,234` as 1.234.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.course.marks import Mark
from grader.report.gradebooks import number
from grader.report.sheets import (
    Filled,
    FillError,
    Rows,
    Sheet,
    Skipped,
    decimal,
    left_note,
    scale_note,
)

_TITLE = re.compile(r"(?P<title>.*\S) \((?P<id>\d+)\)", re.DOTALL)
_TOTALS = re.compile(r"(?:Current|Final|Override) (?:Score|Points|Grade|Status)")
_NO_STUDENT = re.compile(r"\s*(?:Muted|Manual Posting.*)?\s*", re.IGNORECASE)


def is_export(sheet: Sheet) -> bool:
    """Return whether a file is an export of Canvas's gradebook."""
    header = sheet.header
    names = (["Student"], ["LastName", "FirstName"])
    has_names = any(header[: len(one) + 1] == [*one, "ID"] for one in names)
    return has_names and "Section" in header


def fill(sheet: Sheet, marks: Sequence[Mark], assignment: str) -> Filled:
    """Fill marks into an export.

    Args:
        sheet: the export.
        marks: the marks.
        assignment: the title of the assignment, with or without its number; may be "" if there is only one.

    Raises:
        FillError: the assignment is not in the export, or Canvas would not let it be changed.
    """
    column = _assignment(sheet, assignment)
    section, id_column = sheet.header.index("Section"), sheet.header.index("ID")
    numbers: dict[str, int] = {}
    cells: dict[int, list[str]] = {}
    points = None
    for index, row in enumerate(sheet.rows):
        if "Points Possible" in row[0]:
            if "read only" in row[column]:
                raise FillError(f"Canvas does not let {sheet.header[column]} be changed.")
            points = decimal(row[column])
        elif not all(_NO_STUDENT.fullmatch(text) for text in row):
            numbers[row[id_column].strip()] = index
            cells[index] = row[id_column:section]
    rows = Rows("canvas", numbers, cells)
    for mark in marks:
        rows.add(mark)
    filled = 0
    for index, mark in rows.found():
        row = sheet.rows[index]
        if row[column].strip().casefold() == "ex":
            rows.skipped.append(Skipped(_name(row, id_column), "Canvas has excused the student"))
        elif row[column].strip() == "N/A":
            reason = "the assignment is not assigned to the student"
            rows.skipped.append(Skipped(_name(row, id_column), reason))
        else:
            row[column] = number(mark.score or 0)
            filled += 1
    kept = [*range(section + 1), column]
    result = Sheet(
        sheet.name,
        [sheet.header[i] for i in kept],
        [[row[i] for i in kept] for row in sheet.rows],
        sheet.has_mark,
    )
    notes = scale_note("Canvas", points, marks)
    notes += left_note(len(cells) - filled, "student", "Canvas")
    return Filled("Canvas", result.written(), filled, rows.without_mark(), tuple(notes))


def _assignment(sheet: Sheet, wanted: str) -> int:
    """Return the column of the assignment."""
    titles = {
        index: match["title"]
        for index, header in enumerate(sheet.header)
        if (match := _TITLE.fullmatch(header)) and not _TOTALS.search(header)
    }
    found = [i for i, title in titles.items() if not wanted or wanted in (title, sheet.header[i])]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f'"{sheet.header[index]}"' for index in titles) or "none"
    if not wanted:
        say = "say which one is meant with --assignment" if titles else "create it in Canvas first"
    elif found:
        say = f'several are called "{wanted}": say which one is meant, with its number'
    else:
        say = f'none of them is called "{wanted}", and Canvas would make a new one'
    raise FillError(f"{sheet.name} has these assignments: {known}. For the marks, {say}.")


def _name(row: list[str], id_column: int) -> str:
    return f"{', '.join(row[:id_column])} ({row[id_column]})"
