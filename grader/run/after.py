"""What follows when a step has passed: its idea, a solution beside the learner's code, and one task more.

Nothing of this is checked or counted. The answer to the task is there to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course.course import Course, CourseError, Step, read_table
from grader.course.paths import SOLUTIONS_FILE
from grader.run.cache import State
from grader.run.hints import unwritten
from grader.run.pieces import DEFINITION, Unmergeable, parsed, without_docstrings

# A check in which more steps pass than these was not made to learn something new.
MOST_IDEAS = 3


@dataclass(frozen=True)
class After:
    """What a step has for those who have passed it.

    Attributes:
        idea: what the step was about, in one sentence.
        task: one more task.
        answer: code that does it.
        prints: what that code prints.
    """

    idea: str
    task: str
    answer: str
    prints: str


@dataclass(frozen=True)
class Pair:
    """A function or class of a solution, and the learner's own one, both without docstrings.

    Attributes:
        name: its name.
        own: the learner's source, or "" if nothing is written.
        solution: the solution's source.
    """

    name: str
    own: str
    solution: str


def after_of(course: Course, step: Step) -> After:
    """Return what a step has for those who have passed it.

    Raises:
        CourseError: the file is missing or invalid.
    """
    table = read_table(course.root, step.after_file)
    stretch: Any = table.get("stretch")
    entries = {"idea": table.get("idea"), **(stretch if isinstance(stretch, dict) else {})}
    names = ("idea", "task", "answer", "prints")
    if entries.keys() != set(names) or not all(isinstance(v, str) for v in entries.values()):
        raise CourseError(
            f"{step.after_file}: write idea, and task, answer and prints of [stretch]."
        )
    return After(*(entries[name].strip() for name in names))


def ideas_of(course: Course, steps: list[Step]) -> dict[str, str]:
    """Return the ideas of steps by id; of none, if there are many steps, and without those that have none."""
    ideas = {}
    for step in steps if len(steps) <= MOST_IDEAS else []:
        try:
            ideas[step.id] = after_of(course, step).idea
        except CourseError:
            # The verdict matters more, and the commands for the rest say what is wrong.
            continue
    return ideas


def asked_before(memory: Path | None, step: Step) -> bool:
    """Return whether a step's solution was asked for before, and remember that it was now.

    If nothing can be remembered, nobody is made to ask for ever: the first time counts as the second.
    """
    state = State(memory, SOLUTIONS_FILE)
    if state.data.get(step.id) is True:
        return True
    state.data[step.id] = True
    return not state.save()


def pairs(own: bytes, solution: str) -> list[Pair]:
    """Return the functions and classes of a solution beside the learner's own ones, in the solution's order.

    Args:
        own: the learner's module. If Python cannot read it, it counts as empty.
        solution: the solution.

    Raises:
        CourseError: Python cannot read the solution.
    """
    try:
        mine = _sources(own.decode("utf-8-sig").replace("\r\n", "\n"))
    except (UnicodeDecodeError, Unmergeable):
        mine = {}
    try:
        theirs = _sources(solution)
    except Unmergeable as error:
        raise CourseError(f"The solution cannot be shown: {error}.") from None
    for name in unwritten(own):
        mine.pop(name, None)
    return [Pair(name, mine.get(name, ""), source) for name, source in theirs.items()]


def _sources(text: str) -> dict[str, str]:
    """Return the source of each function and class of a module, without docstrings, by name."""
    module = parsed(text)
    return {piece.name: without_docstrings(piece.text) for piece in module.of_kind(DEFINITION)}
