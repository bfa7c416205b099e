"""What the attacks have in common; stands between honest.py and the attack in each module."""

import _posixsubprocess
import ctypes
import errno
import multiprocessing.process
import os
import resource
import signal
import socket
import struct
import subprocess
import sys

formula = gradients  # noqa: F821 - it is in honest.py

# What a worker refuses in words, to be kind, is taken back: only the sandbox counts.
for place, names in (
    (os, "fork system posix_spawn posix_spawnp execv execve kill killpg mkfifo mknod memfd_create"),
    (os, "link symlink chmod fchmod chown setxattr utime"),
    (os, "nice getpriority setpriority sched_setscheduler sched_setaffinity"),
    (signal, "raise_signal pthread_kill"),
    (resource, "setrlimit"),
    (_posixsubprocess, "fork_exec"),
    (subprocess.Popen, "__init__"),
    (multiprocessing.process.BaseProcess, "start"),
    (socket, "create_connection socketpair"),
    (socket.socket, "__init__"),
):
    for name in names.split():
        refusing = getattr(place, name)
        setattr(place, name, getattr(refusing, "__wrapped__", refusing))


def through(*attempts):
    """Make every attempt until one gets through; raises what the first one met if none does."""
    refusals = []
    for attempt in attempts:
        try:
            return attempt()
        except (OSError, MemoryError, RuntimeError, ImportError) as error:
            refusals.append(error)
    raise refusals[0]


def once(function):
    """Return a function that is called once, and raises the same error again at every further call."""
    met = []

    def call(*arguments, **options):
        if not met:
            try:
                return function(*arguments, **options)
            except Exception as error:
                met.append(error)
        raise met[0].with_traceback(None)

    return call


def reaches(number, *arguments):
    """Make a system call by number; only being refused raises, for wrong arguments mean that it was reached."""
    if os.uname().machine != "x86_64":
        raise PermissionError("the numbers are those of another architecture")
    libc = ctypes.CDLL(None, use_errno=True)
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = libc.syscall(ctypes.c_long(number), *values)
    if result < 0 and ctypes.get_errno() in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        raise PermissionError(f"system call {number} is refused")
    return result


def is_open(fd):
    """Return whether a descriptor is open."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def wire():
    """Return the descriptor over which this worker talks to the judge."""
    return max(filter(is_open, range(3, 1024)))


def asked():
    """Return the number of the request that is being answered."""
    frame = sys._getframe()
    while frame.f_code.co_name != "serve":
        frame = frame.f_back
    return frame.f_locals["number"]


def send(number, answer):
    """Write a frame to the judge, as the worker itself does."""
    data = sys.modules["grader.wire.codec"].encode(answer)
    os.write(wire(), struct.pack("<II", len(data), number) + data)


def value(result):
    """Return a well-formed answer with this result."""
    return {"kind": "value", "value": result, "after": None}
