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
import tempfile
import traceback
import warnings
from typing import Any

from grader.worker import enter_scratch, forget_kit, serve


def load_torch() -> None:
    """Import torch and run it once, with one thread: a process that used several must not fork."""
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    x = torch.ones(3, 1, requires_grad=True)
    torch.autograd.backward(torch.nn.Linear(1, 1)(x).sum())


def load_optimizers() -> None:
    """Make optimizers take a step: the first one imports a compiler, which takes a second."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    for kind in (torch.optim.SGD, torch.optim.Adam):
        parameter = torch.ones(1, requires_grad=True)
        torch.autograd.backward(parameter.sum())
        kind([parameter], lr=0.1).step()
    list(DataLoader(TensorDataset(torch.zeros(2, 1)), batch_size=1))


def load_sklearn() -> None:
    """Import the parts of scikit-learn that the steps use, and fit once."""
    import numpy as np
    import sklearn.datasets
    import sklearn.metrics
    import sklearn.model_selection
    from sklearn.linear_model import LinearRegression

    LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))
    sklearn.metrics.r2_score([0.0, 1.0], [0.0, 1.0])


# In the order of the lesson, so that the first steps do not wait for what only later ones need.
GROUPS = {"torch": load_torch, "sklearn": load_sklearn, "optimizers": load_optimizers}


class Zygote:
    """Loads package groups one by one, and forks a worker whenever the judge asks for one."""

    def __init__(self, control: socket.socket, root: str) -> None:
        self.control = control
        self.root = root
        self.waiting = dict(GROUPS)
        self.scratch: dict[int, str] = {}

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
            for pid in list(self.scratch):
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
        pid = os.fork()
        if pid == 0:
            try:
                self.become_worker(frames, output, scratch)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(frames)
        os.close(output)
        self.scratch[pid] = scratch
        return pid

    def become_worker(self, frames: int, output: int, scratch: str) -> None:
        """In the new process: keep nothing but the two descriptors, then serve."""
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.closerange(3, frames)
        os.closerange(frames + 1, os.sysconf("SC_OPEN_MAX"))
        enter_scratch(scratch)
        forget_kit(self.root)
        serve(frames, frames)

    def end(self, pid: int) -> int:
        """Kill a worker and its process group and remove its scratch folder; return its wait status."""
        scratch = self.scratch.pop(pid, None)
        if scratch is None:
            return 0
        try:
            # Before waiting: until then the number cannot belong to a new process.
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        shutil.rmtree(scratch, ignore_errors=True)
        return status


def main(root: str) -> None:
    """Serve on standard input until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    Zygote(control, root).run()
