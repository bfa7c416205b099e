"""What a learner's code finds around it, in every worker alike: what a script finds, where that does no harm.

What a sandbox refuses is refused without one, too, in words that a beginner understands: so a module that
passes on the learner's machine passes where it is marked.
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
NO_LINKS = "Links and rights of files cannot be made or changed here, nor where the step is marked."
NO_SYSTEM = "`{}` is refused, here and where the step is marked: no step needs it."
NO_NETWORK = "There is no network, here and where the step is marked: all data of a step comes with its packages."
ONE_PROCESS = (
    "No other program and no other process can be started: a step runs in one process, here and where it is "
    "marked. Threads work, those of concurrent.futures.ThreadPoolExecutor for example."
)

# Which functions of a module are refused, and in which words.
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
# What scripts do in passing: it does nothing, and gives this.
_HARMLESS: dict[str, Any] = {
    "utime": None,
    "sched_setaffinity": None,
    "nice": 0,
    "getpriority": 0,
    "getloadavg": (0.0, 0.0, 0.0),
}

_scratch: list[str] = []


def enter_scratch(scratch: str) -> None:
    """Make the scratch folder home, temporary and working folder, and forget all other environment."""
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    os.environ.clear()
    os.environ.update(keep)
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
    _be_somebody(scratch)
    _be_alone()


def keep_source(filename: str, source: bytes) -> str:
    """Write a module's source where the worker may read it, and return its path, for `__file__`.

    It is what a script finds as its own name, too. Under a debugger there is no scratch folder, and nothing is
    written.
    """
    if not _scratch:
        return filename
    path = os.path.join(_scratch[0], filename)
    with open(path, "wb") as file:
        file.write(source)
    sys.argv = [path]
    return path


def forget_kit(root: str) -> None:
    """Take the kit's folder off the import path: a learner's module imports no test and no solution.

    It was put at the end. Where the kit is installed, the same folder stands before it, for all packages.
    """
    for i in reversed(range(len(sys.path))):
        if sys.path[i] == root:
            del sys.path[i]
            return


def refusing(function: Callable[..., Any], sentence: str) -> Callable[..., NoReturn]:
    """Return what stands for a function that does not work here."""

    @functools.wraps(function)
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise PermissionError(sentence)

    return refuse


def _be_somebody(home: str) -> None:
    """Have a name: the user id may be one that the system has never heard of."""
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


def _be_alone() -> None:
    """Refuse what the sandbox refuses: processes, the network, links and rights of files."""
    init = subprocess.Popen.__init__
    subprocess.Popen.__init__ = refusing(init, ONE_PROCESS)  # type: ignore[method-assign]
    socket.create_connection = refusing(socket.create_connection, NO_NETWORK)
    socket.socket.__init__ = refusing(socket.socket.__init__, NO_NETWORK)  # type: ignore[method-assign]
    for place, names, sentence in _REFUSED:
        try:
            module = importlib.import_module(place)
        except ImportError:
            # Not on this system.
            continue
        for name in names.split():
            if hasattr(module, name):
                stand_in = refusing(getattr(module, name), sentence.format(f"{place}.{name}"))
                setattr(module, name, stand_in)
    for name, value in _HARMLESS.items():
        if hasattr(os, name):
            setattr(os, name, _giving(getattr(os, name), value))
    os.system = _without_shell(os.system)  # type: ignore[assignment]
    # The last step of `shutil.copy` and its like.
    shutil.copymode = shutil.copystat = lambda *args, **kwargs: None


def _giving(function: Callable[..., Any], value: Any) -> Callable[..., Any]:
    """Return what stands for a function that does nothing here, and gives the same always."""

    @functools.wraps(function)
    def give(*args: Any, **kwargs: Any) -> Any:
        return value

    return give


def _without_shell(system: Callable[[Any], int]) -> Callable[[Any], int]:
    """Return what stands for `os.system`: whoever clears the screen with it does not look at what it returns."""

    @functools.wraps(system)
    def say(command: Any) -> int:
        print(ONE_PROCESS, file=sys.stderr)
        return -1

    return say
