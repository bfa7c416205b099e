"""Properties: everybody meets the same examples, and a failure is shown on a small one."""

import pytest

from grader.properties import EXAMPLES

MODULES = ("step_00_right", "step_01_unwritten", "step_02_large", "step_03_crash")
RECORD = """
def record(x):
    with open({path!r}, "a") as file:
        file.write(f"{{x}}\\n")

def total(values):
    return values.sum()
"""
DOUBLES = {
    "step_00_right": "record(x)\n    return 2 * x",
    "step_01_unwritten": "record(x)\n    raise NotImplementedError",
    "step_02_large": "return 2 * x if x < 1.5 else 0",
    "step_03_crash": "record(x)\n    import os\n    if x: os._exit(1)\n    return 2 * x",
}


@pytest.fixture(scope="module")
def kit(kit_factory):
    """A kit whose exercises write down what they are called with."""
    made = kit_factory(*MODULES)
    for module in MODULES:
        source = RECORD.format(path=str(made.root / f"{module}.seen"))
        made.write(module, f"{source}\ndef double(x):\n    {DOUBLES[module]}\n")
    return made


def seen(kit, module):
    """Return what `double` was called with since the last time."""
    path = kit.root / f"{module}.seen"
    found = path.read_text().split()
    path.unlink()
    return found


@pytest.fixture(scope="module")
def verdicts(kit):
    """The verdicts of one check."""
    return kit.verdicts()


def test_another_seed_draws_other_examples_and_the_same_seed_the_same_ones(kit, verdicts):
    first = seen(kit, "step_00_right")
    assert len(first) == 1 + EXAMPLES and len(set(first)) > 5
    assert {test["status"] for test in verdicts["00"]} == {"passed"}
    kit.verdicts("0", "--fresh")
    assert seen(kit, "step_00_right") == first
    course = kit.root / "course.toml"
    course.write_text('seed = "a secret"\n' + course.read_text())
    kit.verdicts("0", "--fresh")
    assert seen(kit, "step_00_right") != first


def test_a_function_that_is_not_written_meets_one_example_only(kit, verdicts):
    assert {test["status"] for test in verdicts["01"][:2]} == {"not_started"}
    assert len(seen(kit, "step_01_unwritten")) == 2


def test_the_counterexample_is_the_smallest(verdicts):
    _, any_number, _ = verdicts["02"]
    assert any_number["status"] == "failed"
    assert any_number["counterexample"] == {"input 1": "1.5"}
    assert any_number["message"].startswith(
        "`double(1.5)`\nThe result should be 3.0, but 0.0 came."
    )


def test_no_smaller_example_is_looked_for_after_a_crash(kit, verdicts):
    assert [test["status"] for test in verdicts["03"]] == ["crashed", "crashed", "passed"]
    assert [float(x) != 0 for x in seen(kit, "step_03_crash")].count(True) == 2
