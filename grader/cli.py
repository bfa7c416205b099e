"""The commands of `python -m grader`: for learners, for teachers, and for those who make the kit.

Exit codes: 0 all is well, 1 something failed, 2 wrong usage, 3 the kit itself failed.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.course.course import Course, CourseError, Step, find_root

if TYPE_CHECKING:
    from grader.launch.launchers import ForkLauncher
    from grader.submissions.submission import Submission

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)
FAILED, USAGE, KIT = 1, 2, 3


def _fail(sentence: str, code: int) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(code)


def _load() -> Course:
    try:
        return Course.load(find_root())
    except CourseError as error:
        raise _fail(str(error), USAGE) from None


def _steps(course: Course, names: list[str]) -> list[Step]:
    """Return the steps that are meant; numbers may also be joined by commas."""
    wanted = [part for name in names for part in name.replace(",", " ").split()]
    try:
        found = [course.find(name) for name in wanted]
    except CourseError as error:
        raise _fail(str(error), USAGE) from None
    return [step for step in course.steps if step in found] if found else list(course.steps)


@app.command()
def check(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all if left out.")
    ] = None,
    target: Annotated[
        str, typer.Option(help="exercises, solutions, or a folder with step modules.")
    ] = "exercises",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the verdicts to this file.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run unchanged steps, too.")] = False,
) -> None:
    """Check the steps, and say what is right, what is wrong, and what to do next."""
    from grader.run.check import check as run_check
    from grader.run.check import find_target
    from grader.judge.pytest_run import KitError
    from grader.submissions.submission import Submission
    from grader.report.terminal import Screen, make_console
    from grader.course.verdicts import results

    course = _load()
    steps = _steps(course, step or [])
    try:
        place = find_target(course, target)
        submission = Submission.read(place, course, steps[0] if len(steps) == 1 else None)
    except FileNotFoundError as error:
        raise _fail(f"Nothing to check: {error}.", USAGE) from None
    except OSError as error:
        raise _fail(
            f"Nothing to check: {target} cannot be read ({error.strerror}).", USAGE
        ) from None
    if submission.unreadable and not submission.sources:
        raise _fail(f"Nothing to check: {submission.unreadable}.", USAGE)
    if place.name.lower().endswith((".py", ".py.txt")) and place.is_file():
        steps = _of_one_module(course, submission, steps, bool(step))
    screen = Screen(make_console(), course, submission)
    try:
        verdicts = run_check(
            course, submission, steps, fresh=fresh, begin=screen.begin, done=screen.done
        )
    except KitError as error:
        raise _fail(f"The kit itself failed, which is not your fault.\n{error}", KIT) from None
    finally:
        screen.end_progress()
    screen.summary(verdicts)
    if json_file:
        said = submission.not_taken, submission.notes
        report = results(submission.name, submission.sha256, verdicts, *said)
        text = json.dumps(report, indent=1)
        try:
            json_file.write_text(text + "\n", "utf-8")
        except OSError as error:
            raise _fail(f"The verdicts cannot be written: {error}.", USAGE) from None
    found = {verdict.status for verdict in verdicts}
    raise typer.Exit(KIT if "error" in found else FAILED if found != {"passed"} else 0)


def _of_one_module(
    course: Course, submission: Submission, steps: list[Step], chosen: bool
) -> list[Step]:
    """Return the step of a target that is one module; `chosen` says whether the steps were asked for."""
    place = submission.folder
    held = [one for one in course.steps if one.module in submission.sources | submission.refused]
    if not held:
        words = "is not named as a step module, such as step_02_gradient.py. Say which step it is"
        raise _fail(f"Nothing to check: {place} {words}: check 02 --target {place}", USAGE)
    if chosen and held[0] not in steps:
        raise _fail(f"Nothing to check: {place} is the module of step {held[0].id}.", USAGE)
    return held


@app.command()
def grade(
    class_dir: Annotated[
        str, typer.Argument(help="Folder with one folder or archive per learner.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    jobs: Annotated[int, typer.Option(min=1, help="How many to judge at a time.")] = 1,
    steps: Annotated[str, typer.Option(help="Steps, such as 02,03; all if left out.")] = "",
    rehearse: Annotated[
        bool | None,
        typer.Option(
            help="Run the solutions first, so that right answers are known. [10 and more]"
        ),
    ] = None,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Grade without isolation: dangerous.")
    ] = False,
) -> None:
    """Grade a class with all tests, visible and hidden, each submission in a sandbox."""
    import os

    # Before torch is imported: a process that has used several threads must not fork.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

    from grader.run.grade import REHEARSED_FROM, Unwritable, output_names, test_files
    from grader.run.grade import grade as run_grade
    from grader.submissions.hand_ins import ClassError, check_output, read_class
    from grader.launch.trial import available, working_layers
    from grader.launch.launchers import ForkLauncher
    from grader.judge.pytest_run import KitError
    from grader.report.terminal import GradingScreen, make_console
    from grader.course.plain_text import one_line

    course = _load()
    chosen = _steps(course, [steps])
    if not class_dir:
        words = "Say which folder holds the class: make grade SUBMISSIONS=class"
        raise _fail(f"Nothing to grade. {words}", USAGE)
    try:
        found = read_class(Path(class_dir), course)
    except ClassError as error:
        raise _fail(f"Nothing to grade: {error}.", USAGE) from None
    hand_ins, left_out = found.hand_ins, found.left_out
    if not hand_ins:
        rest = "".join(f"\n  {one_line(one.name)}: {one.reason}" for one in left_out)
        raise _fail(f"Nothing to grade: {class_dir} holds no folder and no archive.{rest}", USAGE)
    if not available():
        raise _fail("Grading needs Linux, where submissions can be isolated.", USAGE)
    try:
        check_output(Path(class_dir), out, list(output_names(hand_ins).values()))
    except ClassError as error:
        raise _fail(f"Nothing was graded: {error}.", USAGE) from None
    launcher = ForkLauncher((), course.limits, many=True)
    launcher.expected = {one.packages for one in chosen}
    screen = GradingScreen(make_console(), len(hand_ins))
    try:
        layers, missing = working_layers(launcher)
        if missing and not allow_unsandboxed:
            problems = "; ".join(f"{layer.name}: {layer.problem}" for layer in missing)
            raise _fail(f"Submissions cannot be isolated here ({problems}).", USAGE)
        graded = run_grade(
            course,
            hand_ins,
            out,
            test_files(course, chosen),
            launcher.branch(layers),
            jobs,
            screen.done,
            rehearse=len(hand_ins) >= REHEARSED_FROM if rehearse is None else rehearse,
        )
    except KitError as error:
        raise _fail(f"The kit itself failed.\n{error}", KIT) from None
    except Unwritable as error:
        raise _fail(f"Not everything was graded: {error}.", USAGE) from None
    finally:
        screen.end()
        launcher.close()
    screen.summary(graded, out, layers, left_out)
    raise typer.Exit(KIT if any(one.problem for one in graded) else 0)


@app.command()
def hint(
    step: Annotated[str, typer.Argument(help="The step, such as 05.")],
    again: Annotated[
        bool, typer.Option("--again", help="Begin with the first hint again.")
    ] = False,
) -> None:
    """Show the next hint of a step, from a nudge to nearly there."""
    from grader.run.hints import next_hint

    course = _load()
    (chosen,) = _steps(course, [step])[:1]
    number, text = next_hint(course, chosen, again)
    typer.echo(f"Step {chosen.id}, {chosen.title}: hint {number} of {len(chosen.hints)}\n\n{text}")
    if number == len(chosen.hints):
        typer.echo("\nThis is the last hint. The first one again: --again")


@app.command()
def doctor() -> None:
    """Say what works on this machine, what is missing, and how to get it."""
    from grader.run.doctor import examine

    bad = False
    for finding in examine():
        mark = {True: "ok", False: "PROBLEM", None: ""}[finding.ok]
        typer.echo(f"{mark:<8}{finding.what:<19}{finding.text}")
        bad = bad or finding.ok is False
    raise typer.Exit(FAILED if bad else 0)


@app.command()
def bench() -> None:
    """Measure what checking and grading cost; takes some minutes on a quiet machine."""
    from grader.maintain.bench import run_all

    course = _load()
    typer.echo(f"{'what':<46}{'against':<28}{'measured':>10}{'at most':>10}")
    for figure in run_all(course):
        row = f"{figure.what:<46}{figure.against:<28}{figure.value:>10}{figure.limit:>10}"
        typer.echo(row)


@app.command()
def strength(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all if left out.")
    ] = None,
    only_changed: Annotated[
        bool, typer.Option("--changed", help="Only steps that changed since they were measured.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="How many judges at a time.")] = 2,
) -> None:
    """Measure whether the tests catch all misconceptions, all mutants and no work, and refuse no correct style."""
    from grader.maintain import strength as strong

    course = _load()
    chosen = _steps(course, step or [])
    if only_changed:
        chosen = strong.changed(course, chosen)
        if not chosen:
            typer.echo("Strength: no step changed since it was measured.")
            raise typer.Exit(0)
    with _maintaining(course, chosen) as (launcher, bar):
        found = strong.measure(course, chosen, launcher, jobs, bar)
    for row in (strong.COLUMNS, *strong.table(found)):
        typer.echo("".join(f"{text:>10}" for text in row))
    strong.remember(course, found)
    problems = strong.problems(found)
    typer.echo("\n".join(problems) or "Nothing is missing.")
    raise typer.Exit(FAILED if problems else 0)


@app.command()
def record(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all if left out.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many judges at a time.")] = 2,
) -> None:
    """Write down how the misconceptions behave, for those steps of which it is not known any more."""
    from grader.maintain.record import is_stale
    from grader.maintain.record import record as write

    course = _load()
    stale = [one for one in _steps(course, step or []) if is_stale(course, one)]
    if stale:
        with _maintaining(course, stale) as (launcher, bar):
            write(course, stale, launcher, jobs, lambda: bar(None))
    typer.echo(f"{len(stale)} steps recorded.")


@contextmanager
def _maintaining(
    course: Course, steps: list[Step]
) -> Iterator[tuple[ForkLauncher, Callable[[int | None], None]]]:
    """Yield a launcher for trusted code, and a function that moves a progress bar on by one, of so many in all."""
    import os

    # Before torch is imported: a process that has used several threads must not fork.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    # Where mutmut finds its settings.
    os.chdir(course.root)
    from rich.progress import Progress

    from grader.launch.launchers import ForkLauncher
    from grader.judge.pytest_run import KitError
    from grader.report.terminal import make_console

    console = make_console(stderr=True)
    launcher = ForkLauncher((), course.limits, many=True)
    launcher.expected = {one.packages for one in steps}
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("judging", total=None)

        def move(total: int | None) -> None:
            progress.update(task, advance=1, total=total)

        try:
            yield launcher, move
        except (KitError, RuntimeError) as error:
            raise _fail(f"The kit itself failed.\n{error}", KIT) from None
        finally:
            launcher.close()


@app.command()
def stubs(
    only_look: Annotated[bool, typer.Option("--check", help="Only say which are stale.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite changed exercises, too.")
    ] = False,
) -> None:
    """Make the exercises anew from the solutions."""
    from grader.run.cache import FOLDER
    from grader.maintain.stubs import StubError, keep_copy, make_stubs, stale, with_own_work

    course = _load()
    try:
        new = make_stubs(course)
    except (StubError, SyntaxError) as error:
        raise _fail(f"No stubs can be made: {error}.", FAILED) from None
    old = stale(new)
    names = ", ".join(path.name for path in old)
    if only_look:
        raise _fail(f"Stale, run `make stubs`: {names}", FAILED) if old else typer.Exit(0)
    at_risk = with_own_work(old)
    if at_risk and not force:
        files = ", ".join(path.name for path in at_risk)
        raise _fail(
            f"These exercises hold work that is not committed: {files}. Use --force.", FAILED
        )
    for path in at_risk:
        copy = keep_copy(path, course.root / FOLDER / "backup")
        typer.echo(f"{path.name} was kept as {copy.relative_to(course.root)}")
    for path in old:
        path.parent.mkdir(exist_ok=True)
        path.write_text(new[path], "utf-8")
    typer.echo(f"{len(old)} exercises written{f': {names}' if old else ''}.")


def main() -> None:
    """Run the command line; anything unforeseen is exit code 3."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a learner's code says must not end the kit on a terminal that cannot show it.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        traceback.print_exc()
        sys.exit(_fail("The kit itself failed, which is not your fault.", KIT).exit_code)
