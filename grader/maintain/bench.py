"""Benchmarks: what grading and checking cost, as ratios that are measured in one run on the solutions.

Figures are processor times or wall times of whole processes. The cost of one further submission is the time spent
between the end of one submission and the end of the next. Nothing here passes or fails. All figures share the way
in which processes are started and measured, and therefore this one module of over 300 lines.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.course.paths import SOLUTIONS, STYLES
from grader.launch.interpreter import ONE_THREAD
from grader.launch.launchers import DirectLauncher, ForkLauncher
from grader.launch.trial import working_layers
from grader.run.grade import grade, hidden_files
from grader.submissions.hand_ins import read_class
from grader.worker import service
from grader.worker.preload import GROUPS

# The first submission is not counted, and the other eight contain each of four styles twice.
_CLASS_SIZE = 9


@dataclass(frozen=True)
class Cost:
    """The processor time and wall time of a command, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Figure:
    """One line of the table; all fields are text.

    Attributes:
        what: what was measured.
        against: what it is compared with, or "".
        value: the ratio, or the amount with its unit.
        limit: what the value should not exceed, or "".
    """

    what: str
    against: str
    value: str
    limit: str


def measure(command: list[str], cwd: Path, accepted: tuple[int, ...] = (0,)) -> Cost:
    """Run a command, and return what it and all its child processes cost.

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in.
        accepted: the exit codes of a run that counts.

    Raises:
        RuntimeError: the command ended with another exit code, so its cost means nothing.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    if done.returncode not in accepted:
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        raise RuntimeError(f"{' '.join(command[1:4])} failed: {output[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.monotonic() - start)


def run_all(course: Course) -> Iterator[Figure]:
    """Measure everything, and yield each figure when it is known."""
    yield from _checking(course)
    yield _memory(course)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(course, Path(folder))
        yield from bench.grading()
        yield bench.two_judges()


def _checking(course: Course) -> Iterator[Figure]:
    python, root = sys.executable, course.root
    check = [python, "-m", "grader", "check", "--target", SOLUTIONS]
    torch = measure([python, "-c", "import torch"], root)
    start = time.monotonic()
    with subprocess.Popen([*check, "--fresh"], cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        first = time.monotonic() - start
        process.stdout.read()
    if process.returncode:
        raise RuntimeError("check does not pass the solutions")
    again = measure(check, root)
    torch_wall = (torch.wall + measure([python, "-c", "import torch"], root).wall) / 2
    yield Figure("check, nothing changed", "import torch", _ratio(again.wall, torch_wall), "1/3")
    yield Figure("check, first verdict", "import torch", _ratio(first, torch_wall), "1.5")


class _Bench:
    """The measurements of grading.

    Args:
        course: the course.
        folder: the folder in which classes are created.
        many: how many submissions a class has.
        rounds: how often everything is measured; 0 for the default of each comparison.
    """

    def __init__(
        self, course: Course, folder: Path, many: int = _CLASS_SIZE, rounds: int = 0
    ) -> None:
        self.course = course
        self.folder = folder
        self.many = many
        self.rounds = rounds

    def grading(self) -> Iterator[Figure]:
        """Yield the cost of one further submission: for the whole course, one step, and four other styles."""
        whole, middle = list(self.course.steps), self.course.steps[len(self.course.steps) // 3]
        solutions = [self.course.root / SOLUTIONS]
        styles = sorted((self.course.root / STYLES).iterdir())
        for what, steps, sources, limit, rounds in (
            ("a submission, all hidden tests", whole, solutions, "1/6", 3),
            (f"a submission, step {middle.id}", [middle], solutions, "1/30", 5),
            # Their own code costs more than the solutions do, and their replies differ from the rehearsal.
            ("four other styles, all hidden tests", whole, styles, "", 3),
        ):
            table = [self.ratios(steps, sources) for _ in range(self.rounds or rounds)]
            cold, alone, direct = (
                f"{statistics.median(row):.3f}" for row in zip(*table, strict=True)
            )
            # For a single step, forking is too large a part of the cost for a limit.
            several = len(steps) > 1
            yield Figure(what, "cold pytest + hypothesis", cold, limit)
            yield Figure(what, "the learner's code alone", alone, "2" if several else "")
            yield Figure(what, "the same in process", direct, "1.3" if several else "")

    def ratios(self, steps: list[Step], sources: list[Path]) -> list[float]:
        """Return the cost of grading one submission, relative to a cold run, its code alone, and no isolation.

        The speed of a machine changes from minute to minute. So two processes, with and without isolation, take
        turns at grading a submission, and the other two measurements are made in between.

        Args:
            steps: the steps whose hidden tests run.
            sources: the folders that the submissions are copied from, in turn.

        Returns:
            Three ratios of processor times.
        """
        cold: list[float] = []
        alone: list[float] = []
        every = (self.many - 1) // len(sources)
        with (
            self.grader(steps, sources, "isolated") as isolated,
            self.grader(steps, sources, "direct") as direct,
        ):
            isolated.wait()
            direct.wait()
            for number in range(self.many):
                isolated.go_on()
                direct.go_on()
                if number % every == every // 2:
                    cold.append(self.cold(steps, sources[len(cold)]))
                    alone.append(self.alone(steps, sources[len(alone)]))
        # The first submission does not count, because it includes all that is done only once.
        cost = statistics.fmean(isolated.costs()[1:])
        return [cost / statistics.fmean(other) for other in (cold, alone, direct.costs()[1:])]

    def grader(
        self, steps: list[Step], sources: list[Path], kind: str, jobs: int = 1, more: int = 0
    ) -> _Grader:
        """Start a process that grades a class.

        Args:
            steps: the steps whose hidden tests run.
            sources: the folders that the submissions are copied from, in turn.
            kind: what is measured (see `_Grader`).
            jobs: how many judges run at a time.
            more: how many submissions to add to the usual number.
        """
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for number in range(self.many + more):
            shutil.copytree(sources[number % len(sources)], folder / f"class/{number:02}")
        return _Grader(self.course, steps, folder, kind, jobs)

    def alone(self, steps: list[Step], source: Path) -> float:
        """Return the processor time, in seconds, of the learner's code alone on the calls of all tests."""
        out = self.folder / "alone"
        arguments = f"{str(source)!r}, {hidden_files(self.course, steps)!r}, {str(out)!r}"
        self.run(f"from grader.maintain.bench import time_alone; time_alone({arguments})")
        return float(out.read_text())

    def run(self, code: str) -> None:
        """Run Python code in its own process.

        Raises:
            RuntimeError: the code failed.
        """
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=self.course.root, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode("utf-8", "replace"))

    def cold(self, steps: list[Step], source: Path) -> float:
        """Return the processor time, in seconds, of pytest from a cold start, without replay and workers."""
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            "--direct",
            "--live",
            "--submission",
            str(source),
        ]
        files = hidden_files(self.course, steps)
        command = [sys.executable, "-m", "pytest", *options, *files]
        # Exit code 1 counts: in process, a correct style may fail a test, but the test has run.
        return measure(command, self.course.root, (0, 1)).cpu

    def two_judges(self) -> Figure:
        """Return the wall time of two judges against one."""
        steps, solutions = list(self.course.steps), [self.course.root / SOLUTIONS]

        def wall(jobs: int) -> float:
            # One more makes the number even; otherwise the second judge would be idle at the end.
            with self.grader(steps, solutions, "wall", jobs, more=1) as grader:
                pass
            return sum(grader.costs())

        ratio = statistics.median(wall(2) / wall(1) for _ in range(self.rounds or 3))
        return Figure("two judges, wall time", "one judge", f"{ratio:.3f}", "0.55")


