"""Properties: everybody meets the same examples, and a failure is shown on a small one."""

import pytest

from grader.course.paths import MEMORY
from grader.testing.properties import EXAMPLES
from tests.kit.conftest import ROOT

MODULES = ["step_00_right", "step_01_unwritten", "step_02_large", "step_03_crash", "step_04_second"]
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
    "step_02_large": "return 2 * x if x < 1.5 or x == 2 else 0",
    "step_03_crash": "record(x)\n    import os\n    if x: os._exit(1)\n    return 2 * x",
    "step_04_second": "record(x)\n    return 2 * x if x < 1.5 else 0",
}


@pytest.fixture(scope="module")
def kit(kit_factory):
    """A kit whose exercises write down what they are called with."""
    made = kit_factory(*MODULES)
    for module in MODULES:
        source = RECORD.format(path=str(place_of(made, module)))
        made.write(module, f"{source}\ndef double(x):\n    {DOUBLES[module]}\n")
    return made


def place_of(kit, module):
    """Return where a worker writes down what it is called with: not below /tmp, where each has one of its own."""
    folder = ROOT / MEMORY
    folder.mkdir(exist_ok=True)
    return folder / f"{kit.root.parent.name}-{kit.root.name}-{module}.seen"


def seen(kit, module):
    """Return what `double` was called with since the last time."""
    path = place_of(kit, module)
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
    assert any_number["message"].startswith("`double(1.5)`\nExpected 3.0, got 0.0.")


def test_a_smaller_example_is_looked_for_only_in_the_first_test_that_fails(kit, verdicts):
    of_two, any_number, _ = verdicts["04"]
    assert of_two["status"] == any_number["status"] == "failed"
    asked = seen(kit, "step_04_second")
    # Until one failed, all once more for the relations between numbers, and that one again.
    assert len(asked) <= 1 + EXAMPLES + EXAMPLES + 1
    assert any_number["counterexample"] == {"input 1": asked[-1]}
    assert float(asked[-1]) >= 1.5


def test_no_smaller_example_is_looked_for_after_a_crash(kit, verdicts):
    assert [test["status"] for test in verdicts["03"]] == ["crashed", "crashed", "passed"]
    assert [float(x) != 0 for x in seen(kit, "step_03_crash")].count(True) == 2


# What a search may meet on its way to a smaller input: from 1000 on all is wrong, and a little above 1000 all is
# wrong in another way. Hypothesis draws no example there, but finds it when it looks for a smaller one.
NEAR = "if 1000 <= x < 1010:"
SEARCHES = {
    "step_00_defect": (f"{NEAR} raise ValueError('a defect of the test')", "0"),
    "step_01_assert": (f"{NEAR} assert False", "0"),
    "step_02_no_number": (f"{NEAR} came.value + None", "0"),
    "step_03_assumption": (f"{NEAR} assume(False)", "0"),
    "step_04_other_error": ("", "int('x') if x >= 1010 else {}[x]"),
    "step_05_error": ("", "0 if x >= 1010 else {}[x]"),
    "step_06_wrong": ("", "{}[x] if x >= 1010 else 0"),
    "step_07_crash": ("", "0 if x >= 1010 else __import__('os')._exit(1)"),
    "step_08_by_chance": ("", "0 if calls.append(x) or len(calls) < 20 else 2 * x"),
}
SEARCHED = """
import pytest
from hypothesis import assume, given, strategies as st

@pytest.mark.exercise("double", "a large number")
@given(x=st.integers(0, 10**6))
def test_double(learner, x):
    came = learner.double(x)
    {}
    came.is_close(2 * x)
"""


@pytest.fixture(scope="module")
def searched(kit_factory):
    """The verdicts on these modules."""
    kit = kit_factory(*SEARCHES)
    for module, (line, wrong) in SEARCHES.items():
        (kit.root / f"tests/steps/test_{module[:7]}.py").write_text(SEARCHED.format(line))
        kit.write(
            module, f"calls = []\ndef double(x):\n    return 2 * x if x < 1000 else {wrong}\n"
        )
    return {step: test for step, (test,) in kit.verdicts().items()}


