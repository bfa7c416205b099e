"""The zygote: a process that has packages loaded and forks workers from itself.

It starts with an empty environment and is never forked from a judge, so it holds nothing secret. The
module is over 300 lines, so that everything between a request and the learner's first line is in one
place. The zygote reads requests, one JSON object per message, from control sockets, the first of which
is its standard input. It answers each with one object:

    {"op": "fork", "groups": […], "warm": bool, "layers": […], "processors": […]} with two
        descriptors (frames, output)                                      ->  {"pid": int}
    {"op": "end", "pid": int}                                             ->  {"status": int}
    {"op": "listen"} with one descriptor, another control socket          ->  {}

"end" kills the worker with all its processes, and answers with its wait status from `os.waitpid`. When a
control socket closes, the workers that were forked over it end; after the last socket, so does the zygote.

The first zygote loads NumPy only. A worker that needs more is forked from a stage: a zygote forked from
this one, with one more group of packages loaded. A worker copies the page tables of everything that is
loaded, so it should have no more than it needs: with scikit-learn and the optimizers, starting and ending
a worker takes twice the time. While a stage loads, the zygote serves those who need no more than it has.
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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from grader.course.limits import Limits
from grader.launch import large_pages
from grader.launch.control import ask
from grader.launch.interpreter import environment
from grader.sandbox.layers import Sandbox, User
from grader.worker.preload import GROUPS, to_load, warm_up
from grader.worker.service import seed_everything, serve
from grader.worker.surroundings import enter_scratch, forget_kit


@dataclass(frozen=True)
class Alive:
    """A running worker.

    Attributes:
        control: the socket over which it was requested.
        end: ends it, and returns its wait status.
    """

    control: socket.socket
    end: Callable[[], int]


class Zygote:
    """Forks a worker whenever a judge requests one, with the package groups that the judge names.

    Args:
        control: the control socket of the first judge.
        root: the kit's folder.
        limits: the limits of each worker.
        expected: the package groups that judges will request; their stages are made in advance, one by one.
        many: whether hundreds of workers will be needed.
        loaded: the groups that this process has already loaded.
    """

    def __init__(
        self,
        control: socket.socket,
        root: str,
        limits: Limits,
        expected: list[list[str]],
        many: bool,
        loaded: tuple[str, ...] = (),
    ) -> None:
        self.controls = [control]
        self.root = root
        self.limits = limits
        self.expected = expected
        self.many = many
        self.loaded = loaded
        self.sandboxes: dict[tuple[str, ...], Sandbox] = {}
        self.stages: dict[str, socket.socket] = {}
        # The control sockets of stages that are not ready yet, and the process ids of all.
        self.loading: dict[str, socket.socket] = {}
        self.stage_pids: dict[str, int] = {}
        self.alive: dict[int, Alive] = {}

    def run(self) -> None:
        """Answer requests until all judges are gone."""
        try:
            firsts = [name for groups in self.expected for name in self.missing(groups)[:1]]
            ahead = [name for name in GROUPS if name in firsts]
            while self.controls:
                if ahead and not self.loading:
                    self.start_stage(ahead.pop(0))
                loading = {sock: name for name, sock in self.loading.items()}
                ready, _, _ = select.select([*self.controls, *loading], [], [])
                for control in ready:
                    if control not in loading:
                        self.serve_one(control)
                    elif loading[control] in self.loading:
                        # A stage that cannot be loaded is a problem of those who request it.
                        with contextlib.suppress(OSError):
                            self.stage(loading[control])
        finally:
            for pid in list(self.alive):
                with contextlib.suppress(OSError):
                    self.end(pid)
            for name in self.loading:
                # It does not listen yet. Importing packages leaves nothing behind.
                os.kill(self.stage_pids[name], signal.SIGKILL)
            for control in self.stages.values():
                control.close()
            for pid in self.stage_pids.values():
                # So that nothing is left of a run when its command has ended.
                with contextlib.suppress(OSError):
                    os.waitpid(pid, 0)

    def serve_one(self, control: socket.socket) -> None:
        """Answer one request, or end the workers of a judge that is gone."""
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
                with contextlib.suppress(OSError):
                    self.end(pid)

    def answer(
        self, control: socket.socket, request: dict[str, Any], descriptors: list[int]
    ) -> dict[str, Any]:
        """Carry out a request, and return the answer, which may be a problem.

        Args:
            control: the socket over which it arrived.
            request: the request.
            descriptors: the descriptors that came with it; they are closed here.
        """
        if request["op"] == "listen":
            self.controls.append(socket.socket(fileno=descriptors[0]))
            return {}
        try:
            if request["op"] == "end":
                return {"status": self.end(request["pid"])}
            missing = self.missing(request["groups"])
            if missing:
                return self.pass_on(control, missing[0], request, descriptors)
            pid = self.fork(control, request["layers"], request["warm"], *descriptors)
            with contextlib.suppress(OSError):
                os.sched_setaffinity(pid, request["processors"])
            return {"pid": pid}
        except (OSError, ValueError) as error:
            return {"problem": str(error)}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def pass_on(
        self,
        control: socket.socket,
        group: str,
        request: dict[str, Any],
        descriptors: list[int],
    ) -> dict[str, Any]:
        """Let a stage fork the worker; if the stage is gone, try once more with a new one.

        Args:
            control: the socket over which the request arrived.
            group: the package group of the stage.
            request: the request to fork.
            descriptors: the descriptors that came with it.

        Raises:
            OSError: the stage cannot be made, or ends again.
        """
        for _ in range(2):
            stage = self.stage(group)
            try:
                answer = ask(stage, request, descriptors)
            except OSError:
                del self.stages[group]
                continue
            if "pid" in answer:
                pid = answer["pid"]
                self.alive[pid] = Alive(control, partial(end_in_stage, stage, pid))
            return answer
        raise OSError("a stage of the zygote has ended")

    def sandbox(self, layers: list[str]) -> Sandbox:
        """Return the sandbox of these layers, which is prepared at the first call."""
        key = tuple(layers)
        if key not in self.sandboxes:
            self.sandboxes[key] = Sandbox(key, self.limits, self.root)
        return self.sandboxes[key]

    def load(self, group: str) -> None:
        """Load a group of packages."""
        GROUPS[group]()
        # NumPy loads its random generators on first use, and each worker will need them.
        seed_everything()
        self.loaded += (group,)
        # Without this, the garbage collector of each worker would touch, and so copy, every page.
        gc.collect()
        gc.freeze()
        if self.many:
            # This takes as long as it saves over a hundred forks.
            large_pages.collapse()

    def missing(self, groups: list[str]) -> list[str]:
        """Return what is needed for these groups and not loaded here, in the order of loading.

        Raises:
            ValueError: there is no such group.
        """
        return [name for name in to_load(groups) if name not in self.loaded]

    def stage(self, group: str) -> socket.socket:
        """Return the control socket of the stage for this group; waits until it is ready.

        Raises:
            OSError: the group cannot be loaded.
        """
        if group not in self.stages:
            self.start_stage(group)
            control = self.loading.pop(group)
            if not control.recv(16):
                raise OSError(f"the packages of {group} cannot be loaded")
            self.stages[group] = control
        return self.stages[group]

    def start_stage(self, group: str) -> None:
        """Let a stage load this group, unless one does already."""
        if group in self.stages or group in self.loading:
            return
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            try:
                self.become_stage(theirs, group)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        theirs.close()
        self.loading[group], self.stage_pids[group] = ours, pid

    def become_stage(self, control: socket.socket, group: str) -> None:
        """In the new process: keep only the socket, load the group, report that, then serve."""
        close_all_but(control.fileno())
        further = [groups for groups in self.expected if group in self.missing(groups)[:1]]
        stage = Zygote(control, self.root, self.limits, further, self.many, self.loaded)
        stage.load(group)
        control.sendall(b"loaded")
        stage.run()

    def fork(
        self, control: socket.socket, layers: list[str], warm: bool, frames: int, output: int
    ) -> int:
        """Fork a worker, and return its pid.

        Args:
            control: the socket over which it was requested.
            layers: the layers of isolation around it.
            warm: whether it warms up before it serves.
            frames: the descriptor on which it serves.
            output: the descriptor to which it prints.

        Raises:
            OSError, ValueError: a layer of isolation cannot be prepared.
        """
        sandbox = self.sandbox(layers)
        user = sandbox.reserve_user()
        scratch = tempfile.mkdtemp(prefix="torchsteps-")
        pid = os.fork()
        if pid == 0:
            try:
                self.become_worker(frames, output, scratch, sandbox, user, warm)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        self.alive[pid] = Alive(control, partial(end_worker, pid, scratch, user))
        return pid

    def become_worker(
        self,
        frames: int,
        output: int,
        scratch: str,
        sandbox: Sandbox,
        user: User | None,
        warm: bool,
    ) -> None:
        """In the new process: keep only the two descriptors, enter the sandbox, then serve.

        Args:
            frames: the descriptor on which it serves.
            output: the descriptor to which it prints.
            scratch: the folder that it may write to.
            sandbox: the layers of isolation.
            user: the user that it becomes, or None.
            warm: whether it warms up.
        """
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        close_all_but(frames)
        forget_kit(self.root)
        sandbox.enter(scratch, user.uid if user else None)
        enter_scratch(scratch)
        if warm:
            warm_up(self.loaded)
        serve(frames, frames)

    def end(self, pid: int) -> int:
        """End the worker with this pid, if there is one, and return its wait status.

        Raises:
            OSError: the stage that forked it is gone, and so is the worker.
        """
        worker = self.alive.pop(pid, None)
        return worker.end() if worker else 0


def end_worker(pid: int, scratch: str, user: User | None) -> int:
    """Kill a worker and its process group, and remove its scratch folder.

    Args:
        pid: the worker's process id.
        scratch: its scratch folder.
        user: the user that it ran as, whose other processes are killed too; or None.

    Returns:
        Its wait status.
    """
    try:
        # Kill before waiting: only until then is the process id sure not to be reused.
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if user:
        user.kill_all()
        user.give_back()
    remove(scratch)
    return status


def end_in_stage(stage: socket.socket, pid: int) -> int:
    """Let a stage end its worker; return its wait status.

    Raises:
        OSError: the stage, or a stage of it, is gone, and so are its workers.
    """
    try:
        answer = ask(stage, {"op": "end", "pid": pid})
    except OSError as error:
        raise OSError("a stage of the zygote has ended") from error
    if "problem" in answer:
        raise OSError(answer["problem"])
    status: int = answer["status"]
    return status


def close_all_but(descriptor: int) -> None:
    """Close all descriptors except the standard streams and this one."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))


