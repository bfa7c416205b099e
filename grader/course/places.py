"""Finds the kit, which is only read, and the workspace, which a learner works in.

A clone of the repository is both. An installed package contains the kit, and one installation serves many
workspaces, which `torchsteps init` creates. All files that a learner's commands write go to the workspace.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import CourseError
from grader.course.paths import COURSE_FILE, EXERCISES, MEMORY, SOLUTIONS, STUBS_FILE

_PACKAGE = Path(__file__).resolve().parents[1]
# Where pyproject.toml puts the kit in a wheel. It is laid out like a clone, with some folders left out.
INSTALLED = _PACKAGE / "kit"


@dataclass(frozen=True)
class Places:
    """Where a command reads and where it writes.

    Attributes:
        kit: the folder with the course file, the stubs, the visible tests, the hints and the recorded behaviour.
        workspace: the learner's folder; None outside any workspace.
    """

    kit: Path
    workspace: Path | None

    @property
    def is_clone(self) -> bool:
        """Whether the kit's own folder is the workspace."""
        return self.workspace == self.kit

    @property
    def is_installed(self) -> bool:
        """Whether the kit lies in an installed package, which has no solutions and no hidden tests."""
        return self.kit == INSTALLED

    @property
    def memory(self) -> Path | None:
        """The folder for progress and caches: in the workspace, or in the user's home if that is read-only.

        None if there is neither: in a container, a user may have no home.
        """
        if self.workspace and os.access(self.workspace, os.W_OK):
            return self.workspace / MEMORY
        user_state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        if not os.path.isabs(user_state):
            return None
        import hashlib

        name = hashlib.sha256(os.fsencode(self.workspace or self.kit)).hexdigest()[:16]
        return Path(user_state, "torchsteps", name)


def find_places(start: Path | None = None) -> Places:
    """Return the kit and the workspace around a folder, by default the working folder.

    Raises:
        CourseError: there is no kit.
    """
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if (folder / COURSE_FILE).is_file():
            return Places(folder, folder)
        if (folder / MEMORY / STUBS_FILE).is_file():
            return Places(own_kit(), folder)
    kit = own_kit()
    return Places(kit, None if kit == INSTALLED else kit)


def command(
    in_clone: bool, name: str, step: str = "", function: str = "", again: bool = False
) -> str:
    """Return how a learner types a command on this system.

    Args:
        in_clone: whether the kit's own folder is the workspace (see `Places.is_clone`).
        name: name of the command, such as "hint".
        step: id of the step, if the command is about one.
        function: name of the function, if it is about one.
        again: whether to start with the first hint again.
    """
    if in_clone and os.name != "nt":
        words = {"STEP": step, "FN": function, "AGAIN": "1" if again else ""}
        return " ".join((f"make {name}", *(f"{key}={word}" for key, word in words.items() if word)))
    start = "python -m grader" if in_clone else "torchsteps"
    return " ".join(filter(None, (start, name, step, function, "--again" if again else "")))


def given_file(kit: Path, module: str) -> Path | None:
    """Return the file of a given module in a kit's folder, or None if there is none.

    In a clone, a learner may have changed the copy among the exercises; an installed kit has only that one.

    Args:
        kit: the kit's folder.
        module: one of `grader.course.paths.GIVEN`.
    """
    files = (kit / folder / f"{module}.py" for folder in (SOLUTIONS, EXERCISES))
    return next((file for file in files if file.is_file()), None)


def own_kit() -> Path:
    """Return the kit that this package belongs to.

    Raises:
        CourseError: there is none.
    """
    for folder in (INSTALLED, _PACKAGE.parent):
        if (folder / COURSE_FILE).is_file():
            return folder
    raise CourseError(f"There is no kit here: go to the folder with {COURSE_FILE} and try again.")
