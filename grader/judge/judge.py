"""The judge of a submission: holds one step's session at a time, and turns outcomes of tests into verdicts."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from grader.course.course import Course, Step
from grader.course.verdicts import Status, TestVerdict, shown, told
from grader.judge import feedback, slips
from grader.judge.diagnosis import Diagnosis, Transcript
from grader.judge.learner import LearnerError
from grader.judge.step_session import StepSession
from grader.judge.stop import Crash, Stop
from grader.judge.uses import used_by
from grader.launch.launchers import Launcher, LaunchError
from grader.submissions.submission import Submission
from grader.testing.answers import Mismatch
from grader.testing.properties import Properties

STEP_TESTS = "test_step_"
MUCH_OUTPUT = 64 * 1024


def is_hidden(path: Path) -> bool:
    """Return whether a test file is one that learners do not see."""
    return path.parent.name == "hidden"


def step_of(course: Course, item: pytest.Item) -> Step:
    """Return the step that a test belongs to."""
    return course.by_id[item.path.stem.removeprefix(STEP_TESTS)]


def id_of(item: pytest.Item) -> str:
    """Return the id of a test in verdicts."""
    return f"{'hidden/' if is_hidden(item.path) else ''}{item.path.stem}::{item.name}"


def mark_of(item: pytest.Item) -> pytest.Mark:
    """Return the mark `exercise` of a test."""
    mark = item.get_closest_marker("exercise")
    assert mark, "the plugin takes no test without it"
    return mark


class Judge:
    """What one pytest session needs to judge one submission; each part is made when first used.

    Args:
        course: the course.
        submission: the submission to judge; None if each forked judge takes its own.
        launcher: starts the workers.

    Attributes:
        naming: whether to look for a misconception when a test fails.
        wrong: the functions of the current step of which a test has failed.
    """

    def __init__(self, course: Course, submission: Submission | None, launcher: Launcher) -> None:
        self.course = course
        self.launcher = launcher
        self._submission = submission
        self._session: StepSession | None = None
        self._diagnosis: Diagnosis | None = None
        self.wrong: set[str] = set()
        self.naming = True
        self.properties = Properties(course.seed, _kind_of_mistake)

    def session(self, step: Step) -> StepSession:
        """Return the session of a step; the session of any other step ends."""
        assert self._submission, "no submission was taken yet"
        if self._session is None or self._session.step.id != step.id:
            self.end_session()
            self._session = StepSession(self._submission, step, self.launcher)
        return self._session

    def diagnosis(self, session: StepSession) -> Diagnosis:
        """Return the diagnosis of the step that is being judged; it has a worker of its own."""
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
                # All verdicts are in, so a worker that is lost now does no harm.
                with contextlib.suppress(LaunchError):
                    one.close()
        self._session = self._diagnosis = None
        self.wrong = set()

    def close(self) -> None:
        """End all workers."""
        self.end_session()
        self.launcher.close()

    def passed(self, item: pytest.Item) -> TestVerdict:
        """Return the verdict on a test whose requests were all answered as is known to make it pass."""
        session = self.session(step_of(self.course, item))
        return _verdict(item, mark_of(item), session, None, None)

    def broken(self, item: pytest.Item, problem: str) -> TestVerdict:
        """Return the verdict on a test that failed because of the kit, not of the submission."""
        return _verdict(item, mark_of(item), None, None, problem)

    def _name(self, session: StepSession, verdict: TestVerdict) -> Transcript | None:
        try:
            return self.diagnosis(session).name(verdict.function, verdict.id)
        except Exception:
            # The misconception is a courtesy: the verdict stands without it.
            return None

    def outcome(
        self,
        item: pytest.Item,
        mark: pytest.Mark,
        session: StepSession | None,
        call: pytest.CallInfo[None],
        report: pytest.TestReport,
    ) -> TestVerdict:
        """Return the verdict on a test as the learner sees it, with the misconception that explains it.

        Args:
            item: the test.
            mark: its mark `exercise`.
            session: the session of its step; None if the test ended before it had one.
            call: how pytest's call of the test ended.
            report: pytest's report of that call.
        """
        error = call.excinfo.value if call.excinfo else None
        problem = None if report.passed else report.longreprtext
        verdict = _verdict(item, mark, session, error, problem)
        misconception, words = None, ""
        if self.naming and session and error and _kind_of_mistake(error):
            culprit = self._culprit(session, verdict.function)
            found = None if culprit else self._name(session, verdict)
            if culprit:
                words = feedback.culprit(verdict.function, culprit)
            elif found:
                misconception = found.id
                words = feedback.misconception(session.step, found.sentence, found.hint, found.read)
            else:
                words = _slip(session, verdict.function, error)
        if verdict.status in (Status.FAILED, Status.TIMEOUT, Status.CRASHED):
            self.wrong.add(verdict.function)
        return shown(told(verdict, misconception, words), self.course.hidden_feedback)

    def _culprit(self, session: StepSession, function: str) -> str:
        """Return a function that this one uses and that failed a test before, or "".

        Then this one may be right, and to name a mistake in it would send the learner to the wrong place.
        """
        if not self.wrong - {function}:
            return ""
        source = session.submission.sources.get(session.step.module, b"")
        return next((name for name in used_by(source, function) if name in self.wrong), "")


def _slip(session: StepSession, function: str, error: BaseException) -> str:
    """Return a sentence about the slip in a function's code that an answer or an error hints at, or ""."""
    source = session.submission.sources.get(session.step.module, b"")
    if isinstance(error, LearnerError):
        message = error.report["message"]
        missing = re.match(r"name '(\w{1,80})' is not defined", message)
        meant = slips.attribute_meant(source, missing[1]) if missing else ""
        return meant or slips.attribute_alike(message)
    # Where an error was asked for or inputs were changed, something else is wrong.
    if (
        not isinstance(error, Mismatch)
        or not re.search(r"\bgot\b", error.sentence)
        or re.match(r"Expected an? \w{1,80} because|Your code changed", error.sentence)
    ):
        return ""
    return slips.slip(source, function)


