"""Launchers: nothing that they start outlives them, however the judge ends."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from grader.course.course import Step
from grader.judge.pool import places
from grader.judge.step_session import StepSession
from grader.launch.launchers import ForkLauncher, LaunchError, SpawnLauncher, how_it_ended
from grader.submissions.submission import Submission
from grader.testing.answers import Call
from grader.wire import messages
from grader.wire.decoder import decode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")

SOURCE = b"""
import os
import sys

def loaded():
    return "sklearn" in sys.modules, "torch" in sys.modules

def place():
    return os.getcwd(), os.getpid(), os.getppid()

def loop():
    while True:
        pass
"""
LIMIT = 60.0
ROOT = Path(__file__).resolve().parents[2]


def place(connection):
    """Load the module into a worker; return its scratch folder, its number and that of its parent."""
    end = time.monotonic() + LIMIT
    connection.request(messages.load("toy", "toy.py", SOURCE, {}), end)
    return answer(connection, "place")


def answer(connection, function):
    """Return what a function of the module gives."""
    return decode(connection.request(messages.call(function), time.monotonic() + LIMIT))["value"]


def test_closing_a_launcher_ends_its_zygote_and_all_its_workers(processes):
    launcher = ForkLauncher()
    connections = [launcher.start(["numpy"]), launcher.start(["numpy"])]
    folders, workers, zygotes = (set(each) for each in zip(*map(place, connections), strict=True))
    assert len(workers) == 2 and len(zygotes) == 1
    assert all(map(processes.running, workers | zygotes))
    launcher.close()
    processes.wait_until_gone(*workers, *zygotes)
    assert not any(map(os.path.exists, folders))


WARM = """
import sys, time
from grader.launch.launchers import ForkLauncher
from grader.launch.spare import SpareLauncher
launcher = ForkLauncher(imports=("numpy", "torch"))
launcher.prepare([("optimizers",)])
assert "torch" in sys.modules
spare = SpareLauncher(launcher)
cold = spare._branch.fork(["optimizers"], warm=False)
spare.wait_with(["optimizers"])
time.sleep(2)
waiting = spare._spare.pid
# The processor time of a worker that warmed up, against that of one that only waits.
spent, alone = (float(open(f"/proc/{pid}/schedstat").read().split()[0]) for pid in (waiting, cold.pid))
cold.close()
spare.connect()
assert spare.start(["optimizers"]).pid == waiting, "the worker that waited is the one that is used"
print(spent > 2 * alone, spare.start(["optimizers"]).pid != waiting)
start = time.monotonic()
# The branch is still open, so that the zygote does not end by itself.
launcher.close()
print(time.monotonic() - start < 15)
"""


def test_a_zygote_forked_from_the_judge_has_a_worker_that_waits_and_warms_up():
    ran = subprocess.run(
        [sys.executable, "-c", WARM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )
    assert ran.stdout.split() == ["True", "True", "True"], ran.stderr


JUDGE = """
import sys, time
from grader.wire import messages
from grader.launch.launchers import ForkLauncher
sys.path.insert(0, {folder!r})
from test_launch import place
if __name__ == "__main__":
    launcher = ForkLauncher()
    first = launcher.start(["numpy"])
    second = launcher.start(["numpy"])
    print(*place(first)[1:], *place(second)[1:], sep="\\n", flush=True)
    first.request(messages.call("loop"), time.monotonic() + 600)
