"""A session: one time limit for each function, one attempt to load, and no trust in what a worker says."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.course.course import Course, Step
from grader.judge.learner import Learner
from grader.judge.passing import Passing
from grader.judge.stop import Crash, Stop
from grader.judge.workers import packages_for
from grader.launch.launchers import LaunchError
from grader.submissions.submission import Submission
from grader.wire.codec import encode
from tests.kit.conftest import ROOT, Counted

SOURCE = """
import time

calls = []

def nap(seconds):
    time.sleep(seconds)

def loop():
    print("round and round")
    while True:
        pass

def count():
    calls.append(1)
    return len(calls)
"""


@pytest.fixture
def launcher(fork_launcher):
    """A launcher that counts."""
    return Counted(fork_launcher)


def test_an_endless_loop_costs_its_function_one_time_limit(launcher, session_factory):
    with session_factory(launcher, SOURCE, seconds=2.0) as session:
        assert Learner(session, "other").count().value == 1
        with pytest.raises(Stop, match="did not finish within 2 seconds") as first:
            Learner(session, "loop").loop()
        assert first.value.status == "timeout"
        assert session.printed[0] == "round and round\n"
        workers = launcher.started
        for _ in range(100):
            with pytest.raises(Stop, match="Not run again") as later:
                Learner(session, "loop").count()
            assert later.value.status == "timeout"
        # The other function's tests go on, with a new worker.
        assert launcher.started == workers
        assert Learner(session, "other").count().value == 1
        assert launcher.started == workers + 1


def test_all_tests_of_a_function_share_its_time(launcher, session_factory):
    with session_factory(launcher, SOURCE, seconds=2.0) as session:
        with pytest.raises(Stop, match="did not finish within 2 seconds"):
            for _ in range(5):
                Learner(session, "nap").nap(0.5)
        Learner(session, "another function").nap(0.5)


def test_a_module_that_does_not_load_is_tried_once(launcher, session_factory):
    with session_factory(launcher, "while True:\n    pass\n", seconds=1.0) as session:
        stops = []
        for function in ("one", "two", "three"):
            with pytest.raises(Stop, match="outside all functions") as caught:
                Learner(session, function).count()
            stops.append(caught.value)
        assert launcher.started == 1
        assert {stop.status for stop in stops} == {"timeout"}


def test_a_file_without_code_needs_no_worker(launcher, session_factory):
    with session_factory(launcher, " \n\n") as session:
        with pytest.raises(Stop, match="is empty"):
            Learner(session, "one").count()
        assert launcher.started == 0


# What a worker may say


class Forged:
    """A launcher whose workers answer with chosen bytes, and its one worker."""

    in_process = False

    def __init__(self, *answers):
        self.answers = list(answers)
        self.ended = 0

    def start(self, _groups):
        return self

    def request(self, _payload, _deadline, _grace):
        return self.answers.pop(0)

    def waited(self):
        return 0.0

    def printed(self):
        return "", 0

    def end(self):
        self.ended += 1
        return ""


LOADED = encode({"kind": "loaded"})
VALUE = {"kind": "value", "value": 1, "after": None}
RAISED = {
    "kind": "raised",
    "type": "ValueError",
    "bases": ["ValueError", "Exception"],
    "message": "no",
    "frames": [("module", "count", 3, "raise ValueError")],
    "own": False,
    "stub": False,
}
MISSING = {"kind": "missing", "name": "count"}
LONG = "x" * 100_000
MALFORMED = {
    "no bytes": b"",
    "no frame": b"\xff" * 10,
    "a pickle": b"\x80\x04N.",
    "two values": encode(VALUE) * 2,
    "no dictionary": encode([1, 2]),
    "no kind": encode({"value": 1}),
    "a kind that is a list": encode({"kind": ["value"]}),
    "an unknown kind": encode({"kind": "passed", "score": 100}),
    "the answer to another request": LOADED,
    "a value without its fields": encode({"kind": "value"}),
    "a value with a verdict": encode(VALUE | {"status": "passed"}),
    "inputs that are no bytes": encode(VALUE | {"after": [1]}),
    "a name that is a number": encode(MISSING | {"name": 1}),
    "a name without end": encode(MISSING | {"name": LONG}),
    "a message without end": encode(RAISED | {"message": LONG}),
    "bases that are numbers": encode(RAISED | {"bases": [1]}),
    "too many bases": encode(RAISED | {"bases": ["a"] * 1000}),
    "frames that are numbers": encode(RAISED | {"frames": [1, 2]}),
    "a frame without its line": encode(RAISED | {"frames": [("module", "count")]}),
    "a frame elsewhere": encode(RAISED | {"frames": [("judge", "count", 1, "")]}),
    "a line number of 1000 digits": encode(RAISED | {"frames": [("module", "f", 10**1000, "")]}),
    "a stub that is a number": encode(RAISED | {"stub": 1}),
    "a caret far away": encode(RAISED | {"caret": (1, "text", 10**12)}),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_ends_the_worker_and_is_a_crash(session_factory, name):
    launcher = Forged(LOADED, MALFORMED[name])
    with session_factory(launcher, SOURCE) as session:
        with pytest.raises(Crash, match="not an answer"):
            Learner(session, "count").count()
        assert launcher.ended == 1


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_to_loading_ends_the_worker_and_is_a_crash(session_factory, name):
    malformed = encode(VALUE) if MALFORMED[name] == LOADED else MALFORMED[name]
    launcher = Forged(malformed)
    with session_factory(launcher, SOURCE) as session:
        with pytest.raises(Stop, match="not an answer") as caught:
            Learner(session, "count").count()
        assert caught.value.status == "crashed"
        assert launcher.ended == 1


def test_the_answers_that_those_are_made_from_are_well_formed(session_factory):
    with session_factory(Forged(LOADED, encode(VALUE)), SOURCE) as session:
        assert Learner(session, "count").count().value == 1
    with session_factory(Forged(encode(MISSING)), SOURCE) as session, pytest.raises(Stop):
        Learner(session, "count").count()
    caret = RAISED | {"caret": (1, "text", 4)}
    with session_factory(Forged(encode(caret)), SOURCE) as session, pytest.raises(Stop):
        Learner(session, "count").count()


STRAY = """
import os, stat

