"""Commands for learners."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import FAILED, KIT, USAGE, app, fail, here, load, pick
from grader.course.course import Course, CourseError, Step
from grader.course.paths import BACKUP, EXERCISES, MEMORY, PICTURES
from grader.course.places import Places, command, own_kit
from grader.course.plain_text import visible

if TYPE_CHECKING:
    from grader.run.watch import Watch
    from grader.submissions.submission import Submission


_NO_WORKSPACE = "this is no workspace. Make one with `torchsteps init my-course`, go to its folder"


@app.command()
def check(
    step: Annotated[
        list[str] | None, typer.Argument(help="Steps, such as 05; all by default.")
    ] = None,
    target: Annotated[
        str, typer.Option(help="exercises, solutions, or a folder with step modules.")
    ] = EXERCISES,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the verdicts to this file.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run unchanged steps as well.")] = False,
) -> None:
    """Check the steps, and show what is right, what is wrong, and what to do next."""
    from grader.course.verdicts import Status, results
    from grader.judge.pytest_run import KitError
    from grader.report.terminal import Screen, make_console
    from grader.run.after import ideas_of
    from grader.run.check import check as run_check
    from grader.run.check import find_target, passed_before
    from grader.run.earlier import mend_first
    from grader.submissions.submission import Submission

    places = here()
    if not places.workspace and not Path(target).exists():
        raise fail(f"Nothing to check: {_NO_WORKSPACE}, or name a folder with --target.", USAGE)
    course = load(places)
    steps = pick(course, step or [])
    try:
        place = find_target(places.workspace, target)
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
    before = passed_before(places.memory, submission)
    screen = Screen(make_console(), course, submission, places.is_clone)
    try:
        verdicts = run_check(
            course,
            places.memory,
            submission,
            steps,
            fresh=fresh,
            begin=screen.begin,
            done=screen.done,
        )
    except KitError as error:
        raise fail(f"The kit itself failed, which is not your fault.\n{error}", KIT) from None
    finally:
        screen.end_progress()
    passed = [verdict.step for verdict in verdicts if verdict.status == Status.PASSED]
    new = passed if len(steps) == 1 else [one for one in passed if one.id not in before]
    first = mend_first(course, places.memory, submission, verdicts)
    screen.summary(verdicts, ideas_of(course, new), first)
    if places.is_installed and places.workspace:
        from grader.run.workspace import stubs_of_kit, update_waits

        if update_waits(places.workspace, stubs_of_kit(course)):
            screen.update_waits()
    if json_file:
        from grader.run.versions import versions

        said = submission.not_taken, submission.notes, versions(course)
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
        words = "is not named as a step module, such as step_03_gradient.py. Say which step it is"
        raise fail(f"Nothing to check: {place} {words}: check 02 --target {place}", USAGE)
    if chosen and held[0] not in steps:
        raise fail(f"Nothing to check: {place} is the module of step {held[0].id}.", USAGE)
    return held


@app.command()
def hint(
    step: Annotated[str, typer.Argument(help="The step, such as 05.")],
    name: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION",
            help="The function, such as fit; the one that fails first by default.",
            show_default=False,
        ),
    ] = "",
    option: Annotated[
        str,
        typer.Option(
            "--function", metavar="FUNCTION", help="The same, as an option.", show_default=False
        ),
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Start again with the function's first hint.")
    ] = False,
) -> None:
    """Show the next hint for a function: the first is a nudge, the last is almost the answer."""
    from grader.run.hints import function_named, function_to_do, hints_of, next_hint

    places = here()
    course = load(places)
    (chosen,) = pick(course, [step])[:1]
    asked = name or option
    try:
        hints = hints_of(course, chosen)
        function = function_named(asked, chosen, hints) if asked else ""
    except CourseError as error:
        raise fail(str(error), USAGE) from None
    functions = list(hints)
    function = function or function_to_do(
        course, places.workspace, places.memory, chosen, functions
    )
    head = f"Step {chosen.id}, {chosen.title}"
    if not function:
        example = command(places.is_clone, "hint", chosen.id, functions[0])
        typer.echo(
            f"{head}: all is right here, so you need no hint. Well done!\n\n"
            f"To read one all the same, name a function ({', '.join(functions)}), for example: {example}"
        )
        return
    number, text = next_hint(places.memory, chosen, function, hints[function], again)
    total = len(hints[function])
    typer.echo(f"{head}: hint {number} of {total} for {function}\n\n{text}")
    if number == total:
        anew = command(places.is_clone, "hint", chosen.id, function, again=True)
        typer.echo(
            f"\nThis is the last hint for {function}. To start again with the first one: {anew}"
        )
    elif not asked and len(functions) > 1:
        another = command(places.is_clone, "hint", chosen.id, "NAME")
        typer.echo(f"\nFor another function ({', '.join(functions)}): {another}")


@app.command()
def solution(
    step: Annotated[str, typer.Argument(help="The step, such as 05.")],
) -> None:
    """Show a step's solution beside your code: when the step has passed, or when you ask twice."""
    from grader.run.after import asked_before, pairs
    from grader.run.check import find_target, passed_before
    from grader.submissions.submission import Submission

    places = here()
    course = load(places)
    (chosen,) = pick(course, [step])[:1]
    file = course.root / chosen.solution
    more = f"One task more: {command(places.is_clone, 'stretch', chosen.id)}"
    if not file.is_file():
        raise fail(f"There are no solutions in this installation of the kit. {more}", FAILED)
    try:
        submission = Submission.read(find_target(places.workspace, EXERCISES), course)
    except OSError:
        submission = Submission("nothing", Path(EXERCISES), {}, {})
    is_passed = chosen.id in passed_before(places.memory, submission)
    if not is_passed and not asked_before(places.memory, chosen):
        hint, again = (command(places.is_clone, name, chosen.id) for name in ("hint", "solution"))
        typer.echo(
            f"Step {chosen.id}, {chosen.title}, has not passed yet. A hint may be all that you need: {hint}\n"
            f"To see the solution all the same, ask once more: {again}"
        )
        return
    try:
        shown = pairs(submission.sources.get(chosen.module, b""), file.read_text("utf-8"))
    except CourseError as error:
        raise fail(str(error), FAILED) from None
    typer.echo(f"Step {chosen.id}, {chosen.title}: one way to write it ({chosen.solution})")
    for pair in shown:
        if pair.own == pair.solution:
            typer.echo(f"\n{pair.name}: yours is the same")
            continue
        for head, source in (("yours", pair.own), ("the solution", pair.solution)):
            if source:
                typer.echo(
                    f"\n{pair.name}: {head}\n\n{indent(visible(source.expandtabs(4)), '    ')}"
                )
    if is_passed:
        typer.echo(f"\nOther code can be just as good: yours has passed. {more}")


