"""Commands for teachers."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import (
    KIT,
    STOPPED,
    USAGE,
    app,
    compute_in_one_thread,
    fail,
    here,
    load,
    pick,
    whole_kit,
)
from grader.course.paths import FILLED

if TYPE_CHECKING:
    from grader.course.course import Course
    from grader.course.marks import Mark
    from grader.course.verdicts import Graded
    from grader.report.terminal import GradingScreen
    from grader.run.class_files import Download
    from grader.run.grade import Grading


class Attempts(StrEnum):
    """Which attempts of a learner are graded."""

    LAST = "last"
    ALL = "all"


class _CtrlC:
    """Remembers Ctrl-C: Python swallows an exception where no code can take it, as around a fork."""

    def __init__(self) -> None:
        self._came = False
        # In a job of a shell's background it is ignored.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        signal.default_int_handler(number, frame)

    def after(self, act: Callable[[Graded], None]) -> Callable[[Graded], None]:
        """Return a function that does the same, and then raises what was swallowed."""

        def both(graded: Graded) -> None:
            act(graded)
            if self._came:
                raise KeyboardInterrupt

        return both


@app.command()
def grade(
    context: typer.Context,
    class_dir: Annotated[
        str,
        typer.Argument(
            help="Folder with one folder or archive per learner, or what a platform exports."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    jobs: Annotated[int, typer.Option(min=1, help="How many submissions to judge at a time.")] = 1,
    steps: Annotated[str, typer.Option(help="Steps, such as 02,03; all by default.")] = "",
    attempts: Annotated[
        Attempts, typer.Option(help="Which attempts of a learner to grade, if there are several.")
    ] = Attempts.LAST,
    rehearse: Annotated[
        bool | None,
        typer.Option(
            help="Run the solutions first, so that correct answers are known. [from 10 submissions]"
        ),
    ] = None,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Grade again what has changed; --steps chooses.")
    ] = False,
    never_lower: Annotated[
        bool, typer.Option("--never-lower", help="With --regrade: no mark becomes lower.")
    ] = False,
    only: Annotated[str, typer.Option(help="Name of the only submission to grade.")] = "",
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the marks as they are now.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Change marks without being asked.")] = False,
    roster: Annotated[
        Path | None, typer.Option(help="CSV file of the class; who hands nothing in gets 0.")
    ] = None,
    extensions: Annotated[
        Path | None, typer.Option(help="CSV file: id, and due, late_days or handed_in.")
    ] = None,
    fill: Annotated[
        Path | None,
        typer.Option(help="Moodle's grading worksheet or Canvas's export, to fill in the marks."),
    ] = None,
    assignment: Annotated[
        str, typer.Option(help="Title of the assignment in Canvas's export and in nbgrader.csv.")
    ] = "",
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, such as tcp://10.0.0.1:8786.")
    ] = "",
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Grade without isolation: dangerous.")
    ] = False,
) -> None:
    """Grade a class with all tests, visible and hidden, each submission in a sandbox."""
    compute_in_one_thread()

    from datetime import UTC, datetime

    from grader.course.plain_text import one_line
    from grader.judge.pytest_run import KitError
    from grader.launch.trial import available
    from grader.report.sheets import FillError
    from grader.report.terminal import GradingScreen, make_console
    from grader.run.class_files import Download
    from grader.run.class_results import Unwritable
    from grader.run.cluster import ClusterError
    from grader.run.grade import Grading, Wish, output_names
    from grader.run.gradebook import Gradebook, GradebookError
    from grader.run.roster import ListError, join, read_extensions, read_roster
    from grader.submissions.hand_ins import ClassError, check_output, read_class

    course = load(whole_kit(here()))
    chosen = frozenset(step.id for step in pick(course, [steps])) if steps.strip() else None
    if not class_dir:
        words = "Say which folder holds the class: make grade SUBMISSIONS=class"
        raise fail(f"Nothing to grade. {words}", USAGE)
    due = course.dates.due
    try:
        students = read_roster(roster) if roster else None
        agreed = read_extensions(extensions, due.tzinfo if due else None) if extensions else {}
        download = Download.read(fill, assignment) if fill else None
    except (ListError, FillError) as error:
        raise fail(f"Nothing was graded: {error}", USAGE) from None
    scratch = None
    if Path(class_dir).is_file():
        scratch = Path(context.with_resource(TemporaryDirectory(prefix="class-")))
    try:
        found = read_class(Path(class_dir), course, attempts.value, scratch)
    except ClassError as error:
        raise fail(f"Nothing to grade: {error}.", USAGE) from None
    hand_ins, left_out = found.hand_ins, found.left_out
    if not hand_ins:
        rest = "".join(f"\n  {one_line(one.name)}: {one_line(one.reason)}" for one in left_out)
        raise fail(f"Nothing to grade: {class_dir} holds no folder and no archive.{rest}", USAGE)
    if not available():
        raise fail("Grading needs Linux, where submissions can be isolated.", USAGE)
    try:
        check_output(Path(class_dir), out, list(output_names(hand_ins).values()))
    except ClassError as error:
        raise fail(f"Nothing was graded: {error}.", USAGE) from None
    # Who asks for marks again, or publishes them, means those that are there.
    new_steps = not (regrade or publish)
    wish = Wish(chosen, new_steps, regrade, never_lower, only, agreed, students or [])
    layers = None
    screen = GradingScreen(make_console(), 0)
    ctrl_c = _CtrlC()
    try:
        with Gradebook(out) as book:
            grading = Grading(course, book, out, wish)
            grading.read(hand_ins, jobs)
            if only and not grading.wanted:
                raise fail(f"Nothing was graded: no submission is called {only}.", USAGE)
            screen = GradingScreen(make_console(), len(grading.waiting))
            if grading.added:
                names = ", ".join(step.id for step in grading.added)
                most = sum(step.points for step in grading.steps)
                screen.note(f"Graded for the first time: step {names}. Marks now go up to {most}.")
            for unread in grading.unread:
                screen.problem(unread)
            if grading.waiting and scheduler:
                try:
                    grading.run_on(scheduler, ctrl_c.after(screen.done), screen.begin)
                finally:
                    screen.end()
            elif grading.waiting:
                done = ctrl_c.after(screen.done)
                layers = _judge(grading, screen, done, jobs, rehearse, allow_unsandboxed)
            listed = {text.casefold() for one in students or [] for text in (one.id, one.email)}
            for key in sorted(agreed.keys() - grading.agreed_with):
                if key.casefold() in listed:
                    # Nothing was handed in.
                    continue
                screen.note(f"{extensions}: nobody in the class has the id {key}.")
            _settle(grading, screen, yes)
            if publish:
                number = grading.publish()
                words = "1 mark was" if number == 1 else f"{number} marks were"
                screen.note(f"{words} published.")
            grading.results.write_all()
            marks = grading.results.marks()
    except KitError as error:
        raise fail(f"The kit itself failed.\n{error}", KIT) from None
    except ClusterError as error:
        raise fail(str(error), USAGE) from None
    except Unwritable as error:
        raise fail(f"Not everything was graded: {error}.", USAGE) from None
    except GradebookError as error:
        raise fail(str(error), USAGE) from None
    except KeyboardInterrupt:
        words = f"What was graded in this run is kept ({screen.graded})"
        raise fail(f"Stopped. {words}: the same command goes on from there.", STOPPED) from None
    screen.summary(marks, out, layers, left_out)
    rows = [mark for mark, _ in marks]
    if students is not None:
        rows, said = join(rows, students, course.dates, agreed, datetime.now(UTC))
        for sentence in said:
            screen.note(sentence)
        for score, words in ((0, "handed nothing in and get 0"), (None, "have no mark yet")):
            missing = [
                one.student.id
                for one in rows
                if one.student and one.score == score and not one.folder
            ]
            if missing:
                screen.note(f"{len(missing)} {words}: {', '.join(missing)}.")
    _write_files(course, out, rows, assignment, download)
    wanted = {case.entry.folder: case.entry.problem for case in grading.wanted}
    # A published mark stands although the last try gave no result.
    failed = any(wanted.values()) or any(one.problem and one.folder in wanted for one, _ in marks)
    raise typer.Exit(KIT if failed else 0)


def _write_files(
    course: Course, out: Path, marks: list[Mark], assignment: str, download: Download | None
) -> None:
    """Write the files for other systems, and say what these will not take."""
    from grader.report.filling import summary
    from grader.run.class_files import write_class_files

    try:
        filled = write_class_files(course, out, marks, assignment, download)
    except OSError as error:
        words = f"a file for other systems cannot be written to {out} ({error.strerror})"
        raise fail(f"All marks are kept, but {words}.", USAGE) from None
    if filled:
        for line in summary(filled, str(out / FILLED[filled.platform])):
            typer.echo(line)


def _judge(
    grading: Grading,
    screen: GradingScreen,
    done: Callable[[Graded], None],
    jobs: int,
    rehearse: bool | None,
    allow_unsandboxed: bool,
) -> list[str]:
    """Run what is to be run; return the layers of isolation that were used."""
    from grader.launch.launchers import ForkLauncher
    from grader.launch.trial import working_layers
    from grader.run.grade import REHEARSED_FROM, test_files

    many = len(grading.waiting) >= REHEARSED_FROM
    launcher = ForkLauncher((), grading.course.limits, many=many)
    launcher.prepare({step.packages for step in grading.steps_to_run})
    try:
        layers, missing = working_layers(launcher)
        if missing and not allow_unsandboxed:
            problems = "; ".join(f"{layer.name}: {layer.problem}" for layer in missing)
            raise fail(f"Submissions cannot be isolated here ({problems}).", USAGE)
        # An open branch would keep the zygote alive.
        with closing(launcher.branch(layers)) as branch:
            grading.run(
                test_files(grading.course, grading.steps_to_run),
                branch,
                jobs,
                done,
                screen.begin,
                rehearse=many if rehearse is None else rehearse,
            )
    finally:
        screen.end()
        launcher.close()
    return layers


def _settle(grading: Grading, screen: GradingScreen, yes: bool) -> None:
    """Show which marks would change, and change them if that is wished."""
    from grader.report.terminal import MarkChange

    changes = grading.finish()
    if changed := grading.changed:
        screen.changed(changed)
    if not grading.wish.regrade:
        if changes:
            screen.waiting(len(changes))
        return
    rows = [
        MarkChange(
            one.case.entry.name,
            one.old.score,
            one.new.score,
            one.steps,
            one.is_published,
            (one.old.max_score, one.new.max_score),
        )
        for one in changes
        if one.steps or (one.old.score, one.old.max_score) != (one.new.score, one.new.max_score)
    ]
    if rows:
        screen.changes(rows)
    else:
        screen.note("Grading again changes no mark.")
    if not changes:
        return
    if rows and not yes:
        words = "1 mark changes" if len(rows) == 1 else f"{len(rows)} marks change"
        try:
            agreed = typer.confirm(f"{words}. Write them?")
        except typer.Abort:
            agreed = False
        if not agreed:
            screen.note("No mark was changed. --yes answers this question beforehand.")
            return
    grading.apply(changes)
