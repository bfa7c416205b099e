"""Measures what grading on a cluster costs, and plans the cluster for a large class.

    python bench/plan_cluster.py --size 12

A made-up class is graded on a Dask cluster of this machine, with one worker process. Then many copies of it are
graded, of which the worker already knows the verdicts: it answers at once, as many workers together would. This
shows what the command itself spends on a submission, and so when workers have to wait for it. Nothing else should
run meanwhile. It needs two processor cores, Linux, and the packages of the extra `cluster`.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from grader.course.course import Course  # noqa: E402
from grader.course.paths import SOLUTIONS  # noqa: E402
from grader.course.verdicts import Graded  # noqa: E402
from grader.run.class_files import write_class_files  # noqa: E402
from grader.run.grade import Grading, Wish  # noqa: E402
from grader.run.gradebook import Gradebook  # noqa: E402
from grader.submissions.hand_ins import HandIn, read_class  # noqa: E402

# So many show what the command spends on each; it takes a few seconds.
ANSWERED = 400
_STARTS_WITHIN = 60.0
# Where the kernel's `struct tcp_info` (linux/tcp.h) has bytes_acked and bytes_received.
_TCP_BYTES, _TCP_INFO_SIZE = struct.Struct("@120xQQ"), 136


class PlanError(RuntimeError):
    """The costs could not be measured; the message is a sentence."""


@dataclass(frozen=True)
class Costs:
    """What a submission costs, in seconds if not said otherwise.

    Attributes:
        processor: processor time of a worker and all its processes.
        judged: wall time in which a worker judges one submission and nothing else.
        start: wall time from the start of a worker to its first answer, less the time of judging.
        read: wall time of the command for reading a submission, before the first one is judged.
        write: wall time of the transaction, in which `results.json` is written too.
        command: `write`, and what else the command spends while others judge, in processor time.
        scheduler: processor time of the scheduler.
        finish: wall time of the command after the last verdict, for each submission.
        task: bytes from the command to the scheduler, and as many to the worker.
        result: bytes from the scheduler to the command, after as many from the worker.
    """

    processor: float
    judged: float
    start: float
    read: float
    write: float
    command: float
    scheduler: float
    finish: float
    task: int
    result: int

    @property
    def most_workers(self) -> int:
        """How many workers one command and its scheduler can keep busy."""
        return math.floor(self.judged / max(self.command, self.scheduler))


@dataclass(frozen=True)
class Plan:
    """How a class is graded in time.

    Attributes:
        parts: into how many parts the class is divided, each with a command and a scheduler of its own.
        workers: the number of workers of all parts together.
        seconds: how long it takes.
        sent: bytes that the commands send and receive.
    """

    parts: int
    workers: int
    seconds: float
    sent: int


def plan(costs: Costs, submissions: int, seconds: float) -> Plan:
    """Return the smallest cluster that is done in time.

    Args:
        costs: what a submission costs.
        submissions: the number of submissions.
        seconds: the time from the start of the workers and the command to the end of the command.

    Raises:
        PlanError: workers take longer to start.
    """
    if seconds <= costs.start:
        raise PlanError(f"Workers alone take {costs.start:.0f} s to start.")
    # The command works before, while and after others judge; no number of workers makes that shorter.
    alone = costs.read + costs.finish
    serial = alone + max(costs.command, costs.scheduler)
    parts = math.ceil(submissions * serial / (seconds - costs.start))
    while True:
        each = math.ceil(submissions / parts)
        left = seconds - costs.start - each * alone
        workers = math.ceil(each * costs.judged / left) if left > 0 else 0
        if 0 < workers <= costs.most_workers:
            break
        parts += 1
    takes = costs.start + each * (alone + costs.judged / workers)
    return Plan(parts, parts * workers, takes, submissions * (costs.task + costs.result))


class _TimedGrading(Grading):
    """Also measures what keeping and writing the results takes, in seconds of wall and processor time."""

    wall = processor = 0.0

    def _take(self, *arguments: Any) -> Graded:
        wall, processor = time.perf_counter(), time.thread_time()
        try:
            return super()._take(*arguments)
        finally:
            self.wall += time.perf_counter() - wall
            self.processor += time.thread_time() - processor


@dataclass
class Run:
    """What a run of the command over a class took.

    Attributes:
        judged: the number of submissions that were judged.
        read: wall time of reading them before, in seconds, as all times are.
        seconds: wall time from when the scheduler has answered to the last result.
        finish: wall time after that.
        write: wall time of keeping and writing results.
        command: processor time of the command, and its time of waiting for the disk, until the last result.
        watched: processor time of the processes that were watched, meanwhile.
        sent: bytes sent to the scheduler, meanwhile.
        received: bytes received from there, meanwhile.
    """

    judged: int = 0
    read: float = 0.0
    seconds: float = 0.0
    finish: float = 0.0
    write: float = 0.0
    command: float = 0.0
    watched: float = 0.0
    sent: int = 0
    received: int = 0


def grade(hand_ins: list[HandIn], out: Path, address: str, steps: list[str], watched: int) -> Run:
    """Grade hand-ins on a cluster as the command does, and measure it.

    Args:
        hand_ins: the hand-ins.
        out: the folder of the results, which must not exist.
        address: the address of the scheduler.
        steps: the ids of the steps.
        watched: the number of a process that is to be watched, with all that it starts.

    Raises:
        PlanError: a submission has no result.
    """
    out.mkdir()
    run = Run()
    looks: list[tuple[float, ...]] = []
    failed: list[Graded] = []

    def look() -> None:
        now = time.perf_counter(), time.process_time(), processor_time(watched)
        looks.append((*now, *_tcp_bytes()))

    def done(graded: Graded) -> None:
        run.judged += 1
        if not graded.marked:
            failed.append(graded)
        if run.judged == expected:
            look()

    course = Course.load(ROOT)
    with Gradebook(out) as book:
        grading = _TimedGrading(course, book, out, Wish(frozenset(steps)))
        start = time.perf_counter()
        grading.read(hand_ins, os.cpu_count() or 1)
        run.read = time.perf_counter() - start
        expected = len(grading.waiting)
        grading.run_on(address, done, look)
        if failed:
            raise PlanError(f"{failed[0].name!a} has no result: {failed[0].problem}.")
        grading.finish()
        grading.results.write_all()
        rows = [mark for mark, _ in grading.results.marks()]
    write_class_files(course, out, rows)
    first, last = looks
    run.finish = time.perf_counter() - last[0]
    run.seconds, processor, run.watched, sent, received = (
        b - a for a, b in zip(first, last, strict=True)
    )
    run.sent, run.received = int(sent), int(received)
    run.write, run.command = grading.wall, processor - grading.processor + grading.wall
    return run


def processor_time(number: int) -> float:
    """Return the processor time of a process and of all that it has started, in seconds."""
    import psutil

    process = psutil.Process(number)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            # With those of its children that have ended.
            total += sum(one.cpu_times()[:4])
    return total


def _tcp_bytes() -> tuple[int, int]:
    """Return how many bytes the connections of this process have sent and received, as the kernel counts."""
    sent = received = 0
    for entry in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(entry))) as one:
            if one.type == socket.SOCK_STREAM and one.family in (socket.AF_INET, socket.AF_INET6):
                said = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
                out, into = _TCP_BYTES.unpack(said)
                sent, received = sent + out, received + into
    return sent, received


def _remember() -> None:
    """On the worker: from now on, remember what is answered."""
    from grader.run.cluster import _server

    judge, known = _server.judge, {}

    def remembering(task: Any) -> Any:
        known[task.said["content"]] = reply = judge(task)
        return reply

    _server.judge, _server.known = remembering, known


def _answer() -> None:
    """On the worker: from now on, answer at once what is remembered."""
    from grader.run.cluster import _server

    known = _server.known
    _server.judge = lambda task: known[task.said["content"]]


class Cluster:
    """A scheduler and one worker on this machine.

    Args:
        folder: a folder for what they say.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
        self.scheduler = self._start("scheduler", *options)
        end = time.monotonic() + _STARTS_WITHIN
        while not (found := re.search(r"tcp://127\.0\.0\.1:\d+", self._said("scheduler"))):
            if time.monotonic() > end or self._started[0].poll() is not None:
                self.close()
                raise PlanError(f"The scheduler does not start: {self._said('scheduler')[-500:]}")
            time.sleep(0.05)
        self.address = found[0]

    def start_worker(self) -> int:
        """Start a worker, and return the number of its process."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        return self._start("worker", self.address, *options)

    def _start(self, what: str, *arguments: str) -> int:
        # As `dask scheduler` and `dask worker` do.
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        with (self._folder / what).open("wb") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file
            )
        self._started.append(process)
        return process.pid

    def _said(self, what: str) -> str:
        return (self._folder / what).read_text("utf-8", "replace")

    def on_worker(self, function: Callable[[], None]) -> None:
        """Call a function in the worker."""
        from distributed import Client

        with Client(self.address) as client:
            client.run(function)

    def close(self) -> None:
        """End the worker and the scheduler."""
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(_STARTS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def measure(folder: Path, size: int, seed: int, steps: list[str], answered: int) -> Costs:
    """Measure what a submission costs.

    Args:
        folder: an empty folder.
        size: the number of submissions of the made-up class.
        seed: the seed of that.
        steps: the ids of the steps.
        answered: how many copies of submissions, at least, show what the command spends.

    Raises:
        PlanError: a submission has no result, or the scheduler does not start.
    """
    maker = [sys.executable, "bench/made_up_class.py", "make", str(folder / "made")]
    options = ["--size", str(size), "--seed", str(seed), "--steps", ",".join(steps)]
    subprocess.run([*maker, *options], cwd=ROOT, check=True)
    hand_ins = read_class(folder / "made/class", Course.load(ROOT)).hand_ins
    copies = [
        replace(one, name=f"{one.name} {number}")
        for number in range(math.ceil(answered / len(hand_ins)))
        for one in hand_ins
    ]
    with closing(Cluster(folder)) as cluster:

        def run(hand_ins: list[HandIn], name: str, watched: int) -> Run:
            # The command forks, so each has a process without threads to itself.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                out = folder / name
                work = process.submit(grade, hand_ins, out, cluster.address, steps, watched)
                return work.result()

        begun = time.perf_counter()
        worker = cluster.start_worker()
        first = run([HandIn("solutions", (ROOT / SOLUTIONS,))], "first", worker)
        started = time.perf_counter() - begun - first.finish
        cluster.on_worker(_remember)
        real = run(hand_ins, "real", worker)
        cluster.on_worker(_answer)
        many = run(copies, "many", cluster.scheduler)
    judged = real.seconds / real.judged
    return Costs(
        processor=real.watched / real.judged,
        judged=judged,
        start=started - judged,
        read=many.read / len(copies),
        write=many.write / many.judged,
        command=many.command / many.judged,
        scheduler=many.watched / many.judged,
        finish=many.finish / len(copies),
        task=many.sent // many.judged,
        result=many.received // many.judged,
    )


def machine() -> str:
    """Return what this machine is."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{os.cpu_count()} cores of {found[1] if found else platform.machine()}"


