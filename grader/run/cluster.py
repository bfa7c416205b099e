"""Grading on a Dask cluster: a task carries a submission's modules and returns the verdicts.

Dask distributes the tasks, and runs those of a lost worker again. Each worker process keeps one judge server
(`grader.run.judge_server`), which has collected the tests and judges every submission in a fork, as `grade` does
on one machine. The kit must be the same everywhere: a worker is started in its folder, and refuses a class whose
steps have other keys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any, TypeVar

from grader.course.places import find_places
from grader.judge.forks import Outcome
from grader.launch.interpreter import ONE_THREAD
from grader.submissions.submission import Submission

Work = TypeVar("Work")
# So many tasks wait at each worker, so that it never waits for one.
_AHEAD = 2
_CONNECT_SECONDS = 15


class ClusterError(RuntimeError):
    """The cluster cannot be used; the message is a sentence."""


@dataclass(frozen=True)
class ClusterTask:
    """What a worker needs to judge a submission.

    Attributes:
        submission: the submission; what it says of files and folders is only shown.
        steps: the ids of the steps to run.
        files: the test files of the class, relative to the kit's folder.
        keys: the keys of the steps of the class, by id (see `grader.run.versions`).
        said: what is kept of the submission beside the verdicts.
    """

    submission: Submission
    steps: list[str]
    files: list[str]
    keys: dict[str, str]
    said: dict[str, Any]


def judge_on_cluster(
    address: str, tasks: Iterator[tuple[Work, ClusterTask]], begin: Callable[[], None]
) -> Iterator[tuple[Work, Outcome]]:
    """Judge submissions on a cluster, and yield the outcomes as they come.

    Args:
        address: the address of the scheduler, such as "tcp://10.0.0.1:8786".
        tasks: the pieces of work with their tasks; each one is asked for when a worker will soon be free.
        begin: called when the scheduler has answered.

    Raises:
        ClusterError: there is no scheduler, or a worker has another kit or course.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        words = 'python -m pip install "torchsteps[cluster]"'
        raise ClusterError(f"A cluster needs Dask, which is not installed: {words}") from None
    try:
        client = Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, ImportError) as error:
        reason = str(error) or type(error).__name__
        raise ClusterError(f"No scheduler answers at {address} ({reason}).") from None
    with client:
        begin()
        works: dict[str, tuple[Work, float]] = {}
        coming = as_completed()

        def fill() -> None:
            room = max(1, sum(client.nthreads().values())) * _AHEAD
            while len(works) < room:
                following = next(tasks, None)
                if following is None:
                    return
                work, task = following
                future = client.submit(judge_task, task, pure=False)
                works[future.key] = (work, time.monotonic())
                coming.add(future)

        fill()
        while works:
            future = next(coming)
            work, begun = works.pop(future.key)
            failure = future.exception()
            seconds = time.monotonic() - begun
            if isinstance(failure, ClusterError):
                raise failure
            if failure:
                problem = f"no worker could judge it ({type(failure).__name__}: {failure})"[:500]
                outcome = Outcome(None, problem, seconds)
            else:
                outcome = Outcome(future.result(), "", seconds)
            future.release()
            yield work, outcome
            fill()


def judge_task(task: ClusterTask) -> str:
    """On a worker: judge a submission; return the verdicts and what is kept of it as JSON.

    Raises:
        ClusterError: the worker has another kit or course.
    """
    reply = _server.judge(task)
    return json.dumps({**task.said, **reply})


class _Server:
    """The judge server of this worker process, which is started when first asked, and again if it has ended."""

    def __init__(self) -> None:
        # A worker with several threads still judges one submission after the other.
        self._lock = threading.Lock()
        self._files: list[str] = []
        self._keys: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def judge(self, task: ClusterTask) -> dict[str, Any]:
        """Judge a submission.

        Returns:
            "tests" and the "versions" that they were judged with; or a "problem".

        Raises:
            ClusterError: the kit or the course here is another one.
        """
        with self._lock:
            for _ in range(2):
                try:
                    if self._connection is None or self._files != task.files:
                        self._start(task.files)
                    assert self._connection
                    if other := [s for s, key in task.keys.items() if self._keys.get(s) != key]:
                        words = "A worker of the cluster has other tests, limits or another seed"
                        where = f"Give it the same kit and course file in {Path.cwd()}, and start it again"
                        raise ClusterError(f"{words}: step {', '.join(other)}. {where}.")
                    self._connection.send((task.submission, task.steps))
                    reply: dict[str, Any] = json.loads(self._connection.recv_bytes())
                    return {**reply, "versions": self._versions}
                except (EOFError, OSError):
                    self._end()
            return {"problem": "the judge server of the worker ended twice; its output says why"}

    def _start(self, files: list[str]) -> None:
        from grader.course.course import Course
        from grader.run.versions import grading_key, versions

        self._end()
        course = Course.load(find_places().kit)
        # As they are when the server collects the tests, which it does only once.
        self._keys = {step.id: grading_key(course, step) for step in course.steps}
        self._versions = versions(course)
        ours, theirs = socketpair()
        with theirs:
            command = [sys.executable, "-m", "grader.run.judge_server", str(theirs.fileno())]
            # torch must have one thread only where processes are forked.
            self._process = subprocess.Popen(
                [*command, *files],
                cwd=course.root,
                env=os.environ | ONE_THREAD,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._connection, self._files = Connection(ours.detach()), files

    def _end(self) -> None:
        if self._connection:
            self._connection.close()
        if self._process:
            self._process.wait()
        self._connection = self._process = None


_server = _Server()
