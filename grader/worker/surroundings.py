"""What the learner's code finds around it, in every worker alike: what a script would find, if that does no harm.

What the sandbox refuses is refused without it, too, in words that a beginner understands. So a module that passes
on the learner's machine also passes where it is marked.
"""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any, NoReturn

USER = "learner"
# Graphics cards are hidden: the sandbox keeps everybody from their drivers, a process forked after a backward pass
# cannot use them, and the same code must get the same marks on a machine with a card and on one without.
NO_CARDS = {"CUDA_VISIBLE_DEVICES": ""}
NO_LINKS = "Links cannot be created and file permissions cannot be changed, here or where the step is marked."
NO_SYSTEM = "`{}` cannot be used here or where the step is marked: no step needs it."
NO_NETWORK = "There is no network, here or where the step is marked: all data for a step comes with its packages."
ONE_PROCESS = (
    "No other program or process can be started: a step runs in one process, both here and where it is marked. "
    "Threads work, for example those of concurrent.futures.ThreadPoolExecutor."
)

# Each row: a module, its functions that are refused, and the sentence that says so.
_REFUSED = (
    ("os", "fork forkpty posix_spawn posix_spawnp execv execve", ONE_PROCESS),
    ("_posixsubprocess", "fork_exec", ONE_PROCESS),
    ("os", "link symlink chmod fchmod lchmod chown fchown lchown setxattr removexattr", NO_LINKS),
    ("os", "kill killpg pidfd_open mkfifo mknod memfd_create openpty", NO_SYSTEM),
    ("os", "setpriority sched_setscheduler sched_setparam", NO_SYSTEM),
    ("signal", "raise_signal pthread_kill", NO_SYSTEM),
    ("socket", "socketpair", NO_SYSTEM),
    ("resource", "setrlimit", NO_SYSTEM),
)
# Calls that scripts make in passing: they do nothing and return this.
_HARMLESS: dict[str, Any] = {
    "utime": None,
    "sched_setaffinity": None,
    "nice": 0,
    "getpriority": 0,
    "getloadavg": (0.0, 0.0, 0.0),
}

_scratch: list[str] = []


def enter_scratch(scratch: str) -> None:
    """Make the scratch folder the home, temporary and working folder, and clear all other variables."""
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    os.environ.clear()
    os.environ.update(keep | NO_CARDS)
    for names, value in (
        (("HOME", "USERPROFILE", "PWD", "TMPDIR", "TEMP", "TMP"), scratch),
        (("USER", "LOGNAME", "USERNAME"), USER),
        (("PATH",), os.defpath),
        (("SHELL",), "/bin/sh"),
        (("LANG",), "C.UTF-8"),
    ):
        os.environ.update(dict.fromkeys(names, value))
    os.chdir(scratch)
    tempfile.tempdir = None
    _scratch[:] = [scratch]
    _name_user(scratch)
    _refuse_like_sandbox()


def keep_source(filename: str, source: bytes) -> str:
    """Write a module's source where the worker may read it, and return its path, for `__file__`.

    `sys.argv` holds this path, too, as in a script. Under a debugger there is no scratch folder: nothing is
    written, and the file name is returned as it is.
    """
    if not _scratch:
        return filename
    path = os.path.join(_scratch[0], filename)
    with open(path, "wb") as file:
        file.write(source)
    sys.argv = [path]
    return path


def forget_kit(root: str) -> None:
    """Remove the kit's folder from the import path, so that the learner's module cannot import tests or solutions.

    Only the last entry is removed, because it was appended. If the kit is installed, an earlier entry names the
    same folder, and all packages need that one.
    """
    for i in reversed(range(len(sys.path))):
        if sys.path[i] == root:
            del sys.path[i]
            return


def refusing(function: Callable[..., Any], sentence: str) -> Callable[..., NoReturn]:
    """Return a replacement for a function, which raises PermissionError with this sentence."""

    @functools.wraps(function)
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise PermissionError(sentence)

    return refuse


def _name_user(home: str) -> None:
    """Give the user a name, because the system may not know the worker's user id."""
    os.getlogin = lambda: USER
    try:
        import grp
        import pwd
    except ImportError:
        return
    group, user = grp.getgrgid, pwd.getpwuid

    @functools.wraps(group)
    def getgrgid(id: int) -> grp.struct_group:
        return grp.struct_group((USER, "x", id, [])) if id == os.getgid() else group(id)

    @functools.wraps(user)
    def getpwuid(uid: int, /) -> pwd.struct_passwd:
        if uid != os.getuid():
            return user(uid)
        return pwd.struct_passwd((USER, "x", uid, os.getgid(), USER, home, "/bin/sh"))

    grp.getgrgid, pwd.getpwuid = getgrgid, getpwuid


def _refuse_like_sandbox() -> None:
    """Refuse what the sandbox refuses: processes, the network, links and changes of file permissions."""
    init = subprocess.Popen.__init__
    subprocess.Popen.__init__ = refusing(init, ONE_PROCESS)  # type: ignore[method-assign]
    socket.create_connection = refusing(socket.create_connection, NO_NETWORK)
    socket.socket.__init__ = refusing(socket.socket.__init__, NO_NETWORK)  # type: ignore[method-assign]
    for place, names, sentence in _REFUSED:
        try:
            module = importlib.import_module(place)
        except ImportError:
            # This system does not have the module.
            continue
        for name in names.split():
            if hasattr(module, name):
                refuse = refusing(getattr(module, name), sentence.format(f"{place}.{name}"))
                setattr(module, name, refuse)
    for name, value in _HARMLESS.items():
        if hasattr(os, name):
            setattr(os, name, _returning(getattr(os, name), value))
    os.system = _without_shell(os.system)  # type: ignore[assignment]
    # `shutil.copy` and similar functions end with these, which would now fail.
    shutil.copymode = shutil.copystat = lambda *args, **kwargs: None


def _returning(function: Callable[..., Any], value: Any) -> Callable[..., Any]:
    """Return a replacement for a function, which does nothing and always returns this value."""

    @functools.wraps(function)
    def return_value(*args: Any, **kwargs: Any) -> Any:
        return value

    return return_value


def _without_shell(system: Callable[[Any], int]) -> Callable[[Any], int]:
    """Return a replacement for `os.system`, which prints the sentence: code that clears the screen may go on."""

    @functools.wraps(system)
    def explain(command: Any) -> int:
        print(ONE_PROCESS, file=sys.stderr)
        return -1

    return explain
