"""Forks of this process: each does one piece of work and sends back one value of plain data.

This is the only channel from a forked judge to its parent. A fork that dies, takes too long or sends
half a value yields a problem in words, never a value.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from grader.sandbox.kernel import end_with_parent
from grader.wire.codec import CodecError, encode
from grader.wire.decoder import decode

Work = TypeVar("Work")
_CHUNK = 1 << 20
_MAX_WORDS = 2000


@dataclass(frozen=True)
class Outcome:
    """How a piece of work ended.

    Attributes:
        value: what the work returned; None if there is a problem.
        problem: why there is no value, as a clause, or "".
        seconds: wall time.
    """

    value: Any
    problem: str
    seconds: float


@dataclass
class _Fork(Generic[Work]):
    work: Work
    pid: int
    start: float
    deadline: float
    received: bytearray = field(default_factory=bytearray)


class Forks(Generic[Work]):
    """The forks that are running.

    Args:
        seconds: wall time after which a fork is killed.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()

    def __len__(self) -> int:
        return len(self._selector.get_map())

    def start(self, work: Work, act: Callable[[], Any]) -> None:
        """Call `act` in a fork; it must return plain data."""
        receiver, sender = os.pipe()
        # Ctrl-C in the fork must not raise an exception here: the fork would go on as if it were the parent.
        before, parent = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}), os.getpid()
        try:
            with warnings.catch_warnings():
                # Of threads. Where pyarrow is installed, scikit-learn imports it, and its allocator starts one
                # that survives a fork; what is ours computes in one thread (`grader.cli.app`).
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                os.close(receiver)
                _stay_with(parent)
                _send(sender, act)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(sender)
        start = time.monotonic()
        fork = _Fork(work, pid, start, start + self._seconds)
        self._selector.register(receiver, selectors.EVENT_READ, fork)

    def next(self) -> tuple[Work, Outcome]:
        """Wait until a piece of work has ended, and return it with its outcome."""
        while True:
            forks = [(key.fd, key.data) for key in self._selector.get_map().values()]
            descriptor, fork = min(forks, key=lambda pair: pair[1].deadline)
            left = fork.deadline - time.monotonic()
            if left <= 0:
                os.kill(fork.pid, signal.SIGKILL)
                return self._end(descriptor, fork, f"it took longer than {self._seconds:.0f} s")
            for key, _ in self._selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                key.data.received += chunk
                if not chunk:
                    return self._end(key.fd, key.data)

    def end(self) -> None:
        """Kill all forks that are still running; nothing comes back from them."""
        for key in list(self._selector.get_map().values()):
            os.kill(key.data.pid, signal.SIGKILL)
            self._end(key.fd, key.data, "it was not waited for")

    def _end(self, descriptor: int, fork: _Fork[Work], problem: str = "") -> tuple[Work, Outcome]:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(fork.pid, 0)
        seconds = time.monotonic() - fork.start
        value = None
        if not problem:
            value, problem = _opened(bytes(fork.received), os.waitstatus_to_exitcode(status))
        return fork.work, Outcome(value, problem, seconds)


def _stay_with(parent: int) -> None:
    """In the fork: end as soon as the parent is killed, because nobody would hear of the work any more."""
    if sys.platform == "linux":
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)


def _send(sender: int, act: Callable[[], Any]) -> None:
    """In the fork: do the work, send its value or the problem, and exit."""
    # Ctrl-C reaches the parent as well, which ends its forks: no half-done work may look like a failure.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 1
    try:
        try:
            message = encode({"value": act()}, strict=True)
        except BaseException as error:
            words = f"{type(error).__name__}: {error}"[:_MAX_WORDS]
            # Text from a submission may hold lone surrogates, which UTF-8 cannot encode.
            words = words.encode("utf-8", "backslashreplace").decode("utf-8")
            message = encode({"problem": words}, strict=True)
        with open(sender, "wb") as pipe:
            pipe.write(message)
        code = 0
    finally:
        os._exit(code)


def _opened(message: bytes, code: int) -> tuple[Any, str]:
    """Return the value and the problem in a message, given the exit code of the fork."""
    if code:
        return None, f"the judge ended with code {code}"
    try:
        said = decode(message)
    except CodecError as error:
        return None, f"the judge sent no value: {error}"
    return said.get("value"), said.get("problem", "")
