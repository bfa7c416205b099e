"""The files of a folder that was handed in, one by one; those of zip and tar files are read by `archives`.

A name leads nowhere: it is compared, shown, and never opened but below the folder that was listed. No link is
followed. Folders that tools make (`.venv`, `site-packages`, `__pycache__`, `.git`, `__MACOSX`, `node_modules`) are
passed over, so their size does not matter; the limits below count what is taken.
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
# Names are read one by one and most are forgotten at once: a million take seconds, and no memory.
MAX_LISTED = 1_000_000
MAX_DEPTH = 12
_TOO_LARGE = f"it is larger than {MAX_MODULE_BYTES // 1024} KB"
_OF_TOOLS = {"env", "node_modules", "site-packages", "venv"}
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")


class Refused(Exception):
    """A file is there, but is not taken; the message is a clause that says why."""


class Unreadable(Refused):
    """The system did not let us read, so that nobody knows what is there."""


@dataclass(frozen=True)
class Member:
    """One file, or what looks like one.

    Attributes:
        path: where it lies, such as "lab/exercises/step_02_gradient.py".
        kind: "file", "link", "other" (a folder, a device) or "unreadable" (a folder that cannot be listed).
        read: returns its bytes, but of a module at most; raises Refused.
        unpack: returns it as an open file, for an archive; raises Refused.
    """

    path: str
    kind: str
    read: Callable[[], bytes]
    unpack: Callable[[], IO[bytes]]


def is_archive(name: str) -> bool:
    """Return whether a file of this name is opened and looked into."""
    return name.lower().endswith(ARCHIVES)


def stem_of(name: str) -> str:
    """Return the name of an archive or a module without its ending."""
    ending = next((ending for ending in ARCHIVES if name.lower().endswith(ending)), None)
    return name[: -len(ending)] if ending else os.path.splitext(name)[0]


def is_of_tools(folder: str) -> bool:
    """Return whether tools make folders of this name, and learners do not."""
    return folder.startswith((".", "__")) or folder.lower() in _OF_TOOLS


def folder_members(root: Path) -> Iterator[Member]:
    """Yield what lies in a folder and below, the nearest first."""
    waiting = deque([""])
    listed = 0
    while waiting:
        prefix = waiting.popleft()
        try:
            with os.scandir(root / prefix) as entries:
                inside = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield _unreadable(prefix.rstrip("/") or ".", error)
            continue
        for entry in inside:
            listed += 1
            if listed > MAX_LISTED:
                raise Refused(f"it holds more than {MAX_LISTED} files")
            path = prefix + entry.name
            # A folder that is called as a module is said to be none.
            if entry.is_dir(follow_symlinks=False) and not entry.name.lower().endswith(".py"):
                if not is_of_tools(entry.name) and path.count("/") < MAX_DEPTH:
                    waiting.append(f"{path}/")
                continue
            if not entry.name.startswith("."):
                yield file_member(root / path, path)


def file_member(place: Path, path: str) -> Member:
    """Return a file of the file system as a member with some path."""

    def opened() -> IO[bytes]:
        try:
            if not stat.S_ISREG(place.lstat().st_mode):
                raise Refused("it is not a regular file")
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            return os.fdopen(os.open(place, flags), "rb")
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror})") from error

    def read() -> bytes:
        try:
            with opened() as file:
                return limited(file)
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror})") from error

    try:
        mode = place.lstat().st_mode
    except OSError as error:
        return _unreadable(path, error)
    kind = "file" if stat.S_ISREG(mode) else "link" if stat.S_ISLNK(mode) else "other"
    return Member(path, kind, read, opened)


def _unreadable(path: str, error: OSError) -> Member:
    def refuse() -> Any:
        raise Unreadable(f"it cannot be read ({error.strerror})")

    return Member(path, "unreadable", refuse, refuse)


def limited(stream: IO[bytes]) -> bytes:
    """Return all bytes of a stream; refuses those of more than a module may have.

    What a header says of the size may be a lie; what is read is not.
    """
    source = stream.read(MAX_MODULE_BYTES + 1)
    if len(source) > MAX_MODULE_BYTES:
        raise Refused(_TOO_LARGE)
    return source
