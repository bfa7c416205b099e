"""Workers forked from a zygote, a clean process with their packages loaded: each starts in milliseconds.

This is the judge's side of `grader.launch.zygote`; it is over 300 lines so that
all that crosses stands in one place.
"""

from __future__ import annotations

import importlib
import math
import os
import signal
import socket
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from grader.course.limits import Limits
from grader.launch import control, zygote
from grader.launch.connection import (
    START_SECONDS,
    Connection,
    LaunchError,
    WiredConnection,
    how_it_ended,
)
from grader.launch.interpreter import BOOT, PYTHON, ROOT, environment
from grader.wire.stream import Wire


class ForkedProcess:
    """A process that was forked from this one, with the methods of `subprocess.Popen` that are used here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it has ended, and return its exit code; raises TimeoutExpired after so many seconds."""
        end = math.inf if seconds is None else time.monotonic() + seconds
        while self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise subprocess.TimeoutExpired("zygote", seconds or 0.0)
            else:
                time.sleep(0.005)
        return self._code

    def kill(self) -> None:
        """Kill it."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)


class _Zygote:
    """The process that workers are forked from.

    Args:
        limits: the limits of each worker.
        many: whether hundreds of workers will be needed; then it spends time on making forks cheap.
        imports: package groups that this process loads before it forks the zygote from itself (see
            `ForkLauncher`); none for a zygote that is a new process.

    Attributes:
        expected: the package groups of each later worker; the zygote loads them while it is idle.
    """

    def __init__(self, limits: Limits, many: bool, imports: Iterable[str] = ()) -> None:
        self.expected: set[tuple[str, ...]] = set()
        self._limits = limits
        self._many = many
        self._imports = tuple(imports)
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 before it is started."""
        return self._process.pid if self._process else 0

    def control(self) -> socket.socket:
        """Return the main control socket; starts the zygote if necessary."""
        if self._control is None:
            self._control, theirs = socket.socketpair()
            self._control.settimeout(START_SECONDS)
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
            if self._imports:
                self._process = self._forked(theirs)
                theirs.close()
                return self._control
            command = BOOT.format(
                root=ROOT,
                module="launch.zygote",
                args=f"{ROOT!r}, {asdict(self._limits)!r}, {sorted(map(list, self.expected))!r}, {self._many}",
            )
            self._process = subprocess.Popen(
                [*PYTHON, command],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment(),
                start_new_session=True,
            )
            theirs.close()
        return self._control

    def _forked(self, control: socket.socket) -> ForkedProcess:
        """Import packages in this process, and fork the zygote from it."""
        for group in self._imports:
            importlib.import_module(group)
        expected = sorted(map(list, self.expected))
        arguments = control, self._errors.fileno(), ROOT, asdict(self._limits), expected
        pid = os.fork()
        if pid == 0:
            try:
                zygote.main_in_fork(*arguments, self._many, self._imports)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        return ForkedProcess(pid)

    def connect(self) -> socket.socket:
        """Return another control socket; starts a new zygote if this one is gone."""
        ours, theirs = socket.socketpair()
        ours.settimeout(START_SECONDS)
        with theirs:
            try:
                self.ask(self.control(), {"op": "listen"}, (theirs,))
            except LaunchError:
                self.close()
                self.ask(self.control(), {"op": "listen"}, (theirs,))
        return ours

    def ask(
        self,
        sock: socket.socket,
        request: dict[str, Any],
        passed: tuple[socket.socket, ...] = (),
    ) -> dict[str, Any]:
        """Send one request, and return the answer.

        Args:
            sock: one of its control sockets.
            request: the request; `zygote.py` lists them.
            passed: sockets whose descriptors travel with it.

        Raises:
            LaunchError: there is no answer.
        """
        try:
            return control.ask(sock, request, [one.fileno() for one in passed])
        except OSError as error:
            raise LaunchError(f"the zygote does not answer: {error}{self._last_words()}") from error

    def _last_words(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def close(self) -> None:
        """End the zygote and all its workers."""
        if self._process and self._control:
            self._control.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                # It does not listen while it waits for a stage to load packages. To kill it then is safe,
                # because importing packages leaves nothing behind.
                self._process.kill()
                self._process.wait()
            self._errors.close()
        self._process = self._control = None


class ForkLauncher:
    """Starts workers by asking a zygote, which starts on first use or in `prepare`.

    Args:
        layers: the layers of isolation around each worker.
        limits: the limits of each worker.
        many: whether hundreds of workers will be needed; then the zygote spends time on making forks cheap.
        imports: "numpy", or "numpy" and "torch": this process imports them and forks the zygote from itself, so
            that both need one import together. It must hold nothing secret, have no threads, and an environment
            made by `environment`. By default, the zygote is a new process.
        zygote: for a branch, the zygote of the original launcher; by default, a new one.
    """

    in_process = False

    def __init__(
        self,
        layers: Iterable[str] = (),
        limits: Limits | None = None,
        *,
        many: bool = False,
        imports: Iterable[str] = (),
        zygote: _Zygote | None = None,
    ) -> None:
        self._layers = sorted(layers)
        self._zygote = zygote or _Zygote(limits or Limits(), many, imports)
        # A branch has a socket of its own, because a fork may use it.
        self._own: socket.socket | None = zygote.connect() if zygote else None

    @property
    def pid(self) -> int:
        """The zygote's process id; 0 before it is started."""
        return self._zygote.pid

    def prepare(self, groups: Iterable[tuple[str, ...]] = ()) -> None:
        """Start the zygote, so that it loads packages while the judge does other work.

        Args:
            groups: the package groups of each later worker.
        """
        self._zygote.expected |= set(groups)
        self._zygote.control()

    def ask(
        self, request: dict[str, Any], passed: tuple[socket.socket, ...] = ()
    ) -> dict[str, Any]:
        """Send the zygote a request over this launcher's own connection, and return its answer."""
        return self._zygote.ask(self._own or self._zygote.control(), request, passed)

    def start(self, groups: list[str], /) -> Connection:
        """Fork a worker."""
        return self.fork(groups).connect(self)

    def fork(self, groups: list[str], warm: bool = False) -> Unconnected:
        """Fork a worker, and do not wait until it is ready.

        Args:
            groups: its package groups.
            warm: whether it warms up, which takes longer than it saves unless it would only wait.
        """
        frames, their_frames = socket.socketpair()
        output, their_output = socket.socketpair()
        with their_frames, their_output:
            request = {
                "op": "fork",
                "groups": groups,
                "warm": warm,
                "layers": self._layers,
                # The judge's own, because it only waits while the worker runs.
                "processors": sorted(os.sched_getaffinity(0)),
            }
            answer = self.ask(request, (their_frames, their_output))
        if "problem" in answer:
            frames.close()
            output.close()
            raise LaunchError(f"a worker does not start: {answer['problem']}")
        return Unconnected(groups, answer["pid"], frames, output)

    def branch(self, layers: Iterable[str] | None = None) -> ForkLauncher:
        """Return a launcher for a forked judge, with its own connection to the same zygote.

        If the zygote is gone, a new one starts, so that a class loses only what was being judged.

        Args:
            layers: the layers of isolation; by default, those of this launcher.
        """
        return ForkLauncher(self._layers if layers is None else layers, zygote=self._zygote)

    def prefer(self, layer: str) -> None:
        """Add this layer of isolation to later workers, if it works on this machine."""
        layers = sorted({*self._layers, layer})
        branch = self.branch(layers)
        try:
            branch.start(["numpy"]).end()
        except LaunchError:
            return
        finally:
            branch.close()
        self._layers = layers

    def close(self) -> None:
        """End all workers; for a branch, only those that it started."""
        if self._own:
            self._own.close()
        else:
            self._zygote.close()


@dataclass(frozen=True)
class Unconnected:
    """A worker that was forked, perhaps by another process, and that nobody has asked anything yet.

    Attributes:
        groups: its package groups.
        pid: its process id.
        frames: the judge's end of its stream.
        output: the judge's end of what it prints.
    """

    groups: list[str]
    pid: int
    frames: socket.socket
    output: socket.socket

    def connect(self, launcher: ForkLauncher) -> ForkedConnection:
        """Wait until it is ready, and return a connection to it, which ends it by way of this launcher."""
        connection = ForkedConnection(launcher.ask, self.pid, Wire(self.frames, self.output))
        connection.wait_until_ready()
        return connection

    def close(self) -> None:
        """Close this process's ends, and leave the worker to whoever else has them."""
        self.frames.close()
        self.output.close()


class ForkedConnection(WiredConnection):
    """A worker that was forked from a zygote."""

    def __init__(
        self, ask: Callable[[dict[str, Any]], dict[str, Any]], pid: int, wire: Wire
    ) -> None:
        super().__init__(wire, pid)
        self._ask = ask

    def end(self) -> str:
        """End the worker; return how it had ended by itself, as a clause, or "".

        Raises:
            LaunchError: the process that forked the worker is gone, and may have taken the worker with it. So
                its end says nothing about the learner's code.
        """
        answer = self._ask({"op": "end", "pid": self.pid})
        self.wire.drain()
        self.wire.close()
        if "problem" in answer:
            raise LaunchError(f"a worker was lost: {answer['problem']}")
        return how_it_ended(os.waitstatus_to_exitcode(answer["status"]))
