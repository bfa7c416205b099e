"""The sandbox: what a worker gives up for good before it sees a line of the learner's code.

The zygote prepares a `Sandbox` once, and each forked worker calls `enter`. If a requested layer does
not work, an exception keeps the worker from serving: isolation fails closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
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
from grader.course.paths import HIDDEN_TESTS
from grader.sandbox import landlock
from grader.sandbox.kernel import check, end_with_parent, libc
from grader.sandbox.scratch import SHARED, mount_scratch, paths_below
from grader.sandbox.syscalls import build_filter

FIRST_UID, LAST_UID = 61_000, 64_000
_MIB = 1 << 20
_ADDRESS_SPACE = 64 << 30

# What torch, NumPy and the C library read late: about processors, memory, time zones and user names.
_SYSTEM_FILES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system"),
    *("/dev/zero", "/dev/urandom", "/dev/random"),
)

_PR_SET_KEEPCAPS, _PR_SET_DUMPABLE = 8, 4
_CAP_DAC_READ_SEARCH = 2
_CAPABILITIES_V3 = 0x20080522


@dataclass(frozen=True)
class User:
    """A user id that is reserved for one worker.

    Attributes:
        uid: the id.
        holder: the socket that keeps it reserved.
        confined: whether the worker cannot start processes, so that `kill_all` may trust a search that finds none.
    """

    uid: int
    holder: socket.socket
    confined: bool

    def kill_all(self) -> None:
        """Kill every process of this user."""
        if not self.confined or any(_owned_by(self.uid)):
            self._kill()

    def give_back(self) -> None:
        """Release the id for another worker."""
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
    """Yield the ids of the processes that belong to a user."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError):
                if entry.stat().st_uid == uid:
                    yield entry.name


class Sandbox:
    """The chosen layers, with everything prepared that is the same for all workers.

    Args:
        layers: names from LAYERS.
        limits: the limits of each worker.
        root: the kit's folder, whose hidden tests must not be readable.
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
        # The interpreter may lie in a home folder that only root can enter. Then the worker keeps
        # root's right to read, and Landlock alone decides what it may read.
        is_private = not all(map(_open_to_all, self._readable))
        self._keep_reading = is_private and "landlock" in self.layers
        if is_private and self.layers >= {"uid"} and os.geteuid() == 0 and not self._keep_reading:
            raise OSError("another user cannot read this interpreter, and Landlock is off")

    def reserve_user(self) -> User | None:
        """Return a user that no other live worker on this machine has; None without root or the layer `uid`.

        Raises:
            OSError: all user ids are taken.
        """
        if "uid" not in self.layers or os.geteuid() != 0:
            return None
        for uid in range(FIRST_UID, LAST_UID):
            holder = socket.socket(socket.AF_UNIX)
            try:
                # Only one socket can have an abstract address, and closing the socket frees it.
                holder.bind(f"\0torchsteps-uid-{uid}")
            except OSError:
                holder.close()
            else:
                return User(uid, holder, self._filter is not None)
        raise OSError("all user ids for workers are taken")

    def enter(self, scratch: str, uid: int | None) -> None:
        """Enter all layers; called in the worker.

        Args:
            scratch: the folder that stays writable. With the layer `scratch`, it is a private file system, and the
                folders that everybody may write to show the same one.
            uid: the user id to switch to, or None.

        Raises:
            OSError: a layer does not work here.
        """
        owner = uid if uid is not None else os.getuid()
        end_with_parent()
        writable = [scratch, "/dev/null"]
        if "scratch" in self.layers:
            mount_scratch(scratch, owner, self.limits.scratch_mb, self._shared, self._kept)
            writable += self._shared
            if os.geteuid() != 0:
                # The capabilities that came with the user namespace.
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
            # Far more than anything needs. Without it, page tables of unused addresses could fill the memory.
            resource.RLIMIT_AS: reserved * 1024 + _ADDRESS_SPACE,
            resource.RLIMIT_CPU: limits.cpu_seconds,
            resource.RLIMIT_FSIZE: limits.scratch_mb * _MIB,
            resource.RLIMIT_NOFILE: 64,
            # Too small for a core file. 0 would not stop the kernel from piping it to the system's crash handler.
            resource.RLIMIT_CORE: 1,
            # Recursion can go equally deep on all machines.
            resource.RLIMIT_STACK: 8 * _MIB,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
        }
        if uid is not None or self._is_counted_apart():
            # The kernel counts per user, so the limit only makes sense for a user with a single worker.
            values[resource.RLIMIT_NPROC] = limits.threads
        for kind, value in values.items():
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))

    def _is_counted_apart(self) -> bool:
        """Return whether Linux counts an ordinary user's worker separately: in a user namespace, since 5.14."""
        version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
        return "scratch" in self.layers and os.geteuid() != 0 and version >= (5, 14)


def readable_paths(root: str) -> list[str]:
    """Return what a worker may read: the interpreter, its packages, and a few system files.

    Raises:
        OSError: that would include the hidden tests.
    """
    paths = set(_SYSTEM_FILES)
    for prefix in (sys.prefix, sys.base_prefix):
        paths.update((f"{prefix}/lib", f"{prefix}/lib64", f"{prefix}/pyvenv.cfg"))
    paths.update(
        sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )
    paths.update(site.getsitepackages())
    # They may lie elsewhere, when the environment looks into another one.
    for package in ("numpy", "torch", "sklearn"):
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            paths.add(str(Path(spec.origin).parents[1]))
    hidden = Path(root, HIDDEN_TESTS).resolve()
    for path in paths:
        if hidden.exists() and hidden.is_relative_to(Path(path).resolve()):
            raise OSError(f"the hidden tests lie below {path}, which submissions may read")
    return sorted(paths)


def _open_to_all(path: str) -> bool:
    """Return whether every user may enter all folders that lead to a path."""
    if not os.path.exists(path):
        return True
    parents = Path(os.path.realpath(path)).parents
    return all(os.stat(folder).st_mode & stat.S_IXOTH for folder in parents)


def become(uid: int, keep_reading: bool) -> None:
    """Switch from root to a user without any privileges.

    Args:
        uid: the user id, which also becomes the group id.
        keep_reading: whether to keep root's right to read files whatever their permissions.
    """
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
