"""The zygote: a process that has the heavy packages loaded and forks workers from itself.

It is started with an empty environment and never forked from a judge, so it holds nothing secret.
It reads requests, one JSON object a message, from the socket on its standard input and answers each
with one:

    {"op": "fork", "groups": [...]} with two descriptors (frames, output)  ->  {"pid": int}
    {"op": "end", "pid": int}                                              ->  {"status": int}

"end" kills the worker with all its process group, and answers with what `os.waitpid` says of it.
When the judge goes away, the zygote kills its workers and ends.
"""

from __future__ import annotations

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
from grader.worker import enter_scratch, forget_kit, serve


@dataclass(frozen=True)
class Alive:
    """A worker that runs: its scratch folder, and its user if it has one of its own."""

    scratch: str
    user: User | None


class Zygote:
    """Loads package groups one by one, and forks a worker whenever the judge asks for one."""

    def __init__(self, control: socket.socket, root: str, sandbox: Sandbox) -> None:
        self.control = control
        self.root = root
        self.sandbox = sandbox
        self.waiting = dict(GROUPS)
        self.alive: dict[int, Alive] = {}

    def run(self) -> None:
        """Answer requests until the judge goes away; load further packages while there are none."""
        try:
            self.load(["torch"])
            while True:
                if self.waiting and not select.select([self.control], [], [], 0)[0]:
                    self.load([next(iter(self.waiting))])
                    continue
                message, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 2)
                if not message:
                    return
                answer = self.answer(json.loads(message), descriptors)
                self.control.sendall(json.dumps(answer).encode())
        finally:
            for pid in list(self.alive):
                self.end(pid)

    def answer(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, int]:
        """Fork or end a worker."""
        if request["op"] == "fork":
            self.load(request["groups"])
            return {"pid": self.fork(*descriptors)}
        return {"status": self.end(request["pid"])}

    def load(self, groups: list[str]) -> None:
        """Load the groups that are not loaded yet."""
        for group in groups:
            if group in self.waiting:
                self.waiting.pop(group)()
                # What is loaded stays: without this, each worker's collector would copy every page
                # of it.
                gc.collect()
                gc.freeze()

    def fork(self, frames: int, output: int) -> int:
        """Fork a worker that serves on the descriptor `frames` and prints to `output`; return its pid."""
        scratch = tempfile.mkdtemp(prefix="torchsteps-")
        user = self.sandbox.reserve_user()
        pid = os.fork()
        if pid == 0:
            try:
                self.become_worker(frames, output, scratch, user.uid if user else None)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(frames)
        os.close(output)
        self.alive[pid] = Alive(scratch, user)
        return pid

    def become_worker(self, frames: int, output: int, scratch: str, uid: int | None) -> None:
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
        self.sandbox.enter(scratch, uid)
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
        remove(worker.scratch)
        return status


def remove(folder: str) -> None:
    """Remove a scratch folder, whatever is in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        # Nested deeper than Python can follow.
        subprocess.run(["/bin/rm", "-rf", "--", folder], check=False)


def main(root: str, layers: list[str], limits: dict[str, int]) -> None:
    """Serve on standard input until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    Zygote(control, root, Sandbox(layers, Limits(**limits), root)).run()