@app.command()
def stretch(
    step: Annotated[str, typer.Argument(help="The step, such as 05.")],
    again: Annotated[
        bool, typer.Option("--again", help="Show an answer to compare with yours.")
    ] = False,
) -> None:
    """Give you one task more about a step, for those who want to go on. Nothing checks it."""
    from grader.run.after import after_of

    places = here()
    course = load(places)
    (chosen,) = pick(course, [step])[:1]
    try:
        after = after_of(course, chosen)
    except CourseError as error:
        raise fail(str(error), USAGE) from None
    typer.echo(f"Step {chosen.id}, {chosen.title}: one task more")
    if again:
        printed = f"It prints:\n\n{indent(after.prints, '    ')}"
        typer.echo(f"\nAn answer:\n\n{indent(after.answer, '    ')}\n\n{printed}")
        return
    typer.echo(f"\n{fill(' '.join(after.task.split()), 80, break_on_hyphens=False)}\n")
    ask = command(places.is_clone, "stretch", chosen.id, again=True)
    words = f"Write it where you like, for example in {EXERCISES}/stretch.py: your steps can be imported there."
    typer.echo(f"{words}\nNothing checks it. An answer to compare with: {ask}")


@app.command()
def quiz(step: Annotated[str, typer.Argument(help="The step, such as 05.")]) -> None:
    """Ask what a few lines of code do: predict before you run. Nothing is graded."""
    from grader.run.keys import forget_typed
    from grader.run.quiz import QuizError, ask

    course = load()
    (chosen,) = pick(course, [step])[:1]
    # Keys that were pressed while this started, or before in the watcher, are no predictions.
    forget_typed()
    try:
        ask(course, chosen, _typed, typer.echo)
    except QuizError as error:
        raise fail(str(error), FAILED) from None


