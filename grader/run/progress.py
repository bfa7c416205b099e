"""How far a learner is: a small file in the workspace that can be read, and carried to another machine.

`.torchsteps/progress.json` holds the step that was worked on last, and for each step that has passed a digest of
the modules that passed. It says nothing of paths, of the machine and of the kit, unlike the verdicts in
`checks.json`, which count only as long as nothing changes at all:

    {"done": {"00": "5b0a4d1c7be0f1aa", "01": "c6d0e2f7a4b34c55"}, "step": "02"}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.course.paths import EXERCISES, MEMORY, PROGRESS_FILE
from grader.course.verdicts import Status, StepVerdict
from grader.run.cache import State
from grader.submissions.imports import imported
from grader.submissions.submission import Submission


def last_step(memory: Path | None) -> str:
    """Return the id of the step that was worked on last, or "" if that is not known."""
    step = State(memory, PROGRESS_FILE).data.get("step")
    return step if isinstance(step, str) else ""


def keep_step(memory: Path | None, step: Step) -> None:
    """Remember the step that is worked on."""
    state = State(memory, PROGRESS_FILE)
    if state.data.get("step") != step.id:
        state.data["step"] = step.id
        state.save()


def finished(course: Course, memory: Path | None, submission: Submission) -> set[str]:
    """Return the ids of the steps that have passed and whose modules are still the same.

    A newer kit or another machine may judge them otherwise.
    """
    done = _done(State(memory, PROGRESS_FILE))
    return {
        step.id
        for step in course.steps
        if step.id in done and done[step.id] == _digest(submission, step)
    }


def note(memory: Path | None, submission: Submission, verdicts: Iterable[StepVerdict]) -> None:
    """Remember which steps have passed; of anything but the learner's own exercises, nothing is remembered."""
    if memory is None or memory.name != MEMORY:
        return
    if submission.folder.resolve() != (memory.parent / EXERCISES).resolve():
        return
    state = State(memory, PROGRESS_FILE)
    done = _done(state)
    before = dict(done)
    for verdict in verdicts:
        if verdict.status == Status.PASSED:
            done[verdict.step.id] = _digest(submission, verdict.step)
        elif verdict.status != Status.ERROR:
            done.pop(verdict.step.id, None)
    if done != before:
        state.save()


def _done(state: State) -> dict[str, Any]:
    if not isinstance(state.data.get("done"), dict):
        state.data["done"] = {}
    done: dict[str, Any] = state.data["done"]
    return done


def _digest(submission: Submission, step: Step) -> str:
    """Return a short digest of a step's module and of the learner's other modules that it imports."""
    modules = imported(submission.sources, step.module)
    modules = {**modules, step.module: submission.sources.get(step.module, b"")}
    return hashlib.sha256(repr(sorted(modules.items())).encode()).hexdigest()[:16]
