"""Injected errors: code that fails for another reason than a known mistake is not called by its name."""

import ast
import sys
from collections import Counter

import pytest

from grader.course.course import Course
from grader.judge.diagnosis import Diagnosis, Request
from grader.judge.fingerprint import Fingerprint
from grader.judge.step_session import StepSession
from grader.maintain import catalogue
from grader.maintain.injected import injected_of
from grader.maintain.record import only
from grader.maintain.strength import look
from tests.kit.conftest import ROOT

COURSE = Course.load(ROOT)
MADE = {step.id: injected_of(COURSE, step) for step in COURSE.steps}


def test_there_are_many_of_every_kind_in_every_function():
    count = sum(map(len, MADE.values()))
    assert count > 500
    kinds = Counter(one.id.rsplit(":", 1)[1] for made in MADE.values() for one in made)
    assert len(kinds) >= 20 and min(kinds.values()) >= 10
    for step in COURSE.steps:
        tree = ast.parse((ROOT / "solutions" / step.filename).read_text("utf-8"))
        functions = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"
        }
        made = Counter(one.function for one in MADE[step.id])
        assert made.keys() == functions and min(made.values()) >= 5


def test_each_is_a_module_of_its_own():
    for made in MADE.values():
        assert len({one.id for one in made}) == len({one.module for one in made}) == len(made)
        for one in made:
            compile(one.module, "x", "exec")


def test_listed_ones_exist():
    made = {one.id for some in MADE.values() for one in some}
    names = {entry.id for step in COURSE.steps for entry in catalogue.load(COURSE, step)}
    for error, name in catalogue.rightly_named(COURSE):
        assert error in made and name in names


@pytest.mark.parametrize("step", [COURSE.by_id["06"], COURSE.by_id["12"]], ids=lambda step: step.id)
def test_they_are_not_called_by_the_name_of_a_mistake(fork_launcher, step):
    named = {(one.id, look(COURSE, step, one, fork_launcher)) for one in MADE[step.id]}
    assert {pair for pair in named if pair[1]} <= catalogue.rightly_named(COURSE)


# Modules that failed as the recorded mistakes do, with an error of the same type, and their own functions.
ERRORS_OF_THE_SAME_TYPE = {
    "misspelled method": (
        "12",
        "make_train_step",
        "optimizer.zero_grad()",
        "optimizer.zero_gard()",
    ),
    "argument missing": ("12", "make_train_step", "loss_fn(yhat, y)", "loss_fn(yhat)"),
    "dtype": ("12", "make_train_step", "model(x)", "model(x.double())"),
    "shape": ("12", "make_train_step", "model(x)", "model(x.flatten())"),
    "none": ("12", "make_train_step", "model(x)", "None(x)"),
    "numpy argument": ("05", "to_numpy", ".numpy()", ".numpy(float)"),
    "raised on purpose": (
        "05",
        "to_numpy",
        "return ",
        "raise TypeError('unsupported')\n    return ",
    ),
    "text": ("06", "fit", "lr * ", "'lr' * "),
    "other name": ("10", "ManualLinearRegression", "self.a", "self.intercept"),
}


@pytest.mark.parametrize("kind", ERRORS_OF_THE_SAME_TYPE)
def test_the_type_of_an_error_alone_names_nothing(fork_launcher, kind):
    number, function, right, wrong = ERRORS_OF_THE_SAME_TYPE[kind]
    step = COURSE.by_id[number]
    source = (ROOT / "solutions" / step.filename).read_text("utf-8")
    assert right in source
    # The lesson may say it, too; what counts is the code behind it.
    session = StepSession(only(step, source.replace(right, wrong).encode()), step, fork_launcher)
    diagnosis = Diagnosis(COURSE, session)
    assert diagnosis.look(function) is None
    diagnosis.close()


