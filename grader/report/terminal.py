"""What the terminal shows: progress, verdicts with their reasons, and what to do next."""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.status import Status as Spinner
from rich.text import Text

from grader.course.course import Course, Step
from grader.course.marks import Mark
from grader.course.paths import RESULTS
from grader.course.places import command
from grader.course.plain_text import one_line, visible
from grader.course.verdicts import (
    Graded,
    NotTaken,
    Status,
    StepVerdict,
    TestVerdict,
    class_of,
)
from grader.submissions.submission import Submission

_MOST_LINES = 6
_FEWEST_COLUMNS = 20
_MINUTE = 60.0
_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.NOT_STARTED: "dim",
    Status.ERROR: "magenta",
}


def make_console(*, stderr: bool = False) -> Console:
    """Return a console, 80 columns wide if its reported width is too small, as with COLUMNS=0."""
    console = Console(highlight=False, stderr=stderr)
    if console.width < _FEWEST_COLUMNS:
        console.width = 80
    return console


def step_line(step: Step, verdict: StepVerdict | None, has_passed: bool = False) -> Text:
    """Return a line that says how a step went.

    Args:
        step: the step.
        verdict: what the last check says; None if nothing is known any more.
        has_passed: whether it is all the same known that the step has passed.
    """
    head = f"  {step.id}  {step.title:<32}"
    if verdict is None and has_passed:
        return Text.assemble(head, (Status.PASSED, _STYLES[Status.PASSED]))
    if verdict is None:
        return Text.assemble(head, ("not checked yet", "dim"))
    passed = sum(test.status == Status.PASSED for test in verdict.tests)
    words = verdict.status.replace("_", " ")
    is_begun = verdict.status != Status.NOT_STARTED
    tests = f"  {passed} of {len(verdict.tests)} tests" if is_begun else ""
    return Text.assemble(head, (f"{words:<12}", _STYLES[verdict.status]), tests)


@dataclass(frozen=True)
class MarkChange:
    """A mark before and after grading again.

    Attributes:
        name: the name of the submission as given.
        old: the points as they are.
        new: the points as they would be.
        steps: the ids of the steps whose points differ.
        published: whether learners keep seeing the old one.
        worth: what the steps of both marks are worth.
    """

    name: str
    old: float
    new: float
    steps: list[str]
    published: bool
    worth: tuple[float, float]


