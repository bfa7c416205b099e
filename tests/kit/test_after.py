"""What follows when a step has passed: its idea, a solution beside the learner's code, and one task more."""

import ast
import json
import sys
import tomllib

import pytest

from grader.course.course import Course, CourseError
from grader.course.paths import AFTER, MEMORY, SOLUTIONS_FILE
from grader.run.after import Pair, after_of, pairs

from .conftest import ROOT, TOY_SOLUTION, clean_environment, run_python

COURSE = Course.load(ROOT)
STEPS = pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
AFTER_TOY = """
idea = "Twice is more."

[stretch]
task = "Do it again."
answer = "print(4)"
prints = "4"
"""
# The answers run one after the other in one process, each in a namespace of its own.
RUN_ANSWERS = """
import contextlib, io, json, sys, traceback
import torch

torch.set_num_threads(1)
sys.path.insert(0, "solutions")
found = {}
for name, code in json.load(open(sys.argv[1], encoding="utf-8")).items():
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(code, name, "exec"), {"__name__": "__main__"})
    except Exception:
        out.write(traceback.format_exc())
    found[name] = out.getvalue().strip()
print(json.dumps(found))
"""


@STEPS
def test_each_step_has_an_idea_and_a_task(step):
    after = after_of(COURSE, step)
    assert 60 <= len(after.idea) <= 180 and after.idea[-1] == "." and "\n" not in after.idea
    assert 100 <= len(after.task) <= 700
    assert max(map(len, after.answer.splitlines())) <= 100 and after.prints


@STEPS
def test_an_answer_imports_what_every_learner_has(step):
    allowed = {"numpy", "torch", "sklearn", "tutorial_data", *sys.stdlib_module_names}
    allowed |= {one.module for one in COURSE.steps if one.id <= step.id}
    for node in ast.walk(ast.parse(after_of(COURSE, step).answer)):
        if isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] in allowed
        elif isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed


def test_every_answer_prints_what_is_said(tmp_path):
    files = sorted((ROOT / AFTER).glob("*.toml"))
    tasks = {file.stem: tomllib.loads(file.read_text("utf-8"))["stretch"] for file in files}
    codes = tmp_path / "codes.json"
    codes.write_text(json.dumps({name: task["answer"] for name, task in tasks.items()}), "utf-8")
    ran = run_python(ROOT, "-c", RUN_ANSWERS, str(codes), environment=clean_environment())
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {name: task["prints"].strip() for name, task in tasks.items()}


@pytest.mark.parametrize(
    "text",
    [
        "idea",
        'idea = "a"',
        'idea = 1\n[stretch]\ntask = "a"\nanswer = "b"\nprints = "c"',
        'idea = "a"\nstretch = "b"',
        AFTER_TOY + "more = 1",
        None,
    ],
)
def test_a_broken_file_is_said_to_be_so_and_stops_no_check(kit, text):
    path = kit.root / AFTER / "step_00.toml"
    if text is not None:
        path.parent.mkdir(parents=True)
        path.write_text(text)
    course = Course.load(kit.root)
    with pytest.raises(CourseError, match=r"step_00\.toml"):
        after_of(course, course.steps[0])
    if text == "idea":
        ran = kit.grader("stretch", "0")
        assert ran.returncode == 2 and "cannot be read" in ran.stderr
        assert kit.grader("check", "0").returncode == 0


@pytest.fixture
def whole(kit):
    """A kit of two steps with ideas, tasks and solutions."""
    for module in kit.modules:
        kit.write(module, TOY_SOLUTION, "solutions")
        path = kit.root / AFTER / f"step_{module[5:7]}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(AFTER_TOY)
    return kit


def test_the_idea_comes_when_a_step_has_just_passed(whole):
    whole.write("step_01_lines", TOY_SOLUTION.replace("2 * x", "3 * x"))
    first = whole.grader("check").stdout
    assert "Step 00 · Toy 0 · passed\n  Twice is more.\n" in first
    assert "make solution STEP=00\n" in first and "make stretch STEP=00\n" in first
    assert "Step 01 · Toy 1 · passed" not in first
    # Not again, until the learner asks for this step alone.
    assert "Twice is more" not in whole.grader("check").stdout
    assert "Twice is more" in whole.grader("check", "0").stdout
    whole.write("step_01_lines", TOY_SOLUTION)
    second = whole.grader("check").stdout
    assert "Step 01 · Toy 1 · passed" in second and "Step 00 · Toy 0 · passed" not in second


