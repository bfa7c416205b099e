"""Fills marks into the grading worksheet of a Moodle assignment.

What its importer does (`mod/assign/feedback/offline`): it needs the columns Identifier, Grade and "Last modified
(grade)". It passes over a row without a word if the participant is unknown, or if the grade is locked, out of
range, or was changed later than the date in the row says. A date that it cannot read is older than any, and it
reads English ones only.

The headers are in the language of the site, so columns are known by what is in them and by their order, which is
that of `mod/assign/gradingtable.php`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from grader.course.marks import Learner, Mark
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

_IDENTIFIER = re.compile(r"(?P<prefix>\D+)(?P<number>\d+)")
_NEVER = "-"
# As Moodle writes them in English and PHP's `strtotime` reads them; it reads no other language.
_DATES = (
    "%A, %d %B %Y, %I:%M %p",
    "%A, %d %B %Y, %H:%M",
    "%A, %B %d, %Y, %I:%M %p",
    "%d %B %Y, %I:%M %p",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
)
# What "Grade can be changed" says if it cannot, in the languages of many sites.
_NO = frozenset(
    re.findall(
        r"\S+",
        "no nein non nee não nao nej nei ei ne nie nu nem нет ні не hayır hayir όχι いいえ 否 아니오 لا לא",
    )
)
_MODIFIED = 'unless you let it update records that were "modified more recently" in Moodle'


@dataclass(frozen=True)
class _Columns:
    """Where the columns of a worksheet are.

    Attributes:
        identifier: the column of identifiers, such as "Participant 12".
        grade: that of grades; the highest grade is in the next one.
        can_change: that of "Grade can be changed", or None.
        modified: that of "Last modified (grade)".
    """

    identifier: int
    grade: int
    can_change: int | None
    modified: int


def is_worksheet(sheet: Sheet) -> bool:
    """Return whether a file is a grading worksheet; it may be one that cannot be filled in."""
    return _identifier(sheet) is not None


def fill(sheet: Sheet, marks: Sequence[Mark], before: bytes = b"") -> Filled:
    """Fill marks into a worksheet.

    Args:
        sheet: the worksheet.
        marks: the marks.
        before: the worksheet that was filled in last time, or b"". Once it is uploaded, the grades are newer than
            those of a worksheet that was downloaded earlier.

    Raises:
        FillError: the worksheet lacks a column, or the assignment is graded by a scale.
    """
    columns = _columns(sheet)
    numbers: dict[str, int] = {}
    cells: dict[int, list[str]] = {}
    for index, row in enumerate(sheet.rows):
        numbers[_participant(row[columns.identifier])] = index
        cells[index] = row[columns.identifier + 1 : columns.grade]
    rows = Rows("moodle", numbers, cells)

    def fits(learner: Learner, index: int) -> str:
        if _fold(learner.name) & _fold(sheet.rows[index][columns.identifier]):
            # The submissions were downloaded without names.
            return ""
        if any(text == learner.name or _fold(learner.name) & _fold(text) for text in cells[index]):
            return ""
        whose = cells[index][0] if cells[index] else "somebody else"
        return f"in the worksheet, {learner.ids['moodle']} is {whose}"

    for mark in marks:
        # Of a team, the name carries the number of the group, which may be that of any participant.
        rows.add(mark, fits)
    earlier = _earlier(before)
    filled = 0
    for index, mark in rows.found():
        row = sheet.rows[index]
        score = mark.score or 0
        if reason := _silently(row, columns, score, earlier):
            rows.skipped.append(Skipped(f"{row[columns.identifier]} ({cells[index][0]})", reason))
        row[columns.grade] = number(score)
        filled += 1
    highest = decimal(sheet.rows[0][columns.grade + 1])
    notes = scale_note("Moodle", highest, marks)
    notes += left_note(len(sheet.rows) - filled, "participant", "Moodle")
    return Filled("Moodle", sheet.written(), filled, rows.without_mark(), tuple(notes))


def _silently(
    row: list[str], columns: _Columns, score: float, earlier: dict[str, tuple[str, str]]
) -> str:
    """Return why Moodle would pass over a row without a word, or ""."""
    old, highest = row[columns.grade], decimal(row[columns.grade + 1])
    if decimal(old) == float(number(score)):
        return ""
    if columns.can_change is not None and row[columns.can_change].strip().casefold() in _NO:
        return "Moodle says that its grade cannot be changed"
    if highest is not None and score > highest:
        return f"{number(score)} is out of range: the highest grade is {number(highest)}"
    date = row[columns.modified].strip()
    if date not in (_NEVER, "") and not _is_read(date):
        return f'Moodle cannot read the date of its last change, "{date}", and keeps its grade {_MODIFIED}'
    before = earlier.get(_participant(row[columns.identifier]))
    uploaded = decimal(before[0]) if before and before[1] == date else None
    if uploaded not in (None, decimal(old), float(number(score))):
        words = (
            "this worksheet was downloaded before the last one was filled in; if that was uploaded"
        )
        return f"{words}, Moodle keeps its grade {_MODIFIED}"
    return ""


def _identifier(sheet: Sheet) -> int | None:
    """Return the first column whose fields are all the same word and a number."""
    for index in range(len(sheet.header)):
        found = [_IDENTIFIER.fullmatch(row[index].strip()) for row in sheet.rows]
        if all(found) and len({match["prefix"] for match in found if match}) == 1:
            return index
    return None


def _columns(sheet: Sheet) -> _Columns:
    identifier = _identifier(sheet)
    assert identifier is not None
    width = len(sheet.header)
    fields = [[row[index].strip() for row in sheet.rows] for index in range(width)]
    grade = next(
        (
            index
            for index in range(identifier + 1, width - 1)
            if all(not text or decimal(text) is not None for text in fields[index])
            and len(set(fields[index + 1])) == 1
            and (decimal(fields[index + 1][0]) or 0) > 0
        ),
        None,
    )
    if grade is None:
        words = "an assignment that is graded by a scale, or not at all, takes no points"
        raise FillError(f"{sheet.name} has no columns for the grade and the highest one: {words}.")
    dates = [i for i in range(grade + 2, width) if all(_is_date(text) for text in fields[i])]
    if not dates:
        words = "Moodle refuses a worksheet without it; download it anew and delete no column"
        raise FillError(f'{sheet.name} has no column "Last modified (grade)": {words}.')
    can_change = dates[0] - 1 if dates[0] - 1 > grade + 1 else None
    return _Columns(identifier, grade, can_change, dates[-1])


def _is_date(text: str) -> bool:
    """Return whether a field is a date in some language, or says that there is none."""
    return text == _NEVER or (
        len(re.findall(r"\d+", text)) >= 3 and re.search(r"(?<!\d)\d{4}(?!\d)", text) is not None
    )


def _is_read(date: str) -> bool:
    """Return whether Moodle can read a date of its own."""
    for form in _DATES:
        with suppress(ValueError):
            datetime.strptime(date, form)
            return True
    return False


def _participant(identifier: str) -> str:
    """Return an identifier in English, as the names of submissions have it, such as "Participant 12"."""
    match = _IDENTIFIER.fullmatch(identifier.strip())
    return f"Participant {int(match['number'])}" if match else ""


def _earlier(before: bytes) -> dict[str, tuple[str, str]]:
    """Return grade and date of each participant in the worksheet that was filled in last time."""
    with suppress(FillError):
        sheet = Sheet.read("", before)
        if is_worksheet(sheet):
            columns = _columns(sheet)
            return {
                _participant(row[columns.identifier]): (
                    row[columns.grade],
                    row[columns.modified].strip(),
                )
                for row in sheet.rows
            }
    return {}


def _fold(name: str) -> set[str]:
    """Return the words of a name without marks and case; platforms change both in the names of files."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return {word for word in re.split(r"[\W\d_]+", plain.casefold()) if word}
