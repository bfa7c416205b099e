"""Landlock: a Linux process gives up files, TCP and signals for good, without needing privileges.

There is no maintained Python binding, so the three system calls are made through ctypes. Numbers,
structures and access rights come from the kernel's `include/uapi/linux/landlock.h`. Newer rights are
used as far as the running kernel supports them.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
READ = _READ_FILE | _READ_DIR | _EXECUTE
# Devices, sockets, pipes and symbolic links cannot be created, not even in scratch.
WRITE = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

# For each version of the interface that added some, all rights on files.
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_ALL_NET = 0b11
_ALL_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *args: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *args)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result


def version() -> int:
    """Return the version of the kernel's Landlock interface; 0 if there is none."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def forbid_new_privileges() -> None:
    """Make sure that no later exec gains privileges, as Landlock and seccomp require."""
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "setting no_new_privs")


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Take from this process all files but these, for good.

    Where the kernel supports it, TCP is forbidden, too, and so are signals to processes outside.

    Args:
        readable: files and folders that stay readable; those that do not exist are skipped.
        writable: files and folders that stay readable and writable; those that do not exist are skipped.

    Raises:
        OSError: the kernel has no Landlock, or refuses a call.
    """
    abi = version()
    if abi < 1:
        raise OSError("this kernel has no Landlock")
    rights = _RIGHTS[max(known for known in _RIGHTS if known <= abi)]
    ruleset = _Ruleset(rights, _ALL_NET if abi >= 4 else 0, _ALL_SCOPES if abi >= 6 else 0)
    # Older kernels expect a shorter structure.
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    fd = _call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for paths, allowed in ((readable, READ), (writable, WRITE)):
            for path in paths:
                _allow(fd, path, allowed & rights)
        forbid_new_privileges()
        _call(_RESTRICT_SELF, ctypes.c_int(fd), ctypes.c_uint32(0))
    finally:
        os.close(fd)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            allowed &= _ON_FILES
        rule = _PathBeneath(allowed, parent)
        _call(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_RULE_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(parent)
