"""One step imports another: the learner's own modules are there, and a bad one costs only who asks for it.

The tutorial's points are there as well, always those of the kit.
"""

import json
import re
import shutil
import sys

import pytest

from grader.course.course import Course
from grader.course.paths import GIVEN, TUTORIAL_DATA
from grader.submissions.imports import imported
from grader.submissions.module_names import is_given, understand
from grader.submissions.submission import Submission
from tests.kit.conftest import ROOT, TOY_SOLUTION

FIRST = "step_00_first"
TOTAL = "\ndef total(values):\n    return values.sum()\n"
IMPORTING = f"from {FIRST} import double as twice\n\ndef double(x):\n    return twice(x)\n{TOTAL}"
# Modules that use the first one, and one that uses it through another.
USERS = {
    "step_01_names": IMPORTING,
    "step_02_module": f"import {FIRST}\n\ndef double(x):\n    return {FIRST}.double(x)\n{TOTAL}",
    "step_03_late": f"def double(x):\n    from {FIRST} import double\n    return double(x)\n{TOTAL}",
    "step_04_text": "import importlib\n\ndef double(x):\n"
    f"    return importlib.import_module('{FIRST}').double(x)\n{TOTAL}",
    "step_05_through": IMPORTING.replace(FIRST, "step_01_names"),
}
# First modules that are bad, and what those read who import from them.
BAD = {
    "wrong": ("def double(x):\n    return 3 * x\n", "Expected 4.0, got 6.0."),
    "unreadable": (
        "x = 1\ndef double(x)\n",
        "Python cannot read line 2 of step_02_unreadable.py: ",
    ),
    "failing": ("x = 1 / 0\n", "The error is in step_04_failing.py"),
    "without": ("x = 1\n", "cannot import name 'double' from 'step_06_without'.\n"),
    "circle": ("import step_11_circle\nstep_11_circle.x\n", "There is no `x`"),
    "unwritten": (
        "def double(x):\n    raise NotImplementedError('`double` is not written yet.')\n",
        "`double` is not written yet",
    ),
    "misspelled": ("def doubel(x):\n    return 2 * x\n", "Did you mean `doubel`?"),
}


def statuses(verdicts):
    return {step: {test["status"] for test in tests} for step, tests in verdicts.items()}


def test_a_step_uses_another_one_and_is_checked_again_when_that_changes(kit_factory):
    kit = kit_factory(FIRST, *USERS)
    for name, source in USERS.items():
        kit.write(name, source)
    assert set(map(frozenset, statuses(kit.verdicts()).values())) == {frozenset({"passed"})}
    kit.write(FIRST, TOY_SOLUTION.replace("2 * x", "3 * x"))
    assert all("failed" in found for found in statuses(kit.verdicts()).values())


def test_a_bad_step_costs_only_those_that_import_it(kit_factory):
    firsts = {kind: f"step_{2 * i:02}_{kind}" for i, kind in enumerate(BAD)}
    users = {kind: f"step_{2 * i + 1:02}_{kind}" for i, kind in enumerate(BAD)}
    users["circle"] = "step_09_circle"
    kit = kit_factory(*firsts.values(), *users.values(), "step_20_alone")
    for kind, (source, _) in BAD.items():
        own = source.replace("step_11_circle", users["circle"])
        kit.write(firsts[kind], own + TOTAL)
        kit.write(users[kind], IMPORTING.replace(FIRST, firsts[kind]))
    found = kit.verdicts()
    assert {test["status"] for test in found["20"]} == {"passed"}
    for kind, (_, words) in BAD.items():
        first = found[users[kind][5:7]][0]
        assert first["status"] == "failed" and words in first["message"], kind


def test_a_failing_step_says_that_a_wrong_one_which_it_imports_comes_first(kit_factory):
    kit = kit_factory(FIRST, "step_01_names", "step_02_alone", "step_03_other")
    wrong = TOY_SOLUTION.replace("2 * x", "3 * x")
    kit.write(FIRST, wrong)
    kit.write("step_01_names", IMPORTING)
    kit.write("step_02_alone", wrong)
    # What is wrong in the other step is not used here.
    kit.write("step_03_other", f"from {FIRST} import total\n\ndef double(x):\n    return 3 * x\n")
    words = f"Step 00, which is imported here, is not right yet: first fix `double` in {FIRST}.py."
    assert words not in kit.grader("check", "01").stdout, "nothing is known of the other step"
    kit.grader("check", "00")
    said = kit.grader("check", "01").stdout
    assert words in said and f"Next: first fix `double` in {FIRST}.py, then" in said
    kit.write("step_03_other", f"from {FIRST} import total\n")
    assert kit.grader("check").stdout.count("is imported here") == 1
    kit.write(FIRST, wrong.replace("return 3 * x", "return (3 * x"))
    assert "is imported here" not in kit.grader("check").stdout, "the message names the file itself"
    kit.write(FIRST, TOY_SOLUTION)
    assert "is imported here" not in kit.grader("check").stdout


