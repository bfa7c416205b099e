"""Any correct style passes: complete sets of modules, written by different habits, get all points.

The sets in `tests/styles` keep to the contract and make use of what it leaves open: loops or formulas, float64
inside, gradients cleared before or after, arrays of size 1 for scalars, prints, logs, copies, further parameters.
They are graded like a class, with visible and hidden tests, each in a sandbox. When one of them fails a test,
either its module breaks the contract or the test asks for more than the contract does.
"""

import ast
import json
import shutil
import sys
from pathlib import Path

import pytest

from grader.course.course import Course
from grader.maintain import catalogue
from tests.kit.conftest import differences, grade_class

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

ROOT = Path(__file__).resolve().parents[2]
STYLES = ROOT / "tests" / "styles"
NAMES = ["beginner", "defensive", "expert", "textbook"]
COURSE = Course.load(ROOT)
MODULES = sorted(f"{step.module}.py" for step in COURSE.steps)
# Four whole courses with all tests: far more than they need, on a slow and busy machine too.
OUTER_LIMIT = 1800


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory):
    """A class: all styles, a course that is half done, and one with a mistake in each step."""
    folder = tmp_path_factory.mktemp("class")
    for name in NAMES:
        shutil.copytree(STYLES / name, folder / name)
    shutil.copytree(STYLES / "expert", folder / "expert again")
    shutil.copytree(ROOT / "tests/kit/learner", folder / "half way")
    (folder / "wrong").mkdir()
    for step in COURSE.steps:
        entry = catalogue.load(COURSE, step)[0]
        right = (ROOT / "solutions" / step.filename).read_text("utf-8")
        (folder / "wrong" / step.filename).write_bytes(entry.module(right))
    return folder


@pytest.fixture(scope="module")
def graded(class_folder, tmp_path_factory):
    """Grade the class once, with two judges and without a rehearsal; return the bytes of each one's results."""
    out = tmp_path_factory.mktemp("graded")
    return grade_class(class_folder, out, "--jobs", "2", "--no-rehearse", limit=OUTER_LIMIT)


def functions_of(step):
    """Return the functions and classes that a learner writes in a step."""
    tree = ast.parse((ROOT / "solutions" / f"{step.module}.py").read_bytes())
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name[0] != "_"}


def test_every_style_is_a_whole_course():
    folders = {path.name: path for path in STYLES.iterdir() if not path.name.startswith(".")}
    assert sorted(folders) == NAMES
    for folder in folders.values():
        assert sorted(path.name for path in folder.glob("*.py")) == MODULES


@pytest.mark.parametrize("name", NAMES)
def test_every_style_gets_all_points(graded, name):
    result = json.loads(graded[name])
    wrong = [
        f"{test['id']}, {test['function']}, {test['status']}: {test['message']}"
        for step in result["steps"]
        for test in step["tests"]
        if test["status"] != "passed"
    ]
    assert not wrong, "\n\n".join(wrong)
    assert result["score"] == result["max_score"] == 100
    assert [step["id"] for step in result["steps"]] == [step.id for step in COURSE.steps]
    for step, found in zip(COURSE.steps, result["steps"], strict=True):
        assert found["status"] == "passed"
        assert {test["function"] for test in found["tests"]} == functions_of(step), step.module


def test_a_rehearsal_changes_nothing_in_any_step(class_folder, graded, tmp_path):
    # Most tests of the last one need not run, because they have passed with the replies of the one before it.
    names = ("half way", "wrong", "expert", "expert again")
    for name in names:
        shutil.copytree(class_folder / name, tmp_path / "class" / name)
    out, options = tmp_path / "out", ("--jobs", "1", "--rehearse")
    found = grade_class(tmp_path / "class", out, *options, limit=OUTER_LIMIT)
    assert differences(found, {name: graded[name] for name in names}) == []
