"""The sandbox: what a worker gives up, for good, before it sees a line of the learner's code.

The zygote prepares a `Sandbox` once; each forked worker calls `enter`. A layer that was asked for
and does not work raises, and
then the worker never serves: isolation fails closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import signal
import site
import socket
import stat
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course.limits import LAYERS, Limits
from grader.sandbox import landlock
from grader.sandbox.kernel import check, libc
from grader.sandbox.scratch import SHARED, mount_scratch, paths_below
from grader.sandbox.syscalls import build_filter

FIRST_UID, LAST_UID = 61_000, 64_000
_MIB = 1 << 20
_ADDRESS_SPACE = 64 << 30

# What torch, NumPy and the C library read late: processors, memory, time zones, names of users.
_SYSTEM_FILES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system"),
    *("/dev/zero", "/dev/urandom", "/dev/random"),
)

_PR_SET_KEEPCAPS, _PR_SET_DUMPABLE, _PR_SET_PDEATHSIG = 8, 4, 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITIES_V3 = 0x20080522


@dataclass(frozen=True)
class User:
    """A user id that one worker has for itself.

    Attributes:
        uid: the id.
        holder: the socket that keeps others from taking it.
        confined: whether the worker can start no process; then looking for some is enough.
    """

    uid: int
    holder: socket.socket
    confined: bool

    def kill_all(self) -> None:
        """Kill every process of this user."""
        if not self.confined or any(_owned_by(self.uid)):
            self._kill()

    def give_back(self) -> None:
        """Let another worker take the id."""
        self.holder.close()

    def _kill(self) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                os.setresuid(self.uid, self.uid, self.uid)
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)


def _owned_by(uid: int) -> Iterator[str]:
    """Yield the ids of the processes that a user has."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError):
                if entry.stat().st_uid == uid:
                    yield entry.name


class Sandbox:
    """The chosen layers, with everything prepared that does not depend on the single worker.

    Args:
        layers: names out of LAYERS.
        limits: what one worker may use.
        root: the kit's folder, of which nothing may be read.
    """

    def __init__(self, layers: Iterable[str], limits: Limits, root: str) -> None:
        self.layers = frozenset(layers)
        unknown = self.layers - set(LAYERS)
        if unknown:
            raise ValueError(f"unknown layers: {', '.join(sorted(unknown))}")
        self.limits = limits
        self._filter: Any = build_filter() if "seccomp" in self.layers else None
        self._readable = readable_paths(root)
        self._shared = sorted({os.path.realpath(path) for path in SHARED if os.path.isdir(path)})
        self._kept = paths_below(self._shared, self._readable)
        # An interpreter in a home folder that only root may enter: then the right to read crosses
        # over, and Landlock alone says what may be read.
        hidden_away = not all(map(_open_to_all, self._readable))
        self._keep_reading = hidden_away and "landlock" in self.layers
        if hidden_away and self.layers >= {"uid"} and os.geteuid() == 0 and not self._keep_reading:
            raise OSError("another user cannot read this interpreter, and Landlock is off")

    def reserve_user(self) -> User | None:
        """Return a user that no other live worker on this machine has; None if not root, or not asked for."""
        if "uid" not in self.layers or os.geteuid() != 0:
            return None
        for uid in range(FIRST_UID, LAST_UID):
            holder = socket.socket(socket.AF_UNIX)
            try:
                # An abstract address belongs to one socket and goes away with it.
                holder.bind(f"\0torchsteps-uid-{uid}")
            except OSError:
                holder.close()
            else:
                return User(uid, holder, self._filter is not None)
        raise OSError("all users for workers are taken")

    def enter(self, scratch: str, uid: int | None) -> None:
        """Give up everything; called in the worker.

        Args:
            scratch: the folder that stays writable; with a file system of the worker's own, those that everybody
                may write to are in it, too.
            uid: the user id to take on, or None.

        Raises:
            OSError: a layer does not work here.
        """
        owner = uid if uid is not None else os.getuid()
        check(libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "death signal")
        writable = [scratch, "/dev/null"]
        if "scratch" in self.layers:
            mount_scratch(scratch, owner, self.limits.scratch_mb, self._shared, self._kept)
            writable += self._shared
            if os.geteuid() != 0:
                # Those that came with the user namespace.
                _drop_capabilities(0)
        elif uid is not None:
            os.chown(scratch, uid, uid)
        os.chdir(scratch)
        if "limits" in self.layers:
            self._set_limits(uid)
        if uid is not None:
            become(uid, self._keep_reading)
        landlock.forbid_new_privileges()
        if "landlock" in self.layers:
            landlock.restrict(self._readable, writable)
        if self._filter is not None:
            self._filter.load()

    def _set_limits(self, uid: int | None) -> None:
        limits = self.limits
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        reserved, loaded = (int(fields[name].split()[0]) for name in ("VmSize", "VmData"))
        values = {
            resource.RLIMIT_DATA: loaded * 1024 + limits.memory_mb * _MIB,
            # Far more than anything needs: without it, the tables for empty space would fill memory.
            resource.RLIMIT_AS: reserved * 1024 + _ADDRESS_SPACE,
            resource.RLIMIT_CPU: limits.cpu_seconds,
            resource.RLIMIT_FSIZE: limits.scratch_mb * _MIB,
            resource.RLIMIT_NOFILE: 64,
            # Too small for a file; and 0 would not keep a crash from the system's own collector.
            resource.RLIMIT_CORE: 1,
            # The same depth of recursion everywhere.
            resource.RLIMIT_STACK: 8 * _MIB,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
        }
        if uid is not None or self._is_counted_apart():
            # It counts per user, so it only makes sense with a user of its own.
            values[resource.RLIMIT_NPROC] = limits.threads
        for kind, value in values.items():
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))

    def _is_counted_apart(self) -> bool:
        """Return whether an ordinary user's processes count anew: in a user namespace, since Linux 5.14."""
        version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
        return "scratch" in self.layers and os.geteuid() != 0 and version >= (5, 14)


def readable_paths(root: str) -> list[str]:
    """Return what a worker may read: the interpreter, its packages, and a few system files.

    Raises:
        OSError: the hidden tests would be among it.
    """
    paths = set(_SYSTEM_FILES)
    for prefix in (sys.prefix, sys.base_prefix):
        paths.update((f"{prefix}/lib", f"{prefix}/lib64", f"{prefix}/pyvenv.cfg"))
    paths.update(
        sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )
    paths.update(site.getsitepackages())
    hidden = Path(root, "grader", "content", "hidden").resolve()
    for path in paths:
        if hidden.exists() and hidden.is_relative_to(Path(path).resolve()):
            raise OSError(f"the hidden tests lie below {path}, which submissions may read")
    return sorted(paths)


def _open_to_all(path: str) -> bool:
    """Return whether every user may enter all folders on the way to a path."""
    if not os.path.exists(path):
        return True
    place = Path(os.path.realpath(path))
    return all(os.stat(folder).st_mode & stat.S_IXOTH for folder in place.parents)


def become(uid: int, keep_reading: bool) -> None:
    """Give up root for a user without any right; with `keep_reading`, all but reading what permissions hide."""
    if keep_reading:
        check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "keeping the right to read")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _drop_capabilities(1 << _CAP_DAC_READ_SEARCH if keep_reading else 0)


def _drop_capabilities(kept: int) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    data = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    check(libc.capset(header, data), "dropping capabilities")
