"""Pictures: asks the learner's code for data, and draws them beside what is to be expected.

The worker runs the learner's code and sends plain data. They are checked and drawn here, so that no object of the
learner's meets matplotlib. This module needs no matplotlib to be imported: `draw_pictures` says how to get it.
It works in a forked judge, with a branch of a launcher.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.course.course import Course, Step
from grader.course.files import write_whole
from grader.course.plain_text import visible
from grader.course.verdicts import Status
from grader.judge import feedback
from grader.judge.step_session import StepSession
from grader.judge.stop import Crash, Stop
from grader.launch.launchers import Launcher
from grader.submissions.submission import Submission
from grader.testing.answers import Answer, Call, Mismatch
from grader.testing.wording import shorten
from grader.wire import messages

if TYPE_CHECKING:
    from grader.content.pictures.picture import Picture

NO_MATPLOTLIB = (
    'Pictures need matplotlib, which is not installed here: pip install "torchsteps[pictures]"'
)
FORMATS = ("png", "svg")
_MAX_WORDS = 1000


class NoMatplotlib(RuntimeError):
    """Pictures cannot be drawn on this machine; the message is a sentence that says what to install."""


@dataclass(frozen=True)
class Drawn:
    """A picture that was drawn, or waits for something.

    Attributes:
        name: its name within the step, such as "surface".
        title: what there is to see.
        files: the names of its files, one for each format; none if it waits.
        waiting: why it is not there, in sentences; "" if it is.
        alt: what can be seen, in sentences with the numbers, for those who cannot see it; "" if it waits.
    """

    name: str
    title: str
    files: tuple[str, ...]
    waiting: str
    alt: str


class _Waits(Exception):
    """A picture cannot be drawn yet; the message says why."""


def pictures_of(step: Step) -> list[Picture]:
    """Return the pictures of a step; not all have any."""
    name = f"grader.content.pictures.step_{step.id}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return []
    pictures: list[Picture] = module.PICTURES
    return pictures


def draw_pictures(
    course: Course,
    launcher: Launcher,
    submission: Submission,
    step: Step | str,
    folder: Path,
    formats: Sequence[str] = FORMATS,
) -> Iterator[Drawn]:
    """Draw the pictures of a step, one after the other.

    Args:
        course: the course.
        launcher: starts the workers; who started it closes it.
        submission: the learner's modules.
        step: the step, or how a learner names it.
        folder: where the files go; it is made if necessary. Files of pictures that wait are removed from it.
        formats: of "png" and "svg".

    Yields:
        How each picture went.

    Raises:
        NoMatplotlib: matplotlib is not installed.
        LaunchError: no worker can be started.
        CourseError: there is no such step.
    """
    step = course.find(step) if isinstance(step, str) else step
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError:
        raise NoMatplotlib(NO_MATPLOTLIB) from None
    session = StepSession(submission, step, launcher)
    answers: dict[Any, Answer | _Waits] = {}
    try:
        for picture in pictures_of(step):
            key = picture.probe, picture.inputs
            if key not in answers:
                answers[key] = _asked(session, picture)
            yield _drawn(picture, answers[key], folder, formats)
    finally:
        session.close()


def _asked(session: StepSession, picture: Picture) -> Answer | _Waits:
    """Return what the learner's code says about a picture, or why it says nothing."""
    probe, inputs = picture.probe, dict(picture.inputs())
    call = Call(probe.name, (), inputs, probe.purpose)
    path = session.step.filename
    # Each has a time limit of its own, as the tests of a function have.
    turn = f"the picture {picture.name}"
    try:
        reply = session.ask(turn, call, messages.probe(probe.parcel, (), inputs))
    except Stop as stop:
        if stop.status == Status.TIMEOUT and stop.call:
            seconds = f"{session.step.seconds:g} seconds"
            return _Waits(f"It took longer than {seconds}. Is there a loop that never ends?")
        return _Waits(stop.sentence)
    except Crash as crash:
        return _Waits(crash.sentence)
    if reply["kind"] == "value":
        return Answer(reply["value"], call)
    if reply["kind"] == "missing":
        return _Waits(feedback.missing_function(reply["name"], path))
    if reply["kind"] == "raised" and not reply["stub"]:
        return _Waits(feedback.raised(reply, path))
    if reply["kind"] == "raised":
        name = feedback.name_not_written(reply, picture.needs[0]).removesuffix(".__init__")
        return _Waits(f"It waits for `{name}`, which is not written yet.")
    return _Waits(feedback.unplain(reply["message"]))


def _drawn(
    picture: Picture, answer: Answer | _Waits, folder: Path, formats: Sequence[str]
) -> Drawn:
    """Draw a picture from an answer, and write its files."""
    files = tuple(f"{picture.name}.{kind}" for kind in formats)
    try:
        if isinstance(answer, _Waits):
            raise answer
        images, alt = _images(picture, answer, formats)
    except _Waits as waits:
        for file in files:
            (folder / file).unlink(missing_ok=True)
        return Drawn(picture.name, picture.title, (), _words(str(waits)), "")
    folder.mkdir(parents=True, exist_ok=True)
    for file, image in zip(files, images, strict=True):
        write_whole(folder / file, image)
    return Drawn(picture.name, picture.title, files, "", _words(alt))


def _images(picture: Picture, answer: Answer, formats: Sequence[str]) -> tuple[list[bytes], str]:
    """Return the bytes of a picture in each format, and what can be seen; raises _Waits."""
    from grader.content.pictures.style import METADATA, new_figure, style

    images = []
    # What numbers of a stranger's make matplotlib and NumPy warn of, the learner sees in the picture.
    with style(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            figure = new_figure(picture.title, picture.size)
            alt = picture.draw(figure, answer)
            # Once for all formats: it takes as long as drawing, and each format would find other places.
            figure.get_layout_engine().execute(figure)  # type: ignore[union-attr]
            figure.set_layout_engine("none")
            for kind in formats:
                file = io.BytesIO()
                figure.savefig(file, format=kind, metadata=METADATA[kind])
                images.append(file.getvalue())
        except Mismatch as mismatch:
            raise _Waits(mismatch.sentence) from None
        except Exception as error:
            # Nothing that a learner's code returns may end the command.
            words = f"What your code returned cannot be drawn ({type(error).__name__}: {error})"
            raise _Waits(f"{shorten(words)}.") from error
    return images, alt


def _words(text: str) -> str:
    """Return text with control characters made visible, and none that UTF-8 cannot encode."""
    return shorten(visible(text), _MAX_WORDS).encode("utf-8", "backslashreplace").decode()
