"""What a judge in a process of its own is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