def remove(folder: str) -> None:
    """Remove a scratch folder, whatever it contains."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        # Nested deeper than Python can recurse.
        subprocess.run(["/bin/rm", "-rf", "--", folder], check=False)


def main_in_fork(
    control: socket.socket,
    errors: int,
    root: str,
    limits: dict[str, int],
    expected: list[list[str]],
    many: bool,
    imported: tuple[str, ...],
) -> None:
    """Serve as a fork of a process that has imported packages and has done nothing else with them.

    Args:
        control: the first control socket.
        errors: the descriptor to write errors to.
        root: the kit's folder.
        limits: the fields of `Limits`.
        expected: the package groups that judges will request.
        many: whether hundreds of workers will be needed.
        imported: the package groups that are imported, in the order of loading.
    """
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    nothing = os.open(os.devnull, os.O_RDWR)
    for source, target in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(source, target)
    close_all_but(control.fileno())
    os.environ.clear()
    os.environ.update(environment())
    zygote = Zygote(control, root, Limits(**limits), expected, many)
    for group in imported:
        zygote.load(group)
    zygote.run()


def main(root: str, limits: dict[str, int], expected: list[list[str]], many: bool) -> None:
    """Serve on standard input until it closes.

    Args:
        root: the kit's folder.
        limits: the fields of `Limits`.
        expected: the package groups that judges will request.
        many: whether hundreds of workers will be needed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    zygote = Zygote(control, root, Limits(**limits), expected, many)
    zygote.load("numpy")
    zygote.run()
