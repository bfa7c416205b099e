"""Grading a class: a forked judge for each submission runs all tests and writes its `results.json`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.course import Course, Step
from grader.judges import FAILED, Forked, ForkingSession, run_forked
from grader.launch import DirectLauncher, ForkLauncher
from grader.submission import Submission
from grader.verdicts import RESULTS, collect, results

TIMINGS = "timings.json"
PROBLEM = "problem.txt"
HIDDEN = "grader/hidden"
# A rehearsal takes as long as one submission, and saves about a third of the time of a correct one.
REHEARSED_FROM = 10


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
    files: list[str],
    launcher: ForkLauncher | DirectLauncher,
    jobs: int,
    done: Callable[[Graded], None],
    begin: Callable[[], None] = lambda: None,
    rehearse: bool = False,
) -> list[Graded]:
    """Judge submissions with some test files, at most `jobs` at a time, and write each one's results below `out`.

    A rehearsal takes as long as a submission, and makes each of them faster; it changes no result, but for code
    that goes by the clock.

    Raises:
        KitError: the tests could not be collected.
    """
    names = output_names(places)
    finished: list[Graded] = []

    def judge(place: Path, forked: Forked) -> int:
        return _judge(course, place, names[place], out / names[place], forked)

    def take(place: Path, seconds: float, code: int) -> None:
        problem = "" if code == 0 else _read_problem(out / names[place], code)
        finished.append(Graded(names[place], seconds, problem))
        done(finished[-1])

    solutions = course.root / "solutions"
    known = solutions if rehearse and solutions.is_dir() else None
    session = ForkingSession(places, launcher, jobs, judge, take, begin, known)
    run_forked(course, files, session)
    times = {graded.name: round(graded.seconds, 3) for graded in finished}
    (out / TIMINGS).write_text(json.dumps(times, indent=1, sort_keys=True) + "\n", "utf-8")
    return finished


def _judge(course: Course, place: Path, name: str, folder: Path, forked: Forked) -> int:
    """Run all tests on one submission and write its results, in a forked judge; return the exit code."""
    code = FAILED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (folder / RESULTS, folder / PROBLEM):
            old.unlink(missing_ok=True)
        submission = Submission.read(place, course)
        verdicts = collect(course, list(forked.run(submission, forked.items)))
        forked.judge.end_session()
        text = json.dumps(results(name, submission.sha256, verdicts), indent=1)
        new = folder / f"{RESULTS}.new"
        new.write_text(text + "\n", "utf-8")
        new.replace(folder / RESULTS)
        code = FAILED if any(verdict.status == "error" for verdict in verdicts) else 0
        if code:
            (folder / PROBLEM).write_text("The kit itself failed in a test.", "utf-8")
    except BaseException as error:
        (folder / PROBLEM).write_text(f"{type(error).__name__}: {error}", "utf-8")
    return code


def hidden_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the hidden test files of these steps, relative to the kit's folder."""
    files = [f"{HIDDEN}/{step.test_file}" for step in steps]
    return [file for file in files if (course.root / file).exists()]


def test_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the visible and the hidden test files of these steps, relative to the kit's folder."""
    return [
        file
        for step in steps
        for file in (f"tests/steps/{step.test_file}", *hidden_files(course, [step]))
    ]


def _read_problem(folder: Path, code: int) -> str:
    try:
        return (folder / PROBLEM).read_text("utf-8")
    except OSError:
        return f"the judge ended with code {code}"
