"""Workers spawned as new interpreters: slow to start, but they work wherever Python does."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any

from grader.launch.connection import (
    Connection,
    LaunchError,
    PlainLauncher,
    WiredConnection,
    how_it_ended,
)
from grader.launch.interpreter import BOOT, PYTHON, ROOT, environment
from grader.wire.stream import Wire


class SpawnLauncher(PlainLauncher):
    """Starts each worker as a new interpreter, which is slow but works wherever Python does."""

    def start(self, groups: list[str], /) -> Connection:
        """Spawn a worker."""
        scratch = tempfile.mkdtemp(prefix="torchsteps-")
        command = BOOT.format(
            root=ROOT, module="worker.service", args=f"{scratch!r}, {ROOT!r}, {groups!r}"
        )
        process = subprocess.Popen(
            [*PYTHON, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
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


class SpawnedConnection(WiredConnection):
    """A spawned worker; threads copy its pipes to sockets, because Windows cannot wait for pipes."""

    def __init__(self, process: subprocess.Popen[bytes], scratch: str) -> None:
        frames, their_frames = socket.socketpair()
        output, their_output = socket.socketpair()
        super().__init__(Wire(frames, output), process.pid)
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
        """End the worker; return how it had ended by itself, as a clause, or ""."""
        code = self._stop()
        # The thread may still be copying the last output.
        deadline = time.monotonic() + 1
        while self._output_pump.is_alive() and time.monotonic() < deadline:
            self.wire.drain()
            self._output_pump.join(0.01)
        self.wire.drain()
        self.wire.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        return how_it_ended(code)

    def _stop(self) -> int:
        """End the process and its process group, and return its exit code."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # Kill before waiting: only until then is the process id sure not to be reused.
                os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()
        try:
            return self._process.wait(0.05)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _pump(read: Any, write: Any, close: Any) -> None:
    """Copy bytes from one stream to another until either ends."""
    with contextlib.suppress(OSError, ValueError):
        while piece := read(1 << 16):
            write(piece)
    with contextlib.suppress(OSError):
        close()
