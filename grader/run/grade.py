"""Grading a class: what has no verdict yet is judged in forks, and kept in the gradebook.

Nothing is run twice. A verdict counts as long as the submission and the key of its step are the same (see
`grader.run.versions`), and a mark changes only when it is told to: by `regrade`, and for learners by `publish`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.course.dates import Extension
from grader.course.marks import Student
from grader.course.paths import SOLUTIONS
from grader.course.plain_text import one_line
from grader.course.verdicts import (
    Graded,
    Status,
    TestVerdict,
    collect,
)
from grader.judge.forks import Forks, Outcome
from grader.judge.judge import step_of
from grader.judge.pool import Forked, ForkingSession, run_forked
from grader.launch.launchers import Launcher
from grader.run.class_results import ClassResults, Unwritable, not_final
from grader.run.gradebook import (
    Attempt,
    Entry,
    GivenMark,
    Gradebook,
    GradebookError,
    KeptVerdict,
    MarkedStep,
)
from grader.run.roster import names_of, rows_of
from grader.run.versions import as_text, grading_key, other_stubs, versions
from grader.submissions.hand_ins import RESULT_FILES, HandIn
from grader.submissions.moments import handed_in_at
from grader.submissions.submission import Submission

# A rehearsal takes as long as one submission, and saves about a third of the time of each correct one.
REHEARSED_FROM = 10
# Longer than any submission takes to be read.
_READ_SECONDS = 600.0
_CHANGED = "it changed while it was graded; the same command grades it again"


@dataclass(frozen=True)
class Wish:
    """What a teacher asks of one run.

    Attributes:
        steps: ids of the steps to grade beside those that the gradebook has already; with `regrade`, of those
            to grade again. None stands for all.
        new_steps: whether None includes steps that the gradebook lacks; in a new gradebook it does.
        regrade: whether steps whose tests have changed are run again, and marks may change.
        never_lower: whether marks that would become lower stay.
        only: the name of the only submission to grade, or of its folder; "" for all.
        extensions: what is agreed with single learners, by id.
        students: the roster, which tells whose these ids are; empty without one.
    """

    steps: frozenset[str] | None = None
    new_steps: bool = True
    regrade: bool = False
    never_lower: bool = False
    only: str = ""
    extensions: dict[str, Extension] = field(default_factory=dict)
    students: list[Student] = field(default_factory=list)


@dataclass
class Case:
    """A submission in this run.

    Attributes:
        entry: its entry in the gradebook.
        hand_in: what was handed in.
        attempt: the content that was read; None if it could not be read.
        mark: the last mark in the gradebook, published or not; None if there is none.
        chosen: the verdict that counts for each step, by id.
        to_run: the ids of the steps that are to be run.
        changed: the ids of the steps whose tests have changed since their verdict was given, and that are not run.
        is_published: whether some mark of it was published.
    """

    entry: Entry
    hand_in: HandIn
    attempt: Attempt | None
    mark: GivenMark | None = None
    chosen: dict[str, KeptVerdict] = field(default_factory=dict)
    to_run: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    is_published: bool = False

    @property
    def is_new(self) -> bool:
        """Whether there is no mark yet for what is handed in now."""
        return not (self.mark and self.attempt and self.mark.attempt == self.attempt.id)


@dataclass(frozen=True)
class Change:
    """A mark that would change.

    Attributes:
        case: the submission.
        old: the mark in the gradebook.
        new: the mark that follows from tests, points and dates as they are now.
    """

    case: Case
    old: GivenMark
    new: GivenMark

    @property
    def is_published(self) -> bool:
        """Whether learners keep seeing a mark that was published before."""
        return self.case.is_published

    @property
    def steps(self) -> list[str]:
        """The ids of the steps whose points differ."""
        names = sorted({*self.old.steps, *self.new.steps})
        pairs = ((name, self.old.steps.get(name), self.new.steps.get(name)) for name in names)
        return [name for name, a, b in pairs if (a and a.score) != (b and b.score)]


def output_names(hand_ins: list[HandIn], taken: Iterable[str] = ()) -> dict[HandIn, str]:
    """Return a safe folder name for each submission, with a number where two would collide.

    Args:
        hand_ins: the submissions.
        taken: names that others have already.
    """
    result: dict[HandIn, str] = {}
    # The files of the class lie beside these folders.
    used = {name.casefold() for name in (*taken, *RESULT_FILES)}
    for hand_in in hand_ins:
        text = hand_in.name.encode("utf-8", "replace").decode("utf-8")
        clean = re.sub(r"[^\w.@+ -]", "_", text)
        # A file system takes 255 bytes.
        short = clean.strip(". ")[:100].encode()[:200].decode("utf-8", "ignore")
        name = base = short or "submission"
        number = 2
        while name.casefold() in used:
            name, number = f"{base}-{number}", number + 1
        used.add(name.casefold())
        result[hand_in] = name
    return result


class Grading:
    """One run of `grade` over a class.

    Args:
        course: the course.
        book: the gradebook in the folder of the results.
        out: the folder of the results.
        wish: what the teacher asks.

    Attributes:
        cases: the submissions, after `read`.
        results: writes what the gradebook holds.
        steps: the steps that marks are made of.
        added: those of them that no mark was made of before, if there are any marks.
        agreed_with: the ids of the extensions that belong to a submission of the class.
    """

    def __init__(self, course: Course, book: Gradebook, out: Path, wish: Wish) -> None:
        self.course = course
        self.book = book
        self.results = ClassResults(course, book, out)
        self.wish = wish
        self.cases: list[Case] = []
        self.agreed_with: set[str] = set()
        self._keys = {step.id: grading_key(course, step) for step in course.steps}
        self._versions = versions(course)
        known = book.setting("steps", [])
        every = {step.id for step in course.steps}
        asked = every if wish.steps is None else wish.steps
        if wish.steps is None and known and not wish.new_steps:
            asked = frozenset()
        # Steps are only added, so that no mark loses any.
        self.steps = [one for one in course.steps if one.id in asked or one.id in known]
        self.added = [one for one in self.steps if known and one.id not in known]

    @property
    def waiting(self) -> list[Case]:
        """The submissions of which something is to be run."""
        return [case for case in self.cases if case.to_run]

    @property
    def wanted(self) -> list[Case]:
        """The submissions that are not left alone."""
        return [case for case in self.cases if not self._is_left_alone(case.entry)]

    @property
    def unread(self) -> list[Graded]:
        """The submissions that could not be read."""
        return [
            Graded(case.entry.name, 0.0, case.entry.problem, False)
            for case in self.wanted
            if case.attempt is None
        ]

    @property
    def steps_to_run(self) -> list[Step]:
        """The steps that are to be run for any submission."""
        names = set().union(*(case.to_run for case in self.cases))
        return [step for step in self.steps if step.id in names]

    @property
    def changed(self) -> dict[str, int]:
        """For how many marks the tests of a step have changed since, by the id of the step."""
        return dict(Counter(name for case in self.cases for name in case.changed))

    def read(self, hand_ins: list[HandIn], jobs: int) -> None:
        """Read all submissions in forks, and find out what is to be run.

        Args:
            hand_ins: the submissions.
            jobs: how many to read at a time.

        Raises:
            GradebookError: the gradebook cannot be written.
            Unwritable: there is no room for results.
        """
        read = self._read_all(hand_ins, jobs)
        entries = self.book.entries()
        counts: dict[str, int] = {}
        twins: dict[HandIn, int] = {}
        for hand_in in hand_ins:
            twins[hand_in] = counts[hand_in.name] = counts.get(hand_in.name, 0) + 1
        new = [one for one in hand_ins if (one.name, twins[one]) not in entries]
        folders = output_names(new, (entry.folder for entry in entries.values()))
        with self.book.transaction():
            self.results.begin()
            self.book.set_setting("steps", [step.id for step in self.steps])
            for hand_in in hand_ins:
                entry = self.book.add_entry(
                    hand_in.name, twins[hand_in], folders.get(hand_in, ""), hand_in.learners
                )
                attempt, problem = read[hand_in]
                if attempt:
                    attempt = replace(attempt, id=self.book.add_attempt(entry.id, attempt))
                elif not self._is_left_alone(entry):
                    entry = replace(entry, problem=problem)
                    self.book.set_problem(entry.id, problem)
                self.cases.append(Case(entry, hand_in, attempt))
        for case in self.cases:
            case.mark = self.book.last_mark(case.entry.id)
            standing = self.book.standing_mark(case.entry.id)
            case.is_published = standing is not None and standing.published
            self._choose(case)
            if case.attempt is None and not self._is_left_alone(case.entry):
                try:
                    self.results.write(case.entry)
                except OSError as error:
                    self.results.failed(case.entry, error)

    def _is_left_alone(self, entry: Entry) -> bool:
        return bool(self.wish.only) and self.wish.only not in (entry.name, entry.folder)

    def _read_all(
        self, hand_ins: list[HandIn], jobs: int
    ) -> dict[HandIn, tuple[Attempt | None, str]]:
        """Return what each submission holds, or why it could not be read."""
        found: dict[HandIn, tuple[Attempt | None, str]] = {}
        forks: Forks[HandIn] = Forks(_READ_SECONDS)
        waiting = list(reversed(hand_ins))
        try:
            while waiting or forks:
                while waiting and len(forks) < jobs:
                    hand_in = waiting.pop()
                    forks.start(hand_in, lambda hand_in=hand_in: self._read(hand_in))  # type: ignore[misc]
                hand_in, outcome = forks.next()
                said = json.loads(outcome.value) if outcome.value else {"problem": outcome.problem}
                attempt = None
                agreed = self._agreed(hand_in)
                if not said["problem"]:
                    moment = datetime.fromisoformat(said["moment"]) if said["moment"] else None
                    attempt = _attempt(hand_in, said, (agreed and agreed.handed_in) or moment)
                found[hand_in] = attempt, said["problem"]
        finally:
            forks.end()
        return found

    def _read(self, hand_in: HandIn) -> str:
        """In a fork: read a submission, and return what is kept of it as JSON."""
        submission = hand_in.read(self.course)
        due = self.course.dates.due
        moment = handed_in_at(hand_in, due.tzinfo if due else None) if due else None
        return json.dumps(
            _said_of(self.course, submission) | {"moment": moment and moment.isoformat()}
        )

    def _agreed(self, hand_in: HandIn) -> Extension | None:
        """Return what is agreed with the learners of a submission; the first of a group that has something."""
        wish = self.wish
        if not wish.extensions:
            return None
        names = set().union(*names_of(hand_in.name, hand_in.learners))
        # Whose the ids of the roster are, the roster tells.
        names -= {student.id.casefold() for student in wish.students}
        for fitting in rows_of(hand_in.name, hand_in.learners, wish.students):
            if len(fitting) == 1:
                (student,) = fitting
                names |= {student.id.casefold(), student.email.casefold(), student.name.casefold()}
        keys = [key for key in wish.extensions if key.casefold() in names]
        self.agreed_with.update(keys)
        return wish.extensions[keys[0]] if keys else None

    def _choose(self, case: Case, after: bool = False) -> None:
        """Find out which verdicts of a submission count, and which steps are to be run.

        Args:
            case: the submission.
            after: whether all that was to be run has run, so that an error of the kit counts as a verdict.
        """
        case.chosen, case.to_run, case.changed = {}, set(), set()
        if case.attempt is None or self._is_left_alone(case.entry):
            return
        kept: dict[str, list[KeptVerdict]] = {}
        for verdict in self.book.verdicts(case.attempt.id):
            kept.setdefault(verdict.step, []).append(verdict)
        marked = case.mark.steps if case.mark and not case.is_new else {}
        for step in self.steps:
            key, known = self._keys[step.id], kept.get(step.id, [])
            number = marked[step.id].verdict if step.id in marked else 0
            counting = next((one for one in known if one.id == number), None)
            if counting and counting.status == Status.ERROR:
                counting = None
            if counting and (counting.key == key or not self._is_again(step)):
                case.chosen[step.id] = counting
                if counting.key != key:
                    case.changed.add(step.id)
                continue
            current = [one for one in known if one.key == key]
            if not after:
                # The kit itself failed, perhaps for want of memory: it tries again.
                current = [one for one in current if one.status != Status.ERROR]
            if current:
                case.chosen[step.id] = current[-1]
            else:
                case.to_run.add(step.id)

    def _is_again(self, step: Step) -> bool:
        return self.wish.regrade and (self.wish.steps is None or step.id in self.wish.steps)

    def run(
        self,
        files: list[str],
        launcher: Launcher,
        jobs: int,
        done: Callable[[Graded], None],
        begin: Callable[[], None] = lambda: None,
        rehearse: bool = False,
    ) -> None:
        """Judge what is to be run, and keep and write what comes of it.

        A rehearsal takes as long as one submission and speeds up all others. It changes no result, except for
        code whose behaviour depends on the clock.

        Args:
            files: test files, relative to the kit's folder.
            launcher: starts the workers; each judge has a branch of it.
            jobs: how many judges run at a time.
            done: called with each submission that was graded.
            begin: called when everything is ready, before the first judge starts.
            rehearse: whether to run the solutions first.

        Raises:
            KitError: the tests could not be collected.
            GradebookError: the gradebook cannot be written; what was written before stays.
            Unwritable: there is no room for results.
        """
        # The gradebook knows all; what learners see of hidden tests is decided when results are written.
        course = replace(self.course, hidden_feedback="all")
        failure: list[Exception] = []

        def take(case: Case, outcome: Outcome) -> None:
            try:
                done(self._take(case, outcome))
            except (GradebookError, Unwritable) as error:
                # pytest would hide it.
                failure.append(error)
                session.waiting.clear()

        solutions = course.root / SOLUTIONS
        known = solutions if rehearse and solutions.is_dir() else None
        session = ForkingSession(self.waiting, launcher, jobs, self._judge, take, begin, known)
        run_forked(course, files, session)
        if failure:
            raise failure[0]

    def _judge(self, case: Case, forked: Forked) -> str:
        """In a forked judge: run the tests of some steps on a submission; return what came as JSON."""
        submission = case.hand_in.read(self.course)
        said = _said_of(self.course, submission)
        # Nobody knows what was handed in, so there must be no mark: "not started" would be one.
        if not said["problem"]:
            same = case.attempt is not None and said["content"] == case.attempt.content
            wanted = case.to_run if same else {step.id for step in self.steps}
            said["tests"] = judged(self.course, submission, wanted, forked)
        return json.dumps(said)

    def run_on(
        self,
        address: str,
        done: Callable[[Graded], None],
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Judge what is to be run on a Dask cluster, and keep and write what comes of it.

        Args:
            address: the address of the scheduler.
            done: called with each submission that was graded.
            begin: called when the cluster has answered.

        Raises:
            ClusterError: the cluster cannot be used.
            GradebookError, Unwritable: as `run` does.
        """
        from grader.run.cluster import ClusterTask, judge_on_cluster

        steps = self.steps_to_run
        files = test_files(self.course, steps)
        keys = {step.id: self._keys[step.id] for step in steps}

        def tasks() -> Iterator[tuple[Case, ClusterTask]]:
            for case in self.waiting:
                submission = case.hand_in.read(self.course)
                said = _said_of(self.course, submission)
                if said["problem"] or (case.attempt and said["content"] != case.attempt.content):
                    words = said["problem"] or _CHANGED
                    done(self._take(case, Outcome(None, words, 0.0)))
                else:
                    yield case, ClusterTask(submission, sorted(case.to_run), files, keys, said)

        for case, outcome in judge_on_cluster(address, tasks(), begin):
            done(self._take(case, outcome))

    def _take(self, case: Case, outcome: Outcome) -> Graded:
        """Keep what a judge said of a submission, all of it or nothing, and write its results."""
        said = json.loads(outcome.value) if outcome.value else {"problem": outcome.problem}
        problem = said["problem"]
        seconds = round(outcome.seconds, 3)
        try:
            with self.book.transaction():
                if not problem:
                    problem = self._keep(case, said)
                self.book.set_problem(case.entry.id, problem, seconds)
                case.entry = replace(case.entry, problem=problem)
                problem = problem or (not_final(case.mark, self.book) if case.mark else "")
                # Before the end of the transaction: a file that is lost is written again, a mark is not.
                self.results.write(case.entry)
        except OSError as error:
            self.results.failed(case.entry, error)
            return Graded(case.entry.name, seconds, "its results could not be written", False)
        return Graded(case.entry.name, seconds, problem, not case.entry.problem)

    def _keep(self, case: Case, said: dict[str, Any]) -> str:
        """Keep the verdicts on a submission and its mark, inside of a transaction; return a problem, or ""."""
        attempt = _attempt(case.hand_in, said, case.attempt.handed_in if case.attempt else None)
        attempt = replace(attempt, id=self.book.add_attempt(case.entry.id, attempt))
        verdicts = collect(self.course, map(TestVerdict.of, said["tests"]))
        # A worker of a cluster may have other packages.
        made_with = said.get("versions", self._versions)
        self.book.add_verdicts(attempt.id, verdicts, self._keys, as_text(made_with))
        case.attempt = attempt
        self._choose(case, after=True)
        if case.to_run:
            return _CHANGED
        if case.is_new or not self.wish.regrade:
            mark = self._mark(case)
            self.book.add_mark(case.entry.id, mark)
            case.mark = self.book.last_mark(case.entry.id)
        return ""

    def _mark(self, case: Case) -> GivenMark:
        """Return the mark that follows from the chosen verdicts, and from points and dates as they are now."""
        assert case.attempt
        steps: dict[str, MarkedStep] = {}
        shares = {one: case.chosen[one.id] for one in self.steps if one.id in case.chosen}
        for step, kept in shares.items():
            score = round(float(kept.share * step.points), 6)
            steps[step.id] = MarkedStep(kept.id, step.title, score, step.points, kept.status)
        exact = sum(kept.share * step.points for step, kept in shares.items())
        total, most = round(float(exact), 6), float(sum(step.points for step in shares))
        late = self.course.dates.lateness(case.attempt.handed_in, self._agreed(case.hand_in))
        penalty = round(total * late.percent / 100, 6)
        about = None
        if late.due:
            moment = case.attempt.handed_in
            about = {
                "due": late.due.isoformat(),
                "handed_in": moment.isoformat() if moment else None,
                "days": late.days,
                "free_days": late.free,
                "raw_score": total,
                "penalty": penalty,
            }
        return GivenMark(case.attempt.id, total, penalty, most, about, steps)

    def finish(self) -> list[Change]:
        """Give a mark to all that need no question for it, and return the marks that would change.

        Raises:
            GradebookError: the gradebook cannot be written.
            Unwritable: there is no room for results.
        """
        changes = []
        for case in self.cases:
            self._choose(case, after=True)
            if case.attempt is None or case.to_run or self._is_left_alone(case.entry):
                continue
            new, old = self._mark(case), case.mark
            if old is None or case.is_new:
                # What is handed in is as it was once before, or can be read again.
                self._give(case, new)
                continue
            if case.entry.problem:
                self._give(case, None)
            if old.counts_the_same(new) and not old.says_the_same(new):
                # Only what is said of the date differs: there is nothing to ask.
                self._give(case, new)
            elif not old.says_the_same(new):
                changes.append(Change(case, old, new))
        if self.wish.never_lower:
            changes = [one for one in changes if one.new.score >= one.old.score]
        return changes

    def _give(self, case: Case, mark: GivenMark | None) -> None:
        """Give a submission a new mark, or the one that it has already, and write its results."""
        try:
            with self.book.transaction():
                self.book.set_problem(case.entry.id, "")
                if mark:
                    self.book.add_mark(case.entry.id, mark)
                case.entry = replace(case.entry, problem="")
                self.results.write(case.entry)
        except OSError as error:
            self.results.failed(case.entry, error)
        case.mark = self.book.last_mark(case.entry.id)

    def apply(self, changes: list[Change]) -> None:
        """Give new marks, all of them or none; `ClassResults.write_all` then writes the results."""
        self.results.differ()
        with self.book.transaction():
            for one in changes:
                self.book.add_mark(one.case.entry.id, one.new)

    def publish(self) -> int:
        """Publish the last mark of each submission that is final and not left alone.

        Returns:
            How many marks were not published before.
        """
        entries = self.book.entries().values()
        ids = [one.id for one in entries if not one.problem and not self._is_left_alone(one)]
        self.results.differ()
        with self.book.transaction():
            return self.book.publish(ids)


