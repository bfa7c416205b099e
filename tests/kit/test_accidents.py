"""Accidents while a class is graded: what grades is killed, or submissions cannot be isolated."""

import sys

import pytest

from tests.kit.test_grade import graded, small_class

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

# A test of the kit that kills what it says, when it runs for the third time: processes of the command `grade`.
KILLER = """
import os, signal
from pathlib import Path
import pytest


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill():
    command = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(os.getppid())}
    zygotes = [pid for pid in command if b"grader.launch.zygote" in command[pid]]
    if WHAT == "judge":
        os.kill(os.getpid(), signal.SIGKILL)
    # A stage belongs to the session of its zygote, a worker has one of its own.
    stages = [pid for each in zygotes for pid in children(each) if os.getsid(pid) == each]
    for pid in {"zygote": zygotes, "stage": stages}[WHAT]:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.exercise("double", "something gets lost")
def test_something_is_killed(learner):
    learner.double(2).is_close(4.0)
    with open(__file__ + ".runs", "a") as file:
        file.write("x")
        file.flush()
        if file.tell() == 3:
            kill()


@pytest.mark.exercise("total", "after a crash")
def test_a_new_worker_is_needed(learner):
    learner.total([1.0, 2.0]).is_close(3.0)
"""
NAMES = [f"learner-{number}" for number in range(6)]


def class_with(kit_factory, what):
    """Return a kit one of whose tests kills something, and a class whose `total` needs a new worker each time."""
    leaves = """
import os

def total(values):
    return values.sum() if len(values) == 3 else os._exit(0)
"""
    return small_class(kit_factory, f"WHAT = {what!r}\n{KILLER}", dict.fromkeys(NAMES, leaves))


def statuses(one):
    return [test["status"] for test in one["steps"][0]["tests"]]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_zygote_that_is_killed_costs_nobody_a_point_and_others_nothing(kit_factory, jobs):
    ran, results = graded(class_with(kit_factory, "zygote"), "--no-rehearse", "--jobs", jobs)
    assert ran.returncode == 3, ran.stdout + ran.stderr
    said = [statuses(one) for one in results.values()]
    usual = [one for one in said if "error" not in one]
    assert len(usual) >= len(NAMES) - int(jobs) and len(set(map(tuple, usual))) == 1, said
    assert "crashed" in usual[0] and usual[0].count("passed") == len(usual[0]) - 1
    # Who was judged meanwhile has an error, and no mark that is final.
    for one in said:
        assert one in usual or "failed" not in one, one
    lost = len(NAMES) - len(usual)
    assert lost >= 1 and ("not final" in ran.stdout or "without a result" in ran.stdout)


def test_a_stage_that_is_killed_costs_nothing(kit_factory):
    kit = class_with(kit_factory, "stage")
    kit.set_packages("meta")
    ran, results = graded(kit, "--no-rehearse")
    assert ran.returncode == 0 and sorted(results) == NAMES, ran.stdout + ran.stderr
    assert (kit.root / "grader/content/hidden/test_step_00.py.runs").stat().st_size == len(NAMES)
    assert len({tuple(statuses(one)) for one in results.values()}) == 1


def test_a_judge_that_is_lost_leaves_a_problem_and_no_mark(kit_factory):
    kit = class_with(kit_factory, "judge")
    ran, results = graded(kit, "--no-rehearse")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    (lost,) = set(NAMES) - set(results)
    assert f"{lost}" in ran.stdout and "1 without a result" in ran.stdout
    assert "the judge ended with code -9" in ran.stdout


# A process in which a layer cannot be made: the kernel refuses what it needs, as an old one or a container does.
REFUSING = """
import os, sys
import pyseccomp

kernel = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
ENOSYS, EPERM = pyseccomp.ERRNO(38), pyseccomp.ERRNO(1)
if sys.argv[1] == "landlock":
    kernel.add_rule(ENOSYS, "landlock_create_ruleset")
elif sys.argv[1] == "limits":
    kernel.add_rule(EPERM, "setrlimit")
    kernel.add_rule(EPERM, "prlimit64", pyseccomp.Arg(2, pyseccomp.NE, 0))
else:
    # The last one: it takes away what loads it.
    kernel.add_rule(EPERM, "seccomp")
    kernel.add_rule(EPERM, "prctl", pyseccomp.Arg(0, pyseccomp.EQ, 22))
kernel.load()
os.execv(sys.executable, [sys.executable, "-m", "grader", *sys.argv[2:]])
"""


@pytest.mark.parametrize("layer", ["landlock", "limits", "seccomp"])
def test_without_a_necessary_layer_nothing_is_graded_unless_it_is_asked_for(kit_factory, layer):
    right = "def test(learner):\n    learner.double(2).is_close(4.0)\n"
    mark = "import pytest\n\n@pytest.mark.exercise('double', 'two')\n"
    kit = small_class(kit_factory, mark + right, {"one": ""})
    command = ("-c", REFUSING, layer, "grade", "class", "--out", "out")
    ran = kit.run(*command)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert ran.stderr.startswith(f"Submissions cannot be isolated here ({layer}: "), ran.stderr
    assert "Traceback" not in ran.stderr and not list((kit.root / "out").glob("*/*"))
    ran = kit.run(*command, "--allow-unsandboxed")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (kit.root / "out/one/results.json").is_file()
