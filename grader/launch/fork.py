"""Workers that are forked from a zygote: a clean process with torch loaded, in milliseconds."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterable
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


class ForkLauncher:
    """Starts workers by asking a zygote, which is started on the first use or by `warm_up`.

    Args:
        layers: of isolation, that workers are in.
        limits: of each worker.
        many: whether hundreds of workers will be asked for; then the zygote takes time to make forking them cheap.

    Attributes:
        expected: the package groups of later workers, each one's together; the zygote loads them while it
            has nothing else to do.
    """

    in_process = False

    def __init__(
        self, layers: Iterable[str] = (), limits: Limits | None = None, *, many: bool = False
    ) -> None:
        self.expected: set[tuple[str, ...]] = set()
        self._layers = sorted(layers)
        self._limits = limits or Limits()
        self._many = many
        # The one that has started the zygote, if this is a branch of it.
        self._trunk = self
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int:
        """The zygote's process id; 0 before it is started, and for a branch."""
        return self._process.pid if self._process else 0

    def warm_up(self) -> None:
        """Start the zygote now, so that it loads its packages while the judge does something else."""
        if self._control:
            return
        self._control, theirs = socket.socketpair()
        self._control.settimeout(START_SECONDS)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the zygote
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

    def ask(
        self, request: dict[str, Any], sockets: tuple[socket.socket, ...] = ()
    ) -> dict[str, Any]:
        """Send one request to the zygote and return its answer."""
        self.warm_up()
        assert self._control
        try:
            return control.ask(self._control, request, [sock.fileno() for sock in sockets])
        except OSError as error:
            raise LaunchError(f"the zygote does not answer: {error}{self._last_words()}") from error

    def _last_words(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def start(self, groups: list[str]) -> Connection:
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

        If the zygote is gone, another one is started, so that it costs a class only what was judged meanwhile.

        Args:
            layers: other layers of isolation than this launcher's.
        """
        trunk = self._trunk
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                trunk.ask({"op": "listen"}, (theirs,))
            except LaunchError:
                trunk.close()
                trunk.ask({"op": "listen"}, (theirs,))
        ours.settimeout(START_SECONDS)
        other = ForkLauncher(self._layers if layers is None else layers, self._limits)
        other._trunk, other._control, other._errors = trunk, ours, trunk._errors
        return other

    def prefer(self, layer: str) -> None:
        """Put workers into this layer of isolation, too, if it works on this machine."""
        branch = self.branch([*self._layers, layer])
        try:
            branch.start([]).end()
        except LaunchError:
            return
        finally:
            branch.close()
        self._layers = branch._layers

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
        """End the worker, and say how it had ended by itself.

        Raises:
            LaunchError: what forked it is gone, so that the worker is no witness of the learner's code.
        """
        answer = self._launcher.ask({"op": "end", "pid": self.pid})
        self.wire.drain()
        self.wire.close()
        if "problem" in answer:
            raise LaunchError(f"a worker was lost: {answer['problem']}")
        return how_it_ended(os.waitstatus_to_exitcode(answer["status"]))
