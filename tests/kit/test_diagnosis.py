"""Diagnosis through the real commands: which mistake is named, when nothing is, and how much is shown."""

import json
import re
import shutil
from pathlib import Path

import pytest

from grader.judge.diagnosis import Battery, Request, Transcript
from grader.judge.fingerprint import Fingerprint
from grader.run.shared_source import SHARED
from tests.kit.conftest import ROOT, Kit

SIGN_FLIPPED_WITH_LOOPS = """
def gradients(a, b, x, y):
    s = t = 0.0
    for i in range(len(x)):
        error = y[i, 0] - (a + b * x[i, 0])
        s, t = s + error, t + error * x[i, 0]
    return [2 * s / len(x), 2 * t / len(x)]
"""
FIRST_POINT_FORGOTTEN = """
def gradients(a, b, x, y):
    error = (a + b * x - y)[1:]
    return 2 * error.sum() / len(x), 2 * (error * x[1:]).sum() / len(x)
"""
WRONG_AND_THEN_ENDLESS = """
def gradients(a, b, x, y, calls=[]):
    calls.append(1)
    while len(calls) > 1 and len(x) == 1:
        pass
    return 0.0, 0.0
"""
WRONG_AND_THEN_ENDED = """
import os
def gradients(a, b, x, y, calls=[]):
    calls.append(1)
    if len(calls) > 1:
        os._exit(0)
    return 0.0, 0.0
"""


@pytest.fixture(scope="module")
def recorded_kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """A copy of this kit with what is recorded, without the wrong implementations; exercises are changed."""
    kit = Kit.real(tmp_path_factory.mktemp("recorded"))
    content = kit.root / "grader" / "content"
    shutil.copytree(ROOT / "grader" / "content" / "behaviour", content / "behaviour")
    # Hidden tests that are copied beside them import these from there.
    for name in ("grader/content/__init__.py", *SHARED):
        shutil.copy(ROOT / name, content)
    return kit


def verdicts_on(kit: Kit, step: str, more: str) -> list[dict[str, object]]:
    """Judge a solution with more code behind it, and return the verdicts on `gradients`."""
    module = next(name for name in kit.modules if name.startswith(f"step_{step}"))
    source = (kit.root / "solutions" / f"{module}.py").read_text("utf-8")
    kit.write(module, f"{source}\n{more}")
    return [t for t in kit.verdicts(step)[step] if t["function"] == "gradients"]


def test_a_mistake_in_another_style_is_named(recorded_kit):
    verdicts = verdicts_on(recorded_kit, "03", SIGN_FLIPPED_WITH_LOOPS)
    assert {v["misconception"] for v in verdicts} == {"gradients-sign-flipped"}
    message = str(verdicts[0]["message"])
    assert any("Only the sign is wrong." in str(v["message"]) for v in verdicts)
    assert "This looks like a common mistake: " in message
    assert "Hint: " in message
    where = re.search(r'at "(.+)"\.$', message)
    assert where and where[1] in (ROOT / "exercises" / "step_03_gradient.py").read_text("utf-8")


def test_nothing_is_named_for_a_mistake_that_nobody_knows(recorded_kit):
    verdicts = verdicts_on(recorded_kit, "03", FIRST_POINT_FORGOTTEN)
    assert any(v["status"] == "failed" for v in verdicts)
    assert {v["misconception"] for v in verdicts} == {None}


UPDATE_REBOUND = """
def update_(params, lr):
    for p in params:
        if p.grad is not None:
            p = p - lr * p.grad
"""


def test_when_a_function_uses_a_wrong_one_it_is_that_one_which_is_named(recorded_kit):
    module = "step_06_autograd"
    source = (recorded_kit.root / "solutions" / f"{module}.py").read_text("utf-8")
    recorded_kit.write(module, source + UPDATE_REBOUND)
    failed = [t for t in recorded_kit.verdicts("06")["06"] if t["status"] == "failed"]
    assert {t["function"] for t in failed} >= {"update_", "fit"}
    for test in failed:
        said = (
            "`fit` uses `update_`, which is not right yet: mend `update_` first." in test["message"]
        )
        assert said == (test["function"] == "fit")
        assert (test["misconception"] is None) or test["function"] == "update_"


LAST_BATCH_LOST_AND_UNCHECKED = """
def updates_per_epoch(n_points, batch_size):
    return n_points // batch_size
"""