class GradingScreen:
    """Shows the progress of grading a class."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.graded = 0
        self._marked = 0
        self._total = total
        self._failures = 0
        self._begun = self._said = time.monotonic()
        self._bar = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TextColumn("[red]{task.fields[failures]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("grading", total=total, rate="", failures="")

    def begin(self) -> None:
        """Start the clock: everything is ready, and the first submission is judged."""
        self._begun = self._said = time.monotonic()
        if self.console.is_terminal:
            self._bar.start()

    def done(self, graded: Graded) -> None:
        """Count a submission, and show its problem if there is one."""
        self.graded += 1
        self._marked += graded.marked
        if graded.problem:
            self.problem(graded)
        rate, failures = self._rate(), f"{self._failures} failed" if self._failures else ""
        self._bar.update(self._task, advance=1, rate=rate, failures=failures)
        if not self.console.is_terminal and time.monotonic() - self._said >= _MINUTE:
            self._said = time.monotonic()
            parts = [f"{self.graded} of {self._total} graded", rate, failures]
            self.console.print(", ".join(filter(None, parts)), soft_wrap=True)

    def problem(self, graded: Graded) -> None:
        """Show why a submission has no result, or no final one."""
        self._failures += 1
        what = "" if graded.marked else "no result: "
        text = f"{one_line(graded.name)}: {what}{one_line(graded.problem)}"
        self.console.print(Text(text, style="red"), soft_wrap=True)

    def _rate(self) -> str:
        """Return how many submissions are graded per minute, and how long the rest will take."""
        passed = max(time.monotonic() - self._begun, 0.001)
        left = (self._total - self.graded) * passed / self.graded
        words = f"{left / 60:.0f} min left" if left >= _MINUTE else f"{left:.0f} s left"
        return f"{self.graded * 60 / passed:.0f} a minute, {words}"

    def end(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def changed(self, changed: dict[str, int]) -> None:
        """Show which steps have other tests now than when marks were given.

        Args:
            changed: for how many submissions, by the id of the step.
        """
        steps = ", ".join(sorted(changed))
        count = f"{len(changed)} {'step' if len(changed) == 1 else 'steps'}"
        self._yellow(
            f"The tests of {count} have changed since marks were given ({steps}). These marks stay. "
            "To grade those steps again: --regrade, or make grade … REGRADE=1"
        )

    def waiting(self, count: int) -> None:
        """Show that marks would change, although no test has, because points or dates have."""
        self._yellow(
            f"Points or dates have changed since marks were given: {count} would change. They stay. "
            "To see and to change them: --regrade, or make grade … REGRADE=1"
        )

    def note(self, sentence: str) -> None:
        """Show something that a teacher should know."""
        self._yellow(one_line(sentence))

    def _yellow(self, text: str) -> None:
        self.console.print(Text(text, style="yellow"), soft_wrap=True)

    def changes(self, rows: list[MarkChange]) -> None:
        """Show old and new marks side by side."""
        self.console.print("  old     new   steps", style="bold")
        for row in sorted(rows, key=lambda row: row.name):
            style = "red" if row.new < row.old else "green" if row.new > row.old else ""
            steps = ", ".join(row.steps) or "-"
            published = "  (published: stays until --publish)" if row.published else ""
            before, after = row.worth
            worth = "" if before == after else f"  (of {before:g}, then of {after:g})"
            text = (
                f"{row.old:6.2f}  {row.new:6.2f}  {steps}  {one_line(row.name)}{worth}{published}"
            )
            self.console.print(Text(text, style=style), soft_wrap=True)

    def summary(
        self,
        marks: list[tuple[Mark, list[str]]],
        out: Path,
        layers: list[str] | None,
        left_out: list[NotTaken],
    ) -> None:
        """Show the scores, the files that were not taken, and where the results are.

        Args:
            marks: the marks, with what is to be said below each.
            out: the folder with the results.
            layers: the layers of isolation that were used; None if nothing was run.
            left_out: the files that belong to no submission.
        """
        for mark, notes in sorted(marks, key=lambda pair: pair[0].folder):
            if mark.score is not None:
                text = f"{mark.score:>7.2f} of {mark.max_score:g}  {one_line(mark.submission)}"
                self.console.print(Text(text), soft_wrap=True)
                self._below(notes)
        for file in left_out:
            self._yellow(f"left out: {one_line(file.name)}: {one_line(file.reason)}")
        failed = sum(mark.score is None for mark, _ in marks)
        doubtful = sum(mark.score is not None and bool(mark.problem) for mark, _ in marks)
        earlier = len(marks) - failed - self._marked
        words = f" {earlier} of them by earlier runs." if earlier > 0 else ""
        self.console.print(
            f"{len(marks) - failed} graded, {failed} without a result.{words}", style="bold"
        )
        if doubtful:
            words = "The kit itself failed in a test, so these marks are not final"
            self.console.print(f"{words}: {doubtful} of {len(marks)}.", style="red")
        isolation = "" if layers is None else f"Isolation: {', '.join(layers) or 'none'}. "
        self.console.print(f"{isolation}Results: {out}", soft_wrap=True)

    def _below(self, lines: list[str]) -> None:
        """Show the first few lines about a submission, below its score."""
        if len(lines) > _MOST_LINES:
            more = len(lines) - _MOST_LINES + 1
            lines = [*lines[: _MOST_LINES - 1], f"and {more} more, see {RESULTS}"]
        for line in lines:
            self.console.print(
                Text(f"                {one_line(line)}", style="yellow"), soft_wrap=True
            )


class Screen:
    """Shows one check as it happens: live in a terminal, or line by line in a file."""

    def __init__(
        self, console: Console, course: Course, submission: Submission, in_clone: bool = True
    ) -> None:
        self.console = console
        self._course = course
        self._submission = submission
        self._in_clone = in_clone
        # Not while tests are still running.
        self.counts = True
        self._status: Spinner | None = None

    def begin(self, step: Step) -> None:
        """Show that a step is being checked."""
        if not self.console.is_terminal:
            return
        text = f"checking step {step.id} · {step.title}"
        if self._status is None:
            self._status = self.console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def done(self, verdict: StepVerdict) -> None:
        """Show a step's verdict in one line."""
        self.console.print(step_line(verdict.step, verdict), soft_wrap=True)

    def end_progress(self) -> None:
        """Remove the progress line."""
        if self._status:
            self._status.stop()
            self._status = None

    def summary(
        self,
        verdicts: list[StepVerdict],
        ideas: dict[str, str] | None = None,
        first: dict[str, str] | None = None,
    ) -> None:
        """Show what failed and why, how far the learner has come, and what to do next.

        Args:
            verdicts: the verdicts on all steps that were checked.
            ideas: the ideas of the steps that have just passed, by id.
            first: sentences about what is to be mended before a failing step, by its id.
        """
        for verdict in verdicts:
            if verdict.status in (Status.FAILED, Status.ERROR):
                self._step(verdict, (first or {}).get(verdict.step.id, ""))
            elif ideas and verdict.step.id in ideas:
                self._idea(verdict.step, ideas[verdict.step.id])
        self._handed_in(verdicts)
        self._progress(verdicts)
        self._next(verdicts, first or {})

    def update_waits(self) -> None:
        """Show that the kit has newer exercises than the workspace."""
        words = "The kit has newer exercises. To get them and keep what you wrote:"
        self.console.print(f"{words} {self._command('update')}", soft_wrap=True)

    def _command(self, name: str, step: Step | None = None, function: str = "") -> str:
        return command(self._in_clone, name, step.id if step else "", function)

    def _path(self, step: Step) -> str:
        return self._submission.path_of(step.filename)

    def _step(self, verdict: StepVerdict, first: str = "") -> None:
        step = verdict.step
        self.console.print()
        title = f"Step {step.id} · {step.title} · {visible(self._path(step))}"
        self.console.print(Text(title, style="bold"), soft_wrap=True)
        if first:
            self._lines(first, indent=2)
        self._functions(verdict)

    def first_failure(self, verdict: StepVerdict) -> None:
        """Show the first function of a step that is wrong, and why, and which ones are not written yet."""
        self._functions(verdict, most=1)

    def _functions(self, verdict: StepVerdict, most: int | None = None) -> None:
        step = verdict.step
        if problem := verdict.file_problem:
            # The functions may be right, so none is named.
            head = Text.assemble("  ", (verdict.file, "bold red"), f" {problem}")
            self.console.print(head, soft_wrap=True)
            self._lines(visible(verdict.tests[0].message), indent=6)
            return
        shown: set[str] = set()
        for function, tests in verdict.wrong.items():
            bad = [test for test in tests if test.status != Status.PASSED]
            worst = next(test for test in bad if test.status != Status.NOT_STARTED)
            # Several functions may have the same message, such as one about a missing file.
            if worst.message not in shown and (most is None or len(shown) < most):
                self._function(worst, len(bad), len(tests))
                self._hint(step, function, indent=6)
            shown.add(worst.message)
        if verdict.to_write:
            names = ", ".join(f"`{name}`" for name in verdict.to_write)
            self.console.print(f"  Not written yet: {escape(names)}", soft_wrap=True)
        for function, needed in verdict.unwritten.items():
            for name in needed:
                if class_of(name) != function:
                    text = f"  `{function}` needs `{name}`, so write `{name}` first."
                    self.console.print(escape(text), soft_wrap=True)
        # The message of a named mistake already says what to read.
        named = any(test.misconception for test in verdict.tests)
        if not named:
            where = "  Read more: the lesson at the top of the file."
            self.console.print(where, style="dim", soft_wrap=True)
        if not shown:
            self._hint(step, verdict.to_do, indent=2)

    def _idea(self, step: Step, idea: str) -> None:
        """Show what a step that has passed was about, and what there is for those who want more."""
        self.console.print()
        title = f"Step {step.id} · {step.title} · passed"
        self.console.print(Text(title, style="bold green"), soft_wrap=True)
        self._lines(idea, indent=2)
        for what, name in (("A solution beside yours", "solution"), ("One task more", "stretch")):
            text = f"  {what}: {self._command(name, step)}"
            self.console.print(text, style="dim", soft_wrap=True)

    def _hint(self, step: Step, function: str, indent: int) -> None:
        """Show how to get a hint for a function."""
        text = f"{' ' * indent}For a hint: {self._command('hint', step, function)}"
        self.console.print(text, style="dim", soft_wrap=True)

    def _function(self, test: TestVerdict, bad: int, total: int) -> None:
        head = Text.assemble(
            "  ",
            (test.function, "bold red"),
            f" · {test.title}",
            (f" ({bad} of {total} tests fail)" if self.counts else "", "dim"),
        )
        self.console.print(head, soft_wrap=True)
        self._lines(visible(test.message), indent=6)

    def _lines(self, text: str, indent: int) -> None:
        """Show indented lines, those of sentences wrapped in a terminal."""
        width = self.console.width - indent - 1
        for line in text.splitlines():
            # An indented line is code with a caret below, so do not wrap it.
            whole = line.startswith(" ") or not self.console.is_terminal
            for piece in (
                [line] if whole else textwrap.wrap(line, max(width, 20), break_on_hyphens=False)
            ):
                self.console.print(Text(f"{' ' * indent}{piece}"), soft_wrap=True)

    def _handed_in(self, verdicts: list[StepVerdict]) -> None:
        """Show which files were read under another name, and which files for these steps were not taken."""
        modules = {verdict.step.module for verdict in verdicts}
        missing = modules - self._submission.sources.keys()
        lines = [f"Note: {note}." for note in self._submission.notes]
        lines += [
            f"Not taken: {file.name}: {file.reason}."
            for file in self._submission.not_taken
            if file.module in modules or (missing and not file.module)
        ]
        if lines:
            self.console.print()
        for line in lines[:_MOST_LINES]:
            self.console.print(Text(one_line(line), style="yellow"), soft_wrap=True)

    def _progress(self, verdicts: list[StepVerdict]) -> None:
        done = sum(verdict.status == Status.PASSED for verdict in verdicts)
        points = float(sum(verdict.share * verdict.step.points for verdict in verdicts))
        total = sum(verdict.step.points for verdict in verdicts)
        self.console.print()
        steps = (
            f"{done} of {len(verdicts)} steps done"
            if len(verdicts) > 1
            else f"{done} of 1 step done"
        )
        self.console.print(f"{steps}, {round(points, 2):g} of {total} points.", style="bold")

    def _next(self, verdicts: list[StepVerdict], first: dict[str, str]) -> None:
        for verdict in verdicts:
            step = verdict.step
            if verdict.status == Status.ERROR:
                doctor = "python -m grader doctor" if self._in_clone else "torchsteps doctor"
                self.console.print(
                    f"The kit itself failed. Please report it, with what `{doctor}` says."
                )
                return
            if verdict.status != Status.PASSED:
                path = visible(self._submission.path_of(verdict.file))
                test = next(test for test in verdict.tests if test.status != Status.PASSED)
                verb = "Write" if test.status == Status.NOT_STARTED else "Fix"
                what = "the file" if verdict.file_problem else f"`{test.unwritten}` in"
                todo = f"Next: step {step.id}, {step.title}. {verb} {what} {path}"
                if earlier := first.get(step.id, ""):
                    # It names the step, and what to do there.
                    todo = f"Next: {earlier.partition(': ')[2].removesuffix('.')}"
                self.console.print(Text(f"{todo}, then: {self._command('check')}"), soft_wrap=True)
                return
        self.console.print("Everything is correct. Well done!", style="green")