@pytest.mark.parametrize("module", SEARCHES)
def test_only_a_failure_of_the_same_kind_takes_the_place_of_the_first(searched, module):
    test = searched[module[5:7]]
    assert test["status"] == "failed", test["message"]
    came = {"04": "ValueError", "06": "KeyError"}.get(module[5:7], "got 0.0.")
    assert came in test["message"]
    smallest = int(test["counterexample"]["input 1"])
    # Where another kind of failure is passed by, the search goes on down to it.
    assert smallest >= (1000 if module == "step_08_by_chance" else 1010)
    if module[5:7] in ("03", "04", "05", "06"):
        assert smallest == 1010


ASSUMING = """
import numpy as np
import pytest
from hypothesis import assume, given, reject, strategies as st

def is_even(x):
    assume(x % 2 == 0)

def exercise(test):
    return pytest.mark.exercise("double", "assuming")(given(x=st.integers(0, 10**6))(test))

@exercise
def test_of_even_numbers(learner, x):
    assume(x % 2 == 0)
    learner.record(x)
    learner.double(x).is_close(2 * x)

@exercise
def test_of_even_numbers_by_a_helper(learner, x):
    is_even(x)
    learner.record(x)

@pytest.mark.parametrize("rest", [0, 1])
@exercise
def test_with_parameters(learner, rest, x):
    if x % 2 != rest:
        reject()
    learner.record(x)

@exercise
def test_of_no_number(learner, x):
    assume(x < 0)
    learner.double(x).is_close(2 * x)

@exercise
def test_of_answers(learner, x):
    assume(learner.double(x).value != 2 * x)
    learner.double(x).is_close(2 * x)

@exercise
def test_of_answers_that_are_there(learner, x):
    assume(learner.double(x).value == 2 * x)
    learner.double(x).is_close(2 * x)
"""


def test_an_example_of_which_something_else_is_assumed_is_replaced(kit_factory):
    kit = kit_factory("step_00_right")
    (kit.root / "tests/steps/test_step_00.py").write_text(ASSUMING)
    source = RECORD.format(path=str(place_of(kit, "step_00_right")))
    kit.write("step_00_right", f"{source}\ndef double(x):\n    return 2 * x\n")
    tests = kit.verdicts()["00"]
    assert [test["status"] for test in tests] == [*["passed"] * 4, "error", "error", "passed"]
    found = [int(x) % 2 for x in seen(kit, "step_00_right")]
    assert found == [*[0] * 3 * EXAMPLES, *[1] * EXAMPLES]


SHARED = """
import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

ARRAY, TENSOR = np.array([1.0, 2.0, 4.0]), torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
LISTS = {"a": [ARRAY, (TENSOR,)]}

@pytest.mark.exercise("total", "an array, a tensor, or both in a list")
@given(x=st.sampled_from([ARRAY]), t=st.sampled_from([TENSOR]), d=st.just(LISTS), n=st.integers())
def test_total(learner, x, t, d, n):
    assert t.requires_grad and t.is_leaf
    for one in (x, t, d["a"][0], d["a"][1][0]):
        learner.total(one).is_close(7.0)
    x += 1
    t.data += 1
    d["a"][0] *= 2
    d["a"][1][0].data *= 2
    d["a"].reverse()

@pytest.mark.exercise("total", "the same once more")
@given(x=st.sampled_from([ARRAY]), t=st.sampled_from([TENSOR]))
def test_total_again(learner, x, t):
    learner.total(x).is_close(7.0)
    learner.total(t).is_close(7.0)
"""


def test_an_example_that_a_test_changes_in_place_stays_as_it_was(kit_factory):
    kit = kit_factory("step_00_right")
    (kit.root / "tests/steps/test_step_00.py").write_text(SHARED)
    assert [test["status"] for test in kit.verdicts()["00"]] == ["passed"] * 2


DRAW = """
import sys
from grader.testing.properties import load_profile
load_profile()
sys.path.append("lib")
{load}
from hypothesis import given, settings, strategies as st
seen = []

@settings(derandomize=True, max_examples=300)
@given(st.integers() | st.floats() | st.text())
def draw(x):
    seen.append(repr(x))

draw()
print(seen)
"""


def test_examples_do_not_depend_on_what_is_imported(kit):
    (kit.root / "lib").mkdir()
    constants = "".join(f"X{i} = {i * 7919 + 123456}\nY{i} = 'word {i}'\n" for i in range(200))
    (kit.root / "lib" / "local.py").write_text(constants)
    one, other = (kit.run("-c", DRAW.format(load=load)) for load in ("", "import local"))
    assert one.returncode == 0, one.stderr
    assert one.stdout == other.stdout
