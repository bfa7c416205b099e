"""The pytest plugin: step tests get a `learner` whose code runs in a worker, and reports carry verdicts.

Hooks used, and why:
- `pytest_addhooks`: a command may lend its launcher.
- `pytest_addoption`: `--submission` and `--direct`.
- `pytest_configure`: the mark `exercise`, and what is to be judged.
- `pytest_collectstart`: the properties of each test file are made to work without a clock and a database.
- `pytest_collection_modifyitems`: every test of a step says which function it judges; what the steps
  need is loaded ahead.
- `pytest_pyfunc_call`: the examples of a property are drawn once and replayed.
- `pytest_runtest_makereport`: an exception becomes a verdict, and a sentence takes the place of our
  traceback.
- `pytest_unconfigure`: no worker outlives the session.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from grader import explain
from grader.answers import Mismatch
from grader.course import Course, CourseError, Step, find_root
from grader.diagnosis import Diagnosis
from grader.launch import ForkLauncher, Launcher, pick_launcher
from grader.learner import Crash, Learner, LearnerError, StepSession, Stop
from grader.limits import LAYERS
from grader.properties import (
    HIDDEN_EXAMPLES,
    VISIBLE_EXAMPLES,
    Properties,
    is_property,
    load_profile,
)
from grader.submission import Submission
from grader.text import visible
from grader.verdicts import TestVerdict, limited

STEP_TESTS = "test_step_"
MUCH_OUTPUT = 64 * 1024


class Judge:
    """What one pytest session needs to judge one submission; everything is made at its first use.

    Attributes:
        naming: whether a misconception is looked for when a test fails.
    """

    def __init__(self, course: Course, target: Path, launcher: Launcher) -> None:
        self.course = course
        self.launcher = launcher
        self._target = target
        self._submission: Submission | None = None
        self._session: StepSession | None = None
        self._diagnosis: Diagnosis | None = None
        self.naming = True
        self.properties = Properties(course.seed, _searchable)

    def session(self, step: Step) -> StepSession:
        """Return the session of a step; only one step's worker lives at a time."""
        if self._submission is None:
            self._submission = Submission.read(self._target, self.course)
        if self._session is None or self._session.step.id != step.id:
            self.end_session()
            self._session = StepSession(self._submission, step, self.launcher)
        return self._session

    def diagnosis(self, session: StepSession) -> Diagnosis:
        """Return the diagnosis of the step that is being judged, with a worker of its own."""
        if self._diagnosis is None:
            apart = StepSession(session.submission, session.step, self.launcher)
            self._diagnosis = Diagnosis(self.course, apart)
        return self._diagnosis

    def take(self, submission: Submission, launcher: Launcher) -> None:
        """Judge another submission from now on, with workers of another launcher."""
        self.end_session()
        self._submission, self.launcher = submission, launcher

    def end_session(self) -> None:
        """End the current step's workers."""
        for one in (self._session, self._diagnosis):
            if one:
                one.close()
        self._session = self._diagnosis = None

    def close(self) -> None:
        """End all workers."""
        self.end_session()
        self.launcher.close()


JUDGE = pytest.StashKey[Judge]()
_VERDICTS = (Mismatch, LearnerError, Crash, Stop)
_SESSION = pytest.StashKey[StepSession]()


