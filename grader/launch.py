"""Starting and ending workers: forked from a zygote, spawned where fork is missing, or in process.

A launcher's `start` returns a `Connection`: `request` sends bytes and returns bytes, `end` makes
sure that the worker is gone and says how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from grader.codec import encode
from grader.decoder import decode
from grader.limits import Limits
from grader.wire import Wire, WireBroken, WireTimeout

ROOT = str(Path(__file__).resolve().parent.parent)
# Long enough for the slowest cold import of torch from a network drive.
START_SECONDS = 120.0
# The first entry of the import path is the working folder; the kit takes its place.
_BOOT = "import sys; sys.path[0] = {root!r}; from grader.{module} import main; main({args})"


class LaunchError(RuntimeError):
    """A worker cannot be started on this machine; the message says why."""


class Connection(Protocol):
    """What the judge holds of one worker."""

    def request(self, payload: bytes, deadline: float) -> bytes:
        """Return the answer; raises WireBroken or WireTimeout."""

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

    def start(self, groups: list[str]) -> Connection:
        """Start a worker that has these package groups loaded."""

    def close(self) -> None:
        """End everything that was started."""


def pick_launcher(
    kind: str = "auto", layers: Iterable[str] = (), limits: Limits | None = None
) -> Launcher:
    """Return a launcher: "fork", "spawn", "direct", or "auto" for the best that works here.

    On macOS, a process that has used system libraries must not fork; there "auto" spawns.
    """
    if kind == "auto":
        kind = "fork" if sys.platform == "linux" else "spawn"
    launchers: dict[str, Callable[[], Launcher]] = {
        "fork": lambda: ForkLauncher(layers, limits or Limits()),
        "spawn": SpawnLauncher,
        "direct": DirectLauncher,
    }
    return launchers[kind]()


class WiredConnection:
    """A worker behind a wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def request(self, payload: bytes, deadline: float) -> bytes:
        """Return the answer; raises WireBroken or WireTimeout."""
        return self.wire.request(payload, deadline)

    def printed(self) -> tuple[str, int]:
        """Return the beginning of what the worker printed since the last request, and its size in bytes."""
        return bytes(self.wire.output).decode("utf-8", "replace"), self.wire.printed

    def wait_until_ready(self) -> None:
        """Wait for the worker's first sign of life; what it does until then is not the learner's time."""
        deadline = time.monotonic() + START_SECONDS
        try:
            self.request(encode({"op": "ready"}), deadline)
        except (WireBroken, WireTimeout) as error:
            raise LaunchError(f"a worker does not start: {self.printed()[0][-500:]}") from error


