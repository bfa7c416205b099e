"""A checkpoint is one file: what is kept anywhere else does not come back."""

import pytest

from grader.judge.learner import Learner
from grader.judge.passing import Passing
from grader.judge.stop import Crash
from grader.launch.trial import working_layers
from tests.kit.conftest import ROOT

IN_TMP = "in a file that everybody may write to"
CHEATS = {
    "in the memory, by path": """
_KEPT = {}

def save_checkpoint(path, model, optimizer, epoch):
    torch.save({}, path)
    _KEPT[str(path)] = copy.deepcopy((model.state_dict(), optimizer.state_dict(), epoch))

def _read(path):
    return _KEPT[str(path)]
""",
    "in the memory, by what is in the file": """
import sys
_KEPT = sys.modules.setdefault("kept", {})

def save_checkpoint(path, model, optimizer, epoch):
    token = len(_KEPT)
    torch.save({"token": token}, path)
    _KEPT[token] = copy.deepcopy((model.state_dict(), optimizer.state_dict(), epoch))

def _read(path):
    return _KEPT[torch.load(path)["token"]]
""",
    "in a second file beside it": """
def save_checkpoint(path, model, optimizer, epoch):
    torch.save({}, path)
    torch.save((model.state_dict(), optimizer.state_dict(), epoch), f"{path}.more")

def _read(path):
    return torch.load(f"{path}.more")
""",
    IN_TMP: """
def save_checkpoint(path, model, optimizer, epoch):
    torch.save({}, path)
    torch.save((model.state_dict(), optimizer.state_dict(), epoch), "/tmp/kept-by-a-test")

def _read(path):
    return torch.load("/tmp/kept-by-a-test")
""",
    "in the optimizer's class": """
def save_checkpoint(path, model, optimizer, epoch):
    torch.save({}, path)
    torch.optim.Optimizer.kept = copy.deepcopy((model.state_dict(), optimizer.state_dict(), epoch))

def _read(path):
    return torch.optim.Optimizer.kept
""",
}
LOAD = """
def load_checkpoint(path, model, optimizer):
    model_state, optimizer_state, epoch = _read(path)
    model.load_state_dict(model_state)
    optimizer.load_state_dict(optimizer_state)
    return epoch
"""


@pytest.mark.parametrize("name", CHEATS)
def test_what_is_not_in_the_file_gives_no_points(real_kit, fork_launcher, name):
    if name == IN_TMP and "scratch" not in working_layers(fork_launcher)[0]:
        pytest.skip("workers cannot have folders of their own on this machine")
    solution = next((ROOT / "solutions").glob("step_17_*.py"))
    source = solution.read_text("utf-8") + CHEATS[name] + LOAD
    real_kit.write(solution.stem, source, "cheat")
    verdicts = real_kit.verdicts("17", "--target", str(real_kit.root / "cheat"))["17"]
    statuses = {
        test["title"]: test["status"] for test in verdicts if "checkpoint" in test["function"]
    }
    # These ask nothing of what comes back.
    free = {
        "saving changes neither model nor optimizer",
        "the file loads with weights_only=True",
    }
    assert {title for title, status in statuses.items() if status == "passed"} <= free
    assert all(t["status"] == "passed" for t in verdicts if "checkpoint" not in t["function"])


SOURCE = """
calls = []

def count():
    calls.append(1)
    return len(calls)

def fail():
    raise ValueError("no")

def leave():
    import os
    os._exit(3)
"""


@pytest.mark.parametrize("kind", ["fork", "spawn", "direct"])
def test_elsewhere_nothing_is_known_of_what_was_called_here(request, session_factory, kind):
    with session_factory(request.getfixturevalue(f"{kind}_launcher"), SOURCE) as session:
        learner = Learner(session, "count")
        assert [learner.count().value for _ in range(3)] == [1, 2, 3]
        assert [learner.elsewhere.count().value for _ in range(2)] == [1, 2]
        assert learner.count().value == 4
        with learner.elsewhere.raises(ValueError, "it fails"):
            learner.elsewhere.fail()


def test_what_is_asked_ahead_is_asked_in_the_right_process(fork_launcher, session_factory):
    exchanges = []
    with session_factory(fork_launcher, SOURCE) as session:
        session.heard = lambda _function, request, came: exchanges.append((request, came))
        learner = Learner(session, "count")
        assert [learner.count().value, learner.elsewhere.count().value] == [1, 1]
    with session_factory(fork_launcher, SOURCE) as session:
        assert session.answers_like("count", Passing(exchanges))
    with session_factory(fork_launcher, SOURCE.replace("len(calls)", "2")) as session:
        assert not session.answers_like("count", Passing(exchanges))


def test_a_crash_elsewhere_is_a_crash_and_both_are_new(fork_launcher, session_factory):
    with session_factory(fork_launcher, SOURCE) as session:
        learner = Learner(session, "count")
        learner.count()
        with pytest.raises(Crash, match="it exited with code 3"):
            learner.elsewhere.leave()
        assert learner.elsewhere.count().value == learner.count().value == 1
