"""Workspaces: how one is made from an installed kit, and how it gets the stubs of another version."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from grader.course.course import Course
from grader.course.paths import BACKUP, EXERCISES, GIVEN, MEMORY, STUBS_FILE
from grader.course.places import given_file
from grader.run.cache import State
from grader.run.update import Exercise, Plan, Rewriting, UpdateError, keep_copies, plan


class WorkspaceError(ValueError):
    """No workspace can be made; the message is a sentence."""


def stubs_of_kit(course: Course) -> dict[str, str]:
    """Return the stubs and given modules of an installed kit by file name.

    In a clone, a learner's work lies in their place.
    """
    stubs = [course.root / EXERCISES / step.filename for step in course.steps]
    given = [given_file(course.root, module) for module in GIVEN]
    return {file.name: file.read_text("utf-8") for file in (*stubs, *given) if file}


def make_workspace(folder: Path, stubs: dict[str, str]) -> None:
    """Make a workspace of a folder that is empty, or not there yet.

    Args:
        folder: the folder.
        stubs: by file name.

    Raises:
        WorkspaceError: the folder is not empty, or cannot be written.
    """
    made = not folder.exists()
    try:
        if not made and (not folder.is_dir() or any(folder.iterdir())):
            raise WorkspaceError(f"{folder} is not empty: name a folder that is not there yet.")
        try:
            for name, text in stubs.items():
                path = folder / EXERCISES / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8", newline="\n")
            _remember(folder, stubs)
        except BaseException:
            # Half of a workspace would be in the way of the next try.
            with contextlib.suppress(OSError):
                shutil.rmtree(folder / EXERCISES, ignore_errors=True)
                shutil.rmtree(folder / MEMORY, ignore_errors=True)
                if made:
                    folder.rmdir()
            raise
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be made a workspace ({error.strerror}).") from None


def update_waits(folder: Path, stubs: dict[str, str]) -> bool:
    """Return whether a workspace was made from other stubs than these."""
    return State(folder / MEMORY, STUBS_FILE).data != stubs


def update_workspace(folder: Path, stubs: dict[str, str]) -> Plan:
    """Bring the stubs of another version to a workspace; return what was done.

    Args:
        folder: the workspace.
        stubs: the new ones by file name.

    Raises:
        UpdateError: nothing was changed.
    """
    old = State(folder / MEMORY, STUBS_FILE).data
    known = {name: text for name, text in old.items() if isinstance(text, str)}
    names = [*stubs, *(name for name in known if name not in stubs)]
    made = plan(
        Exercise.read(folder / EXERCISES / name, known.get(name), stubs.get(name)) for name in names
    )
    # A file that was left alone is tried again next time, perhaps mended by then.
    waiting = {name: known[name] for name in made.alone if name in known}
    try:
        made.copies = keep_copies(made.writes, folder / MEMORY / BACKUP)
        with Rewriting() as files:
            for exercise, source in made.writes.items():
                files.begin(exercise, source)
            if old != stubs | waiting:
                _remember(folder, stubs | waiting)
    except OSError as error:
        raise UpdateError(f"Nothing was changed, for it cannot be written ({error}).") from None
    return made


def _remember(folder: Path, stubs: dict[str, str]) -> None:
    state = State(folder / MEMORY, STUBS_FILE)
    state.data = dict(stubs)
    state.write()