def _printer(session: StepSession) -> str:
    """Return a sentence about the imported step that printed, or ""."""
    others = dict(session.submission.sources)
    return slips.printing_import(others.pop(session.step.module, b""), others)


def _kind_of_mistake(error: BaseException) -> object:
    """Return the kind of mistake behind a wrong answer; None if there is no answer, as after a crash.

    Without a kind, neither a smaller example nor a misconception is looked for: after a crash, each further
    request would cost a new worker. Exceptions of different types are different mistakes.
    """
    if isinstance(error, LearnerError):
        return error.report["type"]
    return Mismatch if isinstance(error, Mismatch) else None


def _verdict(
    item: pytest.Item,
    mark: pytest.Mark,
    session: StepSession | None,
    error: BaseException | None,
    problem: str | None,
) -> TestVerdict:
    """Return the verdict on a test; it is passed only if nothing at all went wrong.

    Args:
        item: the test.
        mark: its mark `exercise`.
        session: the session of its step; None if the test ended before it had one.
        error: the exception that the test raised, or None.
        problem: pytest's report, if the test did not pass, or None.
    """
    output = session.printed if session else ("", 0)
    status, sentence, asked = Status.ERROR, "", None
    if error is None and problem is None:
        status = Status.PASSED
        sentence = feedback.printed_much(output[1]) if output[1] > MUCH_OUTPUT else ""
    elif isinstance(error, Stop):
        status, sentence, asked = error.status, error.sentence, error.call
    elif isinstance(error, Crash):
        status, sentence, asked = Status.CRASHED, error.sentence, error.call
    elif isinstance(error, (Mismatch, LearnerError)):
        status, sentence, asked = Status.FAILED, error.sentence, error.call
    else:
        sentence = f"The kit itself failed here, which is not your fault: {(problem or '')[-1500:]}"
    if status == Status.TIMEOUT:
        # How much it printed before it was stopped depends on chance.
        output = (output[0], 0)
    hidden = is_hidden(item.path)
    show = output if status not in (Status.PASSED, Status.ERROR, Status.NOT_STARTED) else ("", 0)
    # Warnings are printed, too, and say themselves where they come from.
    is_print = session and show[0].strip() and "Warning: " not in show[0]
    printer = _printer(session) if session and is_print else ""
    return TestVerdict(
        id=id_of(item),
        step=item.path.stem.removeprefix(STEP_TESTS),
        function=mark.args[0],
        title=mark.args[1],
        visibility="hidden" if hidden else "visible",
        status=status,
        weight=mark.kwargs.get("points", 1),
        message=feedback.message(sentence, asked, show, printer) if sentence else "",
        counterexample=feedback.counterexample(asked),
    )
