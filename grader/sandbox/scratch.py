"""The layer `scratch`: a private file system in memory for one worker.

It serves as the worker's scratch folder, and also as each folder that everybody may write to, such as /tmp,
because scripts write there.
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
    """Return the existing paths that lie in one of the folders, under their own and their real names.

    A path below another returned path is left out.
    """
    named = {name for path in paths for name in (os.path.abspath(path), os.path.realpath(path))}
    outermost: list[str] = []
    for name in sorted(named, key=len):
        inside = any(Path(name).is_relative_to(folder) for folder in folders)
        if inside and os.path.exists(name) and not any(map(Path(name).is_relative_to, outermost)):
            outermost.append(name)
    return outermost


def mount_scratch(
    scratch: str, owner: int, size_mb: int, shared: Iterable[str], kept: Iterable[str]
) -> None:
    """Mount a file system of limited size on the scratch folder, visible to this process only.

    Args:
        scratch: the folder; its path stays the same.
        owner: the user id that may write to it.
        size_mb: its size in MiB, for all folders together.
        shared: folders that are to show the same file system.
        kept: paths in the shared folders that stay visible, read-only.

    Raises:
        OSError: this machine does not allow it.
    """
    group = owner if os.geteuid() == 0 else os.getgid()
    _enter_namespace()
    options = f"size={size_mb}m,nr_inodes={_FILES},mode=0700,uid={owner},gid={group}"
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount("tmpfs", scratch, flags, "mounting the scratch folder", "tmpfs", options)
    # Opened before the mounts hide them: these descriptors are bound to the old paths below.
    opened = {path: os.open(path, os.O_PATH) for path in kept}
    # A shared folder that contains scratch comes last, because mounting on it hides scratch.
    around = [folder for folder in shared if scratch.startswith(f"{folder}/")]
    for folder in sorted(shared, key=around.__contains__):
        _mount(scratch, folder, _MS_BIND, f"mounting a private {folder}")
    if around:
        # Scratch is hidden now, so it is created again inside.
        os.mkdir(scratch, 0o700)
        os.chown(scratch, owner, group)
    for path, descriptor in opened.items():
        _show_again(path, descriptor)


def _enter_namespace() -> None:
    """Enter a new mount namespace; an ordinary user first needs a new user namespace."""
    if os.geteuid() == 0:
        check(libc.unshare(_CLONE_NEWNS), "entering a mount namespace")
    else:
        uid, gid = os.getuid(), os.getgid()
        check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "entering a user namespace")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text)
    _mount("none", "/", _MS_REC | _MS_PRIVATE, "making mounts private")


def _show_again(path: str, descriptor: int) -> None:
    """Bind an open file or folder to its old path, read-only, because that is now in a writable folder."""
    mask = os.umask(0o022)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.makedirs(path, exist_ok=True)
    else:
        Path(path).touch()
    os.umask(mask)
    _mount(f"/proc/self/fd/{descriptor}", path, _MS_BIND | _MS_REC, f"binding {path}")
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
    check(result, f"making {path} read-only")


def _mount(
    source: str, target: str, flags: int, action: str, kind: str | None = None, options: str = ""
) -> None:
    names = (source.encode(), target.encode(), kind.encode() if kind else None)
    check(libc.mount(*names, ctypes.c_ulong(flags), options.encode() or None), action)
