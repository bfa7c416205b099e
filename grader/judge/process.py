"""A judge in a process of its own, for self-study: one import of torch serves the tests and the workers.

It is started by `grader.run.judge_process` with a clean environment, imports the packages that the first step
needs, and forks the zygote from itself before it loads anything else. That is safe only because learners who
check their own work have nothing to hide from themselves; `grade` keeps zygote and judge apart from the start.

The process reads one pickled `Order` from standard input, after the number of its bytes. It writes what happens
to standard output, one JSON object a line:

    {"begin": "03"}      the first test of a step is about to run
    {"test": {…}}        a verdict, as plain data
    {"finished": "03"}   all tests of a step have run
    {"problem": "…"}     the kit itself failed
    {"done": true}       there is nothing more to come
"""

from __future__ import annotations

import os
import pickle
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.judge.order import SIZE, Answers, Order
from grader.launch.launchers import Launcher, pick_launcher
from grader.submissions.submission import Submission


class _Telling:
    """A pytest plugin that writes what happens."""

    def __init__(self, answers: Answers) -> None:
        self._say = answers.say
        self._left: Counter[str] = Counter()

    def pytest_collection_finish(self, session: Any) -> None:
        self._left.update(_step_of(item.nodeid) for item in session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._say(begin=_step_of(nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        from grader.judge.pytest_run import verdict_of

        verdict = verdict_of(report)
        if verdict:
            self._say(test=verdict.plain)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        step = _step_of(nodeid)
        self._left[step] -= 1
        if not self._left[step]:
            self._say(finished=step)


def _step_of(nodeid: str) -> str:
    return Path(nodeid.split("::")[0]).stem.removeprefix("test_step_")


def main() -> None:
    """Carry out the order on standard input."""
    # Whoever started this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    size = int.from_bytes(_read(0, SIZE), "little")
    order: Order = pickle.loads(_read(0, size))
    requests, answers = os.dup(0), Answers(os.dup(1))
    # What a test prints must not get between the answers.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    course = Course.load(order.kit)
    steps = [course.by_id[name] for name in order.steps]

    launcher = pick_launcher("auto", ["limits"], course.limits, _imports(steps[0]))
    launcher.prepare({step.packages for step in steps})
    # Loaded only now, so that the zygote has nothing of it.
    from grader.judge.pytest_run import KitError

    try:
        launcher.prefer("scratch")
        if order.submission is None:
            import torch

            from grader.judge.resident import stay

            # It forks, and a process that has computed with several threads must not.
            torch.set_num_threads(1)
            assert order.place
            stay(course, order.place, launcher, requests, answers)
        else:
            _judge(course, order.submission, steps, launcher, answers)
        answers.say(done=True)
    except KitError as error:
        answers.say(problem=str(error))
    except Exception as error:
        answers.say(problem=f"{type(error).__name__}: {error}")
    finally:
        launcher.close()
        # Everything is said and closed; to take torch apart would take half a second.
        os._exit(0)


def _read(descriptor: int, size: int) -> bytes:
    """Read so many bytes and no more, because requests may follow; fewer at the end of the stream."""
    data = b""
    while len(data) < size and (chunk := os.read(descriptor, size - len(data))):
        data += chunk
    return data


def _imports(step: Step) -> tuple[str, ...]:
    """Return what the workers of a step, and its tests, import first."""
    return ("numpy",) if "numpy" in step.packages else ("numpy", "torch")


def _judge(
    course: Course, submission: Submission, steps: list[Step], launcher: Launcher, answers: Answers
) -> None:
    from grader.judge.judge import Judge
    from grader.judge.pytest_run import run_pytest

    # Run the first step alone, so that its verdict need not wait for the imports of all other tests.
    for part in (steps[:1], steps[1:]):
        if part:
            files = [step.visible_tests for step in part]
            run_pytest(files, Judge(course, submission, launcher.branch()), _Telling(answers))
