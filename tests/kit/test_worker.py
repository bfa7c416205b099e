"""Workers, however they are started: what they keep, what they survive, and what they leave behind."""

import os
import sys
import time
from pathlib import Path

import pytest

from grader.judge.learner import Learner, LearnerError
from grader.judge.stop import Crash, Stop

SOURCE = """
import ctypes
import importlib
import os
import random
import sys
import time

import numpy as np
import torch

calls = []

def remember(x):
    calls.append(x)
    return list(calls)

def leave():
    exit()

def ask():
    return input("name? ") or sys.stdin.read()

def recurse(n=0):
    return recurse(n + 1)

def crash():
    print("before the crash")
    os._exit(3)

def be_killed():
    ctypes.string_at(0)

def nap(seconds):
    time.sleep(seconds)
    return os.getpid()

def speak():
    print("on stdout")
    sys.stderr.write("on stderr without end of line")
    os.write(1, b" and below Python")

def flood(size):
    print("x" * size)

def place():
    return os.getcwd(), dict(os.environ), os.getpid(), os.getppid()

def litter():
    open("file.txt", "w").write("x")
    os.mkdir("folder")
    return os.getcwd()

def descriptors():
    found = []
    for fd in range(256):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found

def fetch(name):
    return importlib.import_module(name).__name__

def draw():
    return random.random(), float(np.random.rand()), float(torch.rand(1))

def scribble():
    for fd in range(3, 256):
        try:
            os.write(fd, b"garbage " * 4)
        except OSError:
            pass

def leave_a_child():
    child = os.fork.__wrapped__()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    return child

def close_everything():
    os.closerange(0, 256)
"""
OUTER = 120


@pytest.fixture(scope="module", params=["fork", "spawn", "direct"])
def kind(request):
    """Name of a way to start workers."""
    return request.param


@pytest.fixture(scope="module")
def session(kind, request, session_factory):
    """A session whose worker all tests of this kind share; one that ends it gets a new one."""
    launcher = request.getfixturevalue(f"{kind}_launcher")
    with session_factory(launcher, SOURCE) as opened:
        yield opened
    sys.modules.pop("step_00_toy", None)


@pytest.fixture
def learner(session):
    """The judge's view of that worker."""
    return Learner(session, "function")


in_a_process = pytest.mark.parametrize("kind", ["fork", "spawn"], indirect=True, scope="module")


def test_a_worker_keeps_its_state_from_call_to_call(learner):
    before = learner.remember(1).value
    assert learner.remember(2).value == [*before, 2]


def test_generators_are_seeded_before_every_call(learner):
    first = learner.draw().value
    assert learner.draw().value == first


@pytest.mark.parametrize(
    ("function", "words"),
    [("leave", "called `exit()`"), ("recurse", "calls itself without end")],
)
def test_exit_and_endless_recursion_are_errors_that_the_worker_survives(learner, function, words):
    before = len(learner.remember(0).value)
    with pytest.raises(LearnerError, match="Your code") as caught:
        getattr(learner, function)()
    assert words in caught.value.sentence
    assert len(learner.remember(0).value) == before + 1


def test_a_missing_function_is_named(learner):
    with pytest.raises(Stop, match="There is no `nothing`"):
        learner.nothing()


def test_the_module_is_known_by_its_real_place(learner):
    with pytest.raises(LearnerError, match=r"line 65 of .*step_00_toy\.py: .*import_module"):
        learner.fetch("no_such_module")


@in_a_process
def test_nobody_types_into_a_worker(learner):
    with pytest.raises(LearnerError, match="waits for keyboard input"):
        learner.ask()


@in_a_process
def test_the_scratch_folder_is_home_and_the_environment_holds_nothing_of_the_judges(learner):
    folder, environment, pid, _ = learner.place().value
    folders = {"HOME", "USERPROFILE", "PWD", "TMPDIR", "TEMP", "TMP"}
    others = {"USER", "LOGNAME", "USERNAME", "PATH", "SHELL", "LANG", "CUDA_VISIBLE_DEVICES"}
    assert set(environment) - {"SYSTEMROOT"} == folders | others
    assert {os.path.realpath(environment[name]) for name in folders} == {os.path.realpath(folder)}
    assert pid != os.getpid()


@in_a_process
def test_a_worker_has_no_descriptors_but_its_own(learner, kind):
    # Spawned: two pipes, and /dev/null. Forked: one socket.
    assert len(learner.descriptors().value) == {"fork": 4, "spawn": 6}[kind]


@in_a_process
@pytest.mark.parametrize("name", ["solutions", "tests", "tests.steps.test_step_03", "exercises"])
def test_a_worker_cannot_import_from_the_kits_folder(learner, name):
    with pytest.raises(LearnerError, match="ModuleNotFoundError"):
        learner.fetch(name)


@in_a_process
def test_a_crash_costs_one_call_and_leaves_nothing(learner, session):
    folder = learner.litter().value
    pid = learner.place().value[2]
    with pytest.raises(Crash, match="it exited with code 3"):
        learner.crash()
    assert session.printed == ("before the crash\n", 17)
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert learner.remember("new").value == ["new"]


@in_a_process
@pytest.mark.skipif(os.name != "posix", reason="there are no signals here")
def test_a_worker_that_is_killed_by_a_signal_says_so(learner):
    with pytest.raises(Crash, match="SIGSEGV"):
        learner.be_killed()


@in_a_process
def test_garbage_on_the_wire_costs_one_call(learner):
    with pytest.raises(Crash):
        learner.scribble()
    assert learner.remember("new").value == ["new"]


@in_a_process
def test_a_huge_output_is_cut_and_counted(learner, session):
    learner.remember(1)
    learner.flood(1_000_000)
    # Through a pipe and a thread, the last pieces may come after the answer.
    end = time.monotonic() + OUTER
    while session._workers.first.connection.wire.printed < 1_000_001 and time.monotonic() < end:
        session._workers.first.connection.wire.drain()
    text, size = session._workers.first.connection.printed()
    assert (text, size) == ("x" * 4000, 1_000_001)


@in_a_process
def test_a_child_of_a_worker_ends_with_it(learner, session, processes):
    child = learner.leave_a_child().value
    pid = learner.place().value[2]
    assert processes.running(child)
    session.close()
    processes.wait_until_gone(child, pid)
