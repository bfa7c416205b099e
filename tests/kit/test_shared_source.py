"""What a step's tests use of shared probes and references: changes elsewhere leave its records valid."""

import shutil

from grader.course.course import Course
from grader.maintain.record import made_of
from grader.run.shared_source import SHARED, used_source

from .conftest import ROOT

PROBES = '''"""Probes."""

import numpy as np

SIZES = (1, 2)
UNUSED = 3


def sizes():
    return SIZES


@probe
def first(module):
    return sizes()


def other():
    return UNUSED
'''
REFERENCES = "from grader.x import first\nA, B = 1, 2\n\n\ndef check():\n    return A\n"


def used(tmp_path, test):
    for path, text in zip(SHARED, ("", PROBES, REFERENCES, "", ""), strict=True):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    (tmp_path / "test_a.py").write_text(test, "utf-8")
    return used_source(tmp_path, ["test_a.py"])


def test_what_is_used_counts_with_all_that_it_uses(tmp_path):
    text = used(tmp_path, "from p import first\n\ndef test_it(learner):\n    learner.run(first)\n")
    for part in ("import numpy as np", "SIZES = (1, 2)", "def sizes()", "@probe\ndef first"):
        assert part in text
    assert "other" not in text and "UNUSED" not in text and "check" not in text
    assert "A, B = 1, 2" in used(tmp_path, "from grader.content import references\n")


def test_another_reference_makes_no_record_old_and_a_changed_one_those_that_use_it(tmp_path):
    for folder in ("grader/content", "grader/testing", "solutions", "tests/steps"):
        ignored = shutil.ignore_patterns("__pycache__", "behaviour")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "course.toml", tmp_path)
    course = Course.load(tmp_path)
    before = {step.id: made_of(course, step) for step in course.steps}

    def changed():
        return [step.id for step in course.steps if made_of(course, step) != before[step.id]]

    path = tmp_path / "grader/content/references.py"
    text = path.read_text("utf-8")
    path.write_text(
        f'{text}\n\ndef norm(g):\n    """Return the norm of a gradient."""\n    return 0.0\n'
    )
    assert changed() == []
    path.write_text(text.replace("1 + 2 * x + 0.1", "1 + 2 * x + 0.2"))
    assert changed() != [] and "00" not in changed()
    path.write_text(text)
    solution = tmp_path / course.by_id["03"].solution
    written = solution.read_text("utf-8")
    for old, new in (("## Why", "## What for"), ("Return the ", "Give back the ")):
        solution.write_text(written.replace(old, new))
        assert solution.read_text("utf-8") != written and changed() == [], "a docstring"
    solution.write_text(written.replace("a + b * x\n", "a - b * x\n"))
    assert changed() == ["03"]
