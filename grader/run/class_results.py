"""What the gradebook holds, as `results.json` of each submission and as marks of the class."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.course.course import Course
from grader.course.files import write_whole
from grader.course.marks import Mark
from grader.course.paths import PROBLEM, RESULTS, TIMINGS
from grader.course.verdicts import NotTaken, Status, StepVerdict, results, shown
from grader.run.gradebook import Attempt, Entry, GivenMark, Gradebook
from grader.run.versions import differences, versions

# Results hold steps, a step is an object, and holds tests.
_LEVEL_OF_TESTS = 4
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Unwritable(Exception):
    """Some results cannot be written; the message is a clause."""


class ClassResults:
    """Writes and tells what the gradebook holds.

    Args:
        course: the course.
        book: the gradebook.
        out: the folder of the results.
    """

    def __init__(self, course: Course, book: Gradebook, out: Path) -> None:
        self.course = course
        self.book = book
        # Made absolute now, because the working folder becomes the kit's while pytest runs.
        self.out = out.absolute()
        self._versions = versions(course)
        self._feedback = course.dates.feedback(course.hidden_feedback, datetime.now(UTC))
        self._files = {"feedback": self._feedback, "complete": True}
        self._failed: set[str] = set()

    def failed(self, entry: Entry, error: OSError) -> None:
        """Take notice that the results of one submission cannot be written.

        Raises:
            Unwritable: nor can those of any other.
        """
        if error.errno in _NO_ROOM:
            raise Unwritable(f"{self.out} cannot be written ({error.strerror})") from error
        self._failed.add(entry.folder)

    def begin(self) -> None:
        """Remember how results are going to be written, inside of a transaction, before the first one is.

        If a run is killed, the next one may be told to show less of hidden tests.
        """
        if self.book.setting("files", self._files) != self._files:
            self.book.set_setting("files", {"complete": False})
        else:
            self.book.set_setting("files", self._files)

    def differ(self) -> None:
        """Remember that all results are to be written anew, also by the next run, if this one is killed."""
        with self.book.transaction():
            self.book.set_setting("files", {"complete": False})

    def write_all(self) -> None:
        """Write the results of submissions that are not as the gradebook says, and the times.

        Raises:
            Unwritable: they cannot be written; the marks are in the gradebook.
        """
        differ = self.book.setting("files", self._files) != self._files
        for entry in self.book.entries().values():
            has_mark = self._standing(entry) is not None
            file = self.out / entry.folder / (RESULTS if has_mark else PROBLEM)
            if (differ or not _is_there(file)) and (has_mark or entry.problem):
                try:
                    self.write(entry)
                except OSError as error:
                    self.failed(entry, error)
        if self._failed:
            words = f"the results of {len(self._failed)} submissions could not be written to"
            raise Unwritable(f"{words} {self.out}")
        text = json.dumps(self.book.seconds(), indent=1, sort_keys=True) + "\n"
        try:
            write_whole(self.out / TIMINGS, text.encode())
        except OSError as error:
            words = f"cannot be written ({error.strerror})"
            raise Unwritable(f"{self.out / TIMINGS} {words}") from error
        with self.book.transaction():
            self.book.set_setting("files", self._files)

    def write(self, entry: Entry) -> None:
        """Write the result and the problem of a submission, and remove those of an earlier run.

        Raises:
            OSError: they cannot be written.
        """
        mark = self._standing(entry)
        text = problem = ""
        if mark:
            text = _as_json(self._results(entry, mark)) + "\n"
            problem = not_final(mark, self.book)
        folder = self.out / entry.folder
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in (
            (folder / RESULTS, text),
            (folder / PROBLEM, entry.problem or problem),
        ):
            if content:
                # Names in a problem may hold what is no text.
                write_whole(file, content.encode("utf-8", "backslashreplace"))
            else:
                file.unlink(missing_ok=True)

    def _standing(self, entry: Entry) -> GivenMark | None:
        """Return the mark that counts: a published one stays, even if a later try gives no result."""
        mark = self.book.standing_mark(entry.id)
        return mark if mark and (mark.published or not entry.problem) else None

    def _results(self, entry: Entry, mark: GivenMark) -> dict[str, Any]:
        attempt = self.book.attempt(mark.attempt)
        verdicts = [
            StepVerdict(one.step, tuple(shown(test, self._feedback) for test in one.tests))
            for one in self.book.marked_verdicts(mark)
        ]
        made_with, notes = _made_with(self.book.versions(mark))
        return results(
            entry.name,
            attempt.sha256,
            verdicts,
            [NotTaken(name, reason) for name, reason in attempt.not_taken],
            [*attempt.notes, *notes, *_about_date(mark, attempt)],
            made_with,
            mark.late,
        )

    def marks(self) -> list[tuple[Mark, list[str]]]:
        """Return the mark of each submission that stands, with clauses to be said below it.

        Submissions that are no longer in the class are among them.
        """
        return [self._mark(entry) for entry in self.book.entries().values()]

    def _mark(self, entry: Entry) -> tuple[Mark, list[str]]:
        given = self._standing(entry)
        if given is None:
            ids = self.book.setting("steps", [])
            worth = {one.id: float(one.points) for one in self.course.steps if one.id in ids}
            mark = Mark(entry.name, entry.folder, {}, worth, None, 0.0, sum(worth.values()))
            words = entry.problem or "it was not graded"
            return replace(mark, problem=words, learners=entry.learners), []
        attempt = self.book.attempt(given.attempt)
        mark = Mark(
            submission=entry.name,
            folder=entry.folder,
            steps={step: one.score for step, one in given.steps.items()},
            max_steps={step: float(one.points) for step, one in given.steps.items()},
            raw=given.raw,
            penalty=given.penalty,
            max_score=given.max_score,
            handed_in=attempt.handed_in,
            due=datetime.fromisoformat(given.late["due"]) if given.late else None,
            graded_at=given.given_at,
            problem=not_final(given, self.book),
            attempt=attempt.number,
            sha256=attempt.sha256,
            learners=entry.learners,
            published=given.published,
        )
        files = [f"not taken: {name}: {reason}" for name, reason in attempt.not_taken]
        made_with, notes = _made_with(self.book.versions(given))
        other = differences(made_with, self._versions)
        now = [f"it was graded with {', '.join(other)}"] if other else []
        now += self._waiting(entry, given)
        return mark, [*files, *attempt.notes, *notes, *now, *_about_date(given, attempt)]

    def _waiting(self, entry: Entry, given: GivenMark) -> list[str]:
        """Return a clause if what has come after a published mark would change it."""
        if entry.problem:
            return [f"it was published and stays; the last try gave no result: {entry.problem}"]
        last = self.book.last_mark(entry.id)
        if not last or last.score == given.score:
            return []
        return [f"it was published and stays until --publish; the newer mark is {last.score:g}"]


def _is_there(file: Path) -> bool:
    """Return whether a file has content; after a loss of power, it may be there without any."""
    return file.is_file() and file.stat().st_size > 0


def _as_json(value: Any, level: int = 0) -> str:
    """Return results as JSON in which each test has a line of its own.

    `json.dumps` with an indent is pure Python, and takes more than twice as long for a whole course.
    """
    if level == _LEVEL_OF_TESTS or not value or not isinstance(value, (dict, list)):
        return json.dumps(value)
    if isinstance(value, dict):
        ends = "{}"
        parts = [f"{json.dumps(name)}: {_as_json(one, level + 1)}" for name, one in value.items()]
    else:
        ends, parts = "[]", [_as_json(one, level + 1) for one in value]
    line = "\n" + " " * level
    return f"{ends[0]}{line} {f',{line} '.join(parts)}{line}{ends[1]}"


def not_final(mark: GivenMark, book: Gradebook) -> str:
    """Return why a mark is not final, as a clause, or ""."""
    broken = [one.verdict for one in mark.steps.values() if one.status == Status.ERROR]
    tests = [test for verdict in broken for test in book.tests(verdict)]
    names = [test.id for test in tests if test.status == Status.ERROR]
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"the kit itself failed in {', '.join(names[:3])}{more}, so this mark is not final"


def _made_with(stamps: dict[str, dict[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Return the versions of the newest verdict of a mark, and clauses about steps that have others."""
    newest = list(stamps.values())[-1] if stamps else {}
    other: dict[str, list[str]] = {}
    for step, stamp in sorted(stamps.items()):
        if words := ", ".join(differences(stamp, newest)):
            other.setdefault(words.replace(", now ", ", the others with "), []).append(step)
    return newest, [
        f"graded with {words}: step {', '.join(steps)}" for words, steps in other.items()
    ]


def _about_date(mark: GivenMark, attempt: Attempt) -> list[str]:
    """Return clauses about the date of a submission."""
    late = mark.late
    if not late:
        return []
    if late["handed_in"] is None:
        marked = ", but the platform marks it as late" if attempt.late_mark else ""
        return [f"nobody says when it was handed in, so nothing was taken off{marked}"]
    if not late["days"]:
        return []
    days = f"{late['days']} {'day' if late['days'] == 1 else 'days'} late"
    free = f", {late['free_days']} of them from the pool" if late["free_days"] else ""
    return [f"{days}{free}: {late['penalty']:g} points taken off"]
