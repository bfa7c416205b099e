"""Commands for learners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import FAILED, KIT, USAGE, app, fail, load, pick
from grader.course.course import Course, Step

if TYPE_CHECKING:
    from grader.submissions.submission import Submission


@app.command()
def check(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all by default.")
    ] = None,
    target: Annotated[
        str, typer.Option(help="exercises, solutions, or a folder with step modules.")
    ] = "exercises",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the verdicts to this file.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run unchanged steps as well.")] = False,
) -> None:
    """Check the steps, and show what is right, what is wrong, and what to do next."""
    from grader.course.verdicts import Status, results
    from grader.judge.pytest_run import KitError
    from grader.report.terminal import Screen, make_console
    from grader.run.check import check as run_check
    from grader.run.check import find_target
    from grader.submissions.submission import Submission

    course = load()
    steps = pick(course, step or [])
    try:
        place = find_target(course, target)
        submission = Submission.read(place, course, steps[0] if len(steps) == 1 else None)
    except FileNotFoundError as error:
        raise fail(f"Nothing to check: {error}.", USAGE) from None
    except OSError as error:
        raise fail(
            f"Nothing to check: {target} cannot be read ({error.strerror}).", USAGE
        ) from None
    if submission.unreadable and not submission.sources:
        raise fail(f"Nothing to check: {submission.unreadable}.", USAGE)
    if place.name.lower().endswith((".py", ".py.txt")) and place.is_file():
        steps = _of_one_module(course, submission, steps, bool(step))
    screen = Screen(make_console(), course, submission)
    try:
        verdicts = run_check(
            course, submission, steps, fresh=fresh, begin=screen.begin, done=screen.done
        )
    except KitError as error:
        raise fail(f"The kit itself failed, which is not your fault.\n{error}", KIT) from None
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
            raise fail(f"Cannot write the verdicts: {error}.", USAGE) from None
    found = {verdict.status for verdict in verdicts}
    raise typer.Exit(KIT if Status.ERROR in found else FAILED if found != {Status.PASSED} else 0)


def _of_one_module(
    course: Course, submission: Submission, steps: list[Step], chosen: bool
) -> list[Step]:
    """Return the step of a target that is a single module, as a list.

    Args:
        course: the course.
        submission: what was read from the target.
        steps: the steps to check.
        chosen: whether the user asked for these steps; then the module must belong to one of them.

    Raises:
        typer.Exit: the module belongs to no step, or to none of the chosen ones.
    """
    place = submission.folder
    held = [one for one in course.steps if one.module in submission.sources | submission.refused]
    if not held:
        words = "is not named as a step module, such as step_02_gradient.py. Say which step it is"
        raise fail(f"Nothing to check: {place} {words}: check 02 --target {place}", USAGE)
    if chosen and held[0] not in steps:
        raise fail(f"Nothing to check: {place} is the module of step {held[0].id}.", USAGE)
    return held


@app.command()
def hint(
    step: Annotated[str, typer.Argument(help="The step, such as 05.")],
    again: Annotated[
        bool, typer.Option("--again", help="Start again with the first hint.")
    ] = False,
) -> None:
    """Show the next hint for a step: the first is a nudge, the last is almost the answer."""
    from grader.run.hints import next_hint

    course = load()
    (chosen,) = pick(course, [step])[:1]
    number, text = next_hint(course, chosen, again)
    typer.echo(f"Step {chosen.id}, {chosen.title}: hint {number} of {len(chosen.hints)}\n\n{text}")
    if number == len(chosen.hints):
        typer.echo("\nThis is the last hint. To start again with the first one, add --again.")


@app.command()
def doctor() -> None:
    """Show what works on this machine, what is missing, and how to get it."""
    from grader.run.doctor import examine

    bad = False
    for finding in examine():
        mark = {True: "ok", False: "PROBLEM", None: ""}[finding.ok]
        typer.echo(f"{mark:<8}{finding.what:<19}{finding.text}")
        bad = bad or finding.ok is False
    raise typer.Exit(FAILED if bad else 0)