def _typed(prompt: str) -> str | None:
    """Show a prompt and return the line that is typed there; None at the end of the input."""
    typer.echo(prompt, nl=False)
    # Some programs start others without a standard input.
    line = sys.stdin.readline() if sys.stdin else ""
    if line and not sys.stdin.isatty():
        # What comes through a pipe is shown as a terminal shows what is typed.
        typer.echo(visible(line.rstrip("\r\n")))
    return line or None


@app.command()
def run(
    target: Annotated[
        str, typer.Option(help="exercises, solutions, or a folder with step modules.")
    ] = EXERCISES,
) -> None:
    """Run your own functions together, as the tutorial's whole program, and draw the losses."""
    from grader.run.check import find_target
    from grader.run.together import run_together

    places = here()
    if not places.workspace and not Path(target).exists():
        raise fail(f"Nothing to run: {_NO_WORKSPACE}, or name a folder with --target.", USAGE)
    try:
        code = run_together(places.kit, find_target(places.workspace, target))
    except CourseError as error:
        raise fail(str(error), USAGE) from None
    if code and target == EXERCISES:
        first, then = (command(places.is_clone, name) for name in ("check", "run"))
        typer.echo(f"\n{first} says more. When all is right: {then}", err=True)
    raise typer.Exit(FAILED if code else 0)


@app.command()
def show(
    step: Annotated[
        list[str], typer.Argument(help="Steps, such as 03; or all.", show_default=False)
    ],
    target: Annotated[
        str, typer.Option(help="exercises, solutions, or a folder with step modules.")
    ] = EXERCISES,
    out: Annotated[
        Path | None, typer.Option(help="The folder for the pictures.", show_default=False)
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write one picture of all pictures to this file.", show_default=False),
    ] = None,
) -> None:
    """Draw pictures of what your own code does, beside what is to be expected."""
    from grader.report.terminal import make_console
    from grader.run.check import find_target
    from grader.submissions.submission import Submission

    places = here()
    if not places.workspace and not Path(target).exists():
        raise fail(f"Nothing to show: {_NO_WORKSPACE}, or name a folder with --target.", USAGE)
    course = load(places)
    steps = pick(course, [] if step == ["all"] else step)
    if sys.stdout.isatty():
        # It takes some seconds until there is something to see.
        typer.echo("Drawing what your code does …")
    from grader.judge.pictures import NoMatplotlib
    from grader.launch.launchers import LaunchError
    from grader.run.show import (
        contact_sheet,
        has_pictures,
        no_pictures,
        show_in_terminal,
        terminal_image,
    )
    from grader.run.show import show as draw

    try:
        place = find_target(places.workspace, target)
        meant = steps[0] if len(steps) == 1 else None
        submission = Submission.read(place, course, meant)
    except OSError as error:
        raise fail(f"Nothing to show: {error}.", USAGE) from None
    home = out or (places.memory / PICTURES if places.memory else None)
    if home is None:
        words = "no folder here is writable. Name one for the pictures with --out"
        raise fail(f"Nothing to show: {words}.", USAGE)
    with_pictures = [one for one in steps if has_pictures(one)]
    for one in steps:
        if one not in with_pictures:
            typer.echo(no_pictures(one))
    console, image = make_console(), terminal_image()
    waits, files = False, []
    try:
        last = None
        for one, drawn in draw(
            course, submission, with_pictures, lambda one: home / f"step_{one.id}"
        ):
            if one != last:
                typer.echo(f"Step {one.id} · {one.title}")
                last = one
            typer.echo(f"\n  {drawn.title}")
            waits = waits or not drawn.files
            if drawn.waiting:
                typer.echo(indent(drawn.waiting, "    "))
                continue
            files.append(home / f"step_{one.id}" / drawn.files[0])
            if image:
                show_in_terminal(console, image, files[-1])
            typer.echo(fill(drawn.alt, 100, initial_indent="    ", subsequent_indent="    "))
            typer.echo(f"    {files[-1]}")
        if sheet and files:
            sheet.parent.mkdir(parents=True, exist_ok=True)
            contact_sheet(files, sheet)
    except NoMatplotlib as error:
        raise fail(str(error), USAGE) from None
    except LaunchError as error:
        raise fail(f"The kit itself failed, which is not your fault.\n{error}", KIT) from None
    except BrokenPipeError:
        # Whoever reads the output has seen enough; typer ends the command.
        raise
    except OSError as error:
        raise fail(f"The pictures cannot be written: {error}.", USAGE) from None
    raise typer.Exit(FAILED if waits else 0)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The new folder, such as my-course.")],
) -> None:
    """Make a workspace: a folder with all exercises, in which the other commands work."""
    from grader.run.workspace import WorkspaceError, make_workspace

    stubs = _stubs(Places(own_kit(), None))
    try:
        make_workspace(folder, stubs)
    except WorkspaceError as error:
        raise fail(str(error), USAGE) from None
    where = folder if folder.is_absolute() else Path(os.path.normpath(folder))
    there = "" if where == Path() else f"cd {shlex.quote(str(where))}, "
    steps = [name for name in stubs if name.startswith("step_")]
    typer.echo(
        f"{where / EXERCISES} holds {len(steps)} exercises.\n"
        f"Next: {there}open {EXERCISES}/{min(steps)}, read the lesson, write a function, then: torchsteps check"
    )


