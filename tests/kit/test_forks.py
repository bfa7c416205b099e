"""The one way from a forked judge to its parent: a value, or why there is none."""

import os
import signal
import subprocess
import sys
import time

import pytest

from grader.judge.forks import Forks
from tests.kit.conftest import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="forks are tested where classes are graded"
)


def fail():
    raise ValueError("half a character: \udc80")


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def outcomes(work, seconds=60.0, jobs=2):
    """Do pieces of work, a few at a time; return the outcomes by name."""
    forks, waiting, found = Forks(seconds), list(work.items()), {}
    while waiting or forks:
        while waiting and len(forks) < jobs:
            forks.start(*waiting.pop())
        name, outcome = forks.next()
        found[name] = outcome
    return found


def test_values_of_any_size_come_back():
    values = {"small": {"a": (1, None)}, "large": b"x" * (10 << 20), "text": "größe 学"}
    found = outcomes({name: lambda value=value: value for name, value in values.items()})
    assert {name: outcome.value for name, outcome in found.items()} == values
    assert all(outcome.problem == "" and outcome.seconds > 0 for outcome in found.values())


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (fail, r"ValueError: half a character: \udc80"),
        (lambda: sys.exit(3), "SystemExit: 3"),
        (lambda: os._exit(3), "the judge ended with code 3"),
        (lambda: os._exit(0), "the judge sent no value"),
        (kill_itself, "the judge ended with code -9"),
        (lambda: object(), "CodecError"),
        (lambda: time.sleep(60), "it took longer than 1 s"),
    ],
)
def test_what_gives_no_value_is_a_problem_and_costs_nobody_else(act, words):
    found = outcomes({"bad": act, "good": lambda: 1}, seconds=1.0)
    assert found["bad"].value is None and found["bad"].problem.startswith(words)
    assert found["good"].value == 1


def test_a_fork_that_takes_too_long_is_gone(tmp_path):
    def sleep():
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    outcomes({"slow": sleep}, seconds=0.5)
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text()}")


FORKING = """
import os, time
from grader.judge.forks import Forks

def work():
    print(os.getpid(), flush=True)
    time.sleep(600)

forks = Forks(600.0)
forks.start("work", work)
forks.next()
"""


def test_a_fork_ends_with_its_parent(processes):
    command = [sys.executable, "-c", FORKING]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert processes.running(pid)
    parent.kill()
    parent.communicate()
    processes.wait_until_gone(pid)
