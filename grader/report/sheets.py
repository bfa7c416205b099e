"""What filling in the files of all platforms has in common: reading a file, and finding the rows of marks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grader.course.marks import Learner, Mark
from grader.report.gradebooks import is_final, number


class FillError(ValueError):
    """The file cannot be filled in; the message is a sentence that says why and what to do."""


@dataclass(frozen=True)
class Skipped:
    """A mark that will not arrive.

    Attributes:
        who: whose it is, as the file or the submission names them.
        reason: why, as a clause.
    """

    who: str
    reason: str


@dataclass(frozen=True)
class Filled:
    """A file that was filled in.

    Attributes:
        platform: "Moodle" or "Canvas".
        data: the bytes of the file to upload.
        count: how many rows have a mark, those included that the platform would pass over.
        skipped: the marks that will not arrive, with reasons.
        notes: what else to know before the file is uploaded, as sentences.
    """

    platform: str
    data: bytes
    count: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


@dataclass
class Sheet:
    """A CSV file.

    Attributes:
        name: the name of the file, for messages.
        header: the first row.
        rows: the others; each is as long as the header.
        has_mark: whether it begins with a byte order mark, which spreadsheets need to recognise UTF-8.
    """

    name: str
    header: list[str]
    rows: list[list[str]]
    has_mark: bool = False

    @classmethod
    def read(cls, name: str, data: bytes) -> Sheet:
        """Read a file whose fields are separated by commas, semicolons or tabs.

        Raises:
            FillError: it is not a CSV file in UTF-8, or its rows differ in length.
        """
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            words = (
                "download it anew and do not save it from a spreadsheet, or save it as CSV UTF-8"
            )
            raise FillError(f"{name} is not text in UTF-8: {words}.") from None
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            table = [row for row in reader if row]
        except csv.Error as error:
            raise FillError(f"{name} is not a CSV file ({error}).") from None
        if len(table) < 2:
            raise FillError(f"{name} has no rows to fill in.")
        header, *rows = table
        for count, row in enumerate(rows, 2):
            # Canvas forgets empty fields at the end of its rows that are of no student.
            row += [""] * (len(header) - len(row))
            if any(row[len(header) :]):
                lengths = f"row {count} has {len(row)} fields, and the first row {len(header)}"
                raise FillError(f"{name} cannot be filled in: {lengths}. Download it anew.")
            del row[len(header) :]
        return cls(name, header, rows, data.startswith(b"\xef\xbb\xbf"))

    def written(self) -> bytes:
        """Return the bytes of the file, with commas, which both platforms read without being told."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows([self.header, *self.rows])
        return ("\ufeff" if self.has_mark else "").encode() + text.getvalue().encode()


def who(mark: Mark) -> str:
    """Return whom a mark is of, for messages."""
    student = mark.student
    return mark.submission or (student.name or student.id if student else "")


def decimal(text: str) -> float | None:
    """Return the number that a platform shows, in any language, or None."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


class Rows:
    """Finds the rows that a mark belongs to, by numbers and addresses and never by names.

    Args:
        platform: the key of the platform's own number in `Learner.ids`.
        numbers: the rows by the platform's number.
        cells: what else tells a row, such as an e-mail address or a number of the institution, for each row.
    """

    def __init__(self, platform: str, numbers: dict[str, int], cells: dict[int, list[str]]) -> None:
        self._platform = platform
        self._numbers = numbers
        self._others: dict[str, set[int]] = {}
        for row, texts in cells.items():
            for text in texts:
                self._others.setdefault(text.strip().casefold(), set()).add(row)
        self._found: dict[int, list[Mark]] = {}
        self.skipped: list[Skipped] = []

    def add(self, mark: Mark, fits: Callable[[Learner, int], str] = lambda *_: "") -> None:
        """Find the rows of a mark; if it has none, or is not final, it is added to `skipped`.

        Args:
            mark: the mark.
            fits: returns why a row that has a learner's number is of somebody else after all, or "".
        """
        rows, reasons = self._rows_of(mark, fits)
        for row in rows:
            self._found.setdefault(row, []).append(mark)
        if not is_final(mark):
            reasons = [mark.problem or "there is no result"]
        self.skipped += [Skipped(who(mark), reason) for reason in reasons]

    def _rows_of(
        self, mark: Mark, fits: Callable[[Learner, int], str]
    ) -> tuple[set[int], list[str]]:
        """Return the rows of a mark, and why a learner has none."""
        rows: set[int] = set()
        reasons: list[str] = []
        numbered = [one for one in mark.learners if self._platform in one.ids]
        for learner in numbered:
            known_as = learner.ids[self._platform]
            row = self._numbers.get(known_as)
            if row is None:
                reasons.append(f"{known_as} is not in the file")
            elif reason := fits(learner, row):
                reasons.append(reason)
            else:
                rows.add(row)
        if numbered:
            return rows, reasons
        people = [(one.ids.get("sid", ""), one.ids.get("email", "")) for one in mark.learners]
        if mark.student:
            people = [(mark.student.id, mark.student.email)]
        known = [person for person in people if any(person)]
        for texts in known:
            found = [self._others.get(text.strip().casefold(), set()) for text in texts if text]
            own = set[int]().union(*(some for some in found if len(some) == 1))
            if len(own) > 1:
                reasons.append("its id and its e-mail address are in different rows")
            elif not own:
                reasons.append("its learner is not in the file")
            else:
                rows |= own
        if not known:
            reasons.append("nothing tells which row it belongs to; a roster with ids would")
        return rows, reasons

    def without_mark(self) -> tuple[Skipped, ...]:
        """Return all that is skipped; of a group, what is the same for several is said once."""
        return tuple(dict.fromkeys(self.skipped))

    def found(self) -> Iterator[tuple[int, Mark]]:
        """Yield each row that has a mark, with the mark of the last attempt."""
        for row, marks in sorted(self._found.items()):
            last = max(mark.attempt for mark in marks)
            marks = [mark for mark in marks if mark.attempt == last]
            if not all(map(is_final, marks)):
                words = "another submission of the same learner has no final mark"
                self.skipped += [Skipped(who(mark), words) for mark in marks if is_final(mark)]
            elif len({mark.score for mark in marks}) > 1:
                names = " and ".join(who(mark) for mark in marks)
                words = "they are of the same learner, with different marks"
                self.skipped.append(Skipped(names, words))
            else:
                yield row, marks[0]


def left_note(count: int, whom: str, platform: str) -> list[str]:
    """Return a sentence if people of the file have no mark."""
    if not count:
        return []
    verb, ending = ("keeps", "") if count == 1 else ("keep", "s")
    return [f"{count} {whom}{ending} of the file {verb} what {platform} has."]


def scale_note(platform: str, highest: float | None, marks: Sequence[Mark]) -> list[str]:
    """Return a sentence if the marks of a class go to another number than the assignment's."""
    ours = {mark.max_score for mark in marks}
    if highest is None or ours <= {highest}:
        return []
    these = " or ".join(number(one) for one in sorted(ours))
    return [
        f"In {platform} the assignment is worth {number(highest)}, and these marks go up to {these}. "
        "They are filled in as they are."
    ]
