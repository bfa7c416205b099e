"""The zygote: a process that has the heavy packages loaded and forks workers from itself.

It is started with an empty environment and never forked from a judge, so it holds nothing secret.
It reads requests, one JSON object a message, from control sockets, the first of which is its standard
input, and answers each with one object:

    {"op": "fork", "groups": […], "layers": […], "processors": […]} with two descriptors
        (frames, output)                                                  ->  {"pid": int}
    {"op": "end", "pid": int}                                             ->  {"status": int}
    {"op": "listen"} with one descriptor, another control socket          ->  {}

"end" kills the worker with all its processes, and answers with what `os.waitpid` says of it. When a control
socket closes, the workers that were forked over it are ended; after the last one, so is the zygote.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import traceback
import warnings
from dataclasses import dataclass
from typing import Any

from grader.limits import Limits
from grader.packages import GROUPS
from grader.sandbox import Sandbox, User
from grader.worker import enter_scratch, forget_kit, seed_everything, serve


@dataclass(frozen=True)
class Alive:
    """A worker that runs: who asked for it, its scratch folder, and its user if it has one of its own."""

    control: socket.socket
    scratch: str
    user: User | None


class Zygote:
    """Loads package groups one by one, and forks a worker whenever a judge asks for one."""

    def __init__(
        self, control: socket.socket, root: str, limits: Limits, expected: list[str]
    ) -> None:
        self.controls = [control]
        self.root = root
        self.limits = limits
        self.sandboxes: dict[tuple[str, ...], Sandbox] = {}
        self.loaded: set[str] = set()
        self.expected = [group for group in GROUPS if group in expected]
        self.alive: dict[int, Alive] = {}

    def run(self) -> None:
        """Answer requests until all judges are gone; load further packages while there are none."""
        try:
            self.load(["torch"])
            while self.controls:
                ahead = [group for group in self.expected if group not in self.loaded]
                ready, _, _ = select.select(self.controls, [], [], 0 if ahead else None)
                for control in ready:
                    self.serve_one(control)
                if not ready:
                    self.load(ahead[:1])
        finally:
            for pid in list(self.alive):
                self.end(pid)

    def serve_one(self, control: socket.socket) -> None:
        """Answer one request, or let go of a judge that is gone."""
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
            if message:
                answer = self.answer(control, json.loads(message), descriptors)
                control.sendall(json.dumps(answer).encode())
                return
        except ConnectionError:
            pass
        self.controls.remove(control)
        for pid, worker in list(self.alive.items()):
            if worker.control is control:
                self.end(pid)

    def answer(
        self, control: socket.socket, request: dict[str, Any], descriptors: list[int]
    ) -> dict[str, int | str]:
        """Do what a request asks for; a problem is an answer, too."""
        if request["op"] == "end":
            return {"status": self.end(request["pid"])}
        if request["op"] == "listen":
            self.controls.append(socket.socket(fileno=descriptors[0]))
            return {}
        self.load(request["groups"])
        try:
            pid = self.fork(control, request["layers"], *descriptors)
            with contextlib.suppress(OSError):
                os.sched_setaffinity(pid, request["processors"])
            return {"pid": pid}
        except (OSError, ValueError) as error:
            return {"problem": str(error)}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def sandbox(self, layers: list[str]) -> Sandbox:
        """Return the sandbox of these layers, prepared at the first call."""
        key = tuple(layers)
        if key not in self.sandboxes:
            self.sandboxes[key] = Sandbox(key, self.limits, self.root)
        return self.sandboxes[key]

    def load(self, groups: list[str]) -> None:
        """Load the groups that are not loaded yet."""
        for group in groups:
            if group not in self.loaded:
                GROUPS[group]()
                # As each worker will do: NumPy loads its generators at the first use.
                seed_everything()
                self.loaded.add(group)
                # What is loaded stays: without this, each worker's collector would copy every page
                # of it.
                gc.collect()
                gc.freeze()

    def fork(self, control: socket.socket, layers: list[str], frames: int, output: int) -> int:
        """Fork a worker that serves on the descriptor `frames` and prints to `output`; return its pid.

        Raises:
            OSError, ValueError: a layer of isolation cannot be prepared.
        """
        sandbox = self.sandbox(layers)
        user = sandbox.reserve_user()
        scratch = tempfile.mkdtemp(prefix="torchsteps-")
        pid = os.fork()
        if pid == 0:
            try:
                self.become_worker(frames, output, scratch, sandbox, user)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        self.alive[pid] = Alive(control, scratch, user)
        return pid

    def become_worker(
        self, frames: int, output: int, scratch: str, sandbox: Sandbox, user: User | None
    ) -> None:
        """In the new process: keep nothing but the two descriptors, enter the sandbox, then serve."""
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.closerange(3, frames)
        os.closerange(frames + 1, os.sysconf("SC_OPEN_MAX"))
        forget_kit(self.root)
        enter_scratch(scratch)
        sandbox.enter(scratch, user.uid if user else None)
        serve(frames, frames)

    def end(self, pid: int) -> int:
        """Kill a worker and its process group and remove its scratch folder; return its wait status."""
        worker = self.alive.pop(pid, None)
        if worker is None:
            return 0
        try:
            # Before waiting: until then the number cannot belong to a new process.
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if worker.user:
            worker.user.kill_all()
            worker.user.give_back()
        remove(worker.scratch)
        return status


def remove(folder: str) -> None:
    """Remove a scratch folder, whatever is in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        # Nested deeper than Python can follow.
        subprocess.run(["/bin/rm", "-rf", "--", folder], check=False)


def main(root: str, limits: dict[str, int], expected: list[str]) -> None:
    """Serve on standard input until it closes; load the expected groups as long as nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    Zygote(control, root, Limits(**limits), expected).run()
