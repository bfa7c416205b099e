"""Workers that are forked from a zygote: a clean process with torch loaded, in milliseconds."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from grader.course.limits import Limits
from grader.launch import control
from grader.launch.connection import (
    BOOT,
    PYTHON,
    ROOT,
    START_SECONDS,
    Connection,
    LaunchError,
    WiredConnection,
    environment,
    how_it_ended,
)
from grader.wire.stream import Wire


class _Zygote:
    """The process that workers are forked from.

    Args:
        limits: of each worker.
        many: whether hundreds of workers will be asked for; then it takes time to make forking them cheap.

    Attributes:
        expected: the package groups of later workers, each one's together; it loads them while it has nothing
            else to do.
    """

    def __init__(self, limits: Limits, many: bool) -> None:
        self.expected: set[tuple[str, ...]] = set()
        self._limits = limits
        self._many = many
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 before it is started."""
        return self._process.pid if self._process else 0

    def control(self) -> socket.socket:
        """Return the socket over which it was started, and start it first if need be."""
        if self._control is None:
            self._control, theirs = socket.socketpair()
            self._control.settimeout(START_SECONDS)
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
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

    def connect(self) -> socket.socket:
        """Return one more socket for requests; if the process is gone, another one is started."""
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
        """Send one request over one of its sockets, with sockets to pass on, and return the answer."""
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
        """End it, and all workers with it."""
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


class ForkLauncher:
    """Starts workers by asking a zygote, which is started on the first use or by `prepare`.

    Args:
        layers: of isolation, that workers are in.
        limits: of each worker.
        many: whether hundreds of workers will be asked for; then the zygote takes time to make forking them cheap.
        zygote: the zygote of the launcher that this is a branch of; by default, one of its own.
    """

    in_process = False

    def __init__(
        self,
        layers: Iterable[str] = (),
        limits: Limits | None = None,
        *,
        many: bool = False,
        zygote: _Zygote | None = None,
    ) -> None:
        self._layers = sorted(layers)
        self._zygote = zygote or _Zygote(limits or Limits(), many)
        # A branch talks over a socket of its own, since it may be used in a fork.
        self._own: socket.socket | None = zygote.connect() if zygote else None

    @property
    def pid(self) -> int:
        """The zygote's process id; 0 before it is started."""
        return self._zygote.pid

    def prepare(self, groups: Iterable[tuple[str, ...]] = ()) -> None:
        """Start the zygote, so that it loads packages while the judge does something else.

        Args:
            groups: the package groups of later workers, each one's together.
        """
        self._zygote.expected |= set(groups)
        self._zygote.control()

    def _ask(
        self, request: dict[str, Any], passed: tuple[socket.socket, ...] = ()
    ) -> dict[str, Any]:
        return self._zygote.ask(self._own or self._zygote.control(), request, passed)

    def start(self, groups: list[str], /) -> Connection:
        """Fork a worker."""
        frames, their_frames = socket.socketpair()
        output, their_output = socket.socketpair()
        with their_frames, their_output:
            request = {
                "op": "fork",
                "groups": groups,
                "layers": self._layers,
                # The judge's own: it waits while the worker works.
                "processors": sorted(os.sched_getaffinity(0)),
            }
            answer = self._ask(request, (their_frames, their_output))
        if "problem" in answer:
            frames.close()
            output.close()
            raise LaunchError(f"a worker does not start: {answer['problem']}")
        connection = ForkedConnection(self._ask, answer["pid"], Wire(frames, output))
        connection.wait_until_ready()
        return connection

    def branch(self, layers: Iterable[str] | None = None) -> ForkLauncher:
        """Return a launcher with a connection of its own to the same zygote, for a forked judge.

        If the zygote is gone, another one is started, so that it costs a class only what was judged meanwhile.

        Args:
            layers: other layers of isolation than this launcher's.
        """
        return ForkLauncher(self._layers if layers is None else layers, zygote=self._zygote)

    def prefer(self, layer: str) -> None:
        """Put workers into this layer of isolation, too, if it works on this machine."""
        layers = sorted({*self._layers, layer})
        branch = self.branch(layers)
        try:
            branch.start([]).end()
        except LaunchError:
            return
        finally:
            branch.close()
        self._layers = layers

    def close(self) -> None:
        """End all workers; of a branch, those that it started."""
        if self._own:
            self._own.close()
        else:
            self._zygote.close()


class ForkedConnection(WiredConnection):
    """A worker that was forked from a zygote."""

    def __init__(
        self, ask: Callable[[dict[str, Any]], dict[str, Any]], pid: int, wire: Wire
    ) -> None:
        super().__init__(wire, pid)
        self._ask = ask

    def end(self) -> str:
        """End the worker, and say how it had ended by itself.

        Raises:
            LaunchError: what forked it is gone, so that the worker is no witness of the learner's code.
        """
        answer = self._ask({"op": "end", "pid": self.pid})
        self.wire.drain()
        self.wire.close()
        if "problem" in answer:
            raise LaunchError(f"a worker was lost: {answer['problem']}")
        return how_it_ended(os.waitstatus_to_exitcode(answer["status"]))
