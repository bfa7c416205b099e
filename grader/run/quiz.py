"""The quiz of a step: the learner predicts what a few lines of code do. Nothing is stored or graded.

The answers are recorded by `grader.maintain.quiz_answers`, so a quiz runs no code and loads no heavy package.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from grader.course.course import Course, Step
from grader.course.paths import QUIZ_ANSWERS

# The answer to a question about an error if the code runs to its end.
NO_ERROR = "none"
# Kinds of questions, and what is typed there.
KINDS = {
    "number": "A number",
    "shape": "A shape, such as (2, 3)",
    "bool": "True or False",
    "error": f"The name of an error, or {NO_ERROR}",
    "text": "What it prints",
}
_WIDTH = 80
# The comparison looks at no more of a typed line, however long it is.
_LONGEST = 200
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


class QuizError(ValueError):
    """A quiz cannot be asked or recorded; the message is a sentence that says why."""


@dataclass(frozen=True)
class Question:
    """A question about a few lines of code.

    Attributes:
        id: unique over all steps, such as "detach-shares-memory".
        code: the code, which prints one line or raises an error.
        question: what is asked about it.
        kind: one of `KINDS`.
        explanation: why the answer is what it is, for those who predicted something else.
    """

    id: str
    code: str
    question: str
    kind: str
    explanation: str

    @property
    def digest(self) -> str:
        """A digest of what the answer depends on."""
        return hashlib.sha256(f"{self.kind};{self.code}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Recorded:
    """What came when the code of a question was run.

    Attributes:
        digest: the question's digest at that time.
        answer: what the code printed; for the kind "error", the error's name or `NO_ERROR`.
        message: what the error said.
    """

    digest: str
    answer: str
    message: str = ""

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if self.answer == NO_ERROR:
            return "No error comes."
        if self.message:
            return f"{self.answer}: {self.message}"
        return f"It prints {self.answer}."


def questions_of(course: Course, step: Step) -> list[Question]:
    """Return the questions of a step, in order."""
    path = course.root / step.quiz_file
    if not path.is_file():
        return []
    return [Question(**entry) for entry in tomllib.loads(path.read_text("utf-8"))["question"]]


def recorded_answers(course: Course) -> dict[str, Recorded]:
    """Return the recorded answers of all steps, by the id of the question."""
    path = course.root / QUIZ_ANSWERS
    if not path.is_file():
        return {}
    entries = json.loads(path.read_text("utf-8"))
    return {name: Recorded(**entry) for name, entry in entries.items()}


def unrecorded(questions: Iterable[Question], answers: dict[str, Recorded]) -> list[Question]:
    """Return the questions whose answers are missing or were recorded for other code."""
    return [
        question
        for question in questions
        if question.id not in answers or answers[question.id].digest != question.digest
    ]


def text_of(answers: dict[str, Recorded]) -> str:
    """Return what `recorded_answers` reads."""
    entries = {name: asdict(recorded) for name, recorded in sorted(answers.items())}
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Reply:
    """What is said to a prediction.

    Attributes:
        right: whether it was right; None if the learner only asked for the answer.
        sentence: the answer in words.
        explanation: why it is so.
    """

    right: bool | None
    sentence: str
    explanation: str


def quiz_of(course: Course, step: Step) -> list[tuple[Question, Recorded]]:
    """Return the questions of a step, in order, with their answers.

    Raises:
        QuizError: the step has no questions, or an answer is not recorded.
    """
    questions, answers = questions_of(course, step), recorded_answers(course)
    if not questions:
        raise QuizError(f"Step {step.id}, {step.title}, has no questions.")
    if missing := unrecorded(questions, answers):
        names = ", ".join(question.id for question in missing)
        raise QuizError(f"These answers are not recorded: {names}. Run: make record STEP={step.id}")
    return [(question, answers[question.id]) for question in questions]


def reply_to(question: Question, recorded: Recorded, typed: str) -> Reply:
    """Return what is said to a prediction; to "?", only the answer.

    Args:
        question: the question.
        recorded: its answer.
        typed: one line, as the learner typed it.
    """
    asks = typed.strip() == "?"
    right = None if asks else is_right(question.kind, typed, recorded.answer)
    return Reply(right, recorded.sentence, " ".join(question.explanation.split()))


def ask(
    course: Course, step: Step, read: Callable[[str], str | None], say: Callable[[str], None]
) -> None:
    """Ask the questions of a step, one after the other, until the input ends or Ctrl-C is pressed.

    Args:
        course: the course.
        step: the step.
        read: shows a prompt and returns the line that is typed there; None at the end of the input.
        say: shows some lines.

    Raises:
        QuizError: the step has no questions, or an answer is not recorded; nothing was asked.
    """
    questions = quiz_of(course, step)
    stop = "Ctrl-C" if os.name == "nt" else "Ctrl-D"
    say(
        f"Step {step.id}, {step.title}: {len(questions)} questions. Nothing is graded.\n"
        f"Predict, and press Enter. Type ? to see an answer, nothing to skip, {stop} to stop."
    )
    right = answered = asked = 0
    with contextlib.suppress(KeyboardInterrupt):
        for number, (question, recorded) in enumerate(questions, 1):
            code = textwrap.indent(question.code.strip(), "    ")
            # The prompt may say all there is to ask.
            asks_more = question.question.strip() != f"{KINDS[question.kind]}?"
            words = f"\n\n{_wrapped(question.question)}" if asks_more else ""
            say(f"\n{number} of {len(questions)}\n\n{code}{words}")
            typed = read(f"{KINDS[question.kind]}: ")
            while typed and (problem := unclear(question.kind, typed)):
                say(problem)
                typed = read(f"{KINDS[question.kind]}: ")
            if typed is None:
                break
            asked = number
            if not typed.strip():
                say("Skipped.")
                continue
            reply = reply_to(question, recorded, typed)
            right += reply.right is True
            answered += reply.right is not None
            verdict = {True: "Right.", False: "No.", None: ""}[reply.right]
            say(_wrapped(f"{verdict} {reply.sentence}"))
            say(_wrapped(reply.explanation))
        else:
            left_out = len(questions) - answered
            others = f" {left_out} not answered." if left_out else ""
            say(f"\n{right} of {answered} right.{others}")
            return
    left = len(questions) - asked
    score = f": {right} of {answered} right" if answered else ""
    say(f"\nThat is all for now{score}. Questions left: {left}. Come back when you like.")


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_on_hyphens=False)


def unclear(kind: str, typed: str) -> str:
    """Return what to say to a line that cannot be an answer of this kind, such as a word for a number.

    Such a line is a slip and no prediction, so the same question is asked again.

    Args:
        kind: the question's kind.
        typed: one line, as it was typed.

    Returns:
        A sentence; "" for an answer, and for what skips the question or asks for its answer.
    """
    text = typed[:_LONGEST].strip().casefold()
    if text in ("", "?"):
        return ""
    if kind == "number" and not any(map(_is_number, _numbers(text))):
        return "That is no number: try again."
    if kind == "shape" and _shape(text) is None:
        return "That is no shape: try again."
    if kind == "bool" and text not in (*_TRUE, *_FALSE):
        return "That is neither True nor False: try again."
    # Any text may be meant, but keys such as Escape and the arrows are pressed by mistake.
    return "That is no answer: try again." if re.search(r"[\0-\x08\x0e-\x1f\x7f]", text) else ""


def is_right(kind: str, typed: str, answer: str) -> bool:
    """Return whether what a learner typed means the recorded answer.

    Args:
        kind: the question's kind.
        typed: one line, as it was typed.
        answer: what the code printed, or the error's name.
    """
    return _SAME[kind](typed[:_LONGEST].strip().casefold(), answer.casefold())


def _same_number(typed: str, answer: str) -> bool:
    return any(_is_near(number, answer) for number in _numbers(typed))


def _numbers(typed: str) -> list[str]:
    """Return the ways to read a line as a number."""
    # Copied from Python, a number may be in brackets. A comma is for thousands in one country and for decimals
    # in another.
    number = re.sub(r"^tensor|[()\[\]]", "", typed).strip().replace("\N{MINUS SIGN}", "-")
    return [number.replace(",", instead) for instead in ("", ".")]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_near(typed: str, answer: str) -> bool:
    """Return whether a number equals another one within 0.1 %, or is that one rounded to two digits or more.

    A whole number is a count, which must be met exactly.
    """
    try:
        value, expected = float(typed), float(answer)
    except ValueError:
        return False
    if value == expected or (math.isnan(value) and math.isnan(expected)):
        return True
    if re.fullmatch(r"-?\d+", answer):
        return False
    if math.isclose(value, expected, rel_tol=1e-3):
        return True
    digits = re.fullmatch(r"[+-]?(\d*)\.?(\d*)", typed)
    if digits is None or len((digits[1] + digits[2]).lstrip("0")) < 2:
        return False
    return abs(value - expected) <= 0.5 * 10.0 ** -len(digits[2])


def _same_shape(typed: str, answer: str) -> bool:
    return _shape(typed) is not None and _shape(typed) == _shape(answer)


def _shape(text: str) -> tuple[int, ...] | None:
    """Return the sizes in `(2, 3)`, `[2, 3]`, `2 x 3` or `torch.size([2, 3])`; None for anything else."""
    if not re.fullmatch(r"(torch\.)?(size|shape)?[\d\s,x×*()\[\]]*", text):
        return None
    if not re.search(r"[\d(\[]", text):
        return None
    return tuple(int(size) for size in re.findall(r"\d+", text))


def _same_truth(typed: str, answer: str) -> bool:
    return typed in (_TRUE if answer == "true" else _FALSE)


def _same_error(typed: str, answer: str) -> bool:
    return _error(typed) == _error(answer)


def _error(text: str) -> str:
    """Return the name of an error without its module, its message and its last word, "error"."""
    name = re.sub(r"[\s'\"`()]", "", text.partition(":")[0]).rstrip(".").rpartition(".")[2]
    name = name.removesuffix("error")
    return NO_ERROR if name == "no" else name


def _same_text(typed: str, answer: str) -> bool:
    words, expected = _words(typed), _words(answer)
    return len(words) == len(expected) and all(
        word == right or _is_near(word, right) for word, right in zip(words, expected, strict=True)
    )


def _words(text: str) -> list[str]:
    """Return the words and numbers of a line, whatever separates or encloses them."""
    plain = re.sub(r"\btorch\.|\btensor\b|[()\[\]{}'\"`,;]", " ", text)
    return plain.split()


_SAME: dict[str, Callable[[str, str], bool]] = {
    "number": _same_number,
    "shape": _same_shape,
    "bool": _same_truth,
    "error": _same_error,
    "text": _same_text,
}
