"""Reads the files of a folder that was handed in, one by one; `archives` does the same for zip and tar files.

Names are only compared and shown; a file is only ever opened below the folder that was listed, and links are not
followed. Folders made by tools (`.venv`, `site-packages`, `__pycache__`, `.git`, `__MACOSX`, `node_modules`) are
skipped, so their size does not matter: the limits below count only what is taken.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MAX_MODULE_BYTES = 1 << 20
# Names are read one by one and most are dropped at once, so a million of them take seconds but no memory.
MAX_LISTED = 1_000_000
MAX_DEPTH = 12
_TOO_LARGE = f"it is larger than {MAX_MODULE_BYTES // 1024} KB"
_TOOL_FOLDERS = {"env", "node_modules", "site-packages", "venv"}
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")


class Refused(Exception):
    """A file exists but is not taken; the message is a clause that says why."""


class Unreadable(Refused):
    """The system denied access, so what the learner handed in is unknown."""


@dataclass(frozen=True)
class Member:
    """A file of a folder or archive, or something that takes the place of one.

    Attributes:
        path: its path below the folder or archive, such as "lab/exercises/step_03_gradient.py".
        kind: "file", "link", "other" (a folder, a device) or "unreadable" (also a folder that cannot be listed).
        read: returns its bytes; raises Refused, also if there are more than a module may have.
        unpack: returns an open file, to be read as an archive; raises Refused.
    """

    path: str
    kind: str
    read: Callable[[], bytes]
    unpack: Callable[[], IO[bytes]]


def is_archive(name: str) -> bool:
    """Return whether a file of this name is opened as an archive."""
    return name.lower().endswith(ARCHIVES)


def stem_of(name: str) -> str:
    """Return the name of an archive or module without its extension, such as ".tar.gz" or ".py"."""
    ending = next((ending for ending in ARCHIVES if name.lower().endswith(ending)), None)
    return name[: -len(ending)] if ending else os.path.splitext(name)[0]


def is_tool_folder(folder: str) -> bool:
    """Return whether folders of this name are made by tools, not by learners.

    Moodle's are not, whatever the name of the learner begins with.
    """
    if "_assignsubmission_" in folder:
        return False
    return folder.startswith((".", "__")) or folder.lower() in _TOOL_FOLDERS


def folder_members(root: Path) -> Iterator[Member]:
    """Yield all files below a folder, breadth first.

    Raises:
        Refused: there are more than MAX_LISTED.
    """
    waiting = deque([""])
    listed = 0
    while waiting:
        prefix = waiting.popleft()
        try:
            with os.scandir(root / prefix) as entries:
                ordered = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield _unreadable(prefix.rstrip("/") or ".", error)
            continue
        for entry in ordered:
            listed += 1
            if listed > MAX_LISTED:
                raise Refused(f"it holds more than {MAX_LISTED} files")
            path = prefix + entry.name
            # A folder with the name of a module is yielded, so that it is reported as not being a file.
            if entry.is_dir(follow_symlinks=False) and not entry.name.lower().endswith(".py"):
                if not is_tool_folder(entry.name) and path.count("/") < MAX_DEPTH:
                    waiting.append(f"{path}/")
                continue
            if not entry.name.startswith("."):
                yield file_member(root / path, path)


def file_member(place: Path, path: str) -> Member:
    """Return a file of the file system as a member.

    Args:
        place: the file.
        path: the path that the member gets.
    """

    def open_file() -> IO[bytes]:
        try:
            if not stat.S_ISREG(place.lstat().st_mode):
                raise Refused("it is not a regular file")
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            return os.fdopen(os.open(place, flags), "rb")
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror})") from error

    def read() -> bytes:
        try:
            with open_file() as file:
                return read_limited(file)
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror})") from error

    try:
        mode = place.lstat().st_mode
    except OSError as error:
        return _unreadable(path, error)
    kind = "file" if stat.S_ISREG(mode) else "link" if stat.S_ISLNK(mode) else "other"
    return Member(path, kind, read, open_file)


def _unreadable(path: str, error: OSError) -> Member:
    def refuse() -> Any:
        raise Unreadable(f"it cannot be read ({error.strerror})")

    return Member(path, "unreadable", refuse, refuse)


def read_limited(stream: IO[bytes]) -> bytes:
    """Return all bytes of a stream, which are counted as they are read: a header may lie about the size.

    Raises:
        Refused: there are more than a module may have.
    """
    source = stream.read(MAX_MODULE_BYTES + 1)
    if len(source) > MAX_MODULE_BYTES:
        raise Refused(_TOO_LARGE)
    return source
