"""How long a learner waits after a save: a real watcher in a terminal, and a clock from the write to the screen.

Each save appends a comment to a step's solution. The time ends when the screen says that all tests were judged.
Beside it stands a cold run of pytest on the same tests, and what the learner's code alone takes in them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.paths import COURSE_FILE, EXERCISES, SOLUTIONS
from grader.maintain.bench import measure

SAVES = 20
# Longer than any step takes, so that what is measured is the wait and not the wait for the last one to end.
_PAUSE = 0.4
_PATIENCE = 60.0
_JUDGED = re.compile(rb"judging.*judged \d+\.\d\d s after the save", re.DOTALL)
_DONE = re.compile(rb"is done")


@dataclass(frozen=True)
class Saves:
    """The saves of one step.

    Attributes:
        step: the step.
        seconds: from the write of the file to the screen, of each save.
        cold: wall time of a cold pytest run of the step's visible tests, in seconds.
        alone: wall time of the learner's code in these tests, in seconds.
    """

    step: Step
    seconds: list[float]
    cold: float
    alone: float

    @property
    def row(self) -> str:
        """A line of the table, in milliseconds."""
        numbers = statistics.median(self.seconds), min(self.seconds), max(self.seconds)
        times = "".join(f"{1000 * value:>9.0f}" for value in (*numbers, self.alone, self.cold))
        return f"{self.step.id}  {self.step.title:<32}{times}{numbers[0] / self.cold:>9.4f}"


HEAD = f"{'save to verdict, in ms':<36}{'median':>9}{'min':>9}{'max':>9}{'alone':>9}{'pytest':>9}{'ratio':>9}"


def measure_saves(course: Course, steps: list[Step], saves: int = SAVES) -> Iterator[Saves]:
    """Watch a copy of the kit with the solutions as exercises, and save the steps one after the other.

    Args:
        course: the course.
        steps: the steps.
        saves: how often each is saved.

    Yields:
        The saves of each step.

    Raises:
        RuntimeError: the watcher did not show a verdict.
    """
    with tempfile.TemporaryDirectory() as folder:
        kit = Path(folder, "kit")
        for name in ("grader", "tests/steps", SOLUTIONS):
            shutil.copytree(course.root / name, kit / name)
        shutil.copytree(course.root / SOLUTIONS, kit / EXERCISES)
        for name in (COURSE_FILE, "pyproject.toml"):
            shutil.copy(course.root / name, kit / name)
        for step in steps:
            cold, alone = _cold(kit, step), _alone(kit, step)
            with _watching(kit, step) as watcher:
                yield Saves(step, [watcher.save(number) for number in range(saves)], cold, alone)


def _cold(kit: Path, step: Step) -> float:
    return measure([sys.executable, "-m", "pytest", "-q", step.visible_tests], kit).wall


def _alone(kit: Path, step: Step) -> float:
    out = kit / "alone"
    call = f"{SOLUTIONS!r}, {[step.visible_tests]!r}, {str(out)!r}"
    code = f"import time; from grader.maintain.bench import time_alone; time_alone({call}, time.monotonic)"
    measure([sys.executable, "-c", code], kit)
    return float(out.read_text())


class _Watcher:
    """A watcher in a terminal of its own.

    Args:
        screen: the descriptor of the terminal.
        file: the module that is saved.
    """

    def __init__(self, screen: int, file: Path) -> None:
        self._screen = screen
        self._file = file
        self._source = file.read_bytes()

    def wait_for(self, pattern: re.Pattern[bytes]) -> None:
        """Wait until this has been written to the screen.

        Raises:
            RuntimeError: it is not written within a minute.
        """
        shown, end = b"", time.monotonic() + _PATIENCE
        while not pattern.search(shown):
            if not select.select([self._screen], [], [], max(end - time.monotonic(), 0))[0]:
                raise RuntimeError(f"the watcher shows no verdict: {shown[-1000:]!r}")
            shown += os.read(self._screen, 1 << 16)

    def save(self, number: int) -> float:
        """Save the file with a new comment; return the seconds until the verdict is on the screen."""
        time.sleep(_PAUSE)
        while select.select([self._screen], [], [], 0)[0]:
            os.read(self._screen, 1 << 16)
        start = time.monotonic()
        self._file.write_bytes(self._source + b"# save %d\n" % number)
        self.wait_for(_JUDGED)
        return time.monotonic() - start


@contextlib.contextmanager
def _watching(kit: Path, step: Step) -> Iterator[_Watcher]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "watch", step.id],
        cwd=kit,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        watcher = _Watcher(ours, kit / EXERCISES / step.filename)
        watcher.wait_for(_DONE)
        # Meanwhile it draws the examples of all properties.
        time.sleep(8)
        # The first save is judged with all tests; from then on it is known how the functions pass.
        watcher.save(-1)
        yield watcher
    finally:
        process.send_signal(signal.SIGTERM)
        # It waits until what it writes at the end was read.
        with contextlib.suppress(OSError):
            while os.read(ours, 1 << 16):
                pass
        process.wait()
        os.close(ours)
