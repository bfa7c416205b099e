"""Strength, with the real command: strong tests pass, and weak ones are found out."""

import pytest

from grader.course.course import Step
from grader.maintain.mutants import Mutant
from grader.maintain.strength_table import StepStrength, problems, table
from tests.kit.conftest import ROOT, Kit

STEP = Step("13", "step_13_dataset", "Toy", 100, 5.0, ())
WEAK = '''"""Hidden tests that see nothing."""

import pytest


@pytest.mark.exercise("CustomDataset", "nothing at all")
def test_nothing(learner):
    pass
'''


@pytest.fixture
def strong_kit(tmp_path) -> Kit:
    """A copy of this kit with all that strength needs."""
    return Kit.whole(tmp_path)


def add_variant(kit, source):
    """Give the step a module that is called correct."""
    with (kit.root / "tests" / "variants" / "step_13.toml").open("a", encoding="utf-8") as file:
        head = '[[variant]]\nid = "custom-dataset-another"\nfunction = "CustomDataset"\n'
        file.write(f"\n{head}code = '''\n{source}'''\n")


def test_a_step_is_measured_again_when_it_changed(strong_kit):
    unchanged = "Strength: no step changed since it was measured.\n"
    before = strong_kit.grader("strength", "13", "--changed")
    assert before.returncode == 0 and before.stdout == unchanged
    right = (ROOT / "solutions" / "step_13_dataset.py").read_text("utf-8")
    start, end = right.index("class CustomDataset"), right.index("class CsvDataset")
    add_variant(strong_kit, right[start:end])
    changed = strong_kit.grader("strength", "13", "--changed")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert "Nothing is missing." in changed.stdout
    again = strong_kit.grader("strength", "13", "--changed")
    assert again.returncode == 0 and again.stdout == unchanged


def test_weak_hidden_tests_are_found_out(strong_kit):
    (strong_kit.root / "grader" / "content" / "hidden" / "test_step_13.py").write_text(WEAK)
    add_variant(strong_kit, "class CustomDataset(Dataset):\n    pass\n")
    ran = strong_kit.grader("strength", "13")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    for words in (
        "13 custom-dataset-index-wraps-around: it passes all hidden tests of its function.",
        "test_nothing (return nothing): a function that does no work passes this test.",
        "the recorded behaviour is out of date; run `make record`.",
        "custom-dataset-another",
        "a correct style is refused.",
    ):
        assert words in ran.stdout


def test_what_is_missing_is_said():
    found = StepStrength(STEP, misconceptions=20, mutants=100, idle=10, injected=50)
    assert problems([found]) == []
    found.not_visible = ["a", "b"]
    assert problems([found]) == []
    found.not_visible.append("c")
    found.unnamed = ["a", "b"]
    found.misnamed = ["d"]
    found.elsewhere = ["e"]
    found.false_names = ["f is diagnosed as g"]
    assert problems([found]) == [
        "13 e: it fails a test of another function.",
        "13 d: another misconception is named for it.",
        "13 f is diagnosed as g: the error is not this mistake.",
        "85.0% of misconceptions fail a visible test, but 90% are required: a, b, c.",
        "90.0% of misconceptions are named, but 95% are required: a, b.",
    ]
    found.survivors = [Mutant(f"f:{i}", "f", "a < b", "a <= b", "") for i in range(2)]
    assert problems([found])[-4:] == [
        "98.0% of mutants are caught, but 99% are required: f:0, f:1.",
        "f:0 is: a < b  ->  a <= b",
        "f:1 is: a < b  ->  a <= b",
        "Write a test that fails for it, or list it in grader/content/misconceptions/equivalent.toml.",
    ]
    assert table([found])[-1] == (
        "all",
        "20",
        "20",
        "17",
        "18",
        "0",
        "100",
        "98",
        "0",
        "10",
        "50",
        "49",
    )
