"""Commands for teachers."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from grader.cli.app import KIT, USAGE, app, compute_in_one_thread, fail, here, load, pick, whole_kit


class Attempts(StrEnum):
    """Which attempts of a learner are graded."""

    LAST = "last"
    ALL = "all"


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
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Grade without isolation: dangerous.")
    ] = False,
) -> None:
    """Grade a class with all tests, visible and hidden, each submission in a sandbox."""
    compute_in_one_thread()

    from grader.course.plain_text import one_line
    from grader.judge.pytest_run import KitError
    from grader.launch.launchers import ForkLauncher
    from grader.launch.trial import available, working_layers
    from grader.report.terminal import GradingScreen, make_console
    from grader.run.grade import REHEARSED_FROM, Unwritable, output_names, test_files
    from grader.run.grade import grade as run_grade
    from grader.submissions.hand_ins import ClassError, check_output, read_class

    course = load(whole_kit(here()))
    chosen = pick(course, [steps])
    if not class_dir:
        words = "Say which folder holds the class: make grade SUBMISSIONS=class"
        raise fail(f"Nothing to grade. {words}", USAGE)
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
    launcher = ForkLauncher((), course.limits, many=len(hand_ins) >= REHEARSED_FROM)
    launcher.prepare({one.packages for one in chosen})
    screen = GradingScreen(make_console(), len(hand_ins))
    try:
        layers, missing = working_layers(launcher)
        if missing and not allow_unsandboxed:
            problems = "; ".join(f"{layer.name}: {layer.problem}" for layer in missing)
            raise fail(f"Submissions cannot be isolated here ({problems}).", USAGE)
        # An open branch would keep the zygote alive.
        with closing(launcher.branch(layers)) as branch:
            graded = run_grade(
                course,
                hand_ins,
                out,
                test_files(course, chosen),
                branch,
                jobs,
                screen.done,
                rehearse=len(hand_ins) >= REHEARSED_FROM if rehearse is None else rehearse,
            )
    except KitError as error:
        raise fail(f"The kit itself failed.\n{error}", KIT) from None
    except Unwritable as error:
        raise fail(f"Not everything was graded: {error}.", USAGE) from None
    finally:
        screen.end()
        launcher.close()
    screen.summary(graded, out, layers, left_out)
    raise typer.Exit(KIT if any(one.problem for one in graded) else 0)
