"""Commands for maintainers of the kit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import (
    FAILED,
    KIT,
    USAGE,
    app,
    compute_in_one_thread,
    fail,
    here,
    load,
    pick,
    whole_kit,
)
from grader.course.course import Course, Step

if TYPE_CHECKING:
    from grader.launch.launchers import ForkLauncher


def _load() -> Course:
    return load(whole_kit(here()))


# The steps after it train for seconds.
_LAST_LESSON = "16"


@app.command()
def bench() -> None:
    """Measure what watching, checking and grading cost; takes a quarter of an hour on an idle machine."""
    from grader.maintain.bench import run_all
    from grader.maintain.saves import HEAD, measure_saves

    course = _load()
    typer.echo(HEAD)
    for saves in measure_saves(course, [step for step in course.steps if step.id <= _LAST_LESSON]):
        typer.echo(saves.row)
    typer.echo("")
    typer.echo(f"{'what':<46}{'against':<28}{'measured':>10}{'at most':>10}")
    for figure in run_all(course):
        row = f"{figure.what:<46}{figure.against:<28}{figure.value:>10}{figure.limit:>10}"
        typer.echo(row)


@app.command()
def strength(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all by default.")
    ] = None,
    only_changed: Annotated[
        bool,
        typer.Option("--changed", help="Only steps that changed since they were last measured."),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="How many judges at a time.")] = 2,
) -> None:
    """Measure whether the tests catch every misconception, mutant and stub, and accept every correct style."""
    from grader.maintain import strength as strong
    from grader.maintain import strength_table

    course = _load()
    chosen = pick(course, step or [])
    if only_changed:
        chosen = strong.changed(course, chosen)
        if not chosen:
            typer.echo("Strength: no step changed since it was measured.")
            raise typer.Exit(0)
    with _maintaining(course, chosen) as (launcher, bar):
        found = strong.measure(course, chosen, launcher, jobs, bar)
    for row in (strength_table.COLUMNS, *strength_table.table(found)):
        typer.echo("".join(f"{text:>10}" for text in row))
    typer.echo(f"\n{strength_table.LEGEND}")
    strong.remember(course, found)
    problems = strength_table.problems(found)
    typer.echo("\n".join(problems) or "Nothing is missing.")
    raise typer.Exit(FAILED if problems else 0)


@app.command()
def record(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all by default.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many judges at a time.")] = 2,
) -> None:
    """Record how the misconceptions behave and what the quiz's code prints, where the record is out of date."""
    from grader.maintain.quiz_answers import record as write_answers
    from grader.maintain.record import is_stale
    from grader.maintain.record import record as write
    from grader.run.quiz import QuizError

    course = _load()
    chosen = pick(course, step or [])
    try:
        answers = write_answers(course, chosen)
    except QuizError as error:
        raise fail(f"The quiz cannot be recorded: {error}", FAILED) from None
    for name, recorded in answers.items():
        typer.echo(f"{name}: {recorded.sentence}")
    stale = [one for one in chosen if is_stale(course, one)]
    if stale:
        with _maintaining(course, stale) as (launcher, bar):
            write(course, stale, launcher, jobs, lambda: bar(None))
    done = [one.id for one in stale] + ([f"{len(answers)} answers of the quiz"] if answers else [])
    typer.echo(f"Recorded: {', '.join(done) or 'nothing, all is up to date'}.")


@app.command()
def new(
    step: Annotated[str, typer.Argument(help="Number and name, such as 16_pipelines.")],
    title: Annotated[
        str, typer.Option(help="What learners see. [made from the name]", show_default=False)
    ] = "",
) -> None:
    """Create the skeleton of a new step: a small working example with a TODO wherever you replace it."""
    from grader.maintain.new import NewStepError, make_step

    course = _load()
    try:
        made = make_step(course, step, title)
    except NewStepError as error:
        raise fail(str(error), USAGE) from None
    typer.echo(f"Step {made.id}, {made.title}, has these new files:")
    typer.echo("".join(f"  {place}\n" for place in made.files))
    typer.echo(
        f"Its entry in course.toml is worth 1 point, taken from {made.giver.module}, which has "
        f"{made.giver.points - 1} now.\n"
        f"It is a small example that works: make check STEP={made.id} TARGET=solutions\n"
        f"Replace it at each TODO. Then: make stubs, make record STEP={made.id}, "
        f"make strength STEP={made.id}, make lint, make test"
    )


@app.command()
def stubs(
    only_look: Annotated[bool, typer.Option("--check", help="Only list the stale ones.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite changed exercises as well.")
    ] = False,
) -> None:
    """Make the exercises anew from the solutions."""
    from grader.course.files import keep_copy
    from grader.course.paths import BACKUP, MEMORY
    from grader.maintain.stubs import (
        StubError,
        is_written,
        make_stubs,
        stale,
        with_own_work,
    )

    course = _load()
    try:
        new = make_stubs(course)
    except (StubError, SyntaxError) as error:
        raise fail(f"Cannot make the stubs: {error}.", FAILED) from None
    old = stale(new)
    names = ", ".join(path.name for path in old)
    if only_look:
        raise fail(f"Stale, run `make stubs`: {names}", FAILED) if old else typer.Exit(0)
    at_risk = with_own_work(old)
    # An uncommitted exercise may be just the stub of a new step, which holds no work.
    written = [path for path in at_risk if is_written(path)]
    if written and not force:
        files = ", ".join(path.name for path in written)
        raise fail(
            f"These exercises hold work that is not committed: {files}. Use --force.", FAILED
        )
    for path in at_risk:
        copy = keep_copy(path, path.read_bytes(), course.root / MEMORY / BACKUP)
        where = copy.relative_to(course.root)
        typer.echo(f"{path.name} was not committed; what it held is kept as {where}.")
    for path in old:
        path.parent.mkdir(exist_ok=True)
        path.write_text(new[path], "utf-8")
    typer.echo(f"Exercises written: {names or 'none, all are up to date'}.")


@contextmanager
def _maintaining(
    course: Course, steps: list[Step]
) -> Iterator[tuple[ForkLauncher, Callable[[int | None], None]]]:
    """Yield a launcher for trusted code, and a function that advances a progress bar and sets its total."""
    compute_in_one_thread()
    # mutmut reads its settings from the working folder.
    os.chdir(course.root)
    from rich.progress import Progress

    from grader.judge.pytest_run import KitError
    from grader.launch.launchers import ForkLauncher
    from grader.report.terminal import make_console

    console = make_console(stderr=True)
    launcher = ForkLauncher((), course.limits, many=True)
    launcher.prepare({one.packages for one in steps})
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("judging", total=None)

        def move(total: int | None) -> None:
            progress.update(task, advance=1, total=total)

        try:
            yield launcher, move
        except (KitError, RuntimeError) as error:
            raise fail(f"The kit itself failed.\n{error}", KIT) from None
        finally:
            launcher.close()
