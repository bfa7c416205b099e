"""The layer `scratch`: a file system in memory that one worker has for itself.

It is the worker's scratch folder, and all folders that everybody may write to, since scripts name these.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from grader.sandbox.kernel import check, libc

SHARED = ("/tmp", "/var/tmp", "/dev/shm")
_FILES = 4096

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 0x4000, 1 << 18
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1


def paths_below(folders: Iterable[str], paths: Iterable[str]) -> list[str]:
    """Return those of the paths that are there and lie in one of the folders, also by their real names.

    What lies below another one of them is left out.
    """
    named = {name for path in paths for name in (os.path.abspath(path), os.path.realpath(path))}
    found: list[str] = []
    for name in sorted(named, key=len):
        inside = any(Path(name).is_relative_to(folder) for folder in folders)
        if inside and os.path.exists(name) and not any(map(Path(name).is_relative_to, found)):
            found.append(name)
    return found


def mount_scratch(
    scratch: str, owner: int, size_mb: int, shared: Iterable[str], kept: Iterable[str]
) -> None:
    """Put a file system of limited size on the scratch folder, which only this process sees.

    Args:
        scratch: the folder; it keeps its name.
        owner: who may write to it.
        size_mb: its size in MiB, all folders together.
        shared: folders that all become this file system, too.
        kept: what stays visible in the shared folders, for reading only.

    Raises:
        OSError: this machine does not allow it.
    """
    group = owner if os.geteuid() == 0 else os.getgid()
    _enter_namespace()
    options = f"size={size_mb}m,nr_inodes={_FILES},mode=0700,uid={owner},gid={group}"
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount("tmpfs", scratch, flags, "a scratch folder", "tmpfs", options)
    # Opened before they are hidden: through these descriptors they are bound to where they were.
    opened = {path: os.open(path, os.O_PATH) for path in kept}
    above = [folder for folder in shared if scratch.startswith(f"{folder}/")]
    for folder in sorted(shared, key=above.__contains__):
        _mount(scratch, folder, _MS_BIND, f"a {folder} of its own")
    if above:
        # It is hidden, so it is made once more inside.
        os.mkdir(scratch, 0o700)
        os.chown(scratch, owner, group)
    for path, descriptor in opened.items():
        _show_again(path, descriptor)


def _enter_namespace() -> None:
    """Enter a mount namespace; for an ordinary user, in a user namespace of its own."""
    if os.geteuid() == 0:
        check(libc.unshare(_CLONE_NEWNS), "a mount namespace")
    else:
        uid, gid = os.getuid(), os.getgid()
        check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "a user namespace")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text)
    _mount("none", "/", _MS_REC | _MS_PRIVATE, "private mounts")


def _show_again(path: str, descriptor: int) -> None:
    """Bind what a descriptor stands for to its old name, for reading only: it now lies in a writable folder."""
    mask = os.umask(0o022)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.makedirs(path, exist_ok=True)
    else:
        Path(path).touch()
    os.umask(mask)
    _mount(f"/proc/self/fd/{descriptor}", path, _MS_BIND | _MS_REC, f"a view of {path}")
    os.close(descriptor)
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY)
    result = libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        path.encode(),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    check(result, f"a view of {path} for reading only")


def _mount(
    source: str, target: str, flags: int, what: str, kind: str | None = None, options: str = ""
) -> None:
    names = (source.encode(), target.encode(), kind.encode() if kind else None)
    check(libc.mount(*names, ctypes.c_ulong(flags), options.encode() or None), what)
