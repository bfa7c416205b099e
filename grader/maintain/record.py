"""Records how the misconceptions behave, in the files that diagnosis works from.

The calls are those that the tests make when they run on the solutions. Every misconception of a function answers
them. Then a few calls are kept that tell the misconceptions from each other and from the right answers (see
`batteries.py`). Each piece of work depends on the results of earlier ones, so one class does all of it, in a
module of over 300 lines.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.course.course import Course, Step
from grader.course.paths import MISCONCEPTIONS
from grader.course.verdicts import Status
from grader.judge.diagnosis import (
    FORM,
    Battery,
    Recorded,
    Transcript,
    ask_all,
)
from grader.judge.fingerprint import SECONDS, Fingerprint
from grader.judge.forks import Outcome
from grader.judge.judge import is_hidden
from grader.judge.pool import Forked, ForkingSession, run_forked
from grader.judge.step_session import StepSession
from grader.judge.stop import Crash, Stop
from grader.launch.launchers import ForkLauncher
from grader.maintain import catalogue
from grader.maintain.batteries import Asked, fewest, fingerprints, plain_of, spread
from grader.maintain.catalogue import Misconception
from grader.run.grade import hidden_files, test_files
from grader.run.pieces import without_docstrings
from grader.run.shared_source import used_source
from grader.submissions.submission import Submission
from grader.wire.decoder import decode
from grader.wire.messages import for_elsewhere

# Limits for the calls of each function that misconceptions are asked: their number, compressed size, and time.
_CANDIDATES = 48
_MAX_BYTES = 48 * 1024
_MAX_SECONDS = 1.0
# By how much time budgets are multiplied, so that everything finishes even on a busy machine.
_PATIENCE = 20


@dataclass(frozen=True)
class _Work:
    """A piece of work on a step.

    Attributes:
        step: the step.
        entry: the misconception that answers calls; None to collect the calls of the tests.
        chosen: the calls of the battery, to be answered alone; None to answer all calls and run the tests.
    """

    step: Step
    entry: Misconception | None = None
    chosen: tuple[Asked, ...] | None = None


def made_of(course: Course, step: Step) -> str:
    """Return a digest of the files that the record of a step depends on."""
    digest = hashlib.sha256(f"{FORM};".encode())
    tests = [step.visible_tests, *hidden_files(course, [step])]
    digest.update(used_source(course.root, tests).encode())
    # A lesson or a docstring changes no behaviour.
    solution = (course.root / step.solution).read_text("utf-8")
    digest.update(without_docstrings(solution).encode())
    files = [f"{MISCONCEPTIONS}/step_{step.id}.toml"]
    files += [f"grader/testing/{name}.py" for name in ("strategies", "properties")]
    for name in [*files, *tests]:
        digest.update((course.root / name).read_bytes())
    return digest.hexdigest()


def is_stale(course: Course, step: Step) -> bool:
    """Return whether the record of a step is missing, or was made from other files than the present ones."""
    # Nothing else is read, because the file may have an older format.
    path = course.root / step.recorded_file
    recorded = json.loads(path.read_text("utf-8"))["made_of"] if path.is_file() else ""
    return bool(recorded != made_of(course, step))


def only(step: Step, source: bytes) -> Submission:
    """Return a submission that consists of one module with this source."""
    return Submission("made up", Path(), {step.module: source}, {})


def record(
    course: Course,
    steps: list[Step],
    launcher: ForkLauncher,
    jobs: int,
    done: Callable[[], None],
) -> None:
    """Record the misconceptions of some steps, and write the files.

    Args:
        course: the course.
        steps: the steps.
        launcher: starts the workers.
        jobs: how many judges may run at a time.
        done: called whenever a piece of work is finished.

    Raises:
        RuntimeError: a solution or a misconception could not be run.
        KitError: the tests could not be collected.
    """
    recorder = _Recorder(course, done)
    before = {step.id: made_of(course, step) for step in steps}
    work = [_Work(step) for step in steps]
    session = ForkingSession(
        work, launcher, jobs, recorder.judge, recorder.accept, patience=_PATIENCE
    )
    recorder.waiting = session.waiting
    run_forked(course, test_files(course, steps), session)
    for step in steps:
        path = course.root / step.recorded_file
        path.parent.mkdir(exist_ok=True)
        recorded = recorder.recorded(step)
        if recorded.made_of != before[step.id]:
            # The files changed meanwhile, so the record mixes old and new behaviour and counts as stale.
            recorded.made_of = ""
        path.write_text(recorded.text(), "utf-8")


class _Recorder:
    def __init__(self, course: Course, done: Callable[[], None]) -> None:
        self.course = course
        self.done = done
        # The queue of the session, which further work is added to.
        self.waiting: list[_Work] = []
        # By step and function: the calls, and those of the battery.
        self._calls: dict[str, dict[str, list[Asked]]] = {}
        self._chosen: dict[tuple[str, str], tuple[Asked, ...]] = {}
        # By misconception: the tests that it fails, and its answers to the calls and to those of the battery.
        self._fails: dict[str, list[str]] = {}
        self._answers: dict[str, list[Fingerprint]] = {}
        self._chosen_answers: dict[str, list[Fingerprint]] = {}
        # By step: how many misconceptions have not answered yet.
        self._unanswered: dict[str, int] = {}

    def judge(self, work: _Work, forked: Forked) -> Any:
        """In a fork: do one piece of work, and return plain data for `accept`."""
        forked.judge.properties.search = forked.judge.naming = False
        items = [item for item in forked.items if item.path.name == work.step.test_file]
        if work.entry is None:
            by_function = self._collect_calls(work.step, forked, items)
            return {name: [call.plain for call in calls] for name, calls in by_function.items()}
        if work.chosen is None:
            calls = self._calls[work.step.id][work.entry.function]
            fails = self._run_tests(work.step, work.entry, forked, items)
            return fails, plain_of(self._ask(work.step, work.entry, forked, calls))
        return plain_of(self._ask(work.step, work.entry, forked, work.chosen))

    def accept(self, work: _Work, outcome: Outcome) -> None:
        """Store the result of a piece of work, and add the work that follows from it."""
        if outcome.problem:
            name = work.entry.id if work.entry else "the solution"
            raise RuntimeError(f"{work.step.id}: {name} could not be run: {outcome.problem}")
        self.done()
        if work.entry is None:
            self._calls[work.step.id] = {
                function: [Asked.from_plain(plain) for plain in calls]
                for function, calls in outcome.value.items()
            }
            entries = catalogue.load(self.course, work.step)
            self._unanswered[work.step.id] = len(entries)
            self.waiting += [_Work(work.step, entry) for entry in entries]
        elif work.chosen is None:
            fails, answers = outcome.value
            self._fails[work.entry.id] = fails
            self._answers[work.entry.id] = fingerprints(answers)
            self._unanswered[work.step.id] -= 1
            if not self._unanswered[work.step.id]:
                self._choose(work.step)
        else:
            self._chosen_answers[work.entry.id] = fingerprints(outcome.value)

    def _choose(self, step: Step) -> None:
        """Choose the batteries of a step, and have its misconceptions answer these calls alone.

        Earlier calls can change later answers, so each battery is asked again, exactly as diagnosis will ask it.
        """
        entries = catalogue.load(self.course, step)
        for function, calls in self._calls[step.id].items():
            own = [entry for entry in entries if entry.function == function]
            rows = [row for entry in own if (row := self._answers[entry.id])]
            chosen = self._chosen[step.id, function] = fewest(calls, rows)
            if chosen:
                self.waiting += [_Work(step, entry, chosen) for entry in own]

    def _collect_calls(
        self, step: Step, forked: Forked, items: list[Any]
    ) -> dict[str, list[Asked]]:
        """Return the calls that the tests of each function make, with the right answers, by function.

        Args:
            step: the step.
            forked: this fork.
            items: the tests of the step.
        """
        source = (self.course.root / step.solution).read_bytes()
        heard: dict[str, list[bytes]] = {}

        def hear(function: str, request: bytes, reply: bytes) -> None:
            # Leave out calls that write or read files: those of two right modules differ as much as those of
            # wrong ones.
            if for_elsewhere(request) is not None or type(decode(reply).get("value")) is bytes:
                return
            heard.setdefault(function, []).append(request)

        # Visible tests run first, so that few calls come from hidden ones.
        forked.judge.take(only(step, source), forked.judge.launcher)
        forked.judge.session(step).heard = hear
        ordered = sorted(items, key=lambda item: is_hidden(item.path))
        for item, following in zip(ordered, [*ordered[1:], None], strict=True):
            forked.item(item, following)
        forked.judge.end_session()
        calls = {}
        for function, requests in heard.items():
            small = [
                request
                for request in dict.fromkeys(requests)
                if len(zlib.compress(request)) <= _MAX_BYTES
            ]
            candidates = small if len(small) <= _CANDIDATES else spread(small, _CANDIDATES)
            calls[function] = self._stable(step, source, forked, function, candidates)
        return calls

    def _stable(
        self,
        step: Step,
        solution: bytes,
        forked: Forked,
        function: str,
        requests: list[bytes],
    ) -> list[Asked]:
        """Return the calls that are fast and get nearly the same answer each time.

        Args:
            step: the step.
            solution: source of its solution.
            forked: this fork.
            function: the function that is called.
            requests: the encoded requests.
        """
        styles = catalogue.correct_modules(self.course, step, function).values()
        patient = replace(step, seconds=_PATIENCE * step.seconds)
        answers: list[list[tuple[Fingerprint, float]]] = []
        for source in (solution, solution, *styles):
            session = StepSession(only(step, source), patient, forked.judge.launcher)
            row = []
            for request in requests:
                start = time.monotonic()
                (answer,) = ask_all(session, function, [request])
                row.append((answer, time.monotonic() - start))
            session.close()
            answers.append(row)
        calls = []
        for request, column in zip(requests, zip(*answers, strict=True), strict=True):
            # Only the fastest run counts, because the others may have waited on a busy machine.
            if min(seconds for _, seconds in column) > _MAX_SECONDS:
                continue
            right = tuple(answer for answer, _ in column)
            # The two runs of the solution must agree exactly; otherwise chance decides how close answers are.
            exactly = np.array_equal(right[0].numbers, right[1].numbers, equal_nan=True)
            if exactly and right[0].form == right[1].form:
                calls.append(Asked.of(request, right))
            elif right[0].matches(right[1], timed=True) and np.allclose(
                right[0].numbers, right[1].numbers, atol=SECONDS
            ):
                calls.append(Asked.of(request, right, timed=True))
        return calls

    def _run_tests(
        self, step: Step, entry: Misconception, forked: Forked, items: list[Any]
    ) -> list[str]:
        """Return the ids of those tests of its own function that a misconception fails."""
        own = [
            item for item in items if item.get_closest_marker("exercise").args[0] == entry.function
        ]
        verdicts = list(forked.run(only(step, self._module(step, entry)), own))
        forked.judge.end_session()
        return [verdict.id for verdict in verdicts if verdict.status == Status.FAILED]

    def _ask(
        self, step: Step, entry: Misconception, forked: Forked, calls: Iterable[Asked]
    ) -> list[Fingerprint]:
        """Return a misconception's answers to some calls; none if it crashes or exceeds its time."""
        module = self._module(step, entry)
        session = StepSession(only(step, module), step, forked.judge.launcher)
        try:
            return ask_all(session, entry.function, [call.request.payload for call in calls])
        except (Stop, Crash):
            return []
        finally:
            session.close()

    def _module(self, step: Step, entry: Misconception) -> bytes:
        return entry.module((self.course.root / step.solution).read_text("utf-8"))

    def recorded(self, step: Step) -> Recorded:
        """Return the record of a step."""
        batteries = {}
        entries = catalogue.load(self.course, step)
        for (step_id, function), chosen in self._chosen.items():
            if step_id == step.id and chosen:
                battery = Battery([call.request for call in chosen], [])
                right = [list(row) for row in zip(*(call.right for call in chosen), strict=True)]
                transcripts = [
                    transcript
                    for entry in entries
                    if entry.function == function
                    and (transcript := self._transcript(entry, battery, right))
                ]
                batteries[function] = replace(battery, transcripts=transcripts)
        return Recorded(made_of(self.course, step), batteries)

    def _transcript(
        self, entry: Misconception, battery: Battery, right: list[list[Fingerprint]]
    ) -> Transcript | None:
        """Return how a misconception behaves; None if its answers are the same as those of a right module.

        Args:
            entry: the misconception.
            battery: the calls.
            right: the answers of each right module to these calls.
        """
        answers = self._chosen_answers.get(entry.id)
        if not answers or any(battery.same(answers, row) for row in right):
            return None
        loosely = not any(battery.same(answers, row, loosely=True) for row in right)
        words = (entry.id, entry.sentence, entry.hint, entry.read)
        return Transcript(*words, answers, self._fails[entry.id], loosely)
