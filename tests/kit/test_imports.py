"""One step imports another: the learner's own modules are there, and a bad one costs only who asks for it."""

import json
import sys

import pytest

from grader.submissions.imports import imported
from tests.kit.conftest import TOY_SOLUTION

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
    "unreadable": ("def double(x)\n", "SyntaxError"),
    "failing": ("x = 1 / 0\n", "ZeroDivisionError"),
    "without": ("x = 1\n", "cannot import name 'double'"),
    "circle": ("import step_11_circle\nstep_11_circle.x\n", "There is no `x`"),
    "unwritten": (
        "def double(x):\n    raise NotImplementedError('`double` is not written yet.')\n",
        "`double` is not written yet",
    ),
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