class _Grader:
    """A process that grades a class; a context manager that lets the process finish.

    Args:
        course: the course.
        steps: the steps whose hidden tests run.
        folder: the folder with the class.
        kind: what is measured of each submission (see `grade_class`).
        jobs: how many judges run at a time.
    """

    def __init__(
        self, course: Course, steps: list[Step], folder: Path, kind: str, jobs: int
    ) -> None:
        self._folder = folder
        arguments = f"{str(folder)!r}, {','.join(step.id for step in steps)!r}, {kind!r}, {jobs}"
        code = f"from grader.maintain.bench import grade_class; grade_class({arguments})"
        self._process = subprocess.Popen(
            # Errors appear on the terminal, but not warnings about the learner's code.
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=course.root,
            stdout=subprocess.DEVNULL,
        )

    def __enter__(self) -> _Grader:
        return self

    def __exit__(self, *problem: object) -> None:
        if any(problem):
            self._process.kill()
        else:
            self._process.send_signal(signal.SIGCONT)
        if self._process.wait() and not any(problem):
            raise RuntimeError("grading failed")

    def wait(self) -> None:
        """Wait until the process pauses.

        Raises:
            RuntimeError: the process ended.
        """
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self._process.returncode = os.waitstatus_to_exitcode(status)
            raise RuntimeError("grading ended too early")

    def go_on(self) -> None:
        """Let the process continue until it pauses again."""
        self._process.send_signal(signal.SIGCONT)
        self.wait()

    def costs(self) -> list[float]:
        """Return the cost of each submission in seconds, once the process has ended."""
        costs: list[float] = json.loads((self._folder / "costs.json").read_text())
        return costs


