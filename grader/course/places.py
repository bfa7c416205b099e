"""The two folders of the kit: the kit itself, which is only read, and a workspace, which a learner writes in.

A clone of the repository is both. An installed package holds the kit inside of it, and one installation serves
many workspaces, which `torchsteps init` makes. All files that a learner's commands write go to the workspace.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import COURSE_FILE, CourseError

EXERCISES = "exercises"
# What a workspace remembers: progress, caches, backups, and the stubs that it was made from.
FOLDER = ".torchsteps"
BACKUP = "backup"
# A folder is a workspace if it has this file in the one above.
STUBS_FILE = "stubs.json"
_PACKAGE = Path(__file__).resolve().parents[1]
# Where pyproject.toml puts the kit in a wheel. It looks like a clone with some folders left out.
INSTALLED = _PACKAGE / "kit"


@dataclass(frozen=True)
class Places:
    """Where a command reads and where it writes.

    Attributes:
        kit: the folder with the course file, the stubs, the visible tests and the recorded behaviour.
        workspace: the learner's folder; None outside of every workspace.
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
        """The folder for what is remembered: in the workspace, or the user's own if the workspace is read-only.

        None if there is neither: in a container, a user may have no home.
        """
        if self.workspace and os.access(self.workspace, os.W_OK):
            return self.workspace / FOLDER
        of_user = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        if not os.path.isabs(of_user):
            return None
        import hashlib

        name = hashlib.sha256(os.fsencode(self.workspace or self.kit)).hexdigest()[:16]
        return Path(of_user, "torchsteps", name)


def find_places(start: Path | None = None) -> Places:
    """Return the kit and the workspace around a folder; the working folder, if none is given.

    Raises:
        CourseError: there is no kit.
    """
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if (folder / COURSE_FILE).is_file():
            return Places(folder, folder)
        if (folder / FOLDER / STUBS_FILE).is_file():
            return Places(own_kit(), folder)
    kit = own_kit()
    return Places(kit, None if kit == INSTALLED else kit)


def own_kit() -> Path:
    """Return the kit that this package belongs to."""
    for folder in (INSTALLED, _PACKAGE.parent):
        if (folder / COURSE_FILE).is_file():
            return folder
    raise CourseError(f"No kit here: go to the folder that holds {COURSE_FILE} and try again.")
