"""The judge server of a worker of a cluster: it collects the tests once, and judges submissions as they come.

It runs as `python -m grader.run.judge_server DESCRIPTOR FILE…` in the kit's folder. Over the descriptor come a
submission and the ids of steps, from the worker that started it, and back goes JSON. It ends when the worker does.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection

from grader.course.course import Course
from grader.course.paths import SOLUTIONS
from grader.course.places import find_places
from grader.submissions.submission import Submission

Work = tuple[Submission, list[str]]


def main(connection: Connection, files: list[str]) -> None:
    """Serve one worker, until it ends.

    Args:
        connection: the connection to it.
        files: the test files, relative to the kit's folder.
    """
    from grader.judge.forks import Outcome
    from grader.judge.pool import Forked, ForkingSession, run_forked
    from grader.launch.launchers import ForkLauncher
    from grader.launch.trial import working_layers
    from grader.run.grade import judged

    # What learners see of hidden tests is decided where the gradebook is.
    course = replace(Course.load(find_places().kit), hidden_feedback="all")
    launcher = ForkLauncher((), course.limits, many=True)
    launcher.prepare({step.packages for step in course.steps if step.visible_tests in files})
    layers, missing = working_layers(launcher)

    def judge(work: Work, forked: Forked) -> str:
        return json.dumps({"problem": "", "tests": judged(course, *work, forked)})

    def done(_: Work, outcome: Outcome) -> None:
        text = outcome.value or json.dumps({"problem": outcome.problem})
        connection.send_bytes(text.encode())
        receive()

    def receive() -> None:
        try:
            session.waiting.append(connection.recv())
        except EOFError:
            return

    try:
        if missing:
            problems = "; ".join(f"{layer.name}: {layer.problem}" for layer in missing)
            words = f"submissions cannot be isolated on a worker ({problems})"
            connection.recv()
            connection.send_bytes(json.dumps({"problem": words}).encode())
            return
        with closing(launcher.branch(layers)) as branch:
            solutions = course.root / SOLUTIONS
            known = solutions if solutions.is_dir() else None
            session: ForkingSession[Work] = ForkingSession(
                [], branch, 1, judge, done, rehearse=known
            )
            session.begin = receive
            run_forked(course, files, session)
    finally:
        launcher.close()


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), sys.argv[2:])
