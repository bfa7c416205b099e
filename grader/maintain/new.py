"""Creates a new step: all of its files, filled with a small example that works.

The files are copied from `grader/content/skeleton`. A TODO marks each place that the author must replace, and a
test of the kit fails as long as one is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.paths import (
    AFTER,
    COURSE_FILE,
    EXERCISES,
    HIDDEN_TESTS,
    HINTS,
    MISCONCEPTIONS,
    QUIZ,
    SOLUTIONS,
    STYLES,
    VISIBLE_TESTS,
)
from grader.maintain.stubs import stub_of

_SKELETON = Path(__file__).resolve().parents[1] / "content" / "skeleton"
# The same form as in `grader.course.course`.
_NAME = re.compile(r"(?:step_)?(?P<id>[0-9]{2})_(?P<name>[a-z][a-z0-9_]*)")
_LONGEST_TITLE = 60
# The path in the kit of each file of the skeleton.
_TARGETS = {
    "solution.py": f"{SOLUTIONS}/step_XX_NAME.py",
    "visible.py": f"{VISIBLE_TESTS}/test_step_XX.py",
    "hidden.py": f"{HIDDEN_TESTS}/test_step_XX.py",
    "hints.toml": f"{HINTS}/step_XX.toml",
    "after.toml": f"{AFTER}/step_XX.toml",
    "misconceptions.toml": f"{MISCONCEPTIONS}/step_XX.toml",
    "quiz.toml": f"{QUIZ}/step_XX.toml",
    "beginner.py": f"{STYLES}/beginner/step_XX_NAME.py",
    "defensive.py": f"{STYLES}/defensive/step_XX_NAME.py",
    "expert.py": f"{STYLES}/expert/step_XX_NAME.py",
    "textbook.py": f"{STYLES}/textbook/step_XX_NAME.py",
}


class NewStepError(ValueError):
    """The step cannot be created; the message is a sentence that says why."""


@dataclass(frozen=True)
class NewStep:
    """A step that was created.

    Attributes:
        id: two digits, such as "20".
        title: the title that learners see.
        files: paths of the new files, relative to the kit's folder.
        giver: the step that its one point was taken from, as it was before.
    """

    id: str
    title: str
    files: tuple[str, ...]
    giver: Step


def make_step(course: Course, name: str, title: str = "") -> NewStep:
    """Create the files of a step in a kit's folder, and its entry in the course file.

    Args:
        course: the course.
        name: number and name, such as "20_pipelines".
        title: the title that learners see; made from the name if it is empty.

    Raises:
        NewStepError: the step cannot be created or would overwrite a file; nothing has been written.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise NewStepError(
            f'A step is named with two digits and a lower-case name, such as 20_pipelines, not "{name}".'
        )
    number, module = match["id"], f"step_{match['id']}_{match['name']}"
    if number in course.by_id:
        raise NewStepError(f"Step {number} already exists: {course.by_id[number].module}.")
    title = title.strip() or match["name"].replace("_", " ").strip().capitalize()
    # The title goes into docstrings and TOML, where quotes and backslashes have a meaning.
    if len(title) > _LONGEST_TITLE or not title.isprintable() or {'"', "\\"} & set(title):
        raise NewStepError(
            f"A title is one line of at most {_LONGEST_TITLE} characters, without double quotes or backslashes."
        )
    # This step has at least two points: while a number is free, there are fewer steps than points.
    giver = max(course.steps, key=lambda step: step.points)
    words = {"step_XX_NAME": module, "XX": number, "GIVER": giver.module, "TITLE": title}

    def filled(template: str) -> str:
        return re.sub("|".join(words), lambda word: words[word[0]], template)

    def skeleton(name: str) -> str:
        return filled((_SKELETON / name).read_text("utf-8"))

    files = {filled(target): skeleton(name) for name, target in _TARGETS.items()}
    solution = files[f"{SOLUTIONS}/{module}.py"]
    files[f"{EXERCISES}/{module}.py"] = stub_of(solution, f"{module}.py")
    for target in files:
        if (course.root / target).exists():
            raise NewStepError(f"The file {target} already exists and is not overwritten.")
    course_text = _with_entry(course, skeleton(COURSE_FILE), number, giver)
    for target, text in files.items():
        path = course.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    # The course file comes last, so that it never names a step without files.
    (course.root / COURSE_FILE).write_text(course_text, "utf-8")
    return NewStep(number, title, tuple(sorted(files)), giver)


def _with_entry(course: Course, entry: str, number: str, giver: Step) -> str:
    """Return the text of the course file with one more step, in order, for which another step gives a point.

    Args:
        course: the course.
        entry: the text of the new step's entry.
        number: the id of the new step.
        giver: the step that gives the point.

    Raises:
        NewStepError: the course file is not laid out so that it can be edited as text.
    """
    # Edited as text, because writing TOML anew would lose the comments.
    text = (course.root / COURSE_FILE).read_text("utf-8")
    head, *blocks = re.split(r"^(?=\[\[step\]\])", text, flags=re.MULTILINE)
    steps = list(course.steps)
    points = re.compile(r"^points\s*=\s*\d+", re.MULTILINE)
    if len(blocks) != len(steps) or not all(len(points.findall(block)) == 1 for block in blocks):
        raise NewStepError(f"{COURSE_FILE}: write [[step]] and points at the beginning of a line.")
    index = steps.index(giver)
    blocks[index] = points.sub(f"points = {giver.points - 1}", blocks[index])
    blocks.insert(sum(step.id < number for step in steps), entry)
    return "\n\n".join(part.strip() for part in (head, *blocks)).lstrip() + "\n"
