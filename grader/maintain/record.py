"""Recording how the misconceptions behave: the files that diagnosis works from.

The calls come out of the tests, as they run on the solutions. Every misconception of a function answers them;
then the fewest calls are kept that tell the misconceptions from each other and from the right answer (see
`batteries.py`). One class does it, in a module of over 300 lines, since each part of the work follows from what
the parts before have given.
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
from grader.submissions.submission import Submission
from grader.wire.decoder import decode
from grader.wire.messages import for_elsewhere

# Of each function, this many calls at most are tried out, and none that is larger or slower.
_CANDIDATES = 48
_MAX_BYTES = 48 * 1024
_MAX_SECONDS, _PATIENCE = 1.0, 20


@dataclass(frozen=True)
class _Work:
    """A piece of work on a step.

    Attributes:
        step: the step.
        entry: a misconception that answers calls; None to find out which calls there are.
        chosen: the calls of the battery; None for all that there are.
    """

    step: Step
    entry: Misconception | None = None
    chosen: tuple[Asked, ...] | None = None


def made_of(course: Course, step: Step) -> str:
    """Return the fingerprint of the files that a step is recorded from."""
    digest = hashlib.sha256(f"{FORM};".encode())
    files = [f"solutions/{step.filename}", f"{catalogue.FOLDER}/step_{step.id}.toml"]
    files += [f"grader/content/{name}.py" for name in ("shared_probes", "references")]
    files += [f"grader/testing/{name}.py" for name in ("strategies", "properties")]
    for name in [*files, f"tests/steps/{step.test_file}", *hidden_files(course, [step])]:
        digest.update((course.root / name).read_bytes())
    return digest.hexdigest()


def is_stale(course: Course, step: Step) -> bool:
    """Return whether what is recorded of a step is of other files than there are now."""
    # Whatever else is in the file may be in an older form.
    path = course.root / step.recorded_file
    recorded = json.loads(path.read_text("utf-8"))["made_of"] if path.is_file() else ""
    return bool(recorded != made_of(course, step))


def only(step: Step, source: bytes) -> Submission:
    """Return a submission of one module."""
    return Submission("made up", Path(), {step.module: source}, {})


def record(
    course: Course,
    steps: list[Step],
    launcher: ForkLauncher,
    jobs: int,
    done: Callable[[], None],
) -> None:
    """Write the recorded files of these steps.

    Args:
        course: the course.
        steps: the steps.
        launcher: what workers are started with.
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
        work, launcher, jobs, recorder.judge, recorder.take, patience=_PATIENCE
    )
    recorder.more = session.waiting
    run_forked(course, test_files(course, steps), session)
    for step in steps:
        path = course.root / step.recorded_file
        path.parent.mkdir(exist_ok=True)
        recorded = recorder.recorded(step)
        if recorded.made_of != before[step.id]:
            # It holds behaviour from before and after a change, so it must be made again.
            recorded.made_of = ""
        path.write_text(recorded.text(), "utf-8")


