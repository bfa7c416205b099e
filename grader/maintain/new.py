"""The skeleton of a new step: a small example that works, in all files that a step has.

It is copied from `grader/content/skeleton`. A TODO marks each place that the author must replace, and a test of
the kit fails as long as one of them is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import COURSE_FILE, Course, Step
from grader.maintain.catalogue import FOLDER, STYLES
from grader.maintain.stubs import stub_of

_SKELETON = Path(__file__).resolve().parents[1] / "content" / "skeleton"
# The form that `grader.course.course` demands of a module's name.
_NAME = re.compile(r"(?:step_)?(?P<id>[0-9]{2})_(?P<name>[a-z][a-z0-9_]*)")
_LONGEST_TITLE = 60
# Where each file of the skeleton goes.
_PLACES = {
    "solution.py": "solutions/step_XX_NAME.py",
    "visible.py": "tests/steps/test_step_XX.py",
    "hidden.py": "grader/content/hidden/test_step_XX.py",
    "misconceptions.toml": f"{FOLDER}/step_XX.toml",
    "beginner.py": f"{STYLES}/beginner/step_XX_NAME.py",
    "defensive.py": f"{STYLES}/defensive/step_XX_NAME.py",
    "expert.py": f"{STYLES}/expert/step_XX_NAME.py",
    "textbook.py": f"{STYLES}/textbook/step_XX_NAME.py",
}


class NewStepError(ValueError):
    """A step that cannot be made; the message says why."""


@dataclass(frozen=True)
class NewStep:
    """A step that was made.

    Attributes:
        id: two digits, such as "16".
        title: what learners see.
        files: paths of its new files, relative to the kit's folder.
        giver: the step that its one point was taken from, as it was before.
    """

    id: str
    title: str
    files: tuple[str, ...]
    giver: Step


def make_step(course: Course, name: str, title: str = "") -> NewStep:
    """Write the skeleton of a step into a course's folder.

    Args:
        course: the course.
        name: number and name, such as "16_pipelines".
        title: what learners see; made from the name if it is empty.

    Raises:
        NewStepError: the step cannot be made, or would overwrite a file; then nothing was written.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise NewStepError(
            f'A step needs two digits and a lower-case name, such as 16_pipelines; "{name}" is not of this form.'
        )
    number, module = found["id"], f"step_{found['id']}_{found['name']}"
    if number in course.by_id:
        raise NewStepError(f"There is a step {number} already: {course.by_id[number].module}.")
    title = title.strip() or found["name"].replace("_", " ").strip().capitalize()
    # It goes into docstrings and into TOML, where these have a meaning.
    if len(title) > _LONGEST_TITLE or not title.isprintable() or {'"', "\\"} & set(title):
        raise NewStepError(
            f"A title is one line of at most {_LONGEST_TITLE} characters, without double quotes and backslashes."
        )
    # It has at least two: as long as a number is free, there are fewer steps than points.
    giver = max(course.steps, key=lambda step: step.points)
    words = {"step_XX_NAME": module, "XX": number, "GIVER": giver.module, "TITLE": title}

    def filled(text: str) -> str:
        return re.sub("|".join(words), lambda word: words[word[0]], text)

    def skeleton(file: str) -> str:
        return filled((_SKELETON / file).read_text("utf-8"))

    files = {filled(place): skeleton(file) for file, place in _PLACES.items()}
    solution = files[f"solutions/{module}.py"]
    files[f"exercises/{module}.py"] = stub_of(solution, f"{module}.py")
    for place in files:
        if (course.root / place).exists():
            raise NewStepError(f"There is a file {place} already, and nothing is overwritten.")
    entries = _with_entry(course, skeleton(COURSE_FILE), number, giver)
    for place, text in files.items():
        path = course.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    # The last one, so that a course never names a step without files.
    (course.root / COURSE_FILE).write_text(entries, "utf-8")
    return NewStep(number, title, tuple(sorted(files)), giver)


def _with_entry(course: Course, entry: str, number: str, giver: Step) -> str:
    """Return the course file with one more step, in the order of the numbers, and a point less for the giver."""
    # Divided and put together again, since no TOML writer of the standard library would keep the comments.
    text = (course.root / COURSE_FILE).read_text("utf-8")
    head, *blocks = re.split(r"^(?=\[\[step\]\])", text, flags=re.MULTILINE)
    steps = list(course.steps)
    points = re.compile(r"^points\s*=\s*\d+", re.MULTILINE)
    if len(blocks) != len(steps) or not all(len(points.findall(block)) == 1 for block in blocks):
        raise NewStepError(f"{COURSE_FILE}: write [[step]] and points at the beginning of a line.")
    given = steps.index(giver)
    blocks[given] = points.sub(f"points = {giver.points - 1}", blocks[given])
    blocks.insert(sum(step.id < number for step in steps), entry)
    return "\n\n".join(part.strip() for part in (head, *blocks)).lstrip() + "\n"
