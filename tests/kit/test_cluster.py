"""A class on a real Dask cluster gets the same results, also when a worker is killed and another one joins."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.kit.conftest import OUTER_LIMIT
from tests.kit.test_gradebook import RIGHT, SLOW, WRONG, Class

pytest.importorskip("distributed", reason="only the extra `cluster` has it")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")


def start(group, *arguments, folder=""):
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]],
        cwd=group.root / folder, env=group.kit.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def cluster(kit):
    """A class, the address of a scheduler, and a function that starts a worker; all ends with the test."""
    group = Class(kit)
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
    started = [start(group, "scheduler", *options)]
    address = ""
    while not address:
        line = started[0].stderr.readline()
        assert line, "the scheduler ended"
        found = re.search(r"tcp://127\.0\.0\.1:\d+", line)
        address = found[0] if found else ""

    def worker(folder=""):
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        started.append(start(group, "worker", address, *options, folder=folder))
        return started[-1]

    yield group, address, worker
    for process in reversed(started):
        process.send_signal(signal.SIGKILL)
        process.communicate()


def content(group):
    """Return the results, without what says where they were made."""
    return {
        file.parent.name: json.loads(file.read_text())
        for file in (group.root / "out").glob("*/results.json")
    }


def test_a_worker_that_dies_and_one_that_joins_late_change_nothing(cluster):
    group, address, worker = cluster
    for number, source in enumerate((RIGHT, WRONG, "def double(x:\n", SLOW) * 2):
        group.hand_in(f"learner {number}", f"{source}# {number}\n", RIGHT)
    workers = [worker(), worker()]
    run = group.start("--scheduler", address)
    end = time.monotonic() + OUTER_LIMIT
    while not list(group.out.glob("*/results.json")):
        assert time.monotonic() < end and run.poll() is None, run.communicate()[0]
        time.sleep(0.02)
    workers[0].kill()
    workers.append(worker())
    said = run.communicate(timeout=OUTER_LIMIT)[0]
    assert run.returncode == 0, said
    assert "8 graded, 0 without a result." in said
    there = content(group)
    assert set(group.verdicts().values()) == {1}
    group.out.rename(group.root / "on the cluster")
    group.grade("--no-rehearse")
    assert content(group) == there and len(there) == 8

    # A worker whose kit has another seed refuses.
    for process in workers:
        process.kill()
    group.hand_in("late", RIGHT, RIGHT)
    for part in ("pyproject.toml", "course.toml", "tests", "grader"):
        source, target = group.root / part, group.root / "other" / part
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    course = group.root / "other/course.toml"
    course.write_text('seed = "secret"\n' + course.read_text())
    worker("other")
    said = group.grade("--scheduler", address, code=2)
    assert "A worker of the cluster has other tests, limits or another seed: step 00, 01." in said
    assert "late" not in content(group)