@app.command()
def update() -> None:
    """Bring the exercises of a new version, and keep all that was written; in a clone, with git."""
    from grader.run.clone import update_clone
    from grader.run.update import UpdateError, steps_of
    from grader.run.workspace import update_workspace

    places = here()
    if not places.workspace:
        raise fail(f"Nothing to update: {_NO_WORKSPACE} and try again.", USAGE)
    memory = places.memory or places.workspace / MEMORY
    try:
        if places.is_clone:
            done = update_clone(places.kit, memory)
        else:
            done = update_workspace(places.workspace, _stubs(places))
    except UpdateError as error:
        raise fail(str(error), FAILED) from None
    for line in done.said:
        typer.echo(line)
    if done.copies:
        typer.echo(f"What your files held before is kept in {memory / BACKUP}.")
    typer.echo(f"The update changed {steps_of(done.changed)}.")
    raise typer.Exit(FAILED if done.alone else 0)


def _stubs(places: Places) -> dict[str, str]:
    """Return the stubs of a kit by file name."""
    course = load(places)
    if places.is_installed:
        from grader.run.workspace import stubs_of_kit

        return stubs_of_kit(course)
    from grader.maintain.stubs import StubError, make_stubs

    try:
        return {path.name: text for path, text in make_stubs(course).items()}
    except StubError as error:
        raise fail(f"This kit has no stubs: {error}.", USAGE) from None


@app.command()
def doctor() -> None:
    """Show what works on this machine, what is missing, and how to get it."""
    from grader.run.doctor import examine

    bad = False
    for finding in examine(here()):
        mark = {True: "ok", False: "PROBLEM", None: ""}[finding.ok]
        typer.echo(f"{mark:<8}{finding.what:<19}{finding.text}")
        bad = bad or finding.ok is False
    raise typer.Exit(FAILED if bad else 0)