def test_the_file_that_cannot_be_read_is_named_and_not_the_one_that_imports_it(kit_factory):
    kit = kit_factory(FIRST, "step_01_names")
    kit.write(FIRST, "def double(x):\n    return 2 * (x\n")
    kit.write("step_01_names", IMPORTING)
    ran, data = kit.results("01")
    (step,) = json.loads(data)["steps"]
    lines = step["tests"][0]["message"].splitlines()
    assert re.match(rf"Python cannot read line \d of {FIRST}\.py: ", lines[0])
    assert (
        lines[1].strip()
        and lines[-1] == f"step_01_names.py imports {FIRST}.py, so repair that file first."
    )
    assert f"{FIRST}.py cannot be read" in ran.stdout
    assert f"Fix the file exercises/{FIRST}.py" in ran.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_it_is_so_in_a_sandbox_too(kit_factory):
    kit = kit_factory(FIRST, "step_01_names")
    (kit.root / "class").mkdir()
    kit.write(FIRST, TOY_SOLUTION, "class/ada")
    kit.write("step_01_names", IMPORTING, "class/ada")
    ran = kit.grader("grade", "class", "--out", "out")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result = json.loads((kit.root / "out" / "ada" / "results.json").read_text("utf-8"))
    assert result["score"] == result["max_score"] == 100


# It is right with the tutorial's points alone.
WITH_POINTS = f"""from {TUTORIAL_DATA} import x, x_train, y_train, x_val, y_val

import {TUTORIAL_DATA}

GOOD = round(float(x[0, 0]), 8) == 0.37454012 and round(float({TUTORIAL_DATA}.y[0, 0]), 8) == 1.75778494
GOOD = GOOD and x_train.shape == y_train.shape == (80, 1) and x_val.shape == y_val.shape == (20, 1)
GOOD = GOOD and (x_train[:5, 0] == x[[76, 83, 80, 98, 2], 0]).all()

def double(x):
    return 2 * x if GOOD else 0
{TOTAL}"""
HOSTILE = "raise SystemExit('x = y = x_train = y_train = 0')\n"


@pytest.mark.parametrize("own", [None, HOSTILE, "x = 0\n"], ids=["none", "hostile", "other points"])
def test_the_tutorials_points_are_those_of_the_kit(kit_factory, own):
    kit = kit_factory("step_00_first", "step_01_points")
    kit.write("step_01_points", WITH_POINTS)
    if own:
        kit.write(TUTORIAL_DATA, own)
        kit.write("train", own)
    for arguments in ([], ["1"], ["1", "--target", "exercises/step_01_points.py"]):
        ran, data = kit.results(*arguments)
        assert ran.returncode == 0, ran.stdout
        assert json.loads(data)["not_taken"] == []
        assert "Not taken" not in ran.stdout
    direct = kit.pytest("-q", "tests/steps/test_step_01.py", "--direct")
    assert direct.returncode == 0, direct.stdout
    if sys.platform == "linux":
        shutil.copytree(kit.root / "exercises", kit.root / "class" / "ada")
        # What is missing makes the search look at all files.
        (kit.root / "class" / "ada" / "step_00_first.py").unlink()
        assert kit.grader("grade", "class", "--out", "out").returncode == 0
        result = json.loads((kit.root / "out" / "ada" / "results.json").read_text("utf-8"))
        assert [step["status"] for step in result["steps"]] == ["not_started", "passed"]
        assert result["not_taken"] == result["notes"] == []


def test_given_modules_are_no_steps_whatever_platforms_call_them():
    course = Course.load(ROOT)
    for module in GIVEN:
        for name in ("{}.py", "{} (1).py", "Copy of {}.py", "ada_123_456_{}-1.py", "ada_{}.py.txt"):
            filename = name.format(module)
            assert is_given(filename) and understand(filename, course).like == "", filename
    for name in ("step_16_train.py", "train.txt", "trainer.py", "tutorial_data.tar", "data.py"):
        assert not is_given(name), name


def test_a_folder_of_given_modules_alone_is_no_work(tmp_path):
    for module in GIVEN:
        (tmp_path / f"{module}.py").write_text(HOSTILE)
    read = Submission.read(tmp_path, Course.load(ROOT))
    assert read.sources == {} and read.not_taken == ()


def test_only_what_a_module_mentions_goes_with_it():
    sources = {
        "step_00_a": b"import torch",
        "step_01_b": b"from step_00_a import f",
        "step_02_c": b"import step_01_b, step_07_absent, step_02_c",
        "step_03_d": b"x = 1",
    }
    assert imported(sources, "step_00_a") == imported(sources, "step_03_d") == {}
    assert imported(sources, "step_02_c").keys() == {"step_00_a", "step_01_b"}
    assert imported(sources, "step_07_absent") == {}
    assert imported({"step_00_a": b"import my_tutorial_data, tutorial_database"}, "step_00_a") == {}
    points = imported({"step_00_a": b"import tutorial_data", TUTORIAL_DATA: b"mine"}, "step_00_a")
    assert points == {TUTORIAL_DATA: (ROOT / "solutions/tutorial_data.py").read_bytes()}
