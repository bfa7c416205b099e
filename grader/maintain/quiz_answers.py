"""Records the answers of the quiz: runs the code of the questions, and writes down what came.

No author types an answer, so none can be wrong. A test of the kit runs all codes again and compares.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.paths import QUIZ_ANSWERS
from grader.launch.interpreter import ONE_THREAD
from grader.run.quiz import (
    NO_ERROR,
    Question,
    QuizError,
    Recorded,
    is_right,
    questions_of,
    recorded_answers,
    text_of,
    unrecorded,
)

_RUNNER = Path(__file__).with_name("quiz_runner.py")
_SECONDS = 120
_LONGEST_MESSAGE = 160


def run(questions: Iterable[Question]) -> dict[str, Recorded]:
    """Run the codes of some questions, one after the other in one process; return what came, by id.

    Raises:
        QuizError: what came is no answer of the question's kind.
    """
    asked = list(questions)
    with tempfile.TemporaryDirectory() as folder:
        try:
            ran = subprocess.run(
                [sys.executable, "-I", str(_RUNNER)],
                cwd=folder,
                env=os.environ | ONE_THREAD,
                input=json.dumps([question.code for question in asked]),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            names = ", ".join(question.id for question in asked)
            raise QuizError(f"Running took over {_SECONDS} seconds: {names}.") from None
    if ran.returncode:
        raise QuizError(f"The process that runs the questions ended early:\n{ran.stderr}")
    outcomes = json.loads(ran.stdout.splitlines()[-1])
    return {
        question.id: _recorded(question, *outcome)
        for question, outcome in zip(asked, outcomes, strict=True)
    }


def _recorded(question: Question, printed: str, error: str, message: str) -> Recorded:
    """Return what came as an answer.

    Args:
        question: the question.
        printed: what its code printed.
        error: the name of the error that ended it, or "".
        message: what the error said.

    Raises:
        QuizError: this is no answer of the question's kind.
    """
    if question.kind == "error":
        short = textwrap.shorten(message, _LONGEST_MESSAGE, placeholder=" …")
        return Recorded(question.digest, error or NO_ERROR, short)
    if error:
        raise QuizError(f"{question.id}: the code raised {error}: {message}")
    answer = printed.strip()
    if not answer or "\n" in answer or not is_right(question.kind, answer, answer):
        raise QuizError(
            f"{question.id}: the code must print one line, a {question.kind}, but it printed: {answer!r}"
        )
    return Recorded(question.digest, answer)


def record(course: Course, steps: Iterable[Step]) -> dict[str, Recorded]:
    """Record the answers that are missing or out of date, and drop those of questions that are gone.

    Args:
        course: the course.
        steps: the steps whose codes may be run.

    Returns:
        The new answers, by the id of the question.

    Raises:
        QuizError: what came is no answer of the question's kind; nothing was written.
    """
    old = recorded_answers(course)
    stale = unrecorded([q for step in steps for q in questions_of(course, step)], old)
    new = run(stale) if stale else {}
    there = {q.id for step in course.steps for q in questions_of(course, step)}
    answers = {name: recorded for name, recorded in (old | new).items() if name in there}
    if answers != old:
        (course.root / QUIZ_ANSWERS).write_text(text_of(answers), "utf-8")
    return new
