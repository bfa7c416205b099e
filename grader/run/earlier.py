"""Which earlier step is to be mended first: one that a failing step imports, and that is known not to be right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grader.course.course import Course
from grader.course.verdicts import Status, StepVerdict
from grader.judge.uses import taken_from
from grader.run.check import known_verdicts
from grader.submissions.imports import imported
from grader.submissions.submission import Submission


def mend_first(
    course: Course, memory: Path | None, submission: Submission, verdicts: Iterable[StepVerdict]
) -> dict[str, str]:
    """Return for failing steps, by id, a sentence about the first step that is imported there and is not right.

    Nothing is run for this. The other step counts only if a function that is imported from it is wrong or not
    written; whether that is the reason, nobody knows.

    Args:
        course: the course.
        memory: the folder where verdicts are remembered, if there is one.
        submission: what was judged.
        verdicts: the verdicts on the steps, and perhaps on those that they import.
    """
    verdicts = list(verdicts)
    modules = {
        verdict.step.id: imported(submission.sources, verdict.step.module)
        for verdict in verdicts
        if verdict.status == Status.FAILED and not verdict.file_problem
    }
    steps = [step for step in course.steps if any(step.module in each for each in modules.values())]
    if not steps:
        return {}
    known = known_verdicts(course, memory, submission, steps)
    known |= {verdict.step.id: verdict for verdict in verdicts}
    return {
        name: sentence
        for name, others in modules.items()
        if (sentence := _first(course, submission, course.by_id[name].module, others, known))
    }


def _first(
    course: Course,
    submission: Submission,
    module: str,
    others: dict[str, bytes],
    known: dict[str, StepVerdict],
) -> str:
    """Return the sentence for a module that imports these others, or ""."""
    for step in course.steps:
        verdict = known.get(step.id)
        if step.module not in others or verdict is None or verdict.status == Status.PASSED:
            continue
        head = f"Step {step.id}, which is imported here, is not right yet"
        if verdict.file_problem:
            return f"{head}: first repair {verdict.file}."
        users = [source for name, source in others.items() if name != step.module]
        users.append(submission.sources.get(module, b""))
        named = {name for source in users for name in taken_from(source, step.module)}
        for function in verdict.by_function:
            if function in named and function in verdict.wrong:
                return f"{head}: first fix `{function}` in {step.filename}."
            if function in named and function in verdict.unwritten:
                return f"{head}: first write `{verdict.unwritten[function][0]}` in {step.filename}."
    return ""