def leave(bytes_):
    fd = next(fd for fd in range(3, 64) if is_socket(fd))
    os.write(fd, bytes_)
    return 1

def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

def innocent():
    return 7

def ends():
    os._exit(3)
"""


def test_a_stray_frame_costs_only_the_function_that_sent_it(launcher, session_factory):
    with session_factory(launcher, STRAY) as session:
        assert Learner(session, "innocent").innocent().value == 7
        with pytest.raises(Crash):
            Learner(session, "leave").leave(b"\xff" * 40)
        assert Learner(session, "innocent").innocent().value == 7
    late = STRAY.replace(
        "    os.write(fd, bytes_)", "    os.write(fd, bytes_[:0])\n    delay(fd, bytes_)"
    )
    late += """
def delay(fd, bytes_):
    import threading, time
    def write():
        time.sleep(0.2)
        os.write(fd, bytes_)
    threading.Thread(target=write).start()
"""
    with session_factory(launcher, late) as session:
        assert Learner(session, "leave").leave(b"\xff" * 40).value == 1

        time.sleep(0.5)
        for _ in range(3):
            assert Learner(session, "innocent").innocent().value == 7


def test_who_ends_the_worker_alone_is_a_crash(launcher, session_factory):
    with session_factory(launcher, STRAY) as session:
        assert Learner(session, "innocent").innocent().value == 7
        with pytest.raises(Crash):
            Learner(session, "ends").ends()
        # Once in the worker that others used, and once in one of its own.
        assert launcher.started == 2
        assert Learner(session, "innocent").innocent().value == 7


def test_what_is_asked_aside_takes_no_time_from_the_tests(launcher, session_factory):
    with session_factory(launcher, SOURCE, seconds=1.0) as session:
        for _ in range(2):
            # All searches together have one more limit, and not one each.
            start = time.monotonic()
            with session.aside("nap"), pytest.raises(Stop) as stop:
                for _ in range(9):
                    Learner(session, "nap").nap(0.3)
            assert stop.value.status == "timeout"
            assert Learner(session, "nap").nap(0.1).value is None
        assert time.monotonic() - start < 0.9


# Asked ahead: what the solutions were asked in a test


def asked_as_in(launcher, session_factory, *calls):
    """Return the exchanges of these calls of `count` and others, on the module above."""
    exchanges = []
    with session_factory(launcher, SOURCE) as session:
        session.heard = lambda _, request, came: exchanges.append((request, came))
        for name, args in calls:
            getattr(Learner(session, "count"), name)(*args)
    return exchanges


def test_the_same_answers_are_recognized(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, ("count", ()), ("count", ()))
    assert len(exchanges) == 2
    with session_factory(launcher, SOURCE) as session:
        assert session.answers_like("count", Passing(exchanges))
        session.forget_ahead(asked=True)
        # Nothing of it is left for what is asked next.
        assert Learner(session, "count").count().value == 3


def test_a_repeated_series_says_whether_all_is_the_same(launcher, session_factory):
    calls = [("count", ())] * 20
    exchanges = asked_as_in(launcher, session_factory, *calls)
    with session_factory(launcher, SOURCE) as session:
        assert session.repeats("count", exchanges[:1])
        assert session.repeats("count", exchanges[1:])
        # The same requests once more are further calls of the same module.
        assert not session.repeats("count", exchanges)
        # What was asked ahead then is forgotten with the workers.
        assert session.repeats("count", exchanges)
    other = SOURCE.replace("return len(calls)", "return len(calls) % 19")
    with session_factory(launcher, other) as session:
        assert session.repeats("count", exchanges[:18])
        assert not session.repeats("count", exchanges)
    broken = SOURCE.replace("return len(calls)", "return calls[:5] and 1 / 0")
    with session_factory(launcher, broken) as session:
        assert not session.repeats("count", exchanges)
    endless = SOURCE.replace("return len(calls)", "while True: pass")
    with session_factory(launcher, endless, seconds=1.0) as session:
        assert not session.repeats("count", exchanges)


def test_after_another_answer_nothing_is_asked_twice(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, *[("count", ())] * 3)
    other = SOURCE.replace("return len(calls)", "return [len(calls)] if calls[1:] else 1")
    with session_factory(launcher, other) as session:
        workers = launcher.started
        assert not session.answers_like("count", Passing(exchanges))
        # Two were asked ahead; the module counts them, and would count those that are asked again.
        assert [Learner(session, "count").count().value for _ in range(3)] == [1, [2], [3]]
        assert launcher.started == workers + 1


@pytest.mark.parametrize("same", [True, False])
def test_what_a_test_did_not_ask_for_after_all_is_no_answer_later(launcher, session_factory, same):
    exchanges = asked_as_in(launcher, session_factory, *[("count", ())] * 3)
    other = SOURCE if same else SOURCE.replace("return len(calls)", "return -len(calls)")
    with session_factory(launcher, other) as session:
        assert session.answers_like("count", Passing(exchanges)) == same
        # The test ended before it asked, as one that is skipped does.
        session.forget_ahead(asked=False)
        assert Learner(session, "count").count().value == (1 if same else -1)


def test_a_test_that_goes_another_way_gets_a_new_worker(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, ("count", ()), ("nap", (0.0,)))
    other = SOURCE.replace("time.sleep(seconds)", "return 1")
    with session_factory(launcher, other) as session:
        assert not session.answers_like("count", Passing(exchanges))
        assert Learner(session, "count").nap(0.0).value == 1
        # The call of `count` that was made ahead does not count.
        assert Learner(session, "count").count().value == 1


def test_time_that_is_up_ahead_is_the_fault_of_the_call_that_took_it(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, ("count", ()), ("nap", (0.0,)))
    endless = SOURCE.replace("time.sleep(seconds)", "print('here')\n    while True: pass")
    with session_factory(launcher, endless, seconds=1.0) as session:
        assert not session.answers_like("count", Passing(exchanges))
        learner = Learner(session, "count")
        assert learner.count().value == 1
        with pytest.raises(Stop, match="did not finish within 1 second") as stop:
            learner.nap(0.0)
        assert (stop.value.status, stop.value.call.function) == ("timeout", "nap")
        assert session.printed == ("here\n", 5)
        assert not session.answers_like("count", Passing(exchanges))
        with pytest.raises(Stop, match="Not run again"):
            learner.count()


def test_a_crash_ahead_is_a_crash(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, ("count", ()), ("nap", (0.0,)))
    ended = SOURCE.replace("time.sleep(seconds)", "import os; os._exit(5)")
    with session_factory(launcher, ended) as session:
        assert not session.answers_like("count", Passing(exchanges))
        learner = Learner(session, "count")
        assert learner.count().value == 1
        with pytest.raises(Crash, match="it exited with code 5"):
            learner.nap(0.0)


def test_a_module_that_does_not_load_answers_nothing_ahead(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, ("count", ()))
    with session_factory(launcher, "def count(:\n") as session:
        assert not session.answers_like("count", Passing(exchanges))
        with pytest.raises(Stop, match="line 1"):
            Learner(session, "count").count()


def test_an_empty_frame_ahead_is_no_answer(launcher, session_factory):
    exchanges = asked_as_in(launcher, session_factory, ("count", ()))
    forged = Forged(LOADED, b"")
    with session_factory(forged, SOURCE) as session:
        assert not session.answers_like("count", Passing(exchanges))
        # It was ended at once, and not only when the test asked for it.
        assert forged.ended == 1
        with pytest.raises(Crash):
            Learner(session, "count").count()


class Failing(Counted):
    """A launcher that cannot start its first worker."""

    def start(self, groups):
        if self.started == 0:
            self.started += 1
            raise LaunchError("no worker today")
        return super().start(groups)


def test_a_worker_that_cannot_be_started_ahead_fails_in_the_test(fork_launcher, session_factory):
    exchanges = asked_as_in(Counted(fork_launcher), session_factory, ("count", ()), ("count", ()))
    with session_factory(Failing(fork_launcher), SOURCE) as session:
        assert not session.answers_like("count", Passing(exchanges))
        with pytest.raises(LaunchError, match="no worker today"):
            Learner(session, "count").count()
        assert Learner(session, "count").count().value == 1


BUSY = """
import time