def grade_class(folder: str, ids: str, kind: str, jobs: int) -> None:
    """Grade a class, and write the cost of each submission to `costs.json`; called in its own process.

    Args:
        folder: the folder with the class in `class/`, which the results are written to as well.
        ids: ids of the steps, joined by commas.
        kind: "isolated" or "direct" to measure the processor time of each submission, with or without isolation.
            The process then stops itself before each submission and at the end, until it gets SIGCONT. Or "wall"
            to measure the wall time between the ends of consecutive submissions, with isolation and no stops.
        jobs: how many judges run at a time.

    Raises:
        RuntimeError: a submission could not be graded.
    """
    os.environ.update(ONE_THREAD)
    course = Course.load(Path.cwd())
    steps = [course.by_id[name] for name in ids.split(",")]
    fork = None if kind == "direct" else ForkLauncher((), course.limits, many=True)
    launcher: Any = DirectLauncher()
    if fork is None:
        # Like the zygote, load all packages once, before the first submission.
        for load in GROUPS.values():
            load()
    else:
        fork.prepare({step.packages for step in steps})
        launcher = fork.branch(working_layers(fork)[0])
    moments: list[float] = []

    def begin() -> None:
        if kind == "wall":
            moments.append(time.monotonic())
        else:
            moments.append(_spent(fork))
            os.kill(os.getpid(), signal.SIGSTOP)

    graded = grade(
        course,
        read_class(Path(folder, "class"), course).hand_ins,
        Path(folder),
        hidden_files(course, steps),
        launcher,
        jobs,
        lambda _: begin(),
        begin,
        rehearse=True,
    )
    if problems := [outcome.problem for outcome in graded if outcome.problem]:
        raise RuntimeError(problems[0])
    costs = [after - before for before, after in itertools.pairwise(moments)]
    Path(folder, "costs.json").write_text(json.dumps(costs))
    # Also the branch: it would keep the zygote alive.
    launcher.close()
    if fork:
        fork.close()


def _spent(fork: ForkLauncher | None) -> float:
    """Return the processor time so far, in seconds: of this process, its ended judges, the zygote and workers."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    zygote = 0.0
    for pid in _processes(fork.pid) if fork else ():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        zygote += sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + zygote


def _processes(pid: int) -> Iterator[int]:
    """Yield the id of a process and of all its descendants that are running."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _processes(int(child))


def time_alone(
    source: str, files: list[str], out: str, clock: Callable[[], float] = time.process_time
) -> None:
    """Measure how long a submission's own code takes in tests; called in its own process.

    Args:
        source: the folder of the submission.
        files: the test files.
        out: the file to write the time to, in seconds.
        clock: what is measured; by default, processor time.

    Raises:
        RuntimeError: the tests cannot be run.
    """
    spent = 0.0

    class TimedService(service.Service):
        def invoke(
            self, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            nonlocal spent
            start = clock()
            try:
                return super().invoke(target, args, kwargs)
            finally:
                spent += clock() - start

    import pytest

    for load in GROUPS.values():
        load()
    service.Service = TimedService  # type: ignore[misc]
    options = ["-q", "-p", "no:cacheprovider", "--direct", "--submission", source]
    if pytest.main([*options, *files]) not in (0, 1):
        raise RuntimeError(f"the tests cannot be run on {source}")
    Path(out).write_text(str(spent))


def _memory(course: Course) -> Figure:
    """Return the private memory of a second worker, once it has started."""
    launcher = ForkLauncher((), course.limits, many=True)
    try:
        launcher.start(["sklearn", "optimizers"])
        second: Any = launcher.start(["sklearn", "optimizers"])
        rollup = Path(f"/proc/{second.pid}/smaps_rollup").read_text()
        kilobytes = sum(
            int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private")
        )
    finally:
        launcher.close()
    return Figure("memory of a further worker", "", f"{kilobytes / 1024:.0f} MB", "30 MB")


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.3f}"
