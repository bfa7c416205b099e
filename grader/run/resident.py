"""The judge that stays, as the watcher sees it: a process that judges a step on request, test by test."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.course.course import Course
from grader.judge.order import Order
from grader.run.judge_process import answers, end, start


class ResidentJudge:
    """Starts `grader.judge.resident`, and starts it again when it has ended.

    Args:
        course: the course.
        place: the folder with the learner's modules.
        tell: called in another thread with each answer.
    """

    def __init__(self, course: Course, place: Path, tell: Callable[[dict[str, Any]], None]) -> None:
        steps = tuple(step.id for step in course.steps)
        self._order = Order(course.root, None, steps, place)
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self.starts = 0

    def start(self) -> None:
        """Start the process unless it runs, so that it loads everything before it is asked."""
        if self._process and self._process.poll() is None:
            return
        self.starts += 1
        self._process = start(self._order, subprocess.DEVNULL)
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()

    def judge(self, run: int, step: str, aside: bool = False) -> None:
        """Ask for a step; the answers bear the number of the run. What still runs is ended.

        Args:
            run: a number that was not used before.
            step: id of the step.
            aside: whether the learner works on another step, for which the judge stays prepared.
        """
        self._ask({"run": run, "step": step, "aside": aside})

    def draw(self, run: int, step: str, folder: Path) -> None:
        """Ask for the pictures of a step; the answers bear the number of the run.

        Args:
            run: the number of the run that judged the step, or one that was not used before.
            step: id of the step.
            folder: where the pictures go.
        """
        self._ask({"run": run, "step": step, "pictures": str(folder)})

    def _ask(self, asked: dict[str, Any]) -> None:
        request = json.dumps(asked).encode() + b"\n"
        with self._lock:
            for _ in range(2):
                if self._process is None or self._process.poll() is not None:
                    self.start()
                try:
                    assert self._process and self._process.stdin
                    self._process.stdin.write(request)
                    self._process.stdin.flush()
                    return
                except OSError:
                    self.close()
                    self._closed = False

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        for answer in answers(process):
            self._tell(answer)
        process.wait()
        if process is self._process and not self._closed:
            self._tell({"ended": True})

    def close(self) -> None:
        """End the process; its zygote and workers end with it."""
        self._closed = True
        if self._process:
            end(self._process)
            # It reads to the end, which is there now.
            self._listener.join(1)
            self._process = None
