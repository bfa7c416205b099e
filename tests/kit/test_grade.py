"""Grading again gives the same bytes: with more judges, in another order, for all kinds of submissions.

The class holds right and wrong modules, and what learners hand in by mistake: loops without end, half a file,
numbers by chance, pages of output, broken zip files. It is graded by the real command, in sandboxes.
"""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from grader.course.course import Course
from grader.judge.pool import is_tried
from grader.maintain import catalogue
from tests.kit.conftest import differences, grade_class

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course.load(ROOT)
SOLUTIONS = ROOT / "solutions"
STEPS = "03,06"
# Far more than a class needs, on a slow and busy machine too.
OUTER_LIMIT = 900

# Put after a right module, these take the place of some of its functions.
ENDLESS = """
def update(a, b, a_grad, b_grad, lr):
    print("one more step")
    while True:
        a = a - lr * a_grad
"""
ENDED = """
import os

def gradients(a, b, x, y):
    os._exit(0)
"""
BROKEN_OFF = """
def mse(y, yhat):
    return ((y - yhat
"""
TALKATIVE = """
def predict(a, b, x):
    for i in range(20):
        print("the line number", i, "of many: a is", a, "and b is", b)
    return a - b * x

def mse(y, yhat):
    print("x" * 70_000)
    return np.mean((yhat - y) ** 2)
"""
BY_CHANCE = """
import random

import torch

def predict(a, b, x):
    return a + b * x + random.choice([0, 0, 1])

def mse(y, yhat):
    return np.mean((yhat - y) ** 2) + np.random.randn()

def update(a, b, a_grad, b_grad, lr):
    noise = float(torch.rand(1))
    return a - lr * a_grad * noise, b - lr * b_grad
"""
IN_ANY_ORDER = """
def mse(y, yhat):
    names = {"mean", "sum", "root", "half", "none", "first", "last"}
    return float(np.mean((yhat - y) ** 2)) + len(next(iter(names)))

def update(a, b, a_grad, b_grad, lr):
    return list({"a", "b", "a_grad", "b_grad"})

def gradients(a, b, x, y):
    raise ValueError({"a", "b", "x", "y"})
"""
WITH_ADDRESSES = """
import os

class Line:
    pass

def predict(a, b, x):
    raise ValueError(f"no line: {Line()}, {predict}, {lambda: 0}")

def mse(y, yhat):
    return Line()

def gradients(a, b, x, y):
    for _ in range(99):
        print(Line(), object())
    raise ValueError([Line() for _ in range(99)])

def numerical_gradients(a, b, x, y, eps=1e-6):
    open(os.path.abspath("gradients.txt"))

def update(a, b, a_grad, b_grad, lr):
    return [Line(), object]
"""


def make_class(folder):
    """Write a class of submissions, whose names start with 01, 02, … and tell what they are."""
    count = 0

    def place(name):
        nonlocal count
        count += 1
        return folder / f"{count:02} {name}"

    def add(name, source, changed=None):
        target = place(name)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        for module, text in (changed or {}).items():
            (target / f"{module}.py").write_bytes(text)

    def add_right_but(name, text, module="step_03_gradient"):
        right = (SOLUTIONS / f"{module}.py").read_text("utf-8")
        add(name, SOLUTIONS, {module: f"{right}\n\n{text}".encode()})

    # The slowest first: with two judges, all others are judged at the same time.
    add_right_but("endless", ENDLESS)
    add("solutions", SOLUTIONS)
    for style in sorted((ROOT / "tests/styles").iterdir()):
        add(f"style {style.name}", style)
    add("half way", ROOT / "tests/kit/learner")
    add("stubs", ROOT / "exercises")
    mistakes = {step: catalogue.load(COURSE, step) for step in COURSE.steps}
    for which in (1, 7, 15):
        changed = {
            step.module: found[which % len(found)].module(
                (SOLUTIONS / step.filename).read_text("utf-8")
            )
            for step, found in mistakes.items()
            if found
        }
        add(f"mistakes {which}", SOLUTIONS, changed)
    add_right_but("ended", ENDED)
    add_right_but("broken off", BROKEN_OFF)
    add_right_but("talkative", TALKATIVE)
    add_right_but("by chance", BY_CHANCE)
    add_right_but("in any order", IN_ANY_ORDER)
    add_right_but("with addresses", WITH_ADDRESSES)
    add("Zoë Ångström 学生 🐍", SOLUTIONS, {"step_06_autograd": "größe = 'ä' +\n".encode()})
    place("empty").mkdir()
    place("broken.zip").write_bytes(b"PK\x03\x04 and nothing more")
    with zipfile.ZipFile(place("zip, für alle.zip"), "w") as archive:
        for file in sorted(SOLUTIONS.glob("*.py")):
            archive.write(file, f"exercises/{file.name}")


