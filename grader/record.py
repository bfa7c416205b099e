"""Recording how the misconceptions behave: the files that diagnosis works from.

The calls come out of the tests, as they run on the solutions. Every misconception of a function answers them;
then the fewest calls are kept that tell the misconceptions from each other and from the right answer.
"""

from __future__ import annotations

import hashlib
import itertools
import pickle
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader import catalogue
from grader.catalogue import Misconception
from grader.course import Course, Step
from grader.diagnosis import FOLDER, Battery, Fingerprint, Recorded, Transcript, ask_all
from grader.grade import hidden_files, test_files
from grader.judges import Forked, ForkingSession, run_forked
from grader.launch import ForkLauncher
from grader.learner import Crash, StepSession, Stop
from grader.plugin import is_hidden
from grader.submission import Submission

# Of each function, this many calls at most are tried out, and none that is larger or slower.
_CANDIDATES = 48
_MAX_BYTES = 8192
_MAX_SECONDS = 0.5
# How often each misconception should show that it is not right, and not another one.
_FROM_RIGHT, _FROM_OTHERS = 3, 2


@dataclass(frozen=True)
class _Work:
    """A step whose calls are wanted, or one of its misconceptions that answers them."""

    step: Step
    entry: Misconception | None = None


def made_of(course: Course, step: Step) -> str:
    """Return the fingerprint of the files that a step is recorded from."""
    digest = hashlib.sha256()
    files = [f"solutions/{step.filename}", f"{catalogue.FOLDER}/step_{step.id}.toml"]
    for name in [*files, f"tests/steps/{step.test_file}", *hidden_files(course, [step])]:
        digest.update((course.root / name).read_bytes())
    return digest.hexdigest()


def only(step: Step, source: bytes) -> Submission:
    """Return a submission of one module."""
    return Submission("made up", Path(), {step.module: source}, {})


def record(
    course: Course,
    steps: list[Step],
    launcher: ForkLauncher,
    jobs: int,
    done: Callable[[str], None],
) -> None:
    """Write the recorded files of these steps.

    Args:
        course: the course.
        steps: the steps.
        launcher: what workers are started with.
        jobs: how many judges may run at a time.
        done: called with each finished piece of work.

    Raises:
        RuntimeError: a solution or a misconception could not be run.
        KitError: the tests could not be collected.
    """
    with tempfile.TemporaryDirectory() as folder:
        recorder = _Recorder(course, Path(folder), done)
        session = ForkingSession(
            [_Work(step) for step in steps], launcher, jobs, recorder.judge, recorder.take
        )
        recorder.more = session.waiting
        run_forked(course, test_files(course, steps), session)
        (course.root / FOLDER).mkdir(exist_ok=True)
        for step in steps:
            path = course.root / FOLDER / f"step_{step.id}.json"
            path.write_text(recorder.recorded(step).text(), "utf-8")


