"""The teacher's own lists: the roster of a class, and what is agreed with single learners about dates."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

from grader.course.dates import Dates, Extension
from grader.course.marks import Learner, Mark, Student

# What headers are called in the lists that platforms and schools export, without spaces and signs.
_HEADERS = {
    "id": ("id", "sid", "studentid", "studentnumber", "idnumber", "sisuserid", "matriculationnumber"),
    "login": ("username", "login", "sisloginid", "user", "githubusername", "githubid"),
    "name": ("name", "fullname", "student", "studentname"),
    "first_name": ("firstname", "givenname", "forename"),
    "last_name": ("lastname", "surname", "familyname"),
    "email": ("email", "emailaddress", "mail"),
    "due": ("due", "duedate", "extendedto"),
    "late_days": ("latedays",),
    "handed_in": ("handedin", "submittedat", "submissiontime"),
}  # fmt: skip
# Whose own numbers tell nothing outside of them.
_PLATFORMS = ("moodle", "canvas", "gradescope")


class ListError(ValueError):
    """A list cannot be used; the message is a sentence."""


def read_roster(path: Path) -> list[Student]:
    """Read a roster: a CSV file with an id column, and perhaps names and e-mail addresses.

    Raises:
        ListError: the file cannot be used.
    """
    students: list[Student] = []
    for number, row in _rows(path, ("id", "login", "email")):
        key = row["id"] or row["login"] or row["email"]
        if not key:
            raise ListError(f"{path}: line {number}: there is no id.")
        name = row["name"] or " ".join(filter(None, (row["first_name"], row["last_name"])))
        student = Student(key, name, row["first_name"], row["last_name"], row["email"])
        if any(one.id == student.id for one in students):
            raise ListError(f"{path}: line {number}: the id {key} stands there twice.")
        students.append(student)
    return students


def read_extensions(path: Path, zone: tzinfo | None) -> dict[str, Extension]:
    """Read what is agreed with single learners: a CSV file with an id, and `due`, `late_days` or `handed_in`.

    Args:
        path: the file.
        zone: the offset of times that name none; that of the due date.

    Returns:
        What is agreed, by id as it stands there.

    Raises:
        ListError: the file cannot be used.
    """
    found: dict[str, Extension] = {}
    for number, row in _rows(path, ("id", "login", "email", "name")):
        key = row["id"] or row["login"] or row["email"] or row["name"]
        where = f"{path}: line {number}"
        if not key:
            raise ListError(f"{where}: there is no id.")
        if key in found:
            raise ListError(f"{where}: the id {key} stands there twice.")
        days = row["late_days"]
        if days and not re.fullmatch(r"[0-9]{1,4}", days):
            raise ListError(f"{where}: late_days must be a whole number, not {days}.")
        moments = {}
        for field in ("due", "handed_in"):
            try:
                moment = datetime.fromisoformat(row[field]) if row[field] else None
                # A day alone would stand for its first moment, and who writes one means its last.
                if moment and ":" not in row[field]:
                    raise ValueError
            except ValueError:
                words = f"must be a date and time such as 2026-12-04T23:59, not {row[field]}"
                raise ListError(f"{where}: {field} {words}.") from None
            moments[field] = moment.replace(tzinfo=moment.tzinfo or zone) if moment else None
            if moment and moment.tzinfo is None and zone is None:
                raise ListError(f"{where}: {field} needs its offset, such as +01:00.")
        found[key] = Extension(moments["due"], int(days) if days else None, moments["handed_in"])
    return found


def _rows(path: Path, ids: tuple[str, ...]) -> Iterable[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file by our own names of the columns, each with its line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ListError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ListError(f"{path} is not UTF-8 text: save it as CSV in UTF-8.") from None
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        header = next(reader, [])
        columns: dict[str, int] = {}
        for index, title in enumerate(header):
            plain = re.sub(r"[^a-z]", "", title.lower())
            for field, titles in _HEADERS.items():
                if plain in titles:
                    columns.setdefault(field, index)
        if not any(field in columns for field in ids):
            raise ListError(f"{path}: line 1 names no column of ids: one must be called id.")
        for row in reader:
            if any(cell.strip() for cell in row):
                cells = {
                    field: row[columns[field]].strip()
                    if field in columns and columns[field] < len(row)
                    else ""
                    for field in _HEADERS
                }
                yield reader.line_num, cells
    except csv.Error as error:
        raise ListError(f"{path}: line {reader.line_num}: {error}.") from None


def plain_name(text: str) -> str:
    """Return a name as it is compared: without accents, case, spaces and signs."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def names_of(submission: str, learners: Iterable[Learner]) -> list[set[str]]:
    """Return what each learner of a submission may be called in a list: ids as they are, and the name."""
    learners = list(learners)
    found = []
    for one in learners:
        ids = {value.casefold() for value in one.ids.values()}
        # Moodle's `Participant 123`.
        ids |= {value.rpartition(" ")[2] for value in ids}
        found.append(ids | ({one.name.casefold()} if one.name else set()))
    if len(learners) < 2:
        found = [(found[0] if found else set()) | {submission.casefold()}]
    return found


