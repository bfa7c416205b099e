"""The main job: a learner's folder, as learners write, gets the right verdict for every function.

`learner/` holds seventeen modules in three styles (a beginner's loops and prints, an expert's one-liners,
validation everywhere): some right, some wrong, some half-written, one that Python cannot read; some are missing.
"""

from pathlib import Path

import pytest

from grader.course.course import Course

from .conftest import ROOT

FOLDER = Path(__file__).parent / "learner"
WRITTEN_LATER = "not_started"

# What is not right: the verdict of the function, and words that its message must hold.
EXPECTED = {
    ("00", "checkerboard"): ("failed", "int64"),
    ("00", "corner"): ("failed", "Expected a Python float, got"),
    ("00", "broadcast_shape"): ("failed", "but got another error. Your code raised RuntimeError"),
    ("00", "column"): ("failed", "Expected a tensor of shape (2,)"),
    ("00", "mean_of"): ("failed", "could not infer output dtype"),
    ("01", "flat"): ("failed", "view size is not compatible"),
    ("01", "shares_memory"): ("failed", "Expected True, got False. A change in t is seen in u"),
    ("02", "train_val_split"): ("failed", "x_train"),
    ("03", "gradients"): ("failed", "Only the sign is wrong."),
    ("03", "numerical_gradients"): (WRITTEN_LATER, "is not written yet"),
    ("03", "update"): ("failed", "got None."),
    ("04", "fit"): ("failed", "b: expected 1.0, got 0.875."),
    ("04", "fit_minibatch"): ("failed", "a list of 2 numbers, got the list [8.0]."),
    ("04", "best_learning_rate"): ("failed", "There is no `best_learning_rate` in"),
    ("05", "to_numpy"): ("failed", "detach"),
    ("05", "make_parameters"): ("failed", "leaf"),
    ("06", "fit"): ("failed", "a: expected "),
    ("06", "fit_many"): (WRITTEN_LATER, "is not written yet"),
    ("11", "freeze_all_but"): (WRITTEN_LATER, "is not written yet"),
    ("11", "predict"): ("failed", "Dropout"),
    ("08", "fit_with_sgd"): ("failed", "Python cannot read line 7"),
    ("08", "SGD"): ("failed", "expected ':'"),
    ("09", "mse"): ("failed", "Expected a ValueError because yhat has shape (3, 1)"),
    ("09", "huber"): ("failed", "Boolean value of Tensor with more than one value is ambiguous"),
    ("10", "ManualLinearRegression"): ("failed", "nn.Parameter"),
    ("10", "make_mlp"): (WRITTEN_LATER, "is not written yet"),
    ("13", "CustomDataset"): ("failed", "Expected a ValueError because"),
    ("13", "CsvDataset"): ("failed", "expected a tensor of shape (1,)"),
    ("14", "make_loaders"): ("failed", "shuffle"),
    ("15", "evaluate"): ("failed", "mean per point"),
    ("17", "save_checkpoint"): ("failed", "optimizer"),
    ("17", "load_checkpoint"): ("failed", "optimizer"),
    ("17", "fit_early"): ("timeout", "Is there a loop that never ends?"),
}
COURSE = Course.load(ROOT)
NOT_STARTED = [step.id for step in COURSE.steps if not (FOLDER / step.filename).exists()]


@pytest.fixture(scope="module")
def verdicts(real_kit):
    """The tests of each function, by step and function."""
    result = {}
    for step, tests in real_kit.verdicts("--target", str(FOLDER)).items():
        for test in tests:
            result.setdefault((step, test["function"]), []).append(test)
    return result


def test_every_function_has_its_verdict(verdicts):
    found = {}
    for place, tests in verdicts.items():
        bad = [test["status"] for test in tests if test["status"] != "passed"]
        found[place] = bad[0] if bad else "passed"
    expected = dict.fromkeys(found, "passed")
    expected |= {place: WRITTEN_LATER for place in found if place[0] in NOT_STARTED}
    expected |= {place: status for place, (status, _) in EXPECTED.items()}
    assert found == expected


@pytest.mark.parametrize("place", EXPECTED, ids=" ".join)
def test_the_message_helps(verdicts, place):
    _, words = EXPECTED[place]
    messages = [test["message"] for test in verdicts[place] if test["status"] != "passed"]
    assert any(words in message for message in messages), messages


def test_one_endless_loop_costs_one_time_limit(verdicts):
    messages = [test["message"] for test in verdicts["17", "fit_early"]]
    assert sum("Not run again" in message for message in messages) == len(messages) - 1


def test_no_message_shows_a_traceback_or_a_path(verdicts):
    for tests in verdicts.values():
        for test in tests:
            assert "Traceback" not in test["message"]
            assert str(FOLDER) not in test["message"]