def count():
    end = time.thread_time() + 1.2
    while time.thread_time() < end:
        pass
    return 7

def nap():
    time.sleep(60)
"""


@pytest.fixture
def crowded():
    """One processor for this process and its workers, which four other processes keep busy."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("crowded")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long a process waited")
def test_who_waits_for_a_processor_gets_the_time_back_and_who_sleeps_does_not(
    fork_launcher, session_factory
):
    with session_factory(fork_launcher, BUSY, seconds=2.0) as session:
        start = time.monotonic()
        assert Learner(session, "count").count().value == 7
        assert time.monotonic() - start > 2
        with pytest.raises(Stop, match="did not finish within 2 seconds"):
            Learner(session, "nap").nap()


@pytest.mark.parametrize(
    ("sources", "packages"),
    [
        (
            {"step_04_toy": b"import numpy as np\n", "step_05_toy": b"import torch\n"},
            ["numpy", "sklearn"],
        ),
        ({"step_04_toy": b'"""As torch.tensor does."""\n'}, ["numpy", "sklearn"]),
        ({"step_04_toy": b"import torch\n"}, ["sklearn"]),
        ({"step_04_toy": b"def f():\n    import math, torch\n"}, ["sklearn"]),
        (
            {
                "step_04_toy": b"from step_05_toy import fit\n",
                "step_05_toy": b"from torch import nn\n",
            },
            ["sklearn"],
        ),
    ],
)
def test_a_step_in_numpy_has_torch_loaded_for_modules_that_import_it(sources, packages):
    step = Step("04", "step_04_toy", "Toy", 100, 10.0, ("numpy", "sklearn"))
    submission = Submission("toy", Path("toy"), sources, {})
    assert packages_for(submission, step) == packages