"""


def test_a_judge_that_is_killed_leaves_no_zygote_and_no_worker(kit, processes):
    code = JUDGE.format(folder=os.path.dirname(__file__))
    judge = subprocess.Popen(
        [sys.executable, "-c", code], env=kit.environment(), stdout=subprocess.PIPE, text=True
    )
    with judge:
        pids = {int(judge.stdout.readline()) for _ in range(4)}
        assert len(pids) == 3 and all(map(processes.running, pids))
        judge.send_signal(signal.SIGKILL)
    processes.wait_until_gone(*pids)


@pytest.mark.parametrize("groups", [["numpy"], ["meta"]], ids=["NumPy only", "from a stage"])
def test_a_branch_ends_its_own_workers_only(fork_launcher, processes, groups):
    branch = fork_launcher.branch()
    ours, theirs = fork_launcher.start(groups), branch.start(groups)
    folder, worker, zygote = place(theirs)
    _, other, same_zygote = place(ours)
    assert zygote == same_zygote
    branch.close()
    processes.wait_until_gone(worker)
    # The zygote does one thing after the other: with this answer, the tidying up is over.
    fork_launcher.start(groups).end()
    assert not os.path.exists(folder)
    assert processes.running(other)
    ours.end()


def test_a_zygote_that_is_killed_is_an_error_of_the_launcher(processes):
    launcher = ForkLauncher()
    connection = launcher.start(["numpy"])
    folder, worker, zygote = place(connection)
    os.kill(zygote, signal.SIGKILL)
    with pytest.raises(LaunchError, match="zygote"):
        launcher.start(["numpy"])
    launcher.close()
    # The worker meets the end of its stream.
    connection.wire.close()
    processes.wait_until_gone(worker, zygote)
    # The only one who would have removed it is gone.
    shutil.rmtree(folder)


def test_a_new_branch_starts_another_zygote_if_the_first_was_killed(processes):
    launcher = ForkLauncher()
    first, second = launcher.branch(), launcher.branch()
    connection = first.start(["numpy"])
    folder, worker, zygote = place(connection)
    os.kill(zygote, signal.SIGKILL)
    # Also a branch can be asked for one, as the judges of a class do.
    third = second.branch()
    with pytest.raises(LaunchError, match="zygote"):
        first.start(["numpy"])
    _, _, other = place(third.start(["numpy"]))
    assert other == launcher.pid != zygote
    connection.wire.close()
    launcher.close()
    processes.wait_until_gone(worker, zygote, other)
    shutil.rmtree(folder)


def test_a_worker_has_no_packages_that_it_did_not_ask_for(processes):
    launcher = ForkLauncher()
    connections = [
        launcher.start(groups) for groups in (["sklearn", "meta"], ["sklearn"], [], ["numpy"])
    ]
    folders, workers, zygotes = (set(each) for each in zip(*map(place, connections), strict=True))
    assert len(zygotes) == 4
    loaded = [answer(connection, "loaded") for connection in connections]
    assert loaded == [(True, True), (True, True), (False, True), (False, False)]
    launcher.close()
    processes.wait_until_gone(*workers, *zygotes)
    assert not any(map(os.path.exists, folders))


@pytest.mark.parametrize("groups", [["numpy"], ["meta"]], ids=["NumPy only", "from a stage"])
def test_a_worker_runs_on_the_processors_of_its_judge(fork_launcher, groups):
    all_of_them = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {max(all_of_them)})
        connection = fork_launcher.start(groups)
    finally:
        os.sched_setaffinity(0, all_of_them)
    _, worker, _ = place(connection)
    assert os.sched_getaffinity(worker) == {max(all_of_them)}
    connection.end()


def test_each_judge_has_a_processor_if_there_are_enough():
    there = os.sched_getaffinity(0)
    assert sorted(map(tuple, places(len(there)))) == sorted((one,) for one in there)
    assert list(places(len(there) + 1)) == [there] * (len(there) + 1)


def test_after_a_stage_was_killed_there_is_another_one(processes):
    launcher = ForkLauncher()
    connection = launcher.start(["meta"])
    folder, worker, stage = place(connection)
    os.kill(stage, signal.SIGKILL)
    launcher.start(["meta"]).end()
    with pytest.raises(LaunchError, match="a worker was lost"):
        connection.end()
    _, _, other = place(launcher.start(["meta"]))
    assert other != stage
    launcher.close()
    processes.wait_until_gone(worker, other)
    shutil.rmtree(folder)


@pytest.mark.parametrize("shared", [False, True])
def test_a_stage_that_is_killed_in_a_call_is_no_crash_of_the_learners_code(shared):
    source = b"import os, time\n"
    source += b"def first():\n    return os.getppid()\n"
    source += b"def second():\n    time.sleep(SECONDS)\n    return 2\n"
    step = Step("00", "step_00_toy", "Toy", 100, 60.0, ("meta",))
    submission = Submission(
        "toy", Path(), {step.module: source.replace(b"SECONDS", b"2" if shared else b"20")}, {}
    )
    with closing(ForkLauncher()) as launcher:
        session = StepSession(submission, step, launcher)

        def ask(function):
            return session.ask(function, Call(function), messages.call(function))

        # Any worker tells which process is the stage.
        worker = launcher.start(["meta"])
        stage = int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[1])
        worker.end()
        if shared:
            ask("first")
        killer = threading.Timer(1.0, os.kill, (stage, signal.SIGKILL))
        killer.start()
        if shared:
            assert ask("second")["value"] == 2
        else:
            with pytest.raises(LaunchError, match="a worker was lost"):
                ask("second")
        killer.join()
        session.close()


def test_packages_that_cannot_be_loaded_are_a_problem_of_those_who_ask_for_them():
    with closing(ForkLauncher()) as launcher:
        with pytest.raises(LaunchError, match="there is no package group nonsense"):
            launcher.start(["nonsense"])
        launcher.start(["numpy"]).end()


def test_a_launcher_closes_while_its_stages_load(processes):
    launcher = ForkLauncher()
    launcher.prepare([("optimizers",)])
    # The zygote answers although its first stage is not ready.
    worker = launcher.start(["numpy"])
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    assert len(children) == 2
    worker.end()
    launcher.close()
    processes.wait_until_gone(*map(int, children))


def test_a_spawned_worker_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(LaunchError, match="ValueError: there is no package group nonsense"):
        SpawnLauncher().start(["nonsense"])
    assert list(tmp_path.iterdir()) == []


def test_an_ended_worker_says_nothing_more():
    launcher = SpawnLauncher()
    connection = launcher.start([])
    folder, pid, parent = place(connection)
    assert parent == os.getpid()
    assert connection.end() == ""
    assert not os.path.exists(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("code", "clause"),
    [
        (0, "it exited with code 0"),
        (3, "it exited with code 3"),
        (-signal.SIGSEGV, "it was stopped by SIGSEGV"),
        (-signal.SIGKILL, ""),
    ],
)
def test_exit_codes_become_clauses(code, clause):
    assert how_it_ended(code) == clause
