"""The judge that stays: what it says after each save is what a fresh check would say, and it says it sooner."""

import json
import queue
import subprocess
import sys
import time

import pytest

from grader.course.course import Course
from grader.run.resident import ResidentJudge

from .conftest import OUTER_LIMIT, ROOT, TOY_SOLUTION

MODULE = "step_00_numbers"
WRONG = TOY_SOLUTION.replace("2 * x", "3 * x")
MODULES = {
    "right": TOY_SOLUTION,
    "right in another way": TOY_SOLUTION.replace("2 * x", "x + x"),
    "one is wrong": WRONG,
    "one raises": TOY_SOLUTION.replace("return 2 * x", "return 2 / 0"),
    "one is a stub": TOY_SOLUTION.replace("return 2 * x", "raise NotImplementedError"),
    "one is gone": TOY_SOLUTION.partition("def total")[0],
    "unreadable": "def double(x:\n",
    "it prints": TOY_SOLUTION.replace("return 2 * x", "print('x' * 100_000)\n    return 2 * x"),
    "it ends": TOY_SOLUTION.replace("return 2 * x", "import os\n    os._exit(3)"),
    "it counts": TOY_SOLUTION.replace(
        "    return 2 * x", "    global calls\n    calls = calls + 1\n    return 2 * x"
    ).replace("def double", "calls = 0\n\n\ndef double", 1),
    "it tires": TOY_SOLUTION.replace(
        "    return 2 * x", "    calls.append(x)\n    return 2 * x if len(calls) < 3 else 0"
    ).replace("def double", "calls = []\n\n\ndef double", 1),
}


class Resident:
    """A judge that stays, for the exercises of a kit."""

    def __init__(self, kit):
        self.kit = kit
        self.said = queue.SimpleQueue()
        self.run = 0
        self.judge = ResidentJudge(
            Course.load(kit.root), kit.root / "exercises", lambda answer: self.said.put(answer)
        )
        self.judge.start()

    def ask(self, step="00"):
        """Ask for a step, and return the number of the request."""
        self.run += 1
        self.judge.judge(self.run, step)
        return self.run

    def answers(self, run, last="judged"):
        """Return what is said about a request, up to the last answer."""
        found = []
        while not found or not found[-1].keys() & {last, "problem"}:
            answer = self.said.get(timeout=OUTER_LIMIT / 2)
            if answer.get("run") == run:
                found.append(answer)
        return found

    def verdicts(self, source):
        """Save a module, and return the verdicts, in the order of the lesson."""
        answers = self.save(source)
        return [answer["test"] for answer in sorted(answers, key=lambda answer: answer["place"])]

    def save(self, source):
        """Save a module, and return what is said of each test."""
        self.kit.write(MODULE, source)
        return self.answers(self.ask())[:-1]


@pytest.fixture
def resident(kit_factory):
    if sys.platform != "linux":
        pytest.skip("judges are forked on Linux only")
    opened = Resident(kit_factory(MODULE, "step_01_more", seconds=3))
    yield opened
    opened.judge.close()


def test_after_any_save_it_says_what_a_fresh_check_says(resident):
    # Twice, because the second time it knows how functions pass.
    said = [{name: resident.verdicts(source) for name, source in MODULES.items()} for _ in range(2)]
    assert said[0] == said[1]
    for name, source in MODULES.items():
        resident.kit.write(MODULE, source)
        file = resident.kit.root / "results.json"
        command = [sys.executable, "-m", "grader", "check", "00", "--fresh", "--json", str(file)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
        subprocess.run(
            command, cwd=resident.kit.root, env=environment, check=False, capture_output=True
        )
        fresh = json.loads(file.read_text())["steps"][0]["tests"]
        for test, other in zip(said[0][name], fresh, strict=True):
            for key in ("id", "function", "status", "message", "misconception", "counterexample"):
                assert test[key] == other[key], f"{name}: {test['id']}"


def test_what_is_not_repeated_runs_first_and_varying_replies_are_not_repeated_for_long(resident):
    varying = "import time\n" + TOY_SOLUTION.replace(
        ".sum()", ".sum() + 1e-22 * time.monotonic_ns()"
    )
    orders = []
    for _ in range(6):
        orders.append([answer["place"] for answer in resident.save(varying)])
        # A save that comes at once ends the judge before it has handed over how the tests passed.
        time.sleep(0.5)
    assert orders[:3] == [[0, 1, 2]] * 3 and orders[-1] == [2, 0, 1]
    assert [answer["place"] for answer in resident.save(WRONG)] == [2, 0, 1]


def test_the_next_request_ends_an_endless_loop(resident):
    resident.verdicts(TOY_SOLUTION)
    resident.kit.write(MODULE, TOY_SOLUTION.replace("return 2 * x", "while True:\n        pass"))
    resident.ask()
    time.sleep(0.5)
    start = time.monotonic()
    assert {test["status"] for test in resident.verdicts(TOY_SOLUTION)} == {"passed"}
    assert time.monotonic() - start < 2.5, "less than the time limit of the loop"


def test_many_requests_at_once_are_answered_by_the_last(resident):
    resident.kit.write(MODULE, WRONG)
    runs = [resident.ask() for _ in range(20)]
    assert resident.answers(runs[-1])[-1].keys() >= {"judged"}
    assert resident.said.empty()


def test_pictures_are_answered_one_by_one_and_say_why_they_wait(resident):
    resident.verdicts(TOY_SOLUTION)
    resident.run += 1
    resident.judge.draw(resident.run, "01", resident.kit.root / "pictures")
    *pictures, last = resident.answers(resident.run, last="drawn")
    assert last == {"run": resident.run, "drawn": True} and len(pictures) == 3
    assert all(
        answer["picture"]["waiting"] and not answer["picture"]["files"] for answer in pictures
    )
    # It still judges.
    assert {test["status"] for test in resident.verdicts(TOY_SOLUTION)} == {"passed"}


def test_a_judge_that_was_ended_is_started_again(resident):
    resident.verdicts(TOY_SOLUTION)
    resident.judge._process.kill()
    while not resident.said.get(timeout=OUTER_LIMIT / 2).get("ended"):
        pass
    assert {test["status"] for test in resident.verdicts(TOY_SOLUTION)} == {"passed"}
    assert resident.judge.starts == 2
