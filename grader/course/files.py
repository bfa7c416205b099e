"""Files that are written whole or not at all, and copies of what is about to be changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in such a way that every reader finds either the old or the new content, and never a part.

    Raises:
        OSError: it cannot be written; the old file is still there.
    """
    # Two commands may write at the same time, perhaps on two machines that share a folder.
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
    """Write what a file holds into a folder, under a name that no other copy has; return the copy.

    Args:
        path: the file, for its name.
        source: what it holds.
        folder: where copies are kept.
    """
    copy = folder / f"{path.stem}-{hashlib.sha256(source).hexdigest()[:8]}{path.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(copy, source)
    return copy
