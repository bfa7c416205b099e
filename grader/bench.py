"""Benchmarks: what grading and checking cost, as ratios measured in one run on the solutions.

Each figure is the processor time or the wall time of whole processes; what one further submission costs is
what is spent between the end of one and the end of the next. Nothing here passes or fails.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader import worker
from grader.course import Course, Step
from grader.grade import find_submissions, grade, hidden_files
from grader.isolation import working_layers
from grader.launch import DirectLauncher, ForkLauncher
from grader.packages import GROUPS

# So many that after the first submission each of four styles comes as often as the others.
_MANY = 9


@dataclass(frozen=True)
class Cost:
    """What a command took, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        what: what was measured.
        against: what it is compared with.
        value: the ratio, or the amount with its unit.
        limit: what it should stay below, as text.
    """

    what: str
    against: str
    value: str
    limit: str


def measure(command: list[str], cwd: Path) -> Cost:
    """Run a command to its end, and return what it and all its children took."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.monotonic() - start)


def run_all(course: Course) -> Iterator[Figure]:
    """Yield the figures, as they are measured."""
    yield from _checking(course)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(course, Path(folder))
        yield from bench.grading()
        yield bench.two_judges()
    yield _memory(course)


def _checking(course: Course) -> Iterator[Figure]:
    python, root = sys.executable, course.root
    check = [python, "-m", "grader", "check", "--target", "solutions"]
    torch = measure([python, "-c", "import torch"], root)
    start = time.monotonic()
    with subprocess.Popen([*check, "--fresh"], cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        first = time.monotonic() - start
        process.stdout.read()
    again = measure(check, root)
    torch_wall = (torch.wall + measure([python, "-c", "import torch"], root).wall) / 2
    yield Figure("check, nothing changed", "import torch", _ratio(again.wall, torch_wall), "1/3")
    yield Figure("check, first verdict", "import torch", _ratio(first, torch_wall), "1.5")


class _Bench:
    """Grading, in the ways that are compared."""

    def __init__(self, course: Course, folder: Path) -> None:
        self.course = course
        self.folder = folder

    def grading(self) -> Iterator[Figure]:
        """Yield what one further submission costs: the whole course, one step, and the course in other styles."""
        whole, middle = list(self.course.steps), self.course.steps[len(self.course.steps) // 3]
        solutions = [self.course.root / "solutions"]
        styles = sorted((self.course.root / "tests/styles").iterdir())
        for what, steps, sources, limit, rounds in (
            ("a submission, all hidden tests", whole, solutions, "1/6", 3),
            (f"a submission, step {middle.id}", [middle], solutions, "1/30", 5),
            # Here the learner's code itself is larger, and differs from what was rehearsed.
            ("four other styles, all hidden tests", whole, styles, "", 3),
        ):
            # The speed of a machine changes from minute to minute, so ratios are taken in each round.
            table = [self.ratios(steps, sources) for _ in range(rounds)]
            cold, alone, direct = (
                f"{statistics.median(row):.3f}" for row in zip(*table, strict=True)
            )
            # For one step alone, forking weighs more than for a course; there is no limit for it.
            several = len(steps) > 1
            yield Figure(what, "cold pytest + hypothesis", cold, limit)
            yield Figure(what, "the learner's code alone", alone, "2" if several else "")
            yield Figure(what, "the same in process", direct, "1.3" if several else "")

    def ratios(self, steps: list[Step], sources: list[Path]) -> tuple[float, float, float]:
        """Return what grading one submission costs, against a cold run, the code alone, and no isolation."""
        direct = self.further(steps, sources, "direct")
        isolated = self.further(steps, sources, "isolated")
        cold = statistics.fmean(self.cold(steps, one) for one in sources)
        alone = statistics.fmean(self.alone(steps, one) for one in sources)
        return isolated / cold, isolated / alone, isolated / direct

    def further(self, steps: list[Step], sources: list[Path], kind: str) -> float:
        """Return the processor time of one further submission, isolated or in process."""
        return statistics.fmean(self.graded(steps, sources, kind, 1)[1:])

    def graded(
        self, steps: list[Step], sources: list[Path], kind: str, jobs: int, many: int = _MANY
    ) -> list[float]:
        """Return the time that each submission took, in a class that is made of some sources in turn."""
        out = self.folder / "costs.json"
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            for number in range(many):
                source = sources[number % len(sources)]
                shutil.copytree(source, Path(place) / f"{number:02}")
            ids = ",".join(step.id for step in steps)
            arguments = f"{place!r}, {ids!r}, {kind!r}, {jobs}, {str(out)!r}"
            self.run(f"from grader.bench import grade_copies; grade_copies({arguments})")
        costs: list[float] = json.loads(out.read_text())
        return costs

    def alone(self, steps: list[Step], source: Path) -> float:
        """Return the processor time of the learner's code alone, on the calls of all tests."""
        out = self.folder / "alone"
        arguments = f"{str(source)!r}, {','.join(s.id for s in steps)!r}, {str(out)!r}"
        self.run(f"from grader.bench import time_alone; time_alone({arguments})")
        return float(out.read_text())

    def run(self, code: str) -> None:
        """Run Python code in a process of its own."""
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=self.course.root, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode("utf-8", "replace"))

    def cold(self, steps: list[Step], source: Path) -> float:
        """Return what pytest with hypothesis costs from a cold start, without replay and without workers."""
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
        return measure([sys.executable, "-m", "pytest", *options, *files], self.course.root).cpu

    def two_judges(self) -> Figure:
        """Return the wall time of two judges against one."""
        steps, solutions = list(self.course.steps), [self.course.root / "solutions"]

        def wall(jobs: int) -> float:
            # An even number: with an odd one, the second judge has nothing to do at the end.
            return sum(self.graded(steps, solutions, "isolated-wall", jobs, _MANY + 1))

        ratio = statistics.median(wall(2) / wall(1) for _ in range(3))
        return Figure("two judges, wall time", "one judge", f"{ratio:.3f}", "0.55")


def grade_copies(place: str, ids: str, kind: str, jobs: int, file: str) -> None:
    """Grade a class, isolated or in process, and write what each submission took; in a process of its own.

    The kinds are "isolated" and "direct", for processor time, and "isolated-wall".
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    course = Course.load(Path.cwd())
    steps = [course.by_id[name] for name in ids.split(",")]
    fork = None if kind == "direct" else ForkLauncher((), course.limits)
    launcher: Any = DirectLauncher()
    if fork is None:
        # As the zygote does it: what is loaded before is loaded once for all.
        for load in GROUPS.values():
            load()
    else:
        fork.expected = {step.packages for step in steps}
        launcher = fork.branch(working_layers(fork)[0])
    moments: list[float] = []

    def begin() -> None:
        moments.append(time.monotonic() if kind == "isolated-wall" else _spent(fork))

    with tempfile.TemporaryDirectory() as out:
        grade(
            course,
            find_submissions(Path(place)),
            Path(out),
            hidden_files(course, steps),
            launcher,
            jobs,
            lambda one: begin(),
            begin,
            rehearse=True,
        )
    costs = [after - before for before, after in itertools.pairwise(moments)]
    Path(file).write_text(json.dumps(costs))
    if fork:
        fork.close()


def _spent(fork: ForkLauncher | None) -> float:
    """Return the processor time of this process, and of all judges and workers that have ended, in seconds."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    zygote = 0.0
    for pid in _processes(fork.pid) if fork else ():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        zygote += sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + zygote


def _processes(pid: int) -> Iterator[int]:
    """Yield a process, and all that it started and that still run."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _processes(int(child))


def time_alone(source: str, ids: str, out: str) -> None:
    """Write the processor time that a submission's own code takes in all tests; in a process of its own."""
    spent = 0.0

    class TimedService(worker.Service):
        def invoke(
            self, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            nonlocal spent
            start = time.process_time()
            try:
                return super().invoke(target, args, kwargs)
            finally:
                spent += time.process_time() - start

    import pytest

    for load in GROUPS.values():
        load()
    worker.Service = TimedService  # type: ignore[misc]
    course = Course.load(Path.cwd())
    files = hidden_files(course, [course.by_id[name] for name in ids.split(",")])
    pytest.main(["-q", "-p", "no:cacheprovider", "--direct", "--submission", source, *files])
    Path(out).write_text(str(spent))


def _memory(course: Course) -> Figure:
    """Return what a further worker has for itself, after it loaded a module and ran it."""
    launcher = ForkLauncher((), course.limits)
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
