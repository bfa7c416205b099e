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

from grader import catalogue
from grader.course import Course
from tests.kit.conftest import grade_class

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course.load(ROOT)
SOLUTIONS = ROOT / "solutions"
STEPS = "02,05"
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

    def add_right_but(name, text, module="step_02_gradient"):
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
    add("Zoë Ångström 学生 🐍", SOLUTIONS, {"step_05_autograd": "größe = 'ä' +\n".encode()})
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
        here, there = (f'"submission": {json.dumps(one)},'.encode() for one in (name, old))
        assert data.count(here) == 1
        result[old] = data.replace(here, there)
    return result


def grade(folder, out, jobs, *more, steps=STEPS):
    """Grade a class; return the bytes of each `results.json` by the submission's name."""
    options = ["--jobs", str(jobs), *(["--steps", steps] if steps else []), *more]
    return grade_class(folder, out, *options, limit=OUTER_LIMIT)


def differences(one, other):
    """Return what differs between two rows of results, as sentences."""
    assert sorted(one) == sorted(other)
    found = []
    for name in one:
        if one[name] == other[name]:
            continue
        rows = [[t for s in json.loads(r[name])["steps"] for t in s["tests"]] for r in (one, other)]
        pairs = [f"{a}\n    {b}" for a, b in zip(*rows, strict=True) if a != b]
        found.append(f"{name}:\n    " + "\n    ".join(pairs))
    return found


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
    """The results of the first time, with one judge."""
    return grade(class_folder, out, jobs=1)


def test_two_judges_without_a_rehearsal_say_what_one_says(class_folder, out, first):
    assert differences(first, grade(class_folder, out, 2, "--no-rehearse")) == []


def test_the_order_of_the_class_says_nothing(class_folder, tmp_path, first):
    other, results = tmp_path / "class", tmp_path / "out"
    other.mkdir()
    turned_round(class_folder, other)
    assert differences(first, as_before(grade(other, results, jobs=2))) == []


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
