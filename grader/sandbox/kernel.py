"""The C library, for system calls that Python does not offer."""

from __future__ import annotations

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, action: str) -> None:
    """Raise an OSError that names the action, if the result of a system call is not 0."""
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{action}: {os.strerror(error)}")