def test_a_module_that_imports_scikit_learn_has_it_loaded():
    step = Step("02", "step_02_toy", "Toy", 100, 10.0, ("numpy",))
    for source in (
        b"from sklearn.utils import shuffle\n",
        b"def f():\n    import numpy, sklearn\n",
    ):
        submission = Submission("toy", Path("toy"), {"step_02_toy": source}, {})
        assert packages_for(submission, step) == ["numpy", "sklearn"]
    mentioned = Submission("toy", Path("toy"), {"step_02_toy": b"# from sklearn import x\n"}, {})
    assert packages_for(mentioned, step) == ["numpy"]


def test_a_module_that_uses_an_optimizer_has_one_loaded():
    step = Step("06", "step_06_toy", "Toy", 100, 10.0, ("meta",))
    for source, more in (
        (b"import torch\nf = torch.optim.SGD\n", ["optimizers"]),
        (b"from torch import optim\n", ["optimizers"]),
        (b"import torch  # not torch.optim\n", []),
        (b"optimal, optim_ = 1, 2\nimport torch\n", []),
    ):
        submission = Submission("toy", Path("toy"), {"step_06_toy": source}, {})
        assert packages_for(submission, step) == ["meta", *more]


def test_no_solution_of_a_step_in_numpy_needs_torch():
    course = Course.load(ROOT)
    solutions = Submission.read(ROOT / "solutions", course)
    for step in course.steps:
        assert packages_for(solutions, step) == list(step.packages)