class _Recorder:
    def __init__(self, course: Course, folder: Path, done: Callable[[str], None]) -> None:
        self.course = course
        self.folder = folder
        self.done = done
        self.more: list[_Work] = []

    def _place(self, name: str) -> Path:
        return self.folder / f"{name}.pickle"

    def _read(self, name: str) -> Any:
        # Written by our own fork, never by a worker.
        return pickle.loads(self._place(name).read_bytes())

    def judge(self, work: _Work, forked: Forked) -> int:
        """In a fork: do one piece of work."""
        forked.judge.properties.search = False
        items = [item for item in forked.items if item.path.name == work.step.test_file]
        if work.entry is None:
            result: Any = self._calls(work.step, forked, items)
            self._place(work.step.id).write_bytes(pickle.dumps(result))
        else:
            result = self._behaviour(work.step, work.entry, forked, items)
            self._place(work.entry.id).write_bytes(pickle.dumps(result))
        return 0

    def take(self, work: _Work, seconds: float, code: int) -> None:
        """Note that a piece of work is done; the calls of a step lead to its misconceptions."""
        name = work.entry.id if work.entry else f"step {work.step.id}"
        if code:
            raise RuntimeError(f"{name} could not be run")
        self.done(name)
        if work.entry is None:
            self.more += [_Work(work.step, one) for one in catalogue.load(self.course, work.step)]

    def _calls(
        self, step: Step, forked: Forked, items: list[Any]
    ) -> dict[str, list[tuple[bytes, Fingerprint]]]:
        """Return the calls that the tests of each function make, and the right answers."""
        source = (self.course.root / "solutions" / step.filename).read_bytes()
        submission = only(step, source)
        heard: dict[str, list[bytes]] = {}

        def hear(function: str, request: bytes) -> None:
            heard.setdefault(function, []).append(request)

        # The visible tests first, so that few calls come from hidden ones.
        forked.judge.take(submission, forked.judge.launcher)
        forked.judge.session(step).heard = hear
        ordered = sorted(items, key=lambda item: is_hidden(item.path))
        for item, following in zip(ordered, [*ordered[1:], None], strict=True):
            forked.item(item, following)
        forked.judge.end_session()
        result = {}
        for function, requests in heard.items():
            small = [one for one in dict.fromkeys(requests) if len(one) <= _MAX_BYTES]
            spread = small if len(small) <= _CANDIDATES else _spread(small, _CANDIDATES)
            result[function] = self._stable(step, submission, forked, function, spread)
        return result

    def _stable(
        self,
        step: Step,
        submission: Submission,
        forked: Forked,
        function: str,
        requests: list[bytes],
    ) -> list[tuple[bytes, Fingerprint]]:
        """Return the requests that are quick and have the same answer each time, with the answer."""
        answers = []
        for _ in range(2):
            session = StepSession(submission, step, forked.judge.launcher)
            row = []
            for request in requests:
                start = time.monotonic()
                (answer,) = ask_all(session, function, [request])
                row.append(answer if time.monotonic() - start < _MAX_SECONDS else None)
            session.close()
            answers.append(row)
        return [
            (request, one)
            for request, one, two in zip(requests, *answers, strict=True)
            if one and two and one.form == two.form and one.matches(two)
        ]

    def _behaviour(
        self, step: Step, entry: Misconception, forked: Forked, items: list[Any]
    ) -> tuple[list[str], list[Fingerprint]]:
        """Return the tests that a misconception fails, and its answers to the calls of its function."""
        solution = (self.course.root / "solutions" / step.filename).read_text("utf-8")
        submission = only(step, entry.module(solution))
        own = [
            item for item in items if item.get_closest_marker("exercise").args[0] == entry.function
        ]
        verdicts = list(forked.run(submission, own))
        forked.judge.end_session()
        calls = [request for request, _ in self._read(step.id)[entry.function]]
        session = StepSession(submission, step, forked.judge.launcher)
        try:
            answers = ask_all(session, entry.function, calls)
        except (Stop, Crash):
            answers = []
        finally:
            session.close()
        return [verdict.id for verdict in verdicts if verdict.status == "failed"], answers

    def recorded(self, step: Step) -> Recorded:
        """Return what is recorded of a step."""
        entries = catalogue.load(self.course, step)
        batteries = {}
        for function, calls in self._read(step.id).items():
            of_function = [
                (one, *self._read(one.id)) for one in entries if one.function == function
            ]
            usable = [(one, fails, answers) for one, fails, answers in of_function if answers]
            if usable and calls:
                batteries[function] = _battery(calls, usable)
        return Recorded(made_of(self.course, step), batteries)


def _spread(values: list[bytes], count: int) -> list[bytes]:
    """Return some values, from the first to the last."""
    return [values[i * len(values) // count] for i in range(count)]


def _battery(
    calls: list[tuple[bytes, Fingerprint]],
    entries: list[tuple[Misconception, list[str], list[Fingerprint]]],
) -> Battery:
    """Return the fewest calls that tell the misconceptions apart, and how each answers them."""
    right = [answer for _, answer in calls]
    rows = [right, *(answers for _, _, answers in entries)]
    # For each pair, the calls that tell the two apart, and how many of them are wanted.
    apart = {}
    for (i, one), (j, other) in itertools.combinations(enumerate(rows), 2):
        places = {k for k, (a, b) in enumerate(zip(one, other, strict=True)) if not a.matches(b)}
        if places:
            apart[i, j] = (places, min(len(places), _FROM_OTHERS if i else _FROM_RIGHT))
    chosen: list[int] = []
    while True:
        open_pairs = [
            places for places, wanted in apart.values() if len(places & {*chosen}) < wanted
        ]
        if not open_pairs:
            break
        rest = [k for k in range(len(calls)) if k not in chosen]
        chosen.append(max(rest, key=lambda k: sum(k in places for places in open_pairs)))
    chosen.sort()
    transcripts = []
    for entry, fails, answers in entries:
        mine = [answers[k] for k in chosen]
        if all(answers[k].matches(right[k]) for k in chosen):
            # Nothing tells it from the right answer: it must never be named.
            continue
        loosely = not all(answers[k].matches(right[k], loosely=True) for k in chosen)
        words = (entry.id, entry.sentence, entry.hint, entry.read)
        transcripts.append(Transcript(*words, mine, fails, loosely))
    return Battery([calls[k][0] for k in chosen], transcripts)
