"""What all commands share: the application, its exit codes, and how they find the course and steps.

Exit codes: 0 success, 1 something failed, 2 wrong usage, 3 the kit itself failed, 130 ended by Ctrl-C.
"""

from __future__ import annotations

import os

import typer

from grader.course.course import Course, CourseError, Step
from grader.course.places import Places, find_places

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)
FAILED, USAGE, KIT, STOPPED = 1, 2, 3, 130


def fail(sentence: str, code: int) -> typer.Exit:
    """Print why a command cannot continue, and return the exception that ends it."""
    typer.echo(sentence, err=True)
    return typer.Exit(code)


def here() -> Places:
    """Return the kit and the workspace around the working folder."""
    try:
        return find_places()
    except CourseError as error:
        raise fail(str(error), USAGE) from None


def load(places: Places | None = None) -> Course:
    """Return the course of a kit; of the one around the working folder, if none is given."""
    try:
        return Course.load((places or here()).kit)
    except CourseError as error:
        raise fail(str(error), USAGE) from None


def whole_kit(places: Places) -> Places:
    """Return the places, unless the kit is an installed one, which is not whole."""
    if places.is_installed:
        words = "no solutions, no hidden tests and no known mistakes: use a clone of the repository"
        raise fail(f"An installed kit has {words}.", USAGE)
    return places


def pick(course: Course, names: list[str]) -> list[Step]:
    """Return the named steps in course order, or all of them; a name may list several, joined by commas."""
    wanted = [part for name in names for part in name.replace(",", " ").split()]
    try:
        found = [course.find(name) for name in wanted]
    except CourseError as error:
        raise fail(str(error), USAGE) from None
    return [step for step in course.steps if step in found] if found else list(course.steps)


def compute_in_one_thread() -> None:
    """Limit NumPy and torch to one thread, so that this process may fork; call it before they are imported.

    A fork copies only the calling thread, so a process whose other threads hold locks must not fork.
    """
    from grader.launch.interpreter import ONE_THREAD

    os.environ.update(ONE_THREAD)