def judged(
    course: Course, submission: Submission, steps: Iterable[str], forked: Forked
) -> list[dict[str, Any]]:
    """In a forked judge: run the tests of some steps on a submission; return the verdicts as plain data."""
    wanted = set(steps)
    items = [one for one in forked.items if step_of(course, one).id in wanted]
    return [test.plain for test in forked.run(submission, items)]


def _said_of(course: Course, submission: Submission) -> dict[str, Any]:
    """Return what is kept of a submission as plain data, and as "problem" why it could not be read, or ""."""
    # All that a verdict may depend on, but for the words of the kit, which change with its version.
    others = [(file.name, file.module) for file in submission.not_taken]
    content = repr((submission.sha256, sorted(submission.refused), others))
    return {
        "problem": one_line(submission.unreadable),
        "sha256": submission.sha256,
        "content": hashlib.sha256(content.encode("utf-8", "backslashreplace")).hexdigest(),
        "not_taken": [(file.name, file.reason) for file in submission.not_taken],
        "notes": [*submission.notes, *filter(None, [other_stubs(course, submission)])],
    }


def _attempt(hand_in: HandIn, said: dict[str, Any], moment: datetime | None) -> Attempt:
    return Attempt(
        0,
        said["content"],
        said["sha256"],
        hand_in.attempt,
        moment,
        hand_in.late,
        tuple((name, reason) for name, reason in said["not_taken"]),
        tuple(said["notes"]),
    )


