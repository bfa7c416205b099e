"""Checking: runs the tests of the steps that changed, caches their verdicts, and returns all verdicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.course.paths import CHECKS_FILE, MEMORY
from grader.course.verdicts import Status, StepVerdict, TestVerdict, collect
from grader.judge.order import Order
from grader.judge.pytest_run import KitError
from grader.run.cache import State, kit_fingerprint, stamps, step_key
from grader.run.judge_process import answers, end, start
from grader.run.progress import note
from grader.submissions.imports import imported
from grader.submissions.submission import Submission

Progress = Callable[[StepVerdict], None]


def find_target(workspace: Path | None, target: str) -> Path:
    """Return the folder or file that `--target` names: one in the working folder, or else in the workspace."""
    path = Path(target)
    return path if path.exists() or workspace is None else workspace / path


def check(
    course: Course,
    memory: Path | None,
    submission: Submission,
    steps: Iterable[Step],
    *,
    fresh: bool = False,
    begin: Callable[[Step], None] = lambda _: None,
    done: Progress = lambda _: None,
) -> list[StepVerdict]:
    """Return the verdicts of these steps.

    Args:
        course: the course.
        memory: the folder where verdicts are remembered, if there is one.
        submission: what is judged.
        steps: the steps to look at.
        fresh: run all of them, also those whose files did not change.
        begin: called with a step whose first test is about to run.
        done: called with each verdict as soon as it is known.

    Returns:
        The verdicts, in course order.

    Raises:
        KitError: the tests could not be run.
    """
    state = State(memory, CHECKS_FILE)
    known = _known(memory, state, submission)
    steps = list(steps)
    before = stamps(course, steps)
    kit = kit_fingerprint(course)
    keys, verdicts, to_run = {}, {}, []
    for step in steps:
        keys[step.id] = _key(course, submission, step, kit)
        tests = () if fresh else _remembered(known.get(step.id), keys[step.id])
        if tests:
            verdicts[step.id] = StepVerdict(step, tests)
            done(verdicts[step.id])
        else:
            to_run.append(step)
    if to_run:
        # Show this at once, because the first test starts only after some seconds.
        begin(to_run[0])
        if memory:
            # It would write into the working folder, which is the kit while tests run.
            os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(memory / "hypothesis"))
        found = _run(course, submission, to_run, begin, done)
        # If a file was edited meanwhile, nobody knows which version the verdicts are about.
        unchanged = stamps(course, steps) == before
        for verdict in found:
            verdicts[verdict.step.id] = verdict
            if unchanged and verdict.status != Status.ERROR:
                tests_data = [test.plain for test in verdict.tests]
                known[verdict.step.id] = {"key": keys[verdict.step.id], "tests": tests_data}
        state.save()
        if unchanged:
            note(memory, submission, found)
    return [verdicts[step.id] for step in course.steps if step.id in verdicts]


def last_verdict(
    course: Course, memory: Path | None, submission: Submission, step: Step
) -> StepVerdict | None:
    """Return what the last check said about a step; None if anything that it depends on changed since then.

    Args:
        course: the course.
        memory: the folder where verdicts are remembered, if there is one.
        submission: what would be judged now.
        step: the step.
    """
    return known_verdicts(course, memory, submission, [step]).get(step.id)


def known_verdicts(
    course: Course, memory: Path | None, submission: Submission, steps: Iterable[Step]
) -> dict[str, StepVerdict]:
    """Return what is known about steps, by id, as `last_verdict` does for one."""
    known, kit = _known(memory, State(memory, CHECKS_FILE), submission), kit_fingerprint(course)
    found = {}
    for step in steps:
        tests = _remembered(known.get(step.id), _key(course, submission, step, kit))
        if tests:
            found[step.id] = StepVerdict(step, tests)
    return found


def remember(
    course: Course, memory: Path | None, submission: Submission, verdict: StepVerdict
) -> None:
    """Keep a verdict, so that the step is not run again until something that it depends on changes.

    Args:
        course: the course.
        memory: the folder where verdicts are remembered, if there is one.
        submission: what was judged.
        verdict: the verdict; one that is an error is not kept.
    """
    if verdict.status == Status.ERROR:
        return
    state = State(memory, CHECKS_FILE)
    key = _key(course, submission, verdict.step, kit_fingerprint(course))
    tests = [test.plain for test in verdict.tests]
    _known(memory, state, submission)[verdict.step.id] = {"key": key, "tests": tests}
    state.save()
    note(memory, submission, [verdict])


def passed_before(memory: Path | None, submission: Submission) -> set[str]:
    """Return the ids of the steps that passed when they were last checked, whatever changed since then.

    Args:
        memory: the folder where verdicts are remembered, if there is one.
        submission: read from the same place as in that check.
    """
    passed = set()
    for name, entry in _known(memory, State(memory, CHECKS_FILE), submission).items():
        try:
            found = {test["status"] for test in entry["tests"]}
        except (TypeError, KeyError):
            continue
        if found == {Status.PASSED}:
            passed.add(name)
    return passed


def _known(memory: Path | None, state: State, submission: Submission) -> dict[str, Any]:
    """Return the part of the state that is about a submission, by step.

    A workspace may be moved or copied, so its own folders have their names inside of it.
    """
    folder = submission.folder.resolve()
    if memory and memory.name == MEMORY and folder.is_relative_to(memory.parent.resolve()):
        folder = folder.relative_to(memory.parent.resolve())
    name = folder.as_posix()
    if not isinstance(state.data.get(name), dict):
        state.data[name] = {}
    known: dict[str, Any] = state.data[name]
    return known


def _key(course: Course, submission: Submission, step: Step, kit: str) -> str:
    source = submission.sources.get(step.module)
    refused = None if step.module in submission.sources else submission.absence(step)
    others = imported(submission.sources, step.module)
    return step_key(course, step, source, others, refused, kit)


def _remembered(entry: Any, key: str) -> tuple[TestVerdict, ...]:
    """Return the verdicts of a cache entry; none if it is about other files, or broken."""
    try:
        if entry["key"] == key:
            return tuple(TestVerdict.of(test) for test in entry["tests"])
    except (TypeError, KeyError, ValueError):
        pass
    return ()


def _run(
    course: Course,
    submission: Submission,
    steps: list[Step],
    begin: Callable[[Step], None],
    done: Progress,
) -> list[StepVerdict]:
    order = Order(course.root, submission, tuple(step.id for step in steps))
    found: dict[str, TestVerdict] = {}
    problem = ""
    process = start(order)
    try:
        for answer in answers(process):
            if "begin" in answer:
                begin(course.by_id[answer["begin"]])
            elif "test" in answer:
                verdict = TestVerdict.of(answer["test"])
                # The last one counts: if a fixture's teardown fails, a second verdict follows that of the test.
                found[verdict.id] = verdict
            elif "finished" in answer:
                of_step = (test for test in found.values() if test.step == answer["finished"])
                for step_verdict in collect(course, of_step):
                    done(step_verdict)
            problem = answer.get(
                "problem", "" if answer.get("done") else "The judge ended too early."
            )
    except BaseException:
        # Ctrl-C, for one: nobody waits for what is running.
        process.kill()
        raise
    finally:
        end(process)
    if problem:
        raise KitError(problem)
    verdicts = collect(course, found.values())
    silent = {step.id for step in steps} - {verdict.step.id for verdict in verdicts}
    if silent:
        raise KitError(f"There is no verdict for step {', '.join(sorted(silent))}.")
    return verdicts