def turned_round(folder, other):
    """Copy a class so that its submissions come in the opposite order: the last one gets the number 01."""
    names = sorted(path.name for path in folder.iterdir())
    for number, name in enumerate(reversed(names), 1):
        source, target = folder / name, other / f"{number:02}{name[2:]}"
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def as_before(found):
    """Return the results of a class that was turned round as if each submission had its old number."""
    result = {}
    for name, data in found.items():
        old = f"{len(found) + 1 - int(name[:2]):02}{name[2:]}"
        given = json.loads(data)["submission"]
        before = f"{old[:2]}{given[2:]}"
        here, there = (f'"submission": {json.dumps(one)},'.encode() for one in (given, before))
        assert data.count(here) == 1
        # The file itself is named where it cannot be read.
        files = (f'"{one}.zip'.encode() for one in (name, old))
        result[old] = data.replace(here, there).replace(*files)
    return result


def grade(folder, out, jobs, *more):
    """Grade a class; return the bytes of each `results.json` by the submission's name."""
    return grade_class(folder, out, "--jobs", str(jobs), "--steps", STEPS, *more, limit=OUTER_LIMIT)


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory):
    """The class."""
    folder = tmp_path_factory.mktemp("class")
    make_class(folder)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Where results go, each time."""
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def first(class_folder, out):
    """The results of the first time, with one judge and without a rehearsal."""
    return grade(class_folder, out, 1, "--no-rehearse")


def test_two_judges_in_another_order_with_a_rehearsal_say_the_same(class_folder, tmp_path, first):
    other, results = tmp_path / "class", tmp_path / "out"
    other.mkdir()
    turned_round(class_folder, other)
    found = as_before(grade(other, results, 2, "--rehearse"))
    assert differences(first, found) == []


def test_the_class_is_a_varied_one(class_folder, first):
    assert len(first) == len(list(class_folder.iterdir())) >= 20
    found = {name: json.loads(data) for name, data in first.items()}
    statuses = {
        test["status"] for one in found.values() for step in one["steps"] for test in step["tests"]
    }
    assert statuses == {"passed", "failed", "not_started", "timeout", "crashed"}
    assert {one["max_score"] for one in found.values()} == {found["02 solutions"]["max_score"]}
    assert found["02 solutions"]["score"] == found["02 solutions"]["max_score"]
    assert found["08 stubs"]["score"] == 0
    misconceptions = {
        test["misconception"]
        for one in found.values()
        for step in one["steps"]
        for test in step["tests"]
    }
    assert len(misconceptions - {None}) >= 4


BROKEN = '''
import os
import pytest
from hypothesis import assume, given, strategies as st
from grader.testing.probes import probe

@pytest.mark.exercise("double", "as it should be")
def test_as_it_should_be(learner):
    learner.double(3).is_close(6.0)

@pytest.mark.exercise("double", "skipped")
def test_skipped_inside(learner):
    pytest.skip("not today")

@pytest.mark.skip("not today")
@pytest.mark.exercise("double", "skipped")
def test_skipped_by_a_mark(learner):
    pass

@pytest.mark.exercise("double", "an error of its own")
def test_error_of_its_own(learner):
    learner.double(3)
    raise ValueError("of the test")

@pytest.mark.exercise("double", "a failing assert")
def test_assert_of_its_own(learner):
    assert learner.double(3).value == 7

@pytest.fixture
def broken():
    raise OSError("up")

@pytest.mark.exercise("double", "a fixture that fails")
def test_fixture_that_fails(learner, broken):
    pass

@pytest.fixture
def falling():
    yield
    raise OSError("down")

@pytest.mark.exercise("double", "not taken down")
def test_fixture_not_taken_down(learner, falling):
    learner.double(2).is_close(4.0)

@pytest.mark.exercise("double", "no example")
@given(x=st.integers().filter(lambda x: False))
def test_no_example(learner, x):
    learner.double(x).is_close(2 * x)

@probe
def not_to_be_shipped(module):
    """use what no worker has"""
    return BROKEN_PROBE

@pytest.mark.exercise("double", "a probe that cannot be shipped")
def test_probe_that_cannot_be_shipped(learner):
    learner.run(not_to_be_shipped)

@pytest.mark.exercise("double", "an end of all")
def test_end_of_all(learner):
    pytest.exit("here")

@pytest.mark.exercise("double", "as it should be, too")
def test_as_it_should_be_too(learner):
    learner.double(4).is_close(8.0)
'''
UNCOLLECTED = {
    "a missing module": "import nothing_of_that_name\n",
    "half a file": "def test(:\n",
    "a skipped file": "import pytest\npytest.skip('not today', allow_module_level=True)\n",
    "no test": "import pytest\n",
}


def small_class(kit_factory, hidden, modules):
    """Return a kit with these hidden tests, and a class with these modules in it; the solutions are right."""
    kit = kit_factory("step_00_numbers")
    (kit.root / "exercises").rename(kit.root / "solutions")
    (kit.root / "grader/content/hidden").mkdir(parents=True)
    (kit.root / "grader/content/hidden/test_step_00.py").write_text(hidden)
    right = (kit.root / "solutions/step_00_numbers.py").read_text()
    for name, source in modules.items():
        kit.write("step_00_numbers", f"{right}\n{source}", f"class/{name}")
    return kit


def graded(kit, *options):
    """Grade the class; return how it ended, and the results by the submission's name."""
    ran = kit.grader("grade", "class", "--out", "out", *options)
    files = (kit.root / "out").glob("*/results.json")
    return ran, {file.parent.name: json.loads(file.read_text()) for file in files}


