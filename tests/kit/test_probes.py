"""Probes: a function travels as source, with the meaning of its names, and with nothing of the judge's."""

import math
import types
from collections import Counter
from math import floor

import numpy as np
import pytest
import torch
from torch import nn

from grader.judge.learner import Learner, LearnerError
from grader.judge.stop import Stop
from grader.testing.answers import Answer
from grader.testing.probes import probe
from grader.testing.strategies import numbers
from grader.wire.codec import Opaque
from grader.wire.decoder import decode
from grader.worker.probe_loader import compile_probe

MODULE = types.SimpleNamespace(double=lambda x: 2 * x)
WEIGHTS = np.array([1.0, 2.0])
TABLE = {"rows": [1, 2], "name": ("a", None)}
DTYPE = torch.float32
STRATEGY = numbers()


def helper(x):
    return x


class Expected:
    value = 7


def shipped(made):
    """Return the function that a worker makes of a probe."""
    return compile_probe(made.parcel)


@probe
def uses_modules(module):
    return math.sqrt(16), np.arange(2), nn.functional.relu(torch.tensor(-1.0))


@probe
def uses_members(module):
    return floor(2.5), Counter("aab").most_common(1)


@probe
def uses_constants(module):
    return WEIGHTS * 2, TABLE


@probe
def uses_the_module(module, x, *, times=1):
    """Double a number
    some times.
    """
    for _ in range(times):
        x = module.double(x)
    return x


@probe
def uses_probes(module, x):
    return uses_the_module(module, x) + uses_the_module(module, x, times=2)


@probe
def uses_functions_of_its_own(module, numbers):
    def square(x):
        return x * FACTOR**2

    class Wrapper:
        size = 3
        twice = size * 2

        def get(self):
            return [square(number) for number in numbers]

    return Wrapper().get(), (lambda x: x + FACTOR)(1), Wrapper.twice


FACTOR = 3


@probe
def uses_defaults(module, x=FACTOR, *, shape=(FACTOR, math.pi)):
    return x, shape


@probe
def counts_down(module, n):
    return [n, *counts_down(module, n - 1)] if n else []


@probe
def annotated(module: types.ModuleType, x: "Expected | None" = None) -> Answer:
    return x


@probe
def expects_an_array(module):
    return module.double(1).shape


@probe
def uses_a_helper(module):
    return helper(1)


@probe
def uses_a_class(module):
    return Expected.value


@probe
def uses_the_grader(module):
    return Answer(1, None)


@probe
def uses_a_dtype(module):
    return torch.zeros(1, dtype=DTYPE)


@probe
def uses_a_strategy(module):
    return STRATEGY.example()


@probe
def uses_an_unknown_name(module):
    return nowhere  # noqa: F821


def test_modules_and_their_members_travel_by_name():
    root, array, zero = shipped(uses_modules)(MODULE)
    assert (root, array.tolist(), zero.item()) == (4.0, [0, 1], 0.0)
    assert shipped(uses_members)(MODULE) == (2, [("a", 2)])


def test_constants_travel_as_copies():
    weights, table = shipped(uses_constants)(MODULE)
    assert weights.tolist() == [2.0, 4.0] and table == TABLE
    table["rows"].append(3)
    assert TABLE["rows"] == [1, 2]


def test_a_probe_may_use_other_probes():
    assert shipped(uses_probes)(MODULE, 1) == 6
    assert uses_probes(MODULE, 1) == 6


def test_functions_and_classes_inside_a_probe_see_its_names():
    assert shipped(uses_functions_of_its_own)(MODULE, [1, 2]) == ([9, 18], 4, 6)


def test_a_probe_may_call_itself():
    assert shipped(counts_down)(MODULE, 3) == [3, 2, 1]


def test_defaults_of_parameters_travel():
    assert shipped(uses_defaults)(MODULE) == (3, (3, math.pi))


def test_annotations_do_not_travel():
    assert decode(annotated.parcel)["globals"] == {}
    assert shipped(annotated)(MODULE, 5) == 5


def test_a_probe_carries_its_name_and_purpose():
    assert uses_the_module.name == "uses_the_module"
    assert uses_the_module.purpose == "Double a number some times"


@pytest.mark.parametrize(
    "made", [uses_a_helper, uses_a_class, uses_the_grader], ids=lambda p: p.name
)
def test_names_that_only_the_judge_has_are_refused(made):
    with pytest.raises(TypeError, match="which a worker does not have: mark it as a probe"):
        _ = made.parcel


@pytest.mark.parametrize("made", [uses_a_dtype, uses_a_strategy], ids=lambda p: p.name)
def test_constants_that_are_not_plain_data_are_refused(made):
    with pytest.raises(TypeError, match="cannot be shipped: an object of type"):
        _ = made.parcel


def test_names_that_nobody_knows_are_refused():
    with pytest.raises(TypeError, match="uses nowhere, which its file does not know"):
        _ = uses_an_unknown_name.parcel


def test_closures_are_refused():
    count = 3

    @probe
    def inner(module):
        return count

    with pytest.raises(TypeError, match="uses count of the function around it"):
        _ = inner.parcel


def test_a_parcel_holds_nothing_but_plain_data():
    def holds_opaque(value):
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            return any(map(holds_opaque, value))
        return isinstance(value, Opaque)

    for made in (uses_modules, uses_constants, uses_probes, uses_defaults):
        parcel = decode(made.parcel)
        assert parcel.keys() == {"name", "source", "globals"}
        assert not holds_opaque(parcel)


def test_a_real_worker_runs_probes_and_names_their_lines(fork_launcher, session_factory):
    source = "def double(x):\n    return 2 * x\n"
    with session_factory(fork_launcher, source) as session:
        learner = Learner(session, "double")
        assert learner.run(uses_probes, x=1).value == 6
        assert learner.run(uses_functions_of_its_own, numbers=[1]).value == ([9], 4, 6)
        with pytest.raises(LearnerError, match=r"when the test ran: return module\.double"):
            learner.run(expects_an_array)
        with pytest.raises(LearnerError, match=r"in `double`, line 2 of .*: return 2"):
            learner.run(uses_the_module, x=None)
    with session_factory(fork_launcher, "x = 1\n") as session:
        with pytest.raises(Stop, match="There is no `double`") as caught:
            Learner(session, "double").run(uses_the_module, x=1)
        assert caught.value.status == "failed"
