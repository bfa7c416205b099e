"""Hints: finds the function that needs one, and shows its next one, from a nudge to almost the answer."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from grader.course.course import Course, CourseError, Step, read_table
from grader.course.paths import EXERCISES, HINTS_FILE
from grader.run.cache import State
from grader.run.check import find_target, last_verdict
from grader.run.pieces import Unmergeable, parsed
from grader.submissions.submission import Submission

Hints = dict[str, tuple[str, ...]]
_ALL = "No folder here is writable, so the kit cannot remember which hints you have seen. These are all hints."


def hints_of(course: Course, step: Step) -> Hints:
    """Return the hints for each function of a step, in the order of the lesson.

    They are no part of the course file, whose steps are part of what a check depends on: after a change of a hint,
    nothing is checked again.

    Raises:
        CourseError: the file with the hints is missing or invalid.
    """
    table = read_table(course.root, step.hints_file)
    for name, texts in table.items():
        if not (isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)):
            raise CourseError(f"{step.hints_file}: {name} must be a list of at least one string.")
    if not table:
        raise CourseError(f"{step.hints_file}: there is no function.")
    return {name: tuple(text.strip() for text in texts) for name, texts in table.items()}


def function_named(name: str, step: Step, functions: Iterable[str]) -> str:
    """Return the function or class that a learner means, for example by "fit", "FIT" or "SGD.step".

    Args:
        name: what the learner typed.
        step: the step.
        functions: the functions that have hints.

    Raises:
        CourseError: the step has no such function.
    """
    wanted = name.split(".")[0].lower()
    for function in functions:
        if function.lower() == wanted:
            return function
    known = ", ".join(functions)
    raise CourseError(f'Step {step.id} has no function "{name}". It has: {known}.')


def function_to_do(
    course: Course, workspace: Path | None, memory: Path | None, step: Step, functions: list[str]
) -> str:
    """Return the function that a learner works on; "" if all functions of the step are right.

    It is the one that failed first in the last check. If the files changed since then, it is the first one that is
    not written yet, or else the first of the step.

    Args:
        course: the course.
        workspace: the learner's folder, if there is one.
        memory: the folder where verdicts are remembered, if there is one.
        step: the step.
        functions: the functions of the step, in order.
    """
    try:
        submission = Submission.read(find_target(workspace, EXERCISES), course)
    except OSError:
        return functions[0]
    verdict = last_verdict(course, memory, submission, step)
    if verdict:
        name = verdict.to_do
        return name if name in functions or not name else functions[0]
    to_write = unwritten(submission.sources.get(step.module, b""))
    return next((name for name in functions if name in to_write), functions[0])


def unwritten(source: bytes) -> set[str]:
    """Return the functions of a module, and the classes with a method, that are still stubs."""
    try:
        tree = parsed(source.decode("utf-8-sig").replace("\r\n", "\n")).tree
    except (UnicodeDecodeError, Unmergeable):
        return set()
    definitions = (node for node in tree.body if isinstance(node, _DEFINITIONS))
    return {node.name for node in definitions if _is_stub(node)}


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _is_stub(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return any(_is_stub(inner) for inner in node.body)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    last = node.body[-1]
    raised = last.exc if isinstance(last, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def next_hint(
    memory: Path | None, step: Step, function: str, hints: tuple[str, ...], again: bool = False
) -> tuple[int, str]:
    """Return number (from 1) and text of the next hint for a function, and remember it; the last one stays.

    If no state can be saved, the text holds all hints.

    Args:
        memory: the folder where it is remembered what was shown, if there is one.
        step: the step.
        function: the function.
        hints: its hints.
        again: start again with the first hint.
    """
    state = State(memory, HINTS_FILE)
    number = 1 if again else min(_seen(state, step, function) + 1, len(hints))
    state.data[_key(step, function)] = number
    if not state.save():
        return len(hints), "\n\n".join((_ALL, *hints))
    return number, hints[number - 1]


def seen_hints(memory: Path | None, step: Step, hints: Hints) -> dict[str, int]:
    """Return how many of the hints for each function were shown.

    Args:
        memory: the folder where it is remembered, if there is one.
        step: the step.
        hints: its hints, by function.
    """
    state = State(memory, HINTS_FILE)
    return {name: min(_seen(state, step, name), len(texts)) for name, texts in hints.items()}


def _key(step: Step, function: str) -> str:
    return f"{step.id} {function}"


def _seen(state: State, step: Step, function: str) -> int:
    seen = state.data.get(_key(step, function))
    return max(seen, 0) if isinstance(seen, int) else 0