class _Recorder:
    def __init__(self, course: Course, done: Callable[[], None]) -> None:
        self.course = course
        self.done = done
        self.more: list[_Work] = []
        self.chosen: dict[tuple[str, str], tuple[Asked, ...]] = {}
        # By step and function; the others by the id of a misconception.
        self._calls: dict[str, dict[str, list[Asked]]] = {}
        self._fails: dict[str, list[str]] = {}
        self._answers: dict[str, list[Fingerprint]] = {}
        self._chosen_answers: dict[str, list[Fingerprint]] = {}
        self._left: dict[str, int] = {}

    def judge(self, work: _Work, forked: Forked) -> Any:
        """In a fork: do one piece of work; return what `take` makes sense of, as plain data."""
        forked.judge.properties.search = forked.judge.naming = False
        items = [item for item in forked.items if item.path.name == work.step.test_file]
        if work.entry is None:
            heard = self._hear_calls(work.step, forked, items)
            return {function: [call.plain for call in calls] for function, calls in heard.items()}
        if work.chosen is None:
            calls = self._calls[work.step.id][work.entry.function]
            fails = self._run_tests(work.step, work.entry, forked, items)
            return fails, plain_of(self._ask(work.step, work.entry, forked, calls))
        return plain_of(self._ask(work.step, work.entry, forked, work.chosen))

    def take(self, work: _Work, outcome: Outcome) -> None:
        """Note what a piece of work gave, and what follows from it."""
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
            self._left[work.step.id] = len(entries)
            self.more += [_Work(work.step, entry) for entry in entries]
        elif work.chosen is None:
            fails, answers = outcome.value
            self._fails[work.entry.id] = fails
            self._answers[work.entry.id] = fingerprints(answers)
            self._left[work.step.id] -= 1
            if not self._left[work.step.id]:
                self._choose(work.step)
        else:
            self._chosen_answers[work.entry.id] = fingerprints(outcome.value)

    def _choose(self, step: Step) -> None:
        """Choose the batteries of a step, and let its misconceptions answer these calls alone.

        What was asked before can change the answers, so all is asked once more as it will be asked of learners.
        """
        entries = catalogue.load(self.course, step)
        for function, calls in self._calls[step.id].items():
            own = [entry for entry in entries if entry.function == function]
            rows = [row for entry in own if (row := self._answers[entry.id])]
            chosen = self.chosen[step.id, function] = fewest(calls, rows)
            if chosen:
                self.more += [_Work(step, entry, chosen) for entry in own]

    def _hear_calls(self, step: Step, forked: Forked, items: list[Any]) -> dict[str, list[Asked]]:
        """Return the calls that the tests of each function make, and the right answers."""
        source = (self.course.root / "solutions" / step.filename).read_bytes()
        heard: dict[str, list[bytes]] = {}

        def hear(function: str, request: bytes, came: bytes) -> None:
            # The files of two right modules differ, so neither writing one alone nor reading one tells them apart
            # from wrong ones.
            if for_elsewhere(request) is not None or type(decode(came).get("value")) is bytes:
                return
            heard.setdefault(function, []).append(request)

        # The visible tests first, so that few calls come from hidden ones.
        forked.judge.take(only(step, source), forked.judge.launcher)
        forked.judge.session(step).heard = hear
        ordered = sorted(items, key=lambda item: is_hidden(item.path))
        for item, following in zip(ordered, [*ordered[1:], None], strict=True):
            forked.item(item, following)
        forked.judge.end_session()
        result = {}
        for function, requests in heard.items():
            small = [
                one for one in dict.fromkeys(requests) if len(zlib.compress(one)) <= _MAX_BYTES
            ]
            few = small if len(small) <= _CANDIDATES else spread(small, _CANDIDATES)
            result[function] = self._stable(step, source, forked, function, few)
        return result

    def _stable(
        self,
        step: Step,
        solution: bytes,
        forked: Forked,
        function: str,
        requests: list[bytes],
    ) -> list[Asked]:
        """Return the requests that are quick and have about the same answer each time."""
        styles = catalogue.correct_modules(self.course, step, function).values()
        # All of it comes to an end, however busy the machine is.
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
        result = []
        for request, came in zip(requests, zip(*answers, strict=True), strict=True):
            # On a busy machine, all but the fastest may have waited.
            if min(seconds for _, seconds in came) > _MAX_SECONDS:
                continue
            right = tuple(answer for answer, _ in came)
            # The very same numbers, or else it is a matter of chance how close they are.
            exactly = np.array_equal(right[0].numbers, right[1].numbers, equal_nan=True)
            if exactly and right[0].form == right[1].form:
                result.append(Asked.of(request, right))
            elif right[0].matches(right[1], timed=True) and np.allclose(
                right[0].numbers, right[1].numbers, atol=SECONDS
            ):
                result.append(Asked.of(request, right, timed=True))
        return result

    def _run_tests(
        self, step: Step, entry: Misconception, forked: Forked, items: list[Any]
    ) -> list[str]:
        """Return the tests of its function that a misconception fails."""
        own = [
            item for item in items if item.get_closest_marker("exercise").args[0] == entry.function
        ]
        verdicts = list(forked.run(only(step, self._module(step, entry)), own))
        forked.judge.end_session()
        return [verdict.id for verdict in verdicts if verdict.status == Status.FAILED]

    def _ask(
        self, step: Step, entry: Misconception, forked: Forked, calls: Iterable[Asked]
    ) -> list[Fingerprint]:
        """Return the answers of a misconception; none if it does not come to an end."""
        module = self._module(step, entry)
        session = StepSession(only(step, module), step, forked.judge.launcher)
        try:
            return ask_all(session, entry.function, [call.request.payload for call in calls])
        except (Stop, Crash):
            return []
        finally:
            session.close()

    def _module(self, step: Step, entry: Misconception) -> bytes:
        return entry.module((self.course.root / "solutions" / step.filename).read_text("utf-8"))

    def recorded(self, step: Step) -> Recorded:
        """Return what is recorded of a step."""
        batteries = {}
        entries = catalogue.load(self.course, step)
        for (step_id, function), chosen in self.chosen.items():
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
        """Return how a misconception behaves; None if nothing tells it from one of the rows of right answers."""
        answers = self._chosen_answers.get(entry.id)
        if not answers or any(battery.same(answers, row) for row in right):
            return None
        loosely = not any(battery.same(answers, row, loosely=True) for row in right)
        words = (entry.id, entry.sentence, entry.hint, entry.read)
        return Transcript(*words, answers, self._fails[entry.id], loosely)
