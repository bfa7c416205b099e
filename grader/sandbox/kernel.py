"""The C library, for system calls that Python does not offer."""

from __future__ import annotations

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


def end_with_parent() -> None:
    """Let the kernel kill this process as soon as the thread that forked it ends; only on Linux."""
    check(libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "setting the death signal")


def check(result: int, action: str) -> None:
    """Raise an OSError that names the action, if the result of a system call is not 0."""
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{action}: {os.strerror(error)}")
