"""Strength: are all wrong answers caught, each mistake named, and no right answer refused?

For each step, real judges run all tests on every misconception of the catalogue, on every mutant of the
solution, on modules whose functions do no work, and on complete correct sets of solutions in different styles. For
errors that are no known mistake, they look whether nothing is named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.course.course import Course, Step
from grader.course.verdicts import Status, TestVerdict
from grader.judge.diagnosis import Diagnosis
from grader.judge.forks import Outcome
from grader.judge.pool import Forked, ForkingSession, run_forked
from grader.judge.step_session import StepSession
from grader.launch.launchers import ForkLauncher, Launcher
from grader.maintain import catalogue
from grader.maintain.catalogue import Misconception
from grader.maintain.injected import Injected, injected_of
from grader.maintain.mutants import Mutant, mutants_of
from grader.maintain.record import is_stale, made_of, only
from grader.maintain.strength_table import StepStrength, problems
from grader.maintain.stubs import idle_modules
from grader.run.grade import test_files

MEASURED = "grader/content/behaviour/measured.json"


@dataclass(frozen=True)
class _Idle:
    """What functions that do no work do instead, such as "return nothing"."""

    does: str


_Subject = Misconception | Mutant | Injected | _Idle | str


@dataclass(frozen=True)
class _Work:
    """One module that is judged.

    Attributes:
        step: the step.
        source: the module.
        subject: what it is: a misconception, a mutant, an error, no work, or the name of a style.
    """

    step: Step
    source: bytes
    subject: _Subject


def fingerprint(course: Course, step: Step) -> str:
    """Return the fingerprint of all that the strength of a step depends on."""
    digest = hashlib.sha256(made_of(course, step).encode())
    for module in catalogue.correct_modules(course, step).values():
        digest.update(module)
    listed = (catalogue.equivalents(course), sorted(catalogue.rightly_named(course)))
    digest.update(repr((listed, course.seed, step.seconds)).encode())
    return digest.hexdigest()


def changed(course: Course, steps: list[Step]) -> list[Step]:
    """Return the steps that changed since their strength was measured and was good."""
    known = _measured(course)
    return [step for step in steps if known.get(step.id) != fingerprint(course, step)]


def remember(course: Course, found: list[StepStrength]) -> None:
    """Note down the steps in which nothing is wrong, for `changed`."""
    known = _measured(course)
    for one in found:
        # What changed since then may have been measured in either form.
        if not problems([one]) and one.made_of == fingerprint(course, one.step):
            known[one.step.id] = one.made_of
    text = json.dumps(known, indent=1, sort_keys=True) + "\n"
    (course.root / MEASURED).write_text(text, "utf-8")


def _measured(course: Course) -> dict[str, str]:
    path = course.root / MEASURED
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return known


def measure(
    course: Course,
    steps: list[Step],
    launcher: ForkLauncher,
    jobs: int,
    done: Callable[[int], None],
) -> list[StepStrength]:
    """Return how strong the tests of these steps are.

    Args:
        course: the course.
        steps: the steps.
        launcher: what workers are started with.
        jobs: how many judges may run at a time.
        done: called with how many pieces of work there are, whenever one is finished.

    Raises:
        KitError: the tests could not be collected.
    """
    strength = _Strength(course)
    work = strength.plan(steps)
    strength.done = lambda: done(len(work))
    solutions = course.root / "solutions"
    session = ForkingSession(
        work, launcher, jobs, strength.judge, strength.take, rehearse=solutions
    )
    run_forked(course, test_files(course, steps), session)
    return list(strength.found.values())


def look(course: Course, step: Step, injected: Injected, launcher: Launcher) -> str | None:
    """Return the id of the misconception that an injected error is diagnosed as, or None.

    Args:
        course: the course.
        step: the step.
        injected: the error, whether or not a test fails on it.
        launcher: starts the worker.
    """
    session = StepSession(only(step, injected.module.encode()), step, launcher)
    diagnosis = Diagnosis(course, session)
    found = diagnosis.look(injected.function)
    diagnosis.close()
    return found.id if found else None


class _Strength:
    def __init__(self, course: Course) -> None:
        self.course = course
        self.done: Callable[[], None] = lambda: None
        self.found: dict[str, StepStrength] = {}
        self.equivalent = catalogue.equivalents(course)
        self.rightly_named = catalogue.rightly_named(course)

    def plan(self, steps: list[Step]) -> list[_Work]:
        """Return all modules to judge; steps that take long come first, so that no judge is left over."""
        work: list[_Work] = []

        def add(step: Step, source: bytes, subject: _Subject) -> None:
            work.append(_Work(step, source, subject))

        for step in reversed(steps):
            made_of = fingerprint(self.course, step)
            found = self.found[step.id] = StepStrength(step, made_of=made_of)
            solution = (self.course.root / "solutions" / step.filename).read_text("utf-8")
            found.stale = is_stale(self.course, step)
            add(step, solution.encode(), "solutions")
            for name, module in catalogue.correct_modules(self.course, step).items():
                add(step, module, name)
            for entry in catalogue.load(self.course, step):
                add(step, entry.module(solution), entry)
            for injected in injected_of(self.course, step):
                add(step, injected.module.encode(), injected)
            for does, idle in idle_modules(self.course, step).items():
                add(step, idle.encode(), _Idle(does))
            for mutant in mutants_of(self.course, step):
                if mutant.id in self.equivalent:
                    found.equivalents.add(mutant.id)
                else:
                    add(step, mutant.module.encode(), mutant)
        self.found = dict(sorted(self.found.items()))
        return work

    def judge(self, work: _Work, forked: Forked) -> tuple[list[Any], list[str]]:
        """In a fork: run the tests on one module; return what they say, and what diagnosis names."""
        forked.judge.properties.search = False
        items: list[Any] = [one for one in forked.items if one.path.name == work.step.test_file]
        submission = only(work.step, work.source)
        if isinstance(work.subject, Injected):
            name = look(self.course, work.step, work.subject, forked.judge.launcher)
            return [], [name] if name else []
        verdicts = []
        if isinstance(work.subject, Mutant):
            # Its own function's tests first: one failure is enough.
            function = work.subject.function
            items.sort(key=lambda item: item.get_closest_marker("exercise").args[0] != function)
        for verdict in forked.run(submission, items):
            verdicts.append(verdict)
            if isinstance(work.subject, Mutant) and verdict.status != Status.PASSED:
                break
        named = []
        if isinstance(work.subject, str):
            # Nothing fails, so nothing is looked for; yet nothing must be found.
            diagnosis = forked.judge.diagnosis(forked.judge.session(work.step))
            functions = {verdict.function for verdict in verdicts}
            named = [found.id for name in sorted(functions) if (found := diagnosis.look(name))]
        # Of no work, what passes is of interest; of all else, what does not.
        idle = isinstance(work.subject, _Idle)
        rows = [v.plain for v in verdicts if (v.status == Status.PASSED) == idle]
        return rows, named

    def take(self, work: _Work, outcome: Outcome) -> None:
        """Count what one module showed."""
        if outcome.problem:
            raise RuntimeError(f"{work.step.id}: {work.subject} gave no result: {outcome.problem}")
        plain, named = outcome.value
        verdicts = [TestVerdict.of(one) for one in plain]
        found, subject = self.found[work.step.id], work.subject
        if isinstance(subject, Mutant):
            found.mutants += 1
            if not verdicts:
                found.survivors.append(subject)
        elif isinstance(subject, Injected):
            found.injected += 1
            found.false_names += [
                f"{subject.id} is called {name}"
                for name in named
                if (subject.id, name) not in self.rightly_named
            ]
        elif isinstance(subject, _Idle):
            found.idle += 1
            found.rewarded += [f"{one.id} ({subject.does})" for one in verdicts]
        elif isinstance(subject, Misconception):
            found.misconceptions += 1
            own = [one for one in verdicts if one.function == subject.function]
            together = [
                one for one in verdicts if one.function in (subject.function, *subject.also)
            ]
            seen = {one.visibility for one in own}
            names = {one.misconception for one in own} - {None}
            for right, bad in (
                ("hidden" in seen, found.not_hidden),
                ("visible" in seen, found.not_visible),
                (together == verdicts, found.elsewhere),
                (subject.id in names, found.unnamed),
                (names <= {subject.id}, found.misnamed),
            ):
                if not right:
                    bad.append(subject.id)
        else:
            found.styles += 1
            found.refused += [f"{subject} {one.id}" for one in verdicts]
            found.refused += [f"{subject} is called {name}" for name in named]
        self.done()
