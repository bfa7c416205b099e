"""The judge that stays, as the watcher sees it: a process that judges a step on request, test by test."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = str(Path(__file__).resolve().parents[2])
# -P keeps the working folder off the import path, as for workers.
_START = "import sys; sys.path.append({root!r}); from grader.judge.resident import main; main({kit!r}, {place!r})"


class ResidentJudge:
    """Starts `grader.judge.resident`, and starts it again when it has ended.

    Args:
        kit: the kit's folder.
        place: the folder with the learner's modules.
        tell: called in another thread with each answer.
    """

    def __init__(self, kit: Path, place: Path, tell: Callable[[dict[str, Any]], None]) -> None:
        self._command = _START.format(root=_ROOT, kit=str(kit), place=str(place))
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self.starts = 0

    def start(self) -> None:
        """Start the process, so that it loads everything before it is asked."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        # In a group of its own, so that Ctrl-C in the terminal does not reach it.
        group: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        self.starts += 1
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-c", self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            **group,
        )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def judge(self, run: int, step: str) -> None:
        """Ask for a step; the answers bear the number of the run. What still runs is ended.

        Args:
            run: a number that was not used before.
            step: id of the step.
        """
        request = json.dumps({"run": run, "step": step}).encode() + b"\n"
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
        assert process.stdout
        for line in process.stdout:
            try:
                answer = json.loads(line)
            except ValueError:
                # Half a line of a judge that was ended.
                continue
            self._tell(answer)
        process.wait()
        if process is self._process and not self._closed:
            self._tell({"ended": True})

    def close(self) -> None:
        """End the process; its zygote and workers end with it."""
        self._closed = True
        if self._process:
            if self._process.stdin:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
