"""Grading a class: a forked judge for each submission runs all tests and writes its `results.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.files import write_whole
from grader.course.paths import PROBLEM, RESULTS, SOLUTIONS, TIMINGS
from grader.course.plain_text import one_line
from grader.course.verdicts import Graded, Status, collect, results
from grader.judge.forks import Outcome
from grader.judge.pool import Forked, ForkingSession, run_forked
from grader.launch.launchers import Launcher
from grader.submissions.hand_ins import HandIn

# A rehearsal takes as long as one submission, and saves about a third of the time of each correct one.
REHEARSED_FROM = 10


class Unwritable(Exception):
    """Some results cannot be written; the message is a clause."""


def output_names(hand_ins: list[HandIn]) -> dict[HandIn, str]:
    """Return a safe folder name for each submission, with a number where two would collide."""
    result: dict[HandIn, str] = {}
    taken: set[str] = set()
    for hand_in in hand_ins:
        text = hand_in.name.encode("utf-8", "replace").decode("utf-8")
        clean = re.sub(r"[^\w.@+ -]", "_", text)
        name = base = clean.strip(". ")[:100] or "submission"
        number = 2
        while name.casefold() in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name.casefold())
        result[hand_in] = name
    return result


def grade(
    course: Course,
    hand_ins: list[HandIn],
    out: Path,
    files: list[str],
    launcher: Launcher,
    jobs: int,
    done: Callable[[Graded], None],
    begin: Callable[[], None] = lambda: None,
    rehearse: bool = False,
) -> list[Graded]:
    """Judge submissions, and write the results of each into a folder of its own.

    A rehearsal takes as long as one submission and speeds up all others. It changes no result, except for
    code whose behaviour depends on the clock.

    Args:
        course: the course.
        hand_ins: the submissions.
        out: the folder for the results.
        files: test files, relative to the kit's folder.
        launcher: starts the workers; each judge has a branch of it.
        jobs: how many judges run at a time.
        done: called with each submission that was graded.
        begin: called when everything is ready, before the first judge starts.
        rehearse: whether to run the solutions first.

    Returns:
        How the grading of each submission went, in the order in which they were done.

    Raises:
        KitError: the tests could not be collected.
        Unwritable: not all results could be written.
    """
    names = output_names(hand_ins)
    # Made absolute now, because the working folder becomes the kit's while pytest runs.
    out = out.absolute()
    finished: list[Graded] = []
    unwritten = 0

    def judge(hand_in: HandIn, forked: Forked) -> dict[str, str]:
        return _judge(course, hand_in, names[hand_in], forked)

    def take(hand_in: HandIn, outcome: Outcome) -> None:
        nonlocal unwritten
        said = outcome.value or {"text": "", "problem": outcome.problem}
        name, text, problem = names[hand_in], said["text"], said["problem"]
        try:
            _keep(out / name, text, problem)
        except OSError:
            unwritten += 1
            text, problem = "", "its results could not be written"
        finished.append(Graded(name, outcome.seconds, problem, bool(text)))
        done(finished[-1])

    solutions = course.root / SOLUTIONS
    known = solutions if rehearse and solutions.is_dir() else None
    session = ForkingSession(hand_ins, launcher, jobs, judge, take, begin, known)
    run_forked(course, files, session)
    times = {graded.name: round(graded.seconds, 3) for graded in finished}
    try:
        text = json.dumps(times, indent=1, sort_keys=True) + "\n"
        write_whole(out / TIMINGS, text.encode())
    except OSError as error:
        raise Unwritable(f"{out / TIMINGS} cannot be written ({error.strerror})") from error
    if unwritten:
        raise Unwritable(f"the results of {unwritten} submissions could not be written to {out}")
    return finished


def _judge(course: Course, hand_in: HandIn, name: str, forked: Forked) -> dict[str, str]:
    """Run all tests on one submission, in a forked judge.

    Args:
        course: the course.
        hand_in: the submission.
        name: the name of its folder in the output.
        forked: the tests.

    Returns:
        "text": the text of its `results.json`, or "". "problem": why there is no result, or no final one,
        or "".
    """
    submission = hand_in.read(course)
    if submission.unreadable:
        # Nobody knows what was handed in, so there must be no mark: "not started" would be one.
        return {"text": "", "problem": one_line(submission.unreadable)}
    verdicts = collect(course, list(forked.run(submission, forked.items)))
    said = submission.not_taken, submission.notes
    text = json.dumps(results(name, submission.sha256, verdicts, *said), indent=1)
    broken = [test.id for one in verdicts for test in one.tests if test.status == Status.ERROR]
    return {"text": text + "\n", "problem": _broken_tests(broken) if broken else ""}


def _keep(folder: Path, text: str, problem: str) -> None:
    """Write the result and the problem of a submission, and remove those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in ((folder / RESULTS, text), (folder / PROBLEM, problem)):
        if content:
            # Names in a problem may hold what is no text.
            write_whole(file, content.encode("utf-8", "backslashreplace"))
        else:
            file.unlink(missing_ok=True)


def _broken_tests(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"the kit itself failed in {', '.join(names[:3])}{more}, so this mark is not final"


def hidden_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the hidden test files of these steps, relative to the kit's folder."""
    files = [step.hidden_tests for step in steps]
    return [file for file in files if (course.root / file).exists()]


def test_files(course: Course, steps: list[Step]) -> list[str]:
    """Return the visible and the hidden test files of these steps, relative to the kit's folder."""
    return [file for step in steps for file in (step.visible_tests, *hidden_files(course, [step]))]
