"""The judge's end of a worker, however it was started: requests, replies, and how it ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self

from grader.wire.messages import READY
from grader.wire.stream import Wire, WireBroken, WireTimeout

# Long enough for a cold import of torch from a slow network drive.
START_SECONDS = 120.0


class LaunchError(RuntimeError):
    """A worker cannot be started on this machine; the message says why."""


class Connection(Protocol):
    """The judge's end of one worker."""

    def request(
        self, payload: bytes, deadline: float, grace: Callable[[], float] = ..., /
    ) -> bytes:
        """Return the reply to a request.

        Args:
            payload: the bytes of the request.
            deadline: the latest moment for the reply, on the clock of `time.monotonic`.
            grace: called when the deadline has passed; returns the seconds to extend it by, or 0.0.

        Raises:
            WireBroken: the worker ended, or sent something that is not a reply to this request.
            WireTimeout: the deadline passed.
        """

    def series(
        self,
        exchanges: Iterable[tuple[bytes, bytes]],
        deadline: float,
        grace: Callable[[], float] = ...,
        /,
    ) -> Iterator[bytes]:
        """Yield the replies to requests, which may be sent ahead (see `grader.wire.stream.Wire.series`)."""

    def waited(self) -> float:
        """Return the seconds that the worker has waited for a free processor since it started."""

    def end(self) -> str:
        """End the worker; return how it had ended by itself, as a clause, or "" if it had not."""

    def printed(self) -> tuple[str, int]:
        """Return the beginning of what the worker printed since the last request, and its size in bytes."""


class Launcher(Protocol):
    """A way to start workers.

    Attributes:
        in_process: whether workers run in the judge's own process, for a debugger.
    """

    in_process: bool

    def prepare(self, groups: Iterable[tuple[str, ...]] = (), /) -> None:
        """Start to load the packages that later workers need, given as the package groups of each worker."""

    def prefer(self, layer: str, /) -> None:
        """Add this layer of isolation to later workers, if it works on this machine."""

    def start(self, groups: list[str], /) -> Connection:
        """Start a worker with these package groups loaded; raises LaunchError if that fails."""

    def branch(self) -> Launcher:
        """Return a launcher for a forked judge, which closes it separately."""

    def close(self) -> None:
        """End everything that this launcher started."""


class PlainLauncher:
    """The base of launchers whose workers share nothing."""

    in_process = False

    def prepare(self, groups: Iterable[tuple[str, ...]] = (), /) -> None:
        """Do nothing: each worker loads its packages itself."""

    def prefer(self, layer: str, /) -> None:
        """Do nothing: there are no layers of isolation."""

    def branch(self) -> Self:
        """Return itself: there is no shared state to separate."""
        return self

    def close(self) -> None:
        """Do nothing: each connection ends its own worker."""


class WiredConnection:
    """A worker in another process, behind a wire.

    Args:
        wire: carries the requests, the replies and the printed output.
        pid: the worker's process id.
    """

    def __init__(self, wire: Wire, pid: int) -> None:
        self.wire = wire
        self.pid = pid

    def request(
        self, payload: bytes, deadline: float, grace: Callable[[], float] = lambda: 0.0, /
    ) -> bytes:
        """Return the reply (see `Connection.request`)."""
        return self.wire.request(payload, deadline, grace)

    def series(
        self,
        exchanges: Iterable[tuple[bytes, bytes]],
        deadline: float,
        grace: Callable[[], float] = lambda: 0.0,
        /,
    ) -> Iterator[bytes]:
        """Yield the replies to requests (see `Connection.series`)."""
        return self.wire.series(exchanges, deadline, grace)

    def waited(self) -> float:
        """Return the seconds that the worker has waited for a free processor; 0.0 where that is unknown."""
        try:
            with open(f"/proc/{self.pid}/schedstat") as file:
                return int(file.read().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0

    def printed(self) -> tuple[str, int]:
        """Return the beginning of what the worker printed since the last request, and its size in bytes."""
        return bytes(self.wire.output).decode("utf-8", "replace"), self.wire.printed

    def wait_until_ready(self) -> None:
        """Wait until the worker says that it is ready, so that its start takes none of the learner's time.

        Raises:
            LaunchError: it does not say so in time.
        """
        deadline = time.monotonic() + START_SECONDS
        try:
            self.request(READY, deadline)
        except (WireBroken, WireTimeout) as error:
            raise LaunchError(f"a worker does not start: {self.printed()[0][-500:]}") from error


def how_it_ended(code: int) -> str:
    """Return an exit code of `subprocess` as a clause, or "" for SIGKILL, which the kit sends itself."""
    if code == -getattr(signal, "SIGKILL", 9):
        return ""
    if code < 0:
        return f"it was stopped by {signal.Signals(-code).name}"
    return f"it exited with code {code}"
