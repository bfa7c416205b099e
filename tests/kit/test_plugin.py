"""The plugin: plain pytest judges a submission, with all its usual options."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

WRONG = """
def double(x):
    return x + 2

def total(values):
    return values.mean()
"""
ESCAPES = (
    "def double(x):\n    print('\\x1b[31mred\\x07')\n    raise ValueError('\\x1b]0;title\\x07 \\udcff')\n"
    "def total(values):\n    return '\\x1b[2J\\udcff'\n"
)
TESTS = ("test_double_of_two", "test_double_of_any_number", "test_total_of_three")


@pytest.fixture(scope="module")
def kit(kit_factory):
    """A kit of two steps, whose exercises are right, and a folder `wrong` beside them."""
    made = kit_factory("step_00_numbers", "step_01_lines")
    made.write("step_00_numbers", WRONG, "wrong")
    made.write("step_01_lines", ESCAPES, "wrong")
    return made


def outcomes(kit, *options):
    """Run pytest on the folder `wrong`; return the outcome of each test that ran, and what was written."""
    report = kit.root / "report.xml"
    ran = kit.pytest("tests/steps", "--submission", "wrong", "--junitxml", str(report), *options)
    found = {}
    for case in ET.parse(report).iter("testcase"):
        outcome = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        name = f"{case.get('classname').removeprefix('tests.steps.test_step_')} {case.get('name')}"
        found[name] = outcome[0] if outcome else "passed"
    return found, ran


def test_plain_pytest_collects_the_steps_and_judges_the_exercises(kit):
    ran = kit.pytest("-v")
    assert ran.returncode == 0, ran.stdout
    assert "6 passed" in ran.stdout
    for step in ("00", "01"):
        for name in TESTS:
            assert f"tests/steps/test_step_{step}.py::{name} PASSED" in ran.stdout


def test_k_selects_n_divides_and_lf_runs_only_what_failed_last(kit):
    found, ran = outcomes(kit, "-k", "two or three", "-n", "2")
    assert found == {
        "00 test_double_of_two": "passed",
        "00 test_total_of_three": "failure",
        "01 test_double_of_two": "failure",
        "01 test_total_of_three": "failure",
    }
    assert ran.returncode == 1
    # What a learner's code says does not act on the terminal.
    assert "\x1b" not in ran.stdout and "\x07" not in ran.stdout
    assert "\\x1b]0;title\\x07" in ran.stdout and "\\x1b[31mred" in ran.stdout
    found, ran = outcomes(kit, "--lf", "-k", "test_step_00")
    assert found == {"00 test_total_of_three": "failure"}
    # A sentence, and no traceback of ours.
    assert "`total([1., 2., 4.])`" in ran.stdout and "Expected 7.0, got 2.333333." in ran.stdout
    assert "grader/" not in ran.stdout and "is_close" not in ran.stdout


def test_x_stops_at_the_first_failure_also_when_workers_are_spawned(kit):
    found, ran = outcomes(kit, "-x", "--worker", "spawn")
    assert found == {"00 test_double_of_two": "passed", "00 test_double_of_any_number": "failure"}
    assert ran.returncode == 1 and "`double(" in ran.stdout


def test_a_debugger_stops_in_the_learners_own_file(kit):
    source = "def double(x):\n    breakpoint()\n    return 2 * x\n"
    path = kit.write("step_00_numbers", source, "debugged")
    arguments = ["-m", "pytest", "-q", "tests/steps/test_step_00.py", "-k", "two", "--direct"]
    ran = subprocess.run(
        [sys.executable, *arguments, "--submission", "debugged"],
        cwd=kit.root,
        env=kit.environment(),
        input="p 'x is', x\ncontinue\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"> {path}(" in ran.stdout and "double()" in ran.stdout
    assert "('x is', 2)" in ran.stdout


def test_wrong_usage_is_said_in_a_sentence(kit_factory):
    kit = kit_factory("step_00_numbers")
    usage = pytest.ExitCode.USAGE_ERROR
    ran = kit.pytest("--submission", "nowhere")
    assert (
        ran.returncode == usage and "There is no folder" in ran.stderr and "nowhere" in ran.stderr
    )
    unmarked = kit.root / "tests/steps/test_step_09.py"
    marks = ["", "('double')", "('double', 2)", "('double', 'x', points=0)", "('a', 'b', 'c')"]
    for mark in marks:
        decorator = f"@pytest.mark.exercise{mark}\n" if mark else ""
        unmarked.write_text(f"import pytest\n\n{decorator}def test_nothing(learner):\n    pass\n")
        ran = kit.pytest("tests/steps")
        assert ran.returncode == usage
        assert "test_nothing: the mark `exercise` is missing, or" in ran.stderr + ran.stdout
    unmarked.unlink()
    (kit.root / "course.toml").write_text("[[step]]\n")
    ran = kit.pytest("tests/steps")
    assert ran.returncode == usage and "course.toml: line" in ran.stderr
    assert ": ?: missing: " in ran.stderr


TRAP = "from pathlib import Path\nPath({!r}).touch()\n"
CONFIGURATION = {
    "pytest.ini": "[pytest]\naddopts = -p trap --collect-only\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p trap'\n",
    "setup.cfg": "[tool:pytest]\naddopts = -p trap\n",
    "tox.ini": "[pytest]\naddopts = -p trap\n",
    "course.toml": "[limits]\nseconds = 1000\n",
}


def test_nothing_of_a_submission_but_its_modules_takes_part(kit):
    trap = kit.root / "the trap was sprung"
    for name in (
        "conftest", "exercises/conftest", "tests/conftest", "test_step_00", "sitecustomize", "trap",
        "usercustomize", "numpy", "torch", "pytest", "grader/__init__", "json", "helper",
    ):  # fmt: skip
        file = kit.root / "trapped" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TRAP.format(str(trap)))
    for name, text in CONFIGURATION.items():
        (kit.root / "trapped" / name).write_text(text)
    (kit.root / "trapped" / "x.pth").write_text("import trap\n")
    kit.write("step_00_numbers", "import helper\n\ndef double(x):\n    return 2 * x\n", "trapped")
    source = (kit.root / "exercises/step_01_lines.py").read_text()
    kit.write("step_01_lines", "import json, numpy, torch\n" + source, "trapped")
    verdicts = kit.verdicts("--target", "trapped")
    assert not trap.exists()
    assert [test["status"] for test in verdicts["01"]] == ["passed"] * 3
    assert {test["status"] for test in verdicts["00"]} == {"failed"}
    assert "No module named 'helper'" in verdicts["00"][0]["message"]