class Hooks:
    """What other plugins may do for this one."""

    @pytest.hookspec(firstresult=True)
    def pytest_torchsteps_launcher(self) -> Launcher | None:
        """Return what workers are started with; it is closed when the session ends."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torchsteps", "the exercise kit")
    group.addoption(
        "--submission",
        metavar="PATH",
        default="exercises",
        help="folder with the step modules to judge",
    )
    group.addoption(
        "--direct",
        action="store_true",
        help="run the learner's code in this process, for a debugger",
    )
    group.addoption(
        "--live",
        action="store_true",
        help="let hypothesis run on the submission itself, instead of replaying examples",
    )
    group.addoption(
        "--sandbox",
        metavar="LAYERS",
        default="limits",
        help=f"layers of isolation, joined by commas: all, or some of {', '.join(LAYERS)}",
    )
    group.addoption(
        "--worker",
        choices=["auto", "fork", "spawn"],
        default="auto",
        help="how workers are started",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "exercise(function, title, points=1): the function that a test judges, what it shows, and its weight",
    )
    try:
        course = Course.load(find_root(config.rootpath))
    except CourseError as error:
        raise pytest.UsageError(str(error)) from None
    target = Path(config.getoption("submission"))
    if not target.is_absolute():
        inside = config.invocation_params.dir / target
        target = inside if inside.exists() else course.root / target
    if not target.exists():
        raise pytest.UsageError(f"There is no folder {target}: name one with --submission.")
    kind = "direct" if config.getoption("direct") else config.getoption("worker")
    launcher = config.hook.pytest_torchsteps_launcher()
    if launcher is None:
        launcher = pick_launcher(kind, _layers(config), course.limits)
    config.stash[JUDGE] = Judge(course, target, launcher)


def _layers(config: pytest.Config) -> list[str]:
    text = config.getoption("sandbox")
    layers = list(LAYERS) if text == "all" else [name for name in text.split(",") if name]
    unknown = set(layers) - set(LAYERS)
    if unknown:
        raise pytest.UsageError(f"--sandbox: there is no layer {', '.join(sorted(unknown))}.")
    return layers


def pytest_unconfigure(config: pytest.Config) -> None:
    judge = config.stash.get(JUDGE, None)
    if judge:
        judge.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collectstart(collector: pytest.Collector) -> None:
    if isinstance(collector, pytest.Module) and collector.path.name.startswith(STEP_TESTS):
        load_profile(HIDDEN_EXAMPLES if is_hidden(collector.path) else VISIBLE_EXAMPLES)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("exercise"):
            item.repr_failure = partial(_repr_failure, item.repr_failure)  # type: ignore[method-assign]
        if item.path.name.startswith(STEP_TESTS) and item.get_closest_marker("exercise") is None:
            raise pytest.UsageError(f"{item.nodeid}: the mark `exercise` is missing.")
    judge = config.stash[JUDGE]
    if isinstance(judge.launcher, ForkLauncher):
        files = {item.path.name for item in items}
        steps = [step for step in judge.course.steps if step.test_file in files]
        judge.launcher.expected = {group for step in steps for group in step.packages}


def is_hidden(path: Path) -> bool:
    """Return whether a test file is one that learners do not see."""
    return path.parent.name == "hidden"


def _repr_failure(
    usual: Callable[..., Any], excinfo: pytest.ExceptionInfo[BaseException], *args: Any
) -> Any:
    """Leave out the traceback of a verdict: nobody sees it, and it is the slowest part of a failing test."""
    return "" if isinstance(excinfo.value, _VERDICTS) else usual(excinfo, *args)


def _searchable(error: Exception) -> bool:
    """Return whether a smaller input may be looked for; after a crash, each try would cost a new worker."""
    return isinstance(error, (Mismatch, LearnerError))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if pyfuncitem.get_closest_marker("exercise") is None or not is_property(pyfuncitem):
        return None
    if pyfuncitem.config.getoption("live"):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    fixtures = {name: pyfuncitem.funcargs[name] for name in names}
    pyfuncitem.config.stash[JUDGE].properties.run(pyfuncitem, fixtures)
    return True


@pytest.fixture
def learner(request: pytest.FixtureRequest) -> Learner:
    """The learner's module of this test's step, behind the process boundary."""
    judge = request.config.stash[JUDGE]
    step = judge.course.by_id[request.path.stem.removeprefix(STEP_TESTS)]
    mark = request.node.get_closest_marker("exercise")
    session = judge.session(step)
    request.node.stash[_SESSION] = session
    return Learner(session, mark.args[0])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    mark = item.get_closest_marker("exercise")
    if mark is None or (call.when != "call" and not report.failed):
        return
    session = item.stash.get(_SESSION, None)
    verdict = judge_outcome(item, mark, session, call, report)
    verdict = _with_diagnosis(item.config.stash[JUDGE], session, verdict, call.excinfo)
    report.verdict = vars(verdict)  # type: ignore[attr-defined]
    if verdict.status not in ("passed", "error"):
        report.longrepr = visible(verdict.message)


def judge_outcome(
    item: pytest.Item,
    mark: pytest.Mark,
    session: StepSession | None,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
) -> TestVerdict:
    """Return the verdict on one test: anything that is not known to be right is not passed."""
    output = session.printed if session else ("", 0)
    status, sentence, asked = "error", "", None
    error = call.excinfo.value if call.excinfo else None
    if error is None and report.passed:
        status = "passed"
        sentence = explain.printed_much(output[1]) if output[1] > MUCH_OUTPUT else ""
    elif isinstance(error, Stop):
        status, sentence, asked = error.status, error.sentence, error.call
    elif isinstance(error, Crash):
        status, sentence, asked = "crashed", error.sentence, error.call
    elif isinstance(error, (Mismatch, LearnerError)):
        status, sentence, asked = "failed", error.sentence, error.call
    else:
        sentence = (
            f"The kit itself failed here, which is not your fault: {report.longreprtext[-1500:]}"
        )
    if status == "timeout":
        # How much it printed until it was stopped is a matter of chance.
        output = (output[0], 0)
    hidden = is_hidden(item.path)
    show = output if status not in ("passed", "error", "not_started") else ("", 0)
    return TestVerdict(
        id=f"{'hidden/' if hidden else ''}{item.path.stem}::{item.name}",
        step=item.path.stem.removeprefix(STEP_TESTS),
        function=mark.args[0],
        title=mark.args[1],
        visibility="hidden" if hidden else "visible",
        status=status,
        weight=mark.kwargs.get("points", 1),
        message=explain.message(sentence, asked, show) if sentence else "",
        counterexample=explain.counterexample(asked),
    )


def _with_diagnosis(
    judge: Judge,
    session: StepSession | None,
    verdict: TestVerdict,
    excinfo: pytest.ExceptionInfo[BaseException] | None,
) -> TestVerdict:
    """Return the verdict as the learner sees it: with the mistake it looks like, as far as the course shows it."""
    if judge.naming and session and excinfo and isinstance(excinfo.value, (Mismatch, LearnerError)):
        found = judge.diagnosis(session).name(verdict.function, verdict.id)
        if found:
            words = explain.misconception(session.step, found.sentence, found.hint, found.read)
            message = f"{verdict.message}\n{words}"
            verdict = replace(verdict, misconception=found.id, message=message)
    return limited(verdict, judge.course.hidden_feedback)
