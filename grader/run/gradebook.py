"""The gradebook of a class: an SQLite file that holds all verdicts and marks, and how they came about.

One process writes it, the one that runs `grade`; others may read it at any time, because it is in WAL mode. What
is found out about a submission is written in one transaction, so a run that is killed at any moment leaves whole
records. `docs/gradebook.md` describes the tables for those who read them with other programs.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

from grader.course.course import Step
from grader.course.marks import Learner
from grader.course.paths import GRADEBOOK, GRADEBOOK_LOCK
from grader.course.verdicts import Status, StepVerdict, TestVerdict

SCHEMA = 1
# How long another program may hold the file before a run gives up, in seconds.
PATIENCE = 10.0
_TABLES = """
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL              -- JSON
);
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL,              -- as given: text, or bytes if it is no Unicode
    twin INTEGER NOT NULL,           -- 1, or 2, 3, … for others of the same name
    folder TEXT NOT NULL UNIQUE,     -- in the folder of the results
    learners TEXT NOT NULL,          -- JSON: [[name, {platform: id}], …], as the platform says
    problem TEXT NOT NULL,           -- why the last try gave no result, or ''
    seconds REAL,                    -- wall time of the last judge
    UNIQUE (name, twin)
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions,
    content TEXT NOT NULL,           -- digest of all that a verdict may depend on
    sha256 TEXT NOT NULL,            -- digest of the modules
    number INTEGER NOT NULL,         -- as the platform counts, from 1; 0 if it does not tell
    handed_in TEXT,                  -- ISO 8601 with offset; NULL if nobody says
    late_mark INTEGER NOT NULL,      -- 1 if the platform marked it as late
    not_taken TEXT NOT NULL,         -- JSON: [[file, reason], …]
    notes TEXT NOT NULL,             -- JSON: [clause, …]
    first_seen TEXT NOT NULL,
    UNIQUE (submission, content)
);
CREATE TABLE stamps (
    id INTEGER PRIMARY KEY,
    versions TEXT NOT NULL UNIQUE    -- JSON: kit, course, torch, numpy, python
);
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL REFERENCES attempts,
    step TEXT NOT NULL,              -- two digits
    step_key TEXT NOT NULL,          -- digest of tests, limits and seed
    stamp INTEGER NOT NULL REFERENCES stamps,
    status TEXT NOT NULL,            -- passed, failed, not_started, error
    reached INTEGER NOT NULL,        -- sum of the weights of the tests that passed
    weight INTEGER NOT NULL,         -- sum of the weights of all tests
    tests TEXT NOT NULL,             -- JSON: one object for each test
    given_at TEXT NOT NULL
);
CREATE INDEX verdicts_of_attempt ON verdicts (attempt, step);
CREATE TABLE marks (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions,
    attempt INTEGER NOT NULL REFERENCES attempts,
    raw REAL NOT NULL,               -- points before the penalty
    penalty REAL NOT NULL,           -- points taken off for being late
    max_score REAL NOT NULL,
    late TEXT,                       -- JSON: due, handed_in, days, free_days, raw_score, penalty
    given_at TEXT NOT NULL,
    published_at TEXT                -- NULL until then
);
CREATE INDEX marks_of_submission ON marks (submission);
CREATE TABLE marked_steps (
    mark INTEGER NOT NULL REFERENCES marks,
    step TEXT NOT NULL,
    verdict INTEGER NOT NULL REFERENCES verdicts,
    title TEXT NOT NULL,
    score REAL NOT NULL,
    points INTEGER NOT NULL,
    PRIMARY KEY (mark, step)
) WITHOUT ROWID;
"""
_AGAIN = "What was graded is kept: the same command goes on from there"
_SAID = {
    sqlite3.SQLITE_BUSY: f"is held by another program. {_AGAIN} when that one has ended",
    sqlite3.SQLITE_LOCKED: f"is held by another program. {_AGAIN} when that one has ended",
    sqlite3.SQLITE_FULL: f"cannot be written, because the disk is full. {_AGAIN} when there is room",
    sqlite3.SQLITE_IOERR: f"cannot be written (disk error, or no room). {_AGAIN}",
    sqlite3.SQLITE_READONLY: f"cannot be written, because it is read-only. {_AGAIN} when that has changed",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: may you read and write it, and its folder?",
    sqlite3.SQLITE_PERM: "cannot be opened: may you read and write it, and its folder?",
    sqlite3.SQLITE_NOTADB: "is not a gradebook. Nothing was changed: name another OUT",
    sqlite3.SQLITE_CORRUPT: "is damaged. Nothing was changed: keep a copy, and name another OUT",
}


class GradebookError(Exception):
    """The gradebook cannot be used; the message is a sentence."""


@dataclass(frozen=True)
class Entry:
    """A submission in the gradebook.

    Attributes:
        id: its number in the gradebook.
        name: its name as given.
        folder: the name of its folder in the output.
        learners: who handed it in, as the platform says.
        problem: why the last try gave no result, as a clause; or "".
    """

    id: int
    name: str
    folder: str
    learners: tuple[Learner, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Attempt:
    """One content that was handed in under the name of a submission.

    Attributes:
        id: its number in the gradebook; 0 if it is not in there yet.
        content: digest of all that a verdict may depend on.
        sha256: digest of the modules.
        number: which attempt it is, as the platform counts from 1; 0 if it does not tell.
        handed_in: when it was handed in; None if nobody says.
        late_mark: whether the platform marked it as late.
        not_taken: the files that are not judged, with reasons.
        notes: what else is to be said, as clauses.
    """

    id: int
    content: str
    sha256: str
    number: int = 0
    handed_in: datetime | None = None
    late_mark: bool = False
    not_taken: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptVerdict:
    """A verdict on a step, as the gradebook knows it, without the tests.

    Attributes:
        id: its number in the gradebook.
        step: id of the step.
        key: the key of the step when it was given (see `grader.run.versions`).
        status: how the step went.
        share: the share of the step's points that was reached, from 0 to 1.
    """

    id: int
    step: str
    key: str
    status: str
    share: Fraction


@dataclass(frozen=True)
class MarkedStep:
    """A step in a mark: which verdict counts, the points, and how the step went."""

    verdict: int
    title: str
    score: float
    points: int
    status: str


@dataclass(frozen=True)
class GivenMark:
    """A mark in the gradebook.

    Attributes:
        attempt: the number of the attempt that it is for.
        raw: the points before the penalty.
        penalty: the points that are taken off.
        max_score: what its steps are worth.
        late: what is known about the date (see `results` in `grader.course.verdicts`); None without a due date.
        steps: the steps by id.
        given_at: when it was given; None if it is not in the gradebook yet.
        published: whether it was published.
        id: its number in the gradebook; 0 if it is not in there yet.
    """

    attempt: int
    raw: float
    penalty: float
    max_score: float
    late: dict[str, Any] | None
    steps: dict[str, MarkedStep]
    given_at: datetime | None = None
    published: bool = False
    id: int = 0

    @property
    def score(self) -> float:
        """The points after the penalty."""
        return round(max(0.0, self.raw - self.penalty), 6)

    def says_the_same(self, other: GivenMark) -> bool:
        """Return whether another mark has the same verdicts, points and dates."""
        return self.counts_the_same(other) and self.late == other.late

    def counts_the_same(self, other: GivenMark) -> bool:
        """Return whether another mark has the same verdicts and points, whatever is said of dates."""
        return self._counted == other._counted

    @property
    def _counted(self) -> tuple[Any, ...]:
        steps = {step: (one.verdict, one.score, one.points) for step, one in self.steps.items()}
        return (self.attempt, self.raw, self.penalty, self.max_score, steps)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Gradebook:
    """The gradebook in a folder of results.

    Args:
        out: the folder.
        patience: how long another program may hold it before this one gives up, in seconds.

    Raises:
        GradebookError: it cannot be opened, or another `grade` writes it.
    """

    def __init__(self, out: Path, patience: float = PATIENCE) -> None:
        self.path = out / GRADEBOOK
        # The tests of verdicts that the current transaction has added, which need not be read again.
        self._added: dict[int, tuple[TestVerdict, ...]] = {}
        self._lock = self._locked(out / GRADEBOOK_LOCK)
        try:
            with self._said():
                self._database = sqlite3.connect(
                    self.path, timeout=patience, isolation_level=None, cached_statements=64
                )
                self._prepare()
        except BaseException:
            self._lock.close()
            raise

    def _locked(self, path: Path) -> IO[bytes]:
        """Lock a file for this process alone: forks do not inherit the lock, and its end frees it."""
        try:
            file = path.open("ab")
        except OSError as error:
            raise GradebookError(f"{self.path} cannot be written ({error.strerror}).") from None
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            words = "is being written by another `grade`: wait until that one has ended"
            raise GradebookError(f"{self.path} {words}.") from None
        except OSError as error:
            file.close()
            words = f"cannot be locked ({error.strerror}): name an OUT on a local disk"
            raise GradebookError(f"{self.path} {words}.") from None
        return file

    def _prepare(self) -> None:
        database = self._database
        # Looks at the file, so that anything else than a database is noticed before it is changed.
        number = database.execute("PRAGMA user_version").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if number > SCHEMA:
            words = "was written by a newer version of the kit: use that one, or another OUT"
            raise GradebookError(f"{self.path} {words}.")
        if number == 0 and tables:
            raise GradebookError(f"{self.path} {_SAID[sqlite3.SQLITE_NOTADB]}.")
        database.execute("PRAGMA journal_mode = WAL")
        # What is committed stays, also when the machine loses power.
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        if number == 0:
            database.executescript(f"BEGIN;{_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")

    def close(self) -> None:
        """Close the file, and let others write it."""
        try:
            self._database.close()
        except sqlite3.Error:
            # All transactions are over, and what the log holds is read next time.
            pass
        finally:
            self._lock.close()

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            words = _SAID.get(code, f"cannot be used ({error}). {_AGAIN}")
            raise GradebookError(f"{self.path} {words}.") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all that is written inside, or nothing.

        Raises:
            GradebookError: it cannot be kept.
        """
        with self._said():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            finally:
                self._added.clear()

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._said():
            return self._database.execute(query, values).fetchall()

    def _insert(self, query: str, *values: Any) -> int:
        return int(self._database.execute(query, values).lastrowid or 0)

    # Settings

    def setting(self, name: str, default: Any = None) -> Any:
        """Return a setting, or the default if it was never written."""
        rows = self._rows("SELECT value FROM settings WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else default

    def set_setting(self, name: str, value: Any) -> None:
        """Write a setting, inside of a transaction."""
        query = "INSERT OR REPLACE INTO settings VALUES (?, ?)"
        self._database.execute(query, (name, json.dumps(value)))

    # Submissions and attempts

    def entries(self) -> dict[tuple[str, int], Entry]:
        """Return all submissions by their name and the number among those of the same name."""
        rows = self._rows(
            "SELECT name, twin, id, folder, learners, problem FROM submissions ORDER BY id"
        )
        return {
            (_given(name), twin): Entry(
                number,
                _given(name),
                folder,
                tuple(Learner(*one) for one in json.loads(learners)),
                problem,
            )
            for name, twin, number, folder, learners, problem in rows
        }

    def add_entry(
        self, name: str, twin: int, folder: str, learners: tuple[Learner, ...] = ()
    ) -> Entry:
        """Write a new submission, or renew who handed it in, inside of a transaction."""
        self._database.execute(
            """INSERT INTO submissions (name, twin, folder, learners, problem) VALUES (?, ?, ?, ?, '')
            ON CONFLICT (name, twin) DO UPDATE SET learners = excluded.learners""",
            (_stored(name), twin, folder, json.dumps([[one.name, one.ids] for one in learners])),
        )
        query = "SELECT id, folder, problem FROM submissions WHERE name = ? AND twin = ?"
        number, folder, problem = self._database.execute(query, (_stored(name), twin)).fetchone()
        return Entry(number, name, folder, learners, problem)

    def set_problem(self, entry: int, problem: str, seconds: float | None = None) -> None:
        """Write why a submission has no result, or "", inside of a transaction."""
        query = "UPDATE submissions SET problem = ?, seconds = coalesce(?, seconds) WHERE id = ?"
        self._database.execute(query, (_text(problem), seconds, entry))

    def add_attempt(self, entry: int, attempt: Attempt) -> int:
        """Write an attempt, or renew what is said of it, inside of a transaction; return its number."""
        said = (
            attempt.number,
            attempt.handed_in.isoformat() if attempt.handed_in else None,
            attempt.late_mark,
            *(json.dumps(one) for one in (attempt.not_taken, attempt.notes)),
        )
        query = """INSERT INTO attempts
            (submission, content, sha256, number, handed_in, late_mark, not_taken, notes, first_seen)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (submission, content) DO UPDATE SET
            number = excluded.number, handed_in = excluded.handed_in, late_mark = excluded.late_mark,
            not_taken = excluded.not_taken, notes = excluded.notes"""
        self._database.execute(query, (entry, attempt.content, attempt.sha256, *said, _now()))
        query = "SELECT id FROM attempts WHERE submission = ? AND content = ?"
        return int(self._database.execute(query, (entry, attempt.content)).fetchone()[0])

    def attempt(self, number: int) -> Attempt:
        """Return an attempt by its number in the gradebook."""
        ((content, sha256, count, handed_in, late, not_taken, notes),) = self._rows(
            """SELECT content, sha256, number, handed_in, late_mark, not_taken, notes
            FROM attempts WHERE id = ?""",
            number,
        )
        return Attempt(
            number,
            content,
            sha256,
            count,
            datetime.fromisoformat(handed_in) if handed_in else None,
            bool(late),
            tuple((name, reason) for name, reason in json.loads(not_taken)),
            tuple(json.loads(notes)),
        )

    # Verdicts

    def add_verdicts(
        self, attempt: int, verdicts: Iterable[StepVerdict], keys: dict[str, str], versions: str
    ) -> None:
        """Write the verdicts on steps of an attempt, inside of a transaction.

        Args:
            attempt: the number of the attempt.
            verdicts: the verdicts.
            keys: the key of each step, by id.
            versions: the versions that they were given with, as JSON.
        """
        self._database.execute("INSERT OR IGNORE INTO stamps (versions) VALUES (?)", (versions,))
        query = "SELECT id FROM stamps WHERE versions = ?"
        (stamp,) = self._database.execute(query, (versions,)).fetchone()
        for one in verdicts:
            number = self._insert(
                "INSERT INTO verdicts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(attempt, one.step.id, keys[one.step.id], stamp, one.status.value),
                sum(test.weight for test in one.tests if test.status == Status.PASSED),
                one.weight,
                # ASCII, because text from a submission may hold what is no Unicode.
                json.dumps([test.plain for test in one.tests]),
                _now(),
            )
            self._added[number] = one.tests

    def verdicts(self, attempt: int) -> list[KeptVerdict]:
        """Return all verdicts on an attempt, the oldest first."""
        query = """SELECT id, step, step_key, status, reached, weight FROM verdicts
            WHERE attempt = ? ORDER BY id"""
        return [
            KeptVerdict(
                number, step, key, status, Fraction(reached, weight) if weight else Fraction(0)
            )
            for number, step, key, status, reached, weight in self._rows(query, attempt)
        ]

    def tests(self, verdict: int) -> tuple[TestVerdict, ...]:
        """Return the verdicts on the tests of a step."""
        if verdict in self._added:
            return self._added[verdict]
        ((text,),) = self._rows("SELECT tests FROM verdicts WHERE id = ?", verdict)
        return tuple(TestVerdict.of(plain) for plain in json.loads(text))

    # Marks

    def add_mark(self, entry: int, mark: GivenMark) -> None:
        """Write a mark of a submission, which becomes its last one, inside of a transaction."""
        late = json.dumps(mark.late) if mark.late else None
        number = self._insert(
            "INSERT INTO marks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL)",
            *(entry, mark.attempt, mark.raw, mark.penalty, mark.max_score, late, _now()),
        )
        self._database.executemany(
            "INSERT INTO marked_steps VALUES (?, ?, ?, ?, ?, ?)",
            [
                (number, step, one.verdict, one.title, one.score, one.points)
                for step, one in mark.steps.items()
            ],
        )

    def last_mark(self, entry: int) -> GivenMark | None:
        """Return the last mark that was given to a submission, published or not; None if there is none."""
        return self._mark(entry, "")

    def standing_mark(self, entry: int) -> GivenMark | None:
        """Return the mark of a submission that counts: the last published one, or else the last one."""
        return self._mark(entry, "published_at IS NULL,")

    def _mark(self, entry: int, order: str) -> GivenMark | None:
        rows = self._rows(
            f"""SELECT id, attempt, raw, penalty, max_score, late, given_at, published_at FROM marks
            WHERE submission = ? ORDER BY {order} id DESC LIMIT 1""",
            entry,
        )
        if not rows:
            return None
        number, attempt, raw, penalty, most, late, given_at, published_at = rows[0]
        steps = self._rows(
            """SELECT marked_steps.step, verdict, title, score, points, status FROM marked_steps
            JOIN verdicts ON verdicts.id = verdict WHERE mark = ? ORDER BY marked_steps.step""",
            number,
        )
        return GivenMark(
            attempt,
            raw,
            penalty,
            most,
            json.loads(late) if late else None,
            {step: MarkedStep(*rest) for step, *rest in steps},
            datetime.fromisoformat(given_at),
            published_at is not None,
            number,
        )

    def publish(self, entries: Iterable[int]) -> int:
        """Publish the last marks of submissions, those apart that are not final, inside of a transaction.

        Args:
            entries: the numbers of the submissions.

        Returns:
            How many marks were not published before.
        """
        query = """UPDATE marks SET published_at = ? WHERE published_at IS NULL
            AND id = (SELECT max(id) FROM marks WHERE submission = ?)
            AND NOT EXISTS (SELECT 1 FROM marked_steps JOIN verdicts ON verdicts.id = verdict
            WHERE mark = marks.id AND status = ?)"""
        now = _now()
        return sum(
            self._database.execute(query, (now, entry, Status.ERROR.value)).rowcount
            for entry in entries
        )

    def marked_verdicts(self, mark: GivenMark) -> list[StepVerdict]:
        """Return the verdicts that a mark rests on, with the points and titles that it was given with."""
        return [
            StepVerdict(
                Step(step, f"step_{step}", one.title, one.points, 0.0, ()), self.tests(one.verdict)
            )
            for step, one in mark.steps.items()
        ]

    def versions(self, mark: GivenMark) -> dict[str, dict[str, str]]:
        """Return the versions that the verdicts of a mark were given with, by step."""
        query = """SELECT step, versions FROM verdicts JOIN stamps ON stamps.id = stamp
            WHERE verdicts.id IN (SELECT verdict FROM marked_steps WHERE mark = ?) ORDER BY step"""
        return {step: json.loads(text) for step, text in self._rows(query, mark.id)}

    def seconds(self) -> dict[str, float]:
        """Return the wall time of the last judge of each submission, in seconds, by the name of its folder."""
        rows = self._rows("SELECT folder, seconds FROM submissions WHERE seconds IS NOT NULL")
        return dict(rows)


def _stored(name: str) -> str | bytes:
    """Return a name as SQLite can hold it: file names need not be Unicode."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def _given(stored: str | bytes) -> str:
    return os.fsdecode(stored) if isinstance(stored, bytes) else stored


def _text(words: str) -> str:
    return words.encode("utf-8", "backslashreplace").decode()
