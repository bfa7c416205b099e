"""The watcher's page: shows in a browser what the watcher knows, and makes events of what is clicked there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.course.course import Course, CourseError, Step
from grader.course.paths import PICTURES
from grader.course.places import Places
from grader.report.lessons import Lesson, lesson_of
from grader.report.page.parts import Asked, Content, Hinted, lesson_part, page_state, reply_part
from grader.report.watching import View
from grader.run.hints import hints_of, next_hint, seen_hints
from grader.run.page_server import ActionError, Answers, PageServer, picture_in
from grader.run.quiz import KINDS, NO_ERROR, QuizError, quiz_of, recorded_answers, reply_to
from grader.submissions.submission import Submission

# Errors that may be chosen beside those that the quiz is about.
_ERRORS = {"RuntimeError", "TypeError", "ValueError", "IndexError"}
# What of a view is about the terminal alone.
_TERMINAL = ("panel", "marked", "top", "plain")


class Page:
    """A page that shows what the watcher shows.

    Args:
        course: the course.
        places: the kit and the workspace.
        tell: called in another thread with "page" and what was clicked, as `act` takes it.
        stub: returns the stub of a step, whose lesson is shown.
        port: the port; 0 for any that is free.

    Raises:
        OSError: the port cannot be used.
    """

    def __init__(
        self,
        course: Course,
        places: Places,
        tell: Callable[[str, Any], None],
        stub: Callable[[Step], str],
        port: int = 0,
    ) -> None:
        self._course = course
        self._places = places
        self._tell = tell
        self._stub = stub
        self._server = PageServer(Answers(self._lesson_html, self._picture, self._asked), port)
        self._lessons: dict[str, tuple[str, Lesson]] = {}
        self._stubs: dict[str, str] = {}
        self._hinted: dict[tuple[str, str], int] = {}
        self._drawn: dict[str, list[dict[str, str]]] = {}
        self._shown: Any = None
        self._judged = 0
        self._said: Any = None

    @property
    def address(self) -> str:
        """Where the page is."""
        return self._server.address

    def start(self) -> str:
        """Start to serve, and return the address."""
        self._server.start()
        return self.address

    def open(self) -> None:
        """Show the page in a browser, if there is a screen to show it on."""
        has_screen = sys.platform in ("win32", "darwin") or any(
            os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
        )
        if has_screen:
            # In a process of its own, because browsers write into the terminal that they are started from.
            subprocess.Popen(
                [sys.executable, "-m", "webbrowser", self._server.address_once],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def close(self) -> None:
        """Tell the browsers that it is over, and stop."""
        self._server.close()

    def publish(self, view: View) -> None:
        """Show what the watcher shows, if that has changed."""
        step = view.step
        hints, pictures = self._hints(step), self._pictures(step)
        fields = {name: value for name, value in vars(view).items() if name not in _TERMINAL}
        known = {"statuses": dict(view.statuses), "begun": set(view.begun)}
        shown = {**fields, **known}, hints, pictures
        if shown == self._shown:
            return
        self._shown = shown
        if not view.judging and view.verdict is not self._said:
            self._said = view.verdict
            self._judged += 1
        address, lesson = self._lesson(step, view.submission)
        content = Content(
            lesson,
            address,
            hints,
            self._questions(step),
            pictures,
            judged=self._judged,
            so_far=view.judging and view.verdict is not self._said,
        )
        self._server.publish(page_state(view, content))

    # Clicks

    def _asked(self, action: dict[str, Any]) -> dict[str, Any]:
        """Answer a question of the quiz; hand all else to the watcher."""
        kind, step = action.get("act"), self._course.by_id.get(str(action.get("step")))
        if kind == "answer" and step:
            return self._reply(step, action)
        if kind == "step" and step:
            self._tell("page", {"act": "step", "step": step})
        elif kind == "run":
            self._tell("page", {"act": "run"})
        elif kind == "hint" and isinstance(action.get("function"), str):
            self._tell("page", {"act": "hint", "function": action["function"]})
        else:
            raise ActionError("There is no such thing to do.")
        return {}

    def _reply(self, step: Step, action: dict[str, Any]) -> dict[str, Any]:
        typed = action.get("typed")
        try:
            found = [
                pair for pair in quiz_of(self._course, step) if pair[0].id == action["question"]
            ]
        except (QuizError, KeyError) as error:
            raise ActionError(str(error)) from None
        if not found or not isinstance(typed, str):
            raise ActionError("There is no such question.")
        reply = reply_to(*found[0], typed)
        return {"html": reply_part(reply.right, reply.sentence, reply.explanation)}

    def next_hint(self, step: Step, function: str) -> None:
        """Show the next hint for a function of a step, if there is one."""
        try:
            texts = hints_of(self._course, step).get(function)
        except CourseError:
            return
        if texts:
            number, _ = next_hint(self._places.memory, step, function, texts)
            self._hinted[step.id, function] = number

    # What the page shows

    def _hints(self, step: Step) -> list[Hinted]:
        try:
            hints = hints_of(self._course, step)
        except CourseError:
            return []
        seen = seen_hints(self._places.memory, step, hints)
        return [
            # Where nothing can be remembered, what was asked for here counts.
            Hinted(name, texts[: seen[name] or self._hinted.get((step.id, name), 0)], len(texts))
            for name, texts in hints.items()
        ]

    def _questions(self, step: Step) -> list[Asked]:
        try:
            pairs = quiz_of(self._course, step)
        except QuizError:
            return []
        answers = recorded_answers(self._course).values()
        errors = {answer.answer for answer in answers if answer.answer.endswith("Error")}
        choices = {"bool": ("True", "False"), "error": (NO_ERROR, *sorted(errors | _ERRORS))}
        return [
            Asked(q.id, q.code.strip(), q.question, KINDS[q.kind], choices.get(q.kind, ()))
            for q, _ in pairs
        ]

    def _lesson(self, step: Step, submission: Submission) -> tuple[str, Lesson]:
        """Return the address and the content of a step's lesson: of the stub, or else of the learner's file."""
        if step.id not in self._stubs:
            try:
                self._stubs[step.id] = self._stub(step)
            except (OSError, ValueError):
                self._stubs[step.id] = ""
        own = submission.sources.get(step.module, b"")
        source = self._stubs[step.id] or own.decode("utf-8-sig", "replace")
        digest = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:12]
        address = f"/lesson/{step.id}?{digest}"
        if self._lessons.get(step.id, ("",))[0] != address:
            self._lessons[step.id] = address, lesson_of(source)
        return self._lessons[step.id]

    def _lesson_html(self, step: str) -> str:
        if step not in self._lessons:
            raise ActionError("There is no such lesson.")
        return lesson_part(self._lessons[step][1])

    def folder(self, step: Step) -> Path | None:
        """Return where the pictures of a step go; None if nothing can be written here."""
        return self._folder(step.id)

    def _folder(self, step: str) -> Path | None:
        memory = self._places.memory
        return memory / PICTURES / f"step_{step}" if memory and step in self._course.by_id else None

    def _picture(self, step: str, name: str) -> Path | None:
        folder = self._folder(step)
        return picture_in(folder, name) if folder else None

    def _pictures(self, step: Step) -> list[dict[str, str]]:
        """Return a record for each picture of a step that was drawn, or waits for something."""
        return self._drawn.get(step.id, [])

    def show(self, step: Step, drawn: list[dict[str, Any]]) -> None:
        """Show these pictures of a step (the fields of `grader.judge.pictures.Drawn`)."""
        folder = self._folder(step.id)
        assert folder, "pictures are drawn only where there is a place for them"
        records = []
        for picture in drawn:
            record = {name: str(picture[name]) for name in ("name", "title", "waiting", "alt")}
            src = ""
            for file in picture["files"]:
                # The address changes when the picture does.
                with contextlib.suppress(OSError):
                    digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()[:12]
                    src = f"/picture/{step.id}/{file}?{digest}"
            records.append({**record, "src": src})
        self._drawn[step.id] = records
