"""Grading a class: one pytest session, collected once; each submission is judged in a fork of it.

The parent process collects the tests, draws the examples of all properties and starts the zygote. Then it
forks a judge for each submission, a few at a time. A judge runs all tests, writes `results.json` whole or
not at all, and ends.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.course import Course, Step
from grader.launch import DirectLauncher, ForkLauncher
from grader.plugin import JUDGE, Judge
from grader.probes import prepare_probes
from grader.properties import is_property
from grader.session import run_pytest
from grader.submission import Submission
from grader.verdicts import RESULTS, TestVerdict, collect, results

TIMINGS = "timings.json"
HIDDEN = "grader/hidden"


@dataclass(frozen=True)
class Graded:
    """How the grading of one submission went.

    Attributes:
        name: the submission's name, also that of its folder in the output.
        seconds: wall time.
        problem: why there is no result, or "".
    """

    name: str
    seconds: float
    problem: str = ""


def find_submissions(folder: Path) -> list[Path]:
    """Return the submissions of a class: its folders and zip files, in order of their names.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    places = sorted(folder.iterdir(), key=lambda place: os.fsencode(place.name))
    return [
        place
        for place in places
        if not place.name.startswith(".")
        and not place.is_symlink()
        and (place.is_dir() or place.suffix.lower() == ".zip")
    ]


def output_names(places: list[Path]) -> dict[Path, str]:
    """Return a safe folder name for each submission; two that would collide get a number."""
    result: dict[Path, str] = {}
    taken: set[str] = set()
    for place in places:
        stem = place.stem if place.suffix.lower() == ".zip" and not place.is_dir() else place.name
        clean = re.sub(r"[^\w.@+ -]", "_", stem.encode("utf-8", "replace").decode("utf-8"))
        name = base = clean.strip(". ")[:100] or "submission"
        number = 2
        while name.casefold() in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name.casefold())
        result[place] = name
    return result


def grade(
    course: Course,
    places: list[Path],
    out: Path,
    steps: list[Step],
    launcher: ForkLauncher | DirectLauncher,
    jobs: int,
    done: Callable[[Graded], None],
) -> list[Graded]:
    """Judge submissions, at most `jobs` at a time, and write each one's results below `out`.

    Raises:
        KitError: the tests could not be collected.
    """
    names = output_names(places)
    session = _GradingSession(
        course, [(place, names[place]) for place in places], out, launcher, jobs, done
    )
    if isinstance(launcher, ForkLauncher):
        launcher.warm_up()
    run_pytest(course, test_files(course, steps), course.root, session)
    times = {graded.name: round(graded.seconds, 3) for graded in session.graded}
    (out / TIMINGS).write_text(json.dumps(times, indent=1, sort_keys=True) + "\n", "utf-8")
    return session.graded


def test_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the visible and the hidden test files of these steps, relative to the kit's folder."""
    files = [f"{folder}/{step.test_file}" for step in steps for folder in ("tests/steps", HIDDEN)]
    return [file for file in files if not file.startswith(HIDDEN) or (course.root / file).exists()]


class _GradingSession:
    """A pytest plugin that takes the place of the loop over the tests."""

    def __init__(
        self,
        course: Course,
        submissions: list[tuple[Path, str]],
        out: Path,
        launcher: ForkLauncher | DirectLauncher,
        jobs: int,
        done: Callable[[Graded], None],
    ) -> None:
        self.course = course
        self.waiting = list(reversed(submissions))
        self.out = out
        self.launcher = launcher
        self.jobs = jobs
        self.done = done
        self.graded: list[Graded] = []
        self.tests: list[TestVerdict] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            # A test file that cannot be collected must not make everybody's maximum smaller.
            raise session.Interrupted("the tests cannot be collected")
        judge = session.config.stash[JUDGE]
        for item in session.items:
            # All that is the same for every submission is made before the first fork.
            prepare_probes(item.module)  # type: ignore[attr-defined]
            if is_property(item):
                judge.properties.generate(item)
        running: dict[int, tuple[str, float]] = {}
        while self.waiting or running:
            while self.waiting and len(running) < self.jobs:
                place, name = self.waiting.pop()
                # Made before the fork: the new judge talks to the zygote over a connection of its
                # own.
                branch = self.launcher.branch()
                pid = os.fork()
                if pid == 0:
                    self._be_judge(session, judge, branch, place, name)
                branch.close()
                running[pid] = (name, time.monotonic())
            pid, status = os.wait()
            if pid in running:
                name, start = running.pop(pid)
                code = os.waitstatus_to_exitcode(status)
                problem = "" if code == 0 else _read_problem(self.out / name, code)
                graded = Graded(name, time.monotonic() - start, problem)
                self.graded.append(graded)
                self.done(graded)
        return True

    def _be_judge(
        self,
        session: pytest.Session,
        judge: Judge,
        branch: ForkLauncher | DirectLauncher,
        place: Path,
        name: str,
    ) -> None:
        """In the forked judge: run all tests on one submission, write the results, end."""
        code = 3
        folder = self.out / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in (folder / RESULTS, folder / "problem.txt"):
                old.unlink(missing_ok=True)
            submission = Submission.read(place, self.course)
            judge.take(submission, branch)
            for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            judge.end_session()
            verdicts = collect(self.course, self.tests)
            if len(self.tests) != len(session.items):
                raise RuntimeError("a test ended without a verdict")
            text = json.dumps(results(name, submission.sha256, verdicts), indent=1)
            new = folder / f"{RESULTS}.new"
            new.write_text(text + "\n", "utf-8")
            new.replace(folder / RESULTS)
            code = 3 if any(verdict.status == "error" for verdict in verdicts) else 0
            if code:
                (folder / "problem.txt").write_text("The kit itself failed in a test.", "utf-8")
        except BaseException as error:
            (folder / "problem.txt").write_text(f"{type(error).__name__}: {error}", "utf-8")
        finally:
            os._exit(code)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if hasattr(report, "verdict"):
            self.tests.append(TestVerdict(**report.verdict))


def _read_problem(folder: Path, code: int) -> str:
    try:
        return (folder / "problem.txt").read_text("utf-8")
    except OSError:
        return f"the judge ended with code {code}"