@pytest.mark.parametrize("rehearse", ["--rehearse", "--no-rehearse"])
def test_a_broken_hidden_test_costs_nobody_the_other_results(kit_factory, rehearse):
    wrong = "def double(x):\n    return 3 * x\n"
    kit = small_class(kit_factory, BROKEN, {"right": "", "wrong": wrong})
    # So is a file of recorded mistakes that cannot be read: nothing is named then.
    (kit.root / "grader/content/behaviour").mkdir()
    (kit.root / "grader/content/behaviour/step_00.json").write_text("{")
    ran, results = graded(kit, rehearse)
    assert ran.returncode == 3 and sorted(results) == ["right", "wrong"], ran.stdout + ran.stderr
    tests = {name: one["steps"][0]["tests"] for name, one in results.items()}
    for name, other in (("right", "passed"), ("wrong", "failed")):
        found = {test["id"].partition("::")[2]: test["status"] for test in tests[name]}
        total = found.pop("test_total_of_three")
        assert (total, len(found)) == ("passed", 13)
        sound = ("test_as_it_should_be", "test_as_it_should_be_too", *list(found)[:2])
        assert found == {test: other if test in sound else "error" for test in found}
    assert {one["max_score"] for one in results.values()} == {100}
    worth = [[test["max_score"] for test in one] for one in tests.values()]
    assert worth[0] == worth[1]
    assert results["right"]["steps"][0]["status"] == "error"
    assert "2 graded, 0 without a result." in ran.stdout
    assert "the kit itself failed in hidden/test_step_00::test_skipped_inside" in ran.stdout
    assert "these marks are not final: 2 of 2" in ran.stdout


@pytest.mark.parametrize("hidden", UNCOLLECTED.values(), ids=UNCOLLECTED)
def test_a_test_file_that_cannot_be_collected_is_said_before_anything_is_graded(
    kit_factory, hidden
):
    kit = small_class(kit_factory, hidden, {"right": ""})
    ran, results = graded(kit)
    assert ran.returncode == 3 and results == {}
    assert "The kit itself failed" in ran.stderr and "hidden/test_step_00.py" in ran.stderr


IMPURE = """
from pathlib import Path
import pytest

TURNS = Path(__file__).with_suffix(".turns")

@pytest.mark.parametrize("n", range(200))
@pytest.mark.exercise("double", "twice right")
def test_twice_right(learner, n):
    file = TURNS.with_suffix(f".{n}")
    turn = len(file.read_text()) if file.exists() else 0
    file.write_text("." * (turn + 1))
    learner.double(n).is_close(2.0 * n if turn < 2 else 0.0)

NUMBERS = []

@pytest.mark.parametrize("n", range(3))
@pytest.mark.exercise("double", "what the tests before have left")
def test_left(learner, n):
    NUMBERS.append(n)
    learner.double(len(NUMBERS)).is_close(2.0 * len(NUMBERS))
"""


def test_a_pass_that_no_test_gives_again_is_an_error_of_the_kit(kit_factory):
    kit = small_class(kit_factory, IMPURE, {"right": ""})
    ran, results = graded(kit, "--rehearse", "--allow-unsandboxed")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    tests = results["right"]["steps"][0]["tests"]
    digest = results["right"]["sha256"]
    names = {
        test["id"]
        for test in tests
        if is_tried(
            digest,
            test["id"].replace("hidden/test_step_00", "grader/content/hidden/test_step_00.py"),
        )
    }
    broken = {test["id"]: test["message"] for test in tests if test["status"] == "error"}
    # Of the tests that are pure, none is broken; of the others, one in fifty was tried.
    assert broken.keys() == {name for name in names if "twice" in name} and len(broken) >= 2
    assert all("does not do the same again" in message for message in broken.values())
    assert {test["status"] for test in tests} == {"passed", "error"}