class ForkLauncher:
    """Starts workers by asking a zygote, which is started on the first use or by `warm_up`.

    Attributes:
        expected: package groups that later workers will want; the zygote loads them while it has
            nothing else to do.
    """

    in_process = False

    def __init__(self, layers: Iterable[str] = (), limits: Limits | None = None) -> None:
        self.expected: set[str] = set()
        self._layers = sorted(layers)
        self._limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def warm_up(self) -> None:
        """Start the zygote now, so that it loads its packages while the judge does something else."""
        if self._control:
            return
        self._control, theirs = socket.socketpair()
        self._control.settimeout(START_SECONDS)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the zygote
        command = _BOOT.format(
            root=ROOT,
            module="zygote",
            args=f"{ROOT!r}, {asdict(self._limits)!r}, {sorted(self.expected)!r}",
        )
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-c", command],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=_environment(),
            start_new_session=True,
        )
        theirs.close()

    def ask(
        self, request: dict[str, Any], sockets: tuple[socket.socket, ...] = ()
    ) -> dict[str, Any]:
        """Send one request to the zygote and return its answer."""
        self.warm_up()
        assert self._control
        try:
            fds = [sock.fileno() for sock in sockets]
            socket.send_fds(self._control, [json.dumps(request).encode()], fds)
            answer = self._control.recv(1 << 16)
        except OSError as error:
            raise LaunchError(f"the zygote does not answer: {error}{self._last_words()}") from error
        if not answer:
            raise LaunchError(f"the zygote has ended{self._last_words()}")
        result: dict[str, Any] = json.loads(answer)
        return result

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def start(self, groups: list[str]) -> Connection:
        """Fork a worker."""
        frames, their_frames = socket.socketpair()
        output, their_output = socket.socketpair()
        with their_frames, their_output:
            request = {"op": "fork", "groups": groups, "layers": self._layers}
            answer = self.ask(request, (their_frames, their_output))
        if "problem" in answer:
            frames.close()
            output.close()
            raise LaunchError(f"a worker does not start: {answer['problem']}")
        connection = ForkedConnection(self, answer["pid"], Wire(frames, output))
        connection.wait_until_ready()
        return connection

    def branch(self, layers: Iterable[str] | None = None) -> ForkLauncher:
        """Return a launcher with a connection of its own to the same zygote, for a forked judge.

        Args:
            layers: other layers of isolation than this launcher's.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            self.ask({"op": "listen"}, (theirs,))
        ours.settimeout(START_SECONDS)
        other = ForkLauncher(self._layers if layers is None else layers, self._limits)
        other._control, other._errors = ours, self._errors
        return other

    def close(self) -> None:
        """End all workers, and the zygote if this launcher started it."""
        if self._control and not self._process:
            self._control.close()
        if self._process and self._control:
            self._control.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                # In the middle of an import it does not listen; the imports of packages leave
                # nothing behind.
                self._process.kill()
                self._process.wait()
            self._errors.close()
            self._process = self._control = None


class ForkedConnection(WiredConnection):
    """A worker that was forked from a zygote."""

    def __init__(self, launcher: ForkLauncher, pid: int, wire: Wire) -> None:
        super().__init__(wire)
        self._launcher = launcher
        self.pid = pid

    def end(self) -> str:
        """End the worker, and say how it had ended by itself."""
        status = self._launcher.ask({"op": "end", "pid": self.pid})["status"]
        self.wire.drain()
        self.wire.close()
        return how_it_ended(os.waitstatus_to_exitcode(status))


class SpawnLauncher:
    """Starts each worker as a new interpreter: slow, but it works wherever Python does."""

    in_process = False

    def start(self, groups: list[str]) -> Connection:
        """Spawn a worker."""
        scratch = tempfile.mkdtemp(prefix="torchsteps-")
        command = _BOOT.format(
            root=ROOT, module="worker", args=f"{scratch!r}, {ROOT!r}, {groups!r}"
        )
        process = subprocess.Popen(
            [sys.executable, "-s", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            bufsize=0,
            start_new_session=True,
        )
        connection = SpawnedConnection(process, scratch)
        try:
            connection.wait_until_ready()
        except LaunchError:
            connection.end()
            raise
        return connection

    def close(self) -> None:
        """Nothing is left: every worker was ended by its connection."""


class SpawnedConnection(WiredConnection):
    """A worker that was spawned; threads carry its pipes, which Windows cannot wait for, to sockets."""

    def __init__(self, process: subprocess.Popen[bytes], scratch: str) -> None:
        frames, their_frames = socket.socketpair()
        output, their_output = socket.socketpair()
        super().__init__(Wire(frames, output))
        self._process = process
        self._scratch = scratch
        assert process.stdin and process.stdout and process.stderr
        down, up, error = process.stdin, process.stdout, process.stderr
        pumps = [
            threading.Thread(target=_pump, args=args, daemon=True)
            for args in (
                (their_frames.recv, down.write, down.close),
                (up.read, their_frames.sendall, lambda: their_frames.shutdown(socket.SHUT_WR)),
                (error.read, their_output.sendall, their_output.close),
            )
        ]
        for pump in pumps:
            pump.start()
        self._output_pump = pumps[-1]

    def end(self) -> str:
        """End the worker, and say how it had ended by itself."""
        code = self._stop()
        # What it printed last may still be on its way through the thread.
        deadline = time.monotonic() + 1
        while self._output_pump.is_alive() and time.monotonic() < deadline:
            self.wire.drain()
            self._output_pump.join(0.01)
        self.wire.drain()
        self.wire.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        return how_it_ended(code)

    def _stop(self) -> int:
        """End the process with all its group, and return its exit code."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # Before waiting: until then the number cannot belong to a new process.
                os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()
        try:
            return self._process.wait(0.05)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _environment() -> dict[str, str]:
    """Return an empty environment, but for what Windows needs, and sets that iterate alike in every run."""
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return keep | {"PYTHONHASHSEED": "0"}


def _pump(read: Any, write: Any, close: Any) -> None:
    """Carry bytes from one stream to another until either ends."""
    with contextlib.suppress(OSError, ValueError):
        while piece := read(1 << 16):
            write(piece)
    with contextlib.suppress(OSError):
        close()


class DirectLauncher:
    """Runs the learner's code inside this process, so that a debugger can step into it. No limit holds."""

    in_process = True

    def branch(self) -> DirectLauncher:
        """Return itself: there is nothing to keep apart."""
        return self

    def start(self, groups: list[str]) -> Connection:
        """Return a connection that needs no process."""
        return DirectConnection()

    def close(self) -> None:
        """Nothing was started."""


class DirectConnection:
    """The worker's service, called in process."""

    def __init__(self) -> None:
        from grader import worker

        self._service = worker.Service()
        self._encode = worker.encode_answer

    def request(self, payload: bytes, deadline: float) -> bytes:
        """Return the answer; the deadline does not count while somebody looks into a debugger."""
        return self._encode(self._service.answer(decode(payload)))

    def end(self) -> str:
        """Nothing has to end."""
        return ""

    def printed(self) -> tuple[str, int]:
        """What was printed went to the terminal."""
        return "", 0


def how_it_ended(code: int) -> str:
    """Return a clause for an exit code as subprocess gives it; "" for our own SIGKILL."""
    if code == -getattr(signal, "SIGKILL", 9):
        return ""
    if code < 0:
        return f"it was stopped by {signal.Signals(-code).name}"
    return f"it ended itself with exit code {code}"
