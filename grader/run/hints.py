"""Hints: shows the next one for a step each time, from a nudge to almost the answer."""

from __future__ import annotations

from pathlib import Path

from grader.course.course import Step
from grader.course.paths import HINTS_FILE
from grader.run.cache import State

_ALL = "No folder here is writable, so the kit cannot remember which hints you have seen. These are all hints."


def next_hint(memory: Path | None, step: Step, again: bool = False) -> tuple[int, str]:
    """Return number (from 1) and text of the next hint, and remember it; the last one stays.

    If no state can be saved, the text holds all hints.

    Args:
        memory: the folder where it is remembered what was shown, if there is one.
        step: the step.
        again: start again with the first hint.
    """
    state = State(memory, HINTS_FILE)
    seen = 0 if again else state.data.get(step.id)
    number = min(max(seen, 0) + 1, len(step.hints)) if isinstance(seen, int) else 1
    state.data[step.id] = number
    if not state.save():
        return len(step.hints), "\n\n".join((_ALL, *step.hints))
    return number, step.hints[number - 1]
