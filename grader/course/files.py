"""Writes files atomically, and keeps copies of files that are about to change."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically: readers see either the old content or the new.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
    """
    # A unique name, because two commands may write at once, perhaps on two machines that share the folder.
    new = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    try:
        new.write_bytes(data)
        with contextlib.suppress(OSError):
            new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def keep_copy(path: Path, source: bytes, folder: Path) -> Path:
    """Copy a file's content into a folder, under a name that no other content gets.

    Args:
        path: the file; only its name is used.
        source: the file's content.
        folder: the folder for copies, created if necessary.

    Returns:
        The path of the copy.

    Raises:
        OSError: the copy cannot be written.
    """
    copy = folder / f"{path.stem}-{hashlib.sha256(source).hexdigest()[:8]}{path.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(copy, source)
    return copy