@app.command()
def watch(
    step: Annotated[
        str,
        typer.Argument(
            help="The step to begin with; by default, where you stopped.", show_default=False
        ),
    ] = "",
    edit_cmd: Annotated[
        str,
        typer.Option(
            "--edit-cmd",
            help='How to open a file, such as "code -g {file}:{line}".',
            show_default=False,
        ),
    ] = "",
    page: Annotated[
        bool, typer.Option("--page", help="Show it in a browser as well, with the lesson.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="The page's port on this machine; 0 for any that is free.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Show the page's address, and open nothing.")
    ] = False,
) -> None:
    """Stay open, and judge a step again whenever its file is saved."""
    from grader.report.terminal import make_console
    from grader.run.watch import Watch

    places = here()
    if not places.workspace:
        raise fail(f"Nothing to watch: {_NO_WORKSPACE}.", USAGE)
    console = make_console()
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise fail("The watcher needs a terminal. Without one, check does the same once.", USAGE)
    course = load(places)
    first = pick(course, [step])[0] if step else None
    watcher = Watch(course, places, console, _stub_of(places, course), edit_cmd, first)
    if page:
        _add_page(watcher, _stub_of(places, course), port, no_browser)
    watcher.run()


def _add_page(watcher: Watch, stub: Callable[[Step], str], port: int, no_browser: bool) -> None:
    """Give a watcher a page, and open it.

    Raises:
        typer.Exit: the page cannot be served.
    """
    places = watcher.places
    try:
        from grader.run.page import Page
    except ModuleNotFoundError as error:
        get = "-r requirements.lock" if places.is_clone else "'torchsteps[page]'"
        words = f"The page needs {error.name}, which is not installed. To get it:"
        raise fail(f"{words} python -m pip install {get}", USAGE) from None
    try:
        shown = Page(watcher.course, places, watcher.tell, stub, port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", "") or "no such port"
        raise fail(
            f"The page cannot use port {port} ({why}). Without --port, it takes a free one.", USAGE
        ) from None
    watcher.page = shown
    watcher.view.notice = f"The page: {shown.start()}"
    if not no_browser:
        shown.open()


def _stub_of(places: Places, course: Course) -> Callable[[Step], str]:
    """Return the function that gives the stub of a step: of the kit, or made from the solution in a clone."""
    if places.is_installed:
        return lambda step: (places.kit / EXERCISES / step.filename).read_text("utf-8")
    from grader.maintain.stubs import stub_of

    def made(step: Step) -> str:
        return stub_of((course.root / step.solution).read_text("utf-8"), step.filename)

    return made


@app.command(name="list")
def list_steps() -> None:
    """List all steps, with what the last check said about each."""
    from grader.report.terminal import make_console, step_line
    from grader.run.check import find_target, known_verdicts
    from grader.run.progress import finished
    from grader.submissions.submission import Submission

    places = here()
    if not places.workspace:
        raise fail(f"There is nothing to list: {_NO_WORKSPACE}.", USAGE)
    course = load(places)
    try:
        submission = Submission.read(find_target(places.workspace, EXERCISES), course)
    except OSError:
        submission = Submission("nothing", Path(EXERCISES), {}, {})
    known = known_verdicts(course, places.memory, submission, course.steps)
    done = finished(course, places.memory, submission) - known.keys()
    console = make_console()
    for each in course.steps:
        line = step_line(each, known.get(each.id), has_passed=each.id in done)
        console.print(line, soft_wrap=True)
    done |= {name for name, verdict in known.items() if verdict.status == "passed"}
    typer.echo(f"\n{len(done)} of {len(course.steps)} steps done.")


@app.command()
def reset(
    step: Annotated[str, typer.Argument(help="The step, such as 05.")],
) -> None:
    """Give a step its stubs back; a copy of what you wrote is kept."""
    from grader.run.reset import reset as give_back

    places = here()
    if not places.workspace or not places.memory:
        raise fail(f"There is nothing to reset: {_NO_WORKSPACE}.", USAGE)
    course = load(places)
    (chosen,) = pick(course, [step])[:1]
    try:
        stub = _stub_of(places, course)(chosen)
        copy = give_back(places.workspace / EXERCISES, places.memory, chosen, stub)
    except (OSError, ValueError) as error:
        raise fail(f"Nothing was changed: {error}", FAILED) from None
    kept = f" Your old version: {copy}" if copy else ""
    typer.echo(f"{EXERCISES}/{chosen.filename} is as it was at the beginning.{kept}")