def rows_of(
    submission: str, learners: Iterable[Learner], students: list[Student]
) -> list[list[Student]]:
    """Return the rows of a roster that fit each learner; more than one if that is not clear.

    Args:
        submission: the submission's name.
        learners: who handed it in, as the platform says.
        students: the roster.
    """
    result = []
    learners = list(learners) or [Learner("")]
    for learner, names in zip(learners, names_of(submission, learners), strict=True):
        plain = {plain_name(name) for name in names} - {""}
        numbers = {learner.ids.get(one, "").casefold().rpartition(" ")[2] for one in _PLATFORMS}
        fitting = [one for one in students if one.id.casefold() in names - numbers]
        fitting = fitting or [
            one for one in students if one.email and one.email.casefold() in names
        ]
        if not fitting:
            fitting = [one for one in students if plain & _plain_names(one)]
            # A school may count as a platform does, so a number that speaks against the name proves nothing.
            counted = [one for one in students if one.id.casefold() in names & numbers]
            agreeing = [one for one in counted if one in fitting]
            fitting = agreeing or counted + fitting
        result.append(fitting)
    return result


def _plain_names(student: Student) -> set[str]:
    pair = (student.first_name, student.last_name)
    names = {student.name, "".join(pair), "".join(reversed(pair))}
    if "," in student.name:
        names.add("".join(reversed(student.name.split(",", 1))))
    return {plain_name(name) for name in names} - {""}


def join(
    marks: Iterable[Mark],
    students: list[Student],
    dates: Dates,
    agreed: dict[str, Extension],
    now: datetime,
) -> tuple[list[Mark], list[str]]:
    """Join the rows of a roster to marks, and add a mark of 0 for each student who handed nothing in.

    Who can still hand in in time has no mark yet.

    Args:
        marks: the marks.
        students: the rows of the roster.
        dates: the due dates.
        agreed: the extensions, by id or e-mail address.
        now: the current time.

    Returns:
        The marks, in the order of the roster, then those that no row fits; and what a teacher should know, as
        sentences. Where several rows fit, none of them gets a mark.
    """
    said: list[str] = []
    by_student: dict[str, list[Mark]] = {}
    unclear: dict[str, str] = {}
    alone: list[Mark] = []
    marks = list(marks)
    for mark in marks:
        rows = rows_of(mark.submission, mark.learners, students)
        for fitting in rows:
            if len(fitting) == 1:
                by_student.setdefault(fitting[0].id, []).append(mark)
            elif fitting:
                said.append(f"{mark.submission}: {len(fitting)} rows of the roster fit.")
                words = f"{mark.submission} may be theirs or somebody else's"
                unclear |= {one.id: words for one in fitting}
            else:
                said.append(f"{mark.submission}: nobody in the roster fits.")
        if not any(len(fitting) == 1 for fitting in rows):
            alone.append(mark)
    result: list[Mark] = []
    most = max((mark.max_score for mark in marks), default=0.0)
    steps = next((mark.max_steps for mark in marks if mark.max_steps), {})
    missing = Mark("", "", dict.fromkeys(steps, 0.0), steps, 0.0, 0.0, most)
    extensions = {key.casefold(): one for key, one in agreed.items()}
    for student in students:
        extension = extensions.get(student.id.casefold()) or extensions.get(
            student.email.casefold()
        )
        late = dates.lateness(now, extension)
        theirs = by_student.get(student.id, [])
        result += [replace(mark, student=student) for mark in theirs]
        if len(theirs) > 1:
            names = ", ".join(mark.submission for mark in theirs)
            said.append(f"{student.id} has {len(theirs)} submissions: {names}.")
        elif not theirs and student.id in unclear:
            doubtful = replace(missing, steps={}, raw=None, problem=unclear[student.id])
            result.append(replace(doubtful, student=student))
        elif not theirs and late.due and not late.days:
            words = f"nothing was handed in yet, and it is due at {late.due:%Y-%m-%d %H:%M}"
            result.append(replace(missing, steps={}, raw=None, problem=words, student=student))
        elif not theirs:
            result.append(replace(missing, problem="nothing was handed in", student=student))
    return result + alone, said