def report(costs: Costs, submissions: int, seconds: float) -> Iterator[str]:
    """Yield the lines of a table in Markdown, and the plan."""
    yield "| for each submission | |"
    yield "|---|---|"
    yield f"| a worker: processor time | {costs.processor:.2f} s |"
    yield f"| a worker: wall time | {costs.judged:.2f} s |"
    yield f"| task | {costs.task / 1e3:.0f} kB |"
    yield f"| result | {costs.result / 1e3:.0f} kB |"
    yield f"| command: reading, before the first is judged | {costs.read * 1e3:.1f} ms |"
    yield f"| command: while others judge | {costs.command * 1e3:.1f} ms |"
    yield f"| of that, the transaction with `results.json` | {costs.write * 1e3:.1f} ms |"
    yield f"| command: after the last is judged | {costs.finish * 1e3:.1f} ms |"
    yield f"| scheduler: processor time | {costs.scheduler * 1e3:.1f} ms |"
    yield f"| start of a worker, once | {costs.start:.0f} s |"
    yield ""
    slowest = "the command" if costs.command >= costs.scheduler else "the scheduler"
    yield f"With more than {costs.most_workers} workers, all wait for {slowest}."
    found = plan(costs, submissions, seconds)
    parts = "one command" if found.parts == 1 else f"{found.parts} commands, each with a scheduler,"
    yield (
        f"{submissions:,} submissions in {seconds / 60:.0f} minutes: {parts} and {found.workers} workers "
        f"take {found.seconds / 60:.0f} minutes; {found.sent / 1e9:.1f} GB go to the scheduler and back."
    )


def main() -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=12, help="submissions that are really judged")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", default="", help="such as 03,06; all by default")
    parser.add_argument("--answered", type=int, default=ANSWERED, help="submissions that are not")
    parser.add_argument("--submissions", type=int, default=100_000, help="to plan for")
    parser.add_argument("--minutes", type=float, default=60.0, help="to plan for")
    arguments = parser.parse_args()
    course = Course.load(ROOT)
    names = [name for name in arguments.steps.split(",") if name]
    steps = [course.find(name).id for name in names] or [step.id for step in course.steps]
    with tempfile.TemporaryDirectory() as folder:
        try:
            costs = measure(Path(folder), arguments.size, arguments.seed, steps, arguments.answered)
            print(f"{arguments.size} submissions of {len(steps)} steps, on {machine()}:\n")
            for line in report(costs, arguments.submissions, arguments.minutes * 60):
                print(line)
        except PlanError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
