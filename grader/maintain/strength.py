"""Measures how strong the tests are: whether they catch every mistake, name it, and accept every right answer.

For each step, judges run all tests on every misconception of the catalogue, on every mutant of the solution, on
modules whose functions do no work, and on correct modules in different styles. For errors that are not known
mistakes, they check that no misconception is named.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.course.course import Course, Step
from grader.course.paths import MEASURED, SOLUTIONS
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
from grader.run.pieces import without_docstrings


@dataclass(frozen=True)
class _Idle:
    """A module whose functions do no work, but for example "return nothing"."""

    does: str


_Subject = Misconception | Mutant | Injected | _Idle | str


@dataclass(frozen=True)
class _Work:
    """One module to judge.

    Attributes:
        step: the step.
        source: source of the module.
        subject: what the module is: a misconception, a mutant, an injected error, idle, or the name of a style.
    """

    step: Step
    source: bytes
    subject: _Subject


def fingerprint(course: Course, step: Step) -> str:
    """Return a digest of everything that the strength of a step depends on."""
    digest = hashlib.sha256(made_of(course, step).encode())
    for module in catalogue.correct_modules(course, step).values():
        digest.update(without_docstrings(module.decode()).encode())
    # Entries about other steps do not count.
    source = (course.root / step.solution).read_text("utf-8")
    own = {getattr(statement, "name", "") for statement in ast.parse(source).body}
    equivalent = catalogue.equivalents(course).items()
    entries = [sorted(equivalent), sorted(catalogue.rightly_named(course))]
    listed = [[entry for entry in kind if entry[0].split(":")[0] in own] for kind in entries]
    digest.update(repr((listed, course.seed, step.seconds)).encode())
    return digest.hexdigest()


def changed(course: Course, steps: list[Step]) -> list[Step]:
    """Return the steps that changed since their strength was last measured without a problem."""
    known = _measured(course)
    return [step for step in steps if known.get(step.id) != fingerprint(course, step)]


def remember(course: Course, strengths: list[StepStrength]) -> None:
    """Remember the steps without a problem, for `changed`."""
    known = _measured(course)
    for strength in strengths:
        # Of a step that changed during the measurement, it is unknown which version was measured.
        if not problems([strength]) and strength.made_of == fingerprint(course, strength.step):
            known[strength.step.id] = strength.made_of
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
    """Measure how strong the tests of some steps are.

    Args:
        course: the course.
        steps: the steps.
        launcher: starts the workers.
        jobs: how many judges may run at a time.
        done: called with the number of all modules, whenever one has been judged.

    Returns:
        The strength of each step, in the order of the ids.

    Raises:
        RuntimeError: a module could not be judged.
        KitError: the tests could not be collected.
    """
    strength = _Strength(course)
    work = strength.plan(steps)
    strength.done = lambda: done(len(work))
    solutions = course.root / SOLUTIONS
    session = ForkingSession(
        work, launcher, jobs, strength.judge, strength.accept, rehearse=solutions
    )
    run_forked(course, test_files(course, steps), session)
    return list(strength.strengths.values())


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
    transcript = diagnosis.look(injected.function)
    diagnosis.close()
    return transcript.id if transcript else None


class _Strength:
    def __init__(self, course: Course) -> None:
        self.course = course
        self.done: Callable[[], None] = lambda: None
        self.strengths: dict[str, StepStrength] = {}
        self.equivalent = catalogue.equivalents(course)
        self.rightly_named = catalogue.rightly_named(course)

    def plan(self, steps: list[Step]) -> list[_Work]:
        """Return all modules to judge; later steps take longer and come first, so that all judges end together."""
        work: list[_Work] = []

        def add(step: Step, source: bytes, subject: _Subject) -> None:
            work.append(_Work(step, source, subject))

        for step in reversed(steps):
            made_of = fingerprint(self.course, step)
            strength = self.strengths[step.id] = StepStrength(step, made_of=made_of)
            solution = (self.course.root / step.solution).read_text("utf-8")
            strength.stale = is_stale(self.course, step)
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
                    strength.equivalents.add(mutant.id)
                else:
                    add(step, mutant.module.encode(), mutant)
        self.strengths = dict(sorted(self.strengths.items()))
        return work

    def judge(self, work: _Work, forked: Forked) -> tuple[list[Any], list[str]]:
        """In a fork: judge one module.

        Returns:
            Verdicts as plain data, and the ids of the misconceptions that diagnosis names. The verdicts are
            those on failed tests; if the module is idle, those on passed ones.
        """
        forked.judge.properties.search = False
        items: list[Any] = [item for item in forked.items if item.path.name == work.step.test_file]
        submission = only(work.step, work.source)
        if isinstance(work.subject, Injected):
            name = look(self.course, work.step, work.subject, forked.judge.launcher)
            return [], [name] if name else []
        verdicts = []
        if isinstance(work.subject, Mutant):
            # One failure is enough, so the tests of the changed function run first.
            function = work.subject.function
            items.sort(key=lambda item: item.get_closest_marker("exercise").args[0] != function)
        for verdict in forked.run(submission, items):
            verdicts.append(verdict)
            if isinstance(work.subject, Mutant) and verdict.status != Status.PASSED:
                break
        named = []
        if isinstance(work.subject, str):
            # No test fails, so no diagnosis was made; but it must not name a misconception either.
            diagnosis = forked.judge.diagnosis(forked.judge.session(work.step))
            functions = sorted({verdict.function for verdict in verdicts})
            transcripts = map(diagnosis.look, functions)
            named = [transcript.id for transcript in transcripts if transcript]
        idle = isinstance(work.subject, _Idle)
        unexpected = [v.plain for v in verdicts if (v.status == Status.PASSED) == idle]
        return unexpected, named

    def accept(self, work: _Work, outcome: Outcome) -> None:
        """Add the result of one module to the strength of its step."""
        if outcome.problem:
            raise RuntimeError(f"{work.step.id}: {work.subject} gave no result: {outcome.problem}")
        plain_verdicts, named = outcome.value
        verdicts = [TestVerdict.of(plain) for plain in plain_verdicts]
        strength, subject = self.strengths[work.step.id], work.subject
        if isinstance(subject, Mutant):
            strength.mutants += 1
            if not verdicts:
                strength.survivors.append(subject)
        elif isinstance(subject, Injected):
            strength.injected += 1
            strength.false_names += [
                f"{subject.id} is diagnosed as {name}"
                for name in named
                if (subject.id, name) not in self.rightly_named
            ]
        elif isinstance(subject, _Idle):
            strength.idle += 1
            strength.rewarded += [f"{verdict.id} ({subject.does})" for verdict in verdicts]
        elif isinstance(subject, Misconception):
            strength.misconceptions += 1
            own = [verdict for verdict in verdicts if verdict.function == subject.function]
            allowed = {subject.function, *subject.also}
            visibilities = {verdict.visibility for verdict in own}
            names = {verdict.misconception for verdict in own} - {None}
            for as_expected, exceptions in (
                ("hidden" in visibilities, strength.not_hidden),
                ("visible" in visibilities, strength.not_visible),
                (all(verdict.function in allowed for verdict in verdicts), strength.elsewhere),
                (subject.id in names, strength.unnamed),
                (names <= {subject.id}, strength.misnamed),
            ):
                if not as_expected:
                    exceptions.append(subject.id)
        else:
            strength.styles += 1
            strength.refused += [
                f"{subject} {verdict.id} ({verdict.status})" for verdict in verdicts
            ]
            strength.refused += [f"{subject} is diagnosed as {name}" for name in named]
        self.done()
