"""Exercises and solutions: stubs are made from solutions, fail every test, and solutions pass all of them."""

import ast
import json
from collections import Counter

import pytest

from grader.course.course import Course
from grader.course.paths import GIVEN
from grader.maintain.stubs import StubError, make_stubs, stale, stub_of

from .conftest import ROOT

SOLUTION = '''"""The lesson.

Formulas stay: y = a + b x.
"""
# A comment that is lost.
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FACTOR = 2


def _helper(x):
    return x


@decorated(
    FACTOR,
)
def double(x: float, *, times: int = FACTOR) -> float:
    """Return twice x,
    some times.

    Args:
        x: a number.
    """
    # Why it is so.
    return _helper(x) * 2


class Model(Base):
    """A model."""

    size = 3

    def __init__(self):
        """Make one."""
        self.x = 1

    @property
    def weight(self):
        """The weight."""
        return self._hidden()

    def _hidden(self):
        return 1


def main():
    """Do all."""


if __name__ == "__main__":
    main()
'''

STUB = '''"""The lesson.

Formulas stay: y = a + b x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@decorated(
    FACTOR,
)
def double(x: float, *, times: int = FACTOR) -> float:
    """Return twice x,
    some times.

    Args:
        x: a number.
    """
    # TODO: Return twice x,
    # some times.
    raise NotImplementedError("`double` is not written yet.")


class Model(Base):
    """A model."""

    def __init__(self):
        """Make one."""
        # TODO: Make one.
        raise NotImplementedError("`Model.__init__` is not written yet.")

    @property
    def weight(self):
        """The weight."""
        # TODO: The weight.
        raise NotImplementedError("`Model.weight` is not written yet.")


def main():
    """Do all."""
    # TODO: Do all.
    raise NotImplementedError("`main` is not written yet.")
'''


def test_a_stub_keeps_lesson_imports_signatures_and_docstrings_only():
    assert stub_of(SOLUTION, "step.py") == STUB


def test_the_stub_of_a_stub_is_the_same():
    assert stub_of(STUB, "step.py") == STUB


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f():\n    pass\n", "step.py: the lesson .* is missing"),
        ('"""Lesson."""\ndef f():\n    pass\n', "`f` has no docstring"),
        ('"""Lesson."""\nclass A:\n    x = 1\n', "`A` has no docstring"),
        (
            '"""Lesson."""\nclass A:\n    """Doc."""\n    def f(self): pass\n',
            "`A.f` has no docstring",
        ),
    ],
)
def test_what_has_no_docstring_gives_no_stub(source, words):
    with pytest.raises(StubError, match=words):
        stub_of(source, "step.py")


def test_the_exercises_are_the_stubs_of_the_solutions():
    old = stale(make_stubs(Course.load(ROOT)))
    assert [path.name for path in old] == [], "run `make stubs`"


# The real course


@pytest.fixture(scope="module")
def of_solutions(real_kit):
    """The result of checking all solutions."""
    return json.loads(real_kit.results("--target", "solutions")[1])


@pytest.fixture(scope="module")
def of_stubs(real_kit):
    """The result of checking stubs that were just made."""
    ran = real_kit.grader("stubs")
    assert ran.returncode == 0, ran.stderr
    return json.loads(real_kit.results()[1])


def all_tests(result):
    return [test for step in result["steps"] for test in step["tests"]]


def test_every_solution_passes_every_test(of_solutions):
    bad = {
        test["id"]: test["message"]
        for test in all_tests(of_solutions)
        if test["status"] != "passed"
    }
    assert bad == {}
    assert of_solutions["score"] == of_solutions["max_score"] == 100.0


def test_no_stub_passes_any_test(of_stubs):
    begun = {t["id"]: t["message"] for t in all_tests(of_stubs) if t["status"] != "not_started"}
    assert begun == {}
    assert of_stubs["score"] == 0.0 and of_stubs["max_score"] == 100.0


def test_solutions_are_quiet(of_solutions):
    assert {
        test["id"]: test["message"] for test in all_tests(of_solutions) if test["message"]
    } == {}


def test_every_step_has_all_its_files_and_there_are_no_others():
    course = Course.load(ROOT)
    for folder in ("solutions", "exercises"):
        found = {path.name for path in (course.root / folder).glob("*.py")}
        given = {f"{module}.py" for module in GIVEN}
        assert found == {step.filename for step in course.steps} | given
    found = {path.name for path in (course.root / "tests" / "steps").glob("test_*.py")}
    assert found == {step.test_file for step in course.steps}


def test_steps_are_in_order_and_worth_100_points_in_all():
    steps = Course.load(ROOT).steps
    ids = [step.id for step in steps]
    assert ids[0] == "00" and ids == sorted(ids)
    assert sum(step.points for step in steps) == 100


def test_nothing_is_left_to_do():
    root = ROOT
    places = ["course.toml", "solutions/*.py", "tests/steps/*.py", "tests/styles/*/*.py"]
    kinds = ("hidden/*.py", "misconceptions/*.toml", "hints/*.toml", "quiz/*.toml", "after/*.toml")
    places += [f"grader/content/{name}" for name in kinds]
    files = [file for place in places for file in root.glob(place)]
    assert len(files) > 100
    left = [str(file.relative_to(root)) for file in files if "TODO" in file.read_text("utf-8")]
    assert left == [], "replace what `make new` wrote there"


def test_there_are_many_tests_each_with_a_name_of_its_own(of_solutions):
    tests = all_tests(of_solutions)
    assert len(tests) >= 110
    assert len({test["id"] for test in tests}) == len(tests)
    assert all(test["title"] for test in tests)


def test_every_public_name_of_a_solution_is_judged_by_two_tests_or_more(of_solutions):
    course = Course.load(ROOT)
    for step, result in zip(course.steps, of_solutions["steps"], strict=True):
        tree = ast.parse((course.root / "solutions" / step.filename).read_text("utf-8"))
        public = {
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        }
        judged = Counter(test["function"] for test in result["tests"])
        assert judged.keys() == public, step.module
        assert [name for name, count in judged.items() if count < 2] == [], step.module
