"""What a judge in a process of its own is asked to do, and how it answers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.submissions.submission import Submission

# The bytes that hold the size of a pickled order.
SIZE = 8


@dataclass(frozen=True)
class Order:
    """What is to be judged.

    Attributes:
        kit: the kit's folder.
        submission: the submission; None to stay and answer requests about `place` (`grader.judge.resident`).
        steps: ids of the steps.
        place: the folder with the learner's modules, if the process stays.
    """

    kit: Path
    submission: Submission | None
    steps: tuple[str, ...]
    place: Path | None = None


class Answers:
    """Where a judge writes what happens, one JSON object a line.

    Args:
        descriptor: the descriptor to write to.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **answer: Any) -> None:
        """Write one answer; if nobody listens any more, this process ends.

        Its zygote notices that its socket is closed, and ends as well.
        """
        line = json.dumps(answer).encode("utf-8", "backslashreplace") + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except BrokenPipeError:
            os._exit(1)

    def end_line(self) -> None:
        """End the line that a fork may have left in the middle."""
        os.write(self._descriptor, b"\n")