def test_a_mistake_is_named_although_the_checks_are_missing_too(recorded_kit):
    module = "step_04_descent"
    source = (recorded_kit.root / "solutions" / f"{module}.py").read_text("utf-8")
    recorded_kit.write(module, source + LAST_BATCH_LOST_AND_UNCHECKED)
    failed = [t for t in recorded_kit.verdicts("04")["04"] if t["status"] == "failed"]
    assert {t["misconception"] for t in failed} == {"updates-per-epoch-last-batch-lost", None}


def transcript(name: str, *answers: str) -> Transcript:
    """Return how a misconception answers, from the forms of its answers."""
    prints = [Fingerprint(form, form, []) for form in answers]
    return Transcript(name, "", "", "", prints, [], loosely=True)


OWN = "raises ValueError: on purpose"


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        (["1", "2", OWN], "half"),
        (["1", "2", "7"], "half"),
        (["1", "2", "raises TypeError: in f: no"], "half"),
        (["0", "0", "7"], "unchecked"),
        # Right but for the error, in another way than the one that is known.
        (["0", "0", "8"], None),
        (["1", "3", "7"], None),
        # Both of them answer so where no error is asked for.
        (["5", "5", "7"], None),
        # The one that is known to do so raises the wrong error, so its numbers alone name nothing.
        (["6", "6", "7"], None),
    ],
)
def test_only_answers_without_errors_count_if_nothing_fits(answers, name):
    requests = [Request(b"a"), Request(b"b"), Request(b"c", error="ValueError")]
    transcripts = [
        transcript("half", "1", "2", OWN),
        transcript("unchecked", "0", "0", "7"),
        transcript("one", "5", "5", OWN),
        transcript("other", "5", "5", "raises KeyError: on purpose"),
        transcript("wrong error", "6", "6", "raises KeyError: on purpose"),
    ]
    prints = [Fingerprint(form, form, []) for form in answers]
    found = Battery(requests, transcripts).name(prints)
    assert (found and found.id) == name


@pytest.mark.parametrize("source", [WRONG_AND_THEN_ENDLESS, WRONG_AND_THEN_ENDED])
def test_nothing_is_named_if_the_battery_is_not_answered(recorded_kit, source):
    verdicts = verdicts_on(recorded_kit, "03", source)
    assert {v["misconception"] for v in verdicts} == {None}
    assert verdicts[0]["status"] == "failed"


def test_without_recordings_nothing_is_named(kit_factory):
    kit = kit_factory("step_00_numbers")
    kit.write("step_00_numbers", "def double(x):\n    return x\n")
    assert {v["misconception"] for v in kit.verdicts()["00"]} == {None}


FEEDBACK = {
    "all": ("_grad: expected ", True, True),
    "mistake": ("A hidden test failed.", True, False),
    "title": ("A hidden test failed.", False, False),
}


@pytest.mark.parametrize("feedback", FEEDBACK)
def test_how_much_of_a_hidden_test_is_shown(recorded_kit, tmp_path, feedback):
    begins, named, with_inputs = FEEDBACK[feedback]
    course = recorded_kit.root / "course.toml"
    text = (ROOT / "course.toml").read_text("utf-8")
    course.write_text(text.replace('hidden_feedback = "all"', f'hidden_feedback = "{feedback}"'))
    hidden = recorded_kit.root / "grader" / "content" / "hidden"
    hidden.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "grader" / "content" / "hidden" / "test_step_03.py", hidden)
    submission = tmp_path / "class" / "ada"
    submission.mkdir(parents=True)
    source = (ROOT / "solutions" / "step_03_gradient.py").read_text("utf-8")
    (submission / "step_03_gradient.py").write_text(source + SIGN_FLIPPED_WITH_LOOPS)
    out = tmp_path / "out"
    ran = recorded_kit.grader(
        "grade", str(submission.parent), "--out", str(out), "--steps", "03", "--allow-unsandboxed"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (step,) = json.loads((out / "ada" / "results.json").read_text("utf-8"))["steps"]
    failed = [t for t in step["tests"] if t["visibility"] == "hidden" and t["status"] == "failed"]
    assert failed
    for test in failed:
        assert begins in test["message"]
        assert (test["misconception"] == "gradients-sign-flipped") is named
        assert ("common mistake" in test["message"]) is named
        assert (test["counterexample"] is not None) is with_inputs


def test_an_unknown_setting_is_refused(kit):
    path = Path(kit.root / "course.toml")
    path.write_text('hidden_feedback = "some"\n' + path.read_text("utf-8"))
    ran = kit.grader("check")
    assert ran.returncode == 2
    assert "hidden_feedback must be one of all, mistake, title" in ran.stderr