LOADED = (
    "def load_checkpoint(path, model, optimizer):\n"
    "    saved = torch.load(path, weights_only=False)\n"
    "    model.load_state_dict(saved['model']); optimizer.load_state_dict(saved['optimizer'])\n"
    "    return saved['epoch']\n"
)
# Code near a mistake: nothing is named, or a mistake whose sentence is true for it, too.
OTHER_WAYS = {
    "parameters with other names": (
        "10", "ManualLinearRegression", None,
        "class ManualLinearRegression(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.w, self.c = nn.Parameter(torch.randn(1)), nn.Parameter(torch.randn(1))\n\n"
        "    def forward(self, x):\n        return self.c + self.w * x\n",
    ),
    # It is true of this, too: all numbers are float32.
    "torch.Tensor of an array": (
        "01", "copied", "copied-float32", "def copied(array):\n    return torch.Tensor(array)\n",
    ),
    "backward inside an update": (
        "06", "update_", None,
        "def update_(params, lr):\n    for p in params:\n        p.grad.sum().backward()\n"
        "        p -= lr * p.grad\n",
    ),
    "loss without a graph": (
        "06", "fit", None,
        "def fit(x, y, a, b, lr, n_epochs):\n    with torch.no_grad():\n        loss = (a + b * x - y).mean()\n"
        "    loss.backward()\n    return [loss.item()] * n_epochs\n",
    ),
    "a NumPy loss in the file": (
        "17", "save_checkpoint", "save-checkpoint-whole-objects",
        "def save_checkpoint(path, model, optimizer, epoch):\n    import numpy as np\n"
        "    torch.save({'model': model.state_dict(), 'optimizer': optimizer.state_dict(), 'epoch': epoch,\n"
        "                'loss': np.float64(0.5)}, path)\n\n" + LOADED,
    ),
    "a device that is tried out": (
        "05", "pick_device", "pick-device-not-looked-up",
        "def pick_device():\n    try:\n        torch.zeros(1).cuda()\n        return 'cuda'\n"
        "    except Exception:\n        return 'cpu'\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_other_ways_are_called_by_a_name_that_is_true_or_by_none(fork_launcher, way):
    number, function, name, code = OTHER_WAYS[way]
    step = COURSE.by_id[number]
    source = (ROOT / "solutions" / step.filename).read_text("utf-8")
    session = StepSession(only(step, f"{source}\n\n{code}".encode()), step, fork_launcher)
    diagnosis = Diagnosis(COURSE, session)
    found = diagnosis.look(function)
    diagnosis.close()
    assert (found and found.id) == name


def error(kind, message, own=False, frames=(("module", "step", 3, "p += 1"),)):
    return Fingerprint.of(
        {"kind": "raised", "type": kind, "message": message, "own": own, "frames": list(frames)}
    )


def test_errors_are_alike_only_with_the_same_words_in_the_same_function():
    one = error("TypeError", "a must be Tensor, not int")
    assert one.matches(error("TypeError", "a must be Tensor, not int"), loosely=True)
    for other in (
        error("TypeError", "a must be Tensor, not str"),
        error("RuntimeError", "a must be Tensor, not int"),
        error("TypeError", "a must be Tensor, not int", own=True),
        error("TypeError", "a must be Tensor, not int", frames=[("module", "init", 3, "p += 1")]),
        error("TypeError", "a must be Tensor, not int", frames=[("probe", "step", 3, "p += 1")]),
        Fingerprint.of({"kind": "value", "value": 1, "after": None}),
    ):
        assert not one.matches(other) and not one.matches(other, loosely=True)


def test_sizes_count_and_places_in_memory_do_not():
    sizes = [error("RuntimeError", f"mat1 (3x{size}) does not fit") for size in (2, 4)]
    assert not sizes[0].matches(sizes[1])
    assert error("E", "<x at 0x7f00deadbeef>").matches(error("E", "<x at 0x7f11deadbeef>"))
    assert error("E", "no file /tmp/torchsteps-abcdefgh/m.pt").matches(
        error("E", "no file /home/me/m.pt")
    )


def test_of_an_error_that_is_asked_for_only_the_type_counts():
    mine, yours = error("ValueError", "too few", own=True), error("ValueError", "0 is too few")
    assert Request(b"", error="ValueError").same(mine, yours)
    assert not Request(b"", error="ValueError").same(mine, error("KeyError", "too few", own=True))
    assert not Request(b"").same(mine, yours)


def test_comprehensions_are_no_functions():
    inside = [("module", "f", 1, "x"), ("module", "<listcomp>", 1, "x")]
    assert error("E", "m", frames=inside).matches(error("E", "m", frames=inside[:1]))


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the catalogue is for Linux")
