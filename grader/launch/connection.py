"""What the judge holds of a worker, however it was started: bytes out, bytes in, and how it ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, Self

from grader.wire.messages import READY
from grader.wire.stream import Wire, WireBroken, WireTimeout

ROOT = str(Path(__file__).resolve().parents[2])
# Long enough for the slowest cold import of torch from a network drive.
START_SECONDS = 120.0
# With -P the working folder is not on the import path. The kit comes last on it, so that no file of a learner's
# that is called `torch.py` or `random.py` is taken for the package of this name.
PYTHON = (sys.executable, "-P", "-s", "-c")
BOOT = "import sys; sys.path.append({root!r}); from grader.{module} import main; main({args})"


class LaunchError(RuntimeError):
    """A worker cannot be started on this machine; the message says why."""


class Connection(Protocol):
    """What the judge holds of one worker."""

    def request(
        self, payload: bytes, deadline: float, grace: Callable[[], float] = ..., /
    ) -> bytes:
        """Return the answer (see `Wire.request`); raises WireBroken or WireTimeout."""

    def waited(self) -> float:
        """Return how long the worker has waited for a free processor since it began, in seconds."""

    def end(self) -> str:
        """End the worker, and say how it had ended by itself, as a clause; "" when it had not."""

    def printed(self) -> tuple[str, int]:
        """Return the beginning of what the worker printed since the last request, and its size in bytes."""


class Launcher(Protocol):
    """A way to start workers.

    Attributes:
        in_process: whether they run in the judge's own process, for a debugger.
    """

    in_process: bool

    def prepare(self, groups: Iterable[tuple[str, ...]] = (), /) -> None:
        """Begin to load what later workers need: their package groups, each one's together."""

    def prefer(self, layer: str, /) -> None:
        """Put workers into this layer of isolation, too, if it works on this machine."""

    def start(self, groups: list[str], /) -> Connection:
        """Start a worker that has these package groups loaded."""

    def branch(self) -> Launcher:
        """Return a launcher that a forked judge can use, and that is closed apart."""

    def close(self) -> None:
        """End everything that was started."""


class PlainLauncher:
    """What launchers have in common that share nothing between their workers."""

    in_process = False

    def prepare(self, groups: Iterable[tuple[str, ...]] = (), /) -> None:
        """Do nothing: each worker loads its packages itself."""

    def prefer(self, layer: str, /) -> None:
        """Do nothing: there are no layers of isolation."""

    def branch(self) -> Self:
        """Return itself: there is nothing to keep apart."""
        return self

    def close(self) -> None:
        """Do nothing: every worker is ended by its connection."""


class WiredConnection:
    """A worker behind a wire."""

    def __init__(self, wire: Wire, pid: int) -> None:
        self.wire = wire
        self.pid = pid

    def request(
        self, payload: bytes, deadline: float, grace: Callable[[], float] = lambda: 0.0, /
    ) -> bytes:
        """Return the answer; raises WireBroken or WireTimeout."""
        return self.wire.request(payload, deadline, grace)

    def waited(self) -> float:
        """Return how long the worker has waited for a free processor; 0.0 where that is not known."""
        try:
            with open(f"/proc/{self.pid}/schedstat") as file:
                return int(file.read().split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0

    def printed(self) -> tuple[str, int]:
        """Return the beginning of what the worker printed since the last request, and its size in bytes."""
        return bytes(self.wire.output).decode("utf-8", "replace"), self.wire.printed

    def wait_until_ready(self) -> None:
        """Wait for the worker's first sign of life; what it does until then is not the learner's time."""
        deadline = time.monotonic() + START_SECONDS
        try:
            self.request(READY, deadline)
        except (WireBroken, WireTimeout) as error:
            raise LaunchError(f"a worker does not start: {self.printed()[0][-500:]}") from error


def environment() -> dict[str, str]:
    """Return an environment that holds nothing of the judge's, but for what Windows needs.

    Sets iterate alike in every run. What would start processes, which a worker cannot, does its work without:
    joblib, on which scikit-learn rests, and the compiler of torch.
    """
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    alone = {"JOBLIB_MULTIPROCESSING": "0", "TORCH_COMPILE_DISABLE": "1"}
    return keep | alone | {"PYTHONHASHSEED": "0"}


def how_it_ended(code: int) -> str:
    """Return a clause for an exit code as subprocess gives it; "" for our own SIGKILL."""
    if code == -getattr(signal, "SIGKILL", 9):
        return ""
    if code < 0:
        return f"it was stopped by {signal.Signals(-code).name}"
    return f"it ended itself with exit code {code}"