def test_many_steps_at_once_tell_no_ideas(kit_factory):
    kit = kit_factory(*(f"step_0{i}_toy" for i in range(4)))
    (kit.root / AFTER).mkdir(parents=True)
    for i in range(4):
        (kit.root / AFTER / f"step_0{i}.toml").write_text(AFTER_TOY)
    ran = kit.grader("check")
    assert "4 of 4 steps done" in ran.stdout and "Twice is more" not in ran.stdout


def test_a_solution_is_shown_after_passing_or_when_asked_twice(whole):
    own = '"""Mine."""\n\n\ndef double(x):\n\t"""Return it."""\n\treturn x + x  # \x07\n'
    whole.write("step_00_numbers", own)
    asked = whole.grader("solution", "0")
    assert asked.returncode == 0 and "return" not in asked.stdout
    assert "Step 00, Toy 0, has not passed yet." in asked.stdout
    assert (
        "make hint STEP=00" in asked.stdout and "once more: make solution STEP=00" in asked.stdout
    )
    assert json.loads((whole.root / MEMORY / SOLUTIONS_FILE).read_text()) == {"00": True}
    shown = whole.grader("solution", "0").stdout
    mine, theirs = shown.index("double: yours\n"), shown.index("double: the solution\n")
    assert mine < shown.index("    return x + x  # \\x07\n") < theirs < shown.index("return 2 * x")
    assert "Return it" not in shown and "Return twice" not in shown
    assert "total: the solution\n" in shown and "total: yours" not in shown
    # What passed once is shown at once, also after another change.
    assert whole.grader("check", "1").returncode == 0
    whole.write("step_01_lines", TOY_SOLUTION + "# more\n")
    passed = whole.grader("solution", "1").stdout
    assert "double: yours is the same\n" in passed and "make stretch STEP=01" in passed


def test_where_nothing_can_be_remembered_once_is_enough(whole):
    whole.write("step_00_numbers", "")
    (whole.root / MEMORY).write_text("no folder")
    assert "return 2 * x" in whole.grader("solution", "0").stdout


def test_a_kit_without_solutions_says_so(kit):
    ran = kit.grader("solution", "0")
    assert ran.returncode == 1 and "no solutions in this installation" in ran.stderr


def test_a_task_comes_without_its_answer_first(whole):
    task = whole.grader("stretch", "1").stdout
    assert "Do it again." in task and "print(4)" not in task
    assert task.endswith("make stretch STEP=01 AGAIN=1\n")
    answer = whole.grader("stretch", "1", "--again").stdout
    assert "    print(4)\n" in answer and answer.endswith("It prints:\n\n    4\n")


def test_pairs_leave_out_docstrings_and_what_is_not_written():
    solution = '''"""Lesson."""


@cache
def f(x):
    """Return it.

    At length.
    """
    return x


class C:
    """A class."""

    def g(self):
        """Do it."""
        return """no docstring"""


def _helper():
    return 1
'''
    stub = 'def f(x):\n    """Return it."""\n    raise NotImplementedError("`f` is not written yet.")\n'
    shown = 'class C:\n    def g(self):\n        return """no docstring"""'
    helper = "def _helper():\n    return 1"
    function = "@cache\ndef f(x):\n    return x"
    assert pairs(stub.encode(), solution) == [
        Pair("f", "", function),
        Pair("C", "", shown),
        Pair("_helper", "", helper),
    ]
    own = b'\xef\xbb\xbfdef f(x): "in one line"; return x\r\n\r\nclass C:\r\n    "only this"\r\n'
    one_line = 'def f(x): "in one line"; return x'
    mine = [pair.own for pair in pairs(own, solution)]
    assert mine == [one_line, 'class C:\n    "only this"', ""]
    assert [pair.own for pair in pairs(b"def f(x:", solution)] == ["", "", ""]
