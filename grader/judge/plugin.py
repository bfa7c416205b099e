"""The pytest plugin: gives step tests a `learner` whose code runs in a worker, and adds verdicts to reports.

Hooks used, and why:
- `pytest_addhooks`: lets a command lend its judge.
- `pytest_addoption`: adds `--submission`, `--direct` and the other options.
- `pytest_configure`: registers the mark `exercise`, and reads what to judge.
- `pytest_collectstart`: loads a hypothesis profile without deadline and database before each test file.
- `pytest_collection_modifyitems`: refuses a step test that does not say which function it judges, and
  starts to load the packages that the steps need.
- `pytest_pyfunc_call`: draws the examples of a property once, and replays them.
- `pytest_runtest_makereport`: turns an exception into a verdict, and shows a sentence instead of our
  traceback.
- `pytest_unconfigure`: ends all workers with the session.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from grader.course.course import Course, CourseError
from grader.course.limits import LAYERS
from grader.course.paths import EXERCISES
from grader.course.places import find_places
from grader.course.plain_text import visible
from grader.course.verdicts import Status
from grader.judge.judge import STEP_TESTS, Judge, step_of
from grader.judge.learner import Learner, LearnerError
from grader.judge.pytest_run import VERDICT
from grader.judge.step_session import StepSession
from grader.judge.stop import Crash, Stop
from grader.launch.launchers import pick_launcher
from grader.submissions.submission import Submission
from grader.testing.answers import Mismatch
from grader.testing.properties import is_property, load_profile

JUDGE = pytest.StashKey[Judge]()
_VERDICTS = (Mismatch, LearnerError, Crash, Stop)
_SESSION = pytest.StashKey[StepSession]()


class Hooks:
    """The hook that other plugins may implement for this one."""

    @pytest.hookspec(firstresult=True)
    def pytest_torchsteps_judge(self) -> Judge | None:
        """Return the judge that the tests use; it is closed when the session ends."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torchsteps", "the exercise kit")
    group.addoption(
        "--submission",
        metavar="PATH",
        default=EXERCISES,
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
    # Examples that were drawn before are replayed without hypothesis, and `assume` holds for all of them.
    config.addinivalue_line("filterwarnings", "ignore:Using `assume` outside a property-based test")
    config.stash[JUDGE] = config.hook.pytest_torchsteps_judge() or _judge_of_options(config)


def _judge_of_options(config: pytest.Config) -> Judge:
    try:
        places = find_places(config.rootpath)
        # The root of a run of installed tests is the installed kit, wherever the learner is.
        home = find_places(config.invocation_params.dir) if places.is_installed else places
        course = Course.load(places.kit)
    except CourseError as error:
        raise pytest.UsageError(str(error)) from None
    target = Path(config.getoption("submission"))
    if not target.is_absolute():
        inside = config.invocation_params.dir / target
        if home.workspace and not inside.exists():
            inside = home.workspace / target
        target = inside
    if not target.exists():
        raise pytest.UsageError(f"There is no folder {target}: name one with --submission.")
    kind = "direct" if config.getoption("direct") else config.getoption("worker")
    launcher = pick_launcher(kind, _layers(config), course.limits)
    return Judge(course, Submission.read(target, course), launcher)


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
        load_profile()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("exercise"):
            item.repr_failure = partial(_repr_failure, item.repr_failure)  # type: ignore[method-assign]
        if item.path.name.startswith(STEP_TESTS) and not _is_marked(item):
            raise pytest.UsageError(
                f"{item.nodeid}: the mark `exercise` is missing, or is not as CONTRIBUTING.md says."
            )
    if not config.option.collectonly:
        judge = config.stash[JUDGE]
        files = {item.path.name for item in items}
        steps = [step for step in judge.course.steps if step.test_file in files]
        judge.launcher.prepare({step.packages for step in steps})


def _is_marked(item: pytest.Item) -> bool:
    """Return whether a test's mark `exercise` is complete: function, title and a positive weight."""
    mark = item.get_closest_marker("exercise")
    if mark is None or [type(value) for value in mark.args] != [str, str]:
        return False
    points = mark.kwargs.get("points", 1)
    return mark.kwargs.keys() <= {"points"} and type(points) is int and points > 0


def _repr_failure(
    usual: Callable[..., Any], excinfo: pytest.ExceptionInfo[BaseException], *args: Any
) -> Any:
    """Skip the traceback of a verdict: nobody sees it, and formatting it is the slowest part of a failing test."""
    return "" if isinstance(excinfo.value, _VERDICTS) else usual(excinfo, *args)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    mark = pyfuncitem.get_closest_marker("exercise")
    if mark is None or not is_property(pyfuncitem):
        return None
    if pyfuncitem.config.getoption("live"):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    fixtures = {name: pyfuncitem.funcargs[name] for name in names}
    session = pyfuncitem.stash.get(_SESSION, None)
    aside = session.aside(mark.args[0]) if session else nullcontext()
    judge = pyfuncitem.config.stash[JUDGE]
    first = mark.args[0] not in judge.wrong
    judge.properties.run(pyfuncitem, fixtures, aside, first)
    return True


@pytest.fixture
def learner(request: pytest.FixtureRequest) -> Learner:
    """The learner's module for the step of this test, behind the process boundary."""
    judge = request.config.stash[JUDGE]
    mark = request.node.get_closest_marker("exercise")
    session = judge.session(step_of(judge.course, request.node))
    request.node.stash[_SESSION] = session
    return Learner(session, mark.args[0])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    mark = item.get_closest_marker("exercise")
    if mark is None or (call.when != "call" and report.passed):
        return
    session = item.stash.get(_SESSION, None)
    verdict = item.config.stash[JUDGE].outcome(item, mark, session, call, report)
    report.user_properties.append((VERDICT, verdict.plain))
    if verdict.status not in (Status.PASSED, Status.ERROR):
        report.longrepr = visible(verdict.message)