def grade(
    course: Course,
    hand_ins: list[HandIn],
    out: Path,
    files: list[str],
    launcher: Launcher,
    jobs: int,
    done: Callable[[Graded], None],
    begin: Callable[[], None] = lambda: None,
    rehearse: bool = False,
) -> list[Graded]:
    """Grade submissions in one go; the arguments are those of `Grading` and `Grading.run`.

    Returns:
        How the grading of each submission went, in the order in which they were done.

    Raises:
        KitError, GradebookError, Unwritable: as `Grading` does.
    """
    graded: list[Graded] = []

    def take(one: Graded) -> None:
        graded.append(one)
        done(one)

    out.mkdir(parents=True, exist_ok=True)
    steps = frozenset(step.id for step in course.steps if {*test_files(course, [step])} & {*files})
    with Gradebook(out) as book:
        grading = Grading(course, book, out, Wish(steps))
        grading.read(hand_ins, jobs)
        grading.run(files, launcher, jobs, take, begin, rehearse)
        grading.results.write_all()
    return graded


def hidden_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the hidden test files of these steps, relative to the kit's folder."""
    files = [step.hidden_tests for step in steps]
    return [file for file in files if (course.root / file).exists()]


def test_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the visible and the hidden test files of these steps, relative to the kit's folder."""
    return [file for step in steps for file in (step.visible_tests, *hidden_files(course, [step]))]
