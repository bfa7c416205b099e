"""The watcher: stays open, judges a step again whenever its file is saved, and shows what to do next.

One loop handles all that happens, one event at a time: a key, a save, an answer of the judge, a new size of the
window. Threads only add events. The judge is another process (`grader.run.resident`), so this one starts at once.
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group

from grader.course.course import Course, CourseError, Step
from grader.course.paths import EXERCISES, WATCH_FILE
from grader.course.places import Places
from grader.course.verdicts import Status, StepVerdict, TestVerdict
from grader.report.watching import KEYS, View, lines
from grader.run.after import after_of
from grader.run.cache import State
from grader.run.check import known_verdicts, last_verdict, remember
from grader.run.editor import editor_command, open_editor
from grader.run.hints import hints_of, next_hint
from grader.run.keys import Keys
from grader.run.reset import reset
from grader.run.resident import ResidentJudge
from grader.submissions.submission import Submission

if TYPE_CHECKING:
    from grader.run.page import Page

# What watchfiles waits for further changes, in milliseconds. Its default, 50, is half of what an answer may take.
_STEP = 5
# Where no events come, as on network drives, the files are looked at this often, in seconds.
_LOOK = 0.5
_RESTARTS = 5


class Watch:
    """The state of a watcher, and what each event does to it.

    Args:
        course: the course.
        places: the kit and the workspace.
        console: where the screen is shown.
        stub: returns the stub of a step.
        editor: a command to open files with, or "".
        first: the step to begin with; by default, where the learner stopped.

    Attributes:
        page: shows the same in a browser, if it is set before `run`.
    """

    page: Page | None = None

    def __init__(
        self,
        course: Course,
        places: Places,
        console: Console,
        stub: Callable[[Step], str],
        editor: str = "",
        first: Step | None = None,
    ) -> None:
        assert places.workspace
        self.course = course
        self.places = places
        self.exercises = places.workspace / EXERCISES
        self.console = console
        self._stub = stub
        self._editor = editor
        self._events: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._keys = Keys(lambda name: self._events.put(("key", name)))
        self._judge = ResidentJudge(
            places.kit, self.exercises, lambda answer: self._events.put(("answer", answer))
        )
        self._stop = threading.Event()
        self._going = True
        self._run = 0
        self._asked: tuple[Submission, float] | None = None
        self._tests: list[TestVerdict] = []
        self._looked: Any = None
        self._confirm = False
        self._choosing = False
        self._state = State(places.memory, WATCH_FILE)
        submission = self._read()
        verdicts = known_verdicts(course, places.memory, submission, course.steps)
        statuses = {name: verdict.status for name, verdict in verdicts.items()}
        step = first or self._where_stopped(statuses)
        self.view = View(
            course,
            submission,
            step,
            statuses,
            in_clone=places.is_clone,
            plain=not (console.encoding or "").lower().startswith("utf"),
        )
        self._go_to(step, verdicts.get(step.id))

    def tell(self, kind: str, value: Any) -> None:
        """Add an event; from any thread."""
        self._events.put((kind, value))

    def _where_stopped(self, statuses: dict[str, Status]) -> Step:
        known = self._state.data.get("step")
        if isinstance(known, str) and known in self.course.by_id:
            return self.course.by_id[known]
        steps = self.course.steps
        return next((step for step in steps if statuses.get(step.id) != Status.PASSED), steps[0])

    def _read(self) -> Submission:
        self._looked = self._stamps()
        try:
            return Submission.read(self.exercises, self.course)
        except OSError:
            return Submission("nothing", self.exercises, {}, {})

    def _stamps(self) -> Any:
        """Return a value that changes when a file of the exercises does."""
        try:
            with os.scandir(self.exercises) as entries:
                found = [
                    (entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py")
                ]
        except OSError:
            return None
        return sorted(
            (name, status.st_mtime_ns, status.st_size, status.st_ino) for name, status in found
        )

    # The loop

    def run(self) -> None:
        """Watch until the learner quits; afterwards the terminal is as it was."""
        threading.Thread(target=self._watch_files, daemon=True).start()
        if not self._judge.starts:
            self._judge.start()
        with self._signals():
            try:
                while self._going:
                    self._on_screen()
            finally:
                self._stop.set()
                if self.page:
                    self.page.close()
                self._judge.close()
                self._state.data["step"] = self.view.step.id
                self._state.save()

    def _on_screen(self) -> None:
        """Show the screen and handle events until the terminal is wanted for something else."""
        with self.console.screen(hide_cursor=True) as screen:
            self._keys.start()
            try:
                act: Callable[[], None] | None = None
                while self._going and act is None:
                    size = self.console.size
                    screen.update(Group(*lines(self.view, size.width, size.height)))
                    if self.page:
                        self.page.publish(self.view)
                    act = self._next()
            finally:
                self._keys.stop()
        if act:
            act()

    def _next(self) -> Callable[[], None] | None:
        """Handle what has happened; return what is to be done without the screen, if there is anything."""
        try:
            kind, value = self._events.get(timeout=_LOOK)
        except Empty:
            if self._stamps() != self._looked:
                self._saved()
            return None
        while True:
            act = self._handle(kind, value)
            if act or not self._going or self._events.empty():
                return act
            kind, value = self._events.get()

    def _handle(self, kind: str, value: Any) -> Callable[[], None] | None:
        if kind == "key":
            return self._key(value)
        if kind == "saved":
            self._saved()
        elif kind == "answer":
            self._answer(value)
        elif kind == "page":
            self._clicked(value)
        elif kind == "suspend":
            return _suspend
        elif kind == "end":
            self._going = False
        return None

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Turn signals into events, so that the terminal is given back before anything else happens."""
        kinds = {
            "SIGINT": "end",
            "SIGTERM": "end",
            "SIGHUP": "end",
            "SIGTSTP": "suspend",
            "SIGWINCH": "size",
        }
        before = {}
        for name, kind in kinds.items():
            number = getattr(signal, name, None)
            if number is not None:
                # SimpleQueue may be used in a signal handler.
                before[number] = signal.signal(
                    number, lambda *_, kind=kind: self._events.put((kind, None))
                )
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _watch_files(self) -> None:
        from watchfiles import watch

        while not self._stop.is_set():
            try:
                for _ in watch(
                    self.exercises,
                    step=_STEP,
                    debounce=10 * _STEP,
                    stop_event=self._stop,
                    recursive=False,
                ):
                    self._events.put(("saved", None))
            except (OSError, RuntimeError):
                # The folder is gone, or the system gives no events; then it is looked at now and then.
                self._stop.wait(1)

    # Saves and answers

    def _saved(self) -> None:
        """Judge the step again if anything that its verdict depends on has changed."""
        before = self.view.submission
        self.view.submission = self._read()
        if self.view.submission.sources == before.sources:
            return
        module = self.view.step.module
        self.view.notice = ""
        if self.view.submission.sources.get(module) == before.sources.get(module):
            # Another step's file: what is known of that one counts no more.
            self.view.statuses = {
                step.id: status
                for step in self.course.steps
                if (status := self.view.statuses.get(step.id)) is not None
                and self.view.submission.sources.get(step.module) == before.sources.get(step.module)
            }
            if last_verdict(self.course, self.places.memory, self.view.submission, self.view.step):
                return
        self._ask()

    def _ask(self) -> None:
        """Ask the judge for the current step."""
        self._run += 1
        self._tests = []
        file = self.exercises / self.view.step.filename
        now = time.time()
        try:
            saved = file.stat().st_mtime
        except OSError:
            saved = now
        self._asked = self.view.submission, saved if now - saved < 5 else now
        self.view.judging = True
        self.view.panel = []
        self._choosing = False
        self._judge.judge(self._run, self.view.step.id)

    def _answer(self, answer: dict[str, Any]) -> None:
        if answer.get("ready"):
            self.view.loading = False
        elif answer.get("ended"):
            self._judge_ended()
        elif answer.get("run") == self._run and self._asked:
            if "test" in answer:
                self._tests.append(TestVerdict.of(answer["test"]))
                worst = {Status.FAILED, Status.TIMEOUT, Status.CRASHED, Status.ERROR}
                # The old verdict stays until the new one says something else than "right so far".
                if (
                    self._tests[-1].status in worst
                    and sum(t.status in worst for t in self._tests) == 1
                ):
                    self._show(done=False)
            elif "judged" in answer:
                self._show(done=True)
                self._finish(answer["judged"])
            elif "problem" in answer:
                self.view.judging = False
                self.view.notice = f"The kit itself failed: {answer['problem']}"
        elif answer.get("problem") and not answer.get("run"):
            self.view.loading = self.view.judging = False
            self.view.notice = f"The kit itself failed: {answer['problem']}"

    def _show(self, done: bool) -> None:
        self.view.verdict = StepVerdict(self.view.step, tuple(self._tests))
        self.view.judging = not done
        self.view.loading = False
        self.view.top = 0
        self.view.place = self._place()

    def _finish(self, digest: str) -> None:
        assert self._asked and self.view.verdict
        submission, saved = self._asked
        self.view.seconds = time.time() - saved
        self.view.statuses[self.view.step.id] = self.view.verdict.status
        self.view.idea = _idea_of(self.course, self.view.step)
        if digest == submission.sha256:
            remember(self.course, self.places.memory, submission, self.view.verdict)
        else:
            # The file was saved again before the judge read it; that save is an event of its own.
            self._events.put(("saved", None))

    def _judge_ended(self) -> None:
        if self._judge.starts > _RESTARTS:
            self.view.judging = self.view.loading = False
            self.view.notice = (
                "The judge ends again and again. `doctor` says what works on this machine."
            )
            return
        if self.view.judging:
            self._ask()
        else:
            self._judge.start()

    # Keys

    def _key(self, name: str) -> Callable[[], None] | None:
        self.view.notice = ""
        if self._confirm:
            self._confirm = False
            if name in "yY":
                self._reset()
            return None
        moves = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}
        if name in moves:
            self._move(moves[name])
            return None
        if self._choosing and name == "enter":
            self._go_to(self.course.steps[self.view.marked])
            return None
        if self.view.panel and name in ("escape", "enter", "q", "backspace", self._opened):
            self._close_panel()
            return None
        acts: dict[str, Callable[[], Callable[[], None] | None]] = {
            "n": lambda: self._neighbour(1),
            "right": lambda: self._neighbour(1),
            "p": lambda: self._neighbour(-1),
            "left": lambda: self._neighbour(-1),
            "l": self._list,
            "h": self._hint,
            "z": lambda: lambda: self._command("quiz"),
            "r": self._again,
            "o": lambda: lambda: self._command("solution"),
            "e": self._edit,
            "x": self._ask_reset,
            "?": self._help,
            "q": self._quit,
            "quit": self._quit,
        }
        act = acts.get(name)
        if act is None:
            self.view.notice = "No such key: ? shows them all."
            return None
        self._opened = name
        return act()

    _opened = ""

    def _quit(self) -> None:
        self._going = False

    def _move(self, by: int) -> None:
        if self._choosing:
            self.view.marked = max(0, min(self.view.marked + by, len(self.course.steps) - 1))
            self.view.top = max(0, self.view.marked - 5)
        else:
            self.view.top = max(0, self.view.top + by)

    def _close_panel(self) -> None:
        self.view.panel, self.view.marked, self.view.top = [], -1, 0
        self._choosing = False

    def _neighbour(self, by: int) -> None:
        number = self.course.steps.index(self.view.step) + by
        if 0 <= number < len(self.course.steps):
            self._go_to(self.course.steps[number])
        else:
            self.view.notice = f"This is the {'last' if by > 0 else 'first'} step."

    def _go_to(self, step: Step, known: StepVerdict | None = None) -> None:
        """Show a step; it is judged unless its verdict is known."""
        self._close_panel()
        self.view.step = step
        self.view.seconds = None
        self.view.idea = _idea_of(self.course, step)
        self.view.verdict = known or last_verdict(
            self.course, self.places.memory, self.view.submission, step
        )
        self.view.place = self._place()
        if self.view.verdict is None:
            self._ask()
            return
        # What still runs is about another step.
        self._run += 1
        self.view.judging = False
        self.view.statuses[step.id] = self.view.verdict.status

    def _again(self) -> None:
        self.view.submission = self._read()
        self._ask()

    def _list(self) -> None:
        self._close_panel()
        words = {
            Status.PASSED: "done",
            Status.FAILED: "not right yet",
            Status.NOT_STARTED: "not started",
        }
        for step in self.course.steps:
            status = self.view.statuses.get(step.id)
            said = words.get(status, "not judged yet") if status else "not judged yet"
            self.view.panel.append(f"  {step.id}  {step.title:<34}{said}")
        self._choosing = True
        self.view.marked = self.course.steps.index(self.view.step)
        self.view.top = max(0, self.view.marked - 5)
        self.view.notice = "Up and down choose a step, Enter opens it, Escape goes back."

    def _help(self) -> None:
        self._close_panel()
        keys = [f"  {key}   {words}" for key, words in KEYS]
        saved = "When you save the file of this step, it is judged at once."
        more = f"{saved} Up and down scroll what is too long for the window."
        page = [f"The page: {self.page.address}", ""] if self.page else []
        self.view.panel = [*keys, "", *page, more, "Escape goes back."]

    def _hint(self) -> None:
        self._close_panel()
        step = self.view.step
        try:
            hints = hints_of(self.course, step)
        except CourseError as error:
            self.view.notice = str(error)
            return
        verdict = self.view.verdict
        function = verdict.to_do if verdict else next(iter(hints))
        if not function:
            self.view.notice = "All is right here, so you need no hint."
            return
        function = function if function in hints else next(iter(hints))
        number, text = next_hint(self.places.memory, step, function, hints[function])
        total = len(hints[function])
        self.view.panel = [f"Hint {number} of {total} for {function}", "", *text.splitlines(), ""]
        self.view.panel.append(
            "Escape goes back." + (" h shows the next hint." if number < total else "")
        )
        self._opened = ""

    def _edit(self) -> Callable[[], None] | None:
        file, line = self.exercises / self.view.step.filename, self._line()
        command = editor_command(file, line, self._editor)
        if command is None:
            self.view.notice = (
                f"No editor is known: set VISUAL, or use --edit-cmd. See {self.view.place}"
            )
            return None

        def act() -> None:
            self.view.notice = open_editor(command)

        return act

    def _ask_reset(self) -> None:
        self._confirm = True
        self.view.notice = (
            f"Give step {self.view.step.id} its stubs back? A copy of what you wrote is kept. "
            "y: yes, any other key: no."
        )

    def _reset(self) -> None:
        memory = self.places.memory
        if memory is None:
            self.view.notice = (
                "No folder here is writable, so no copy could be kept: nothing was changed."
            )
            return
        try:
            copy = reset(self.exercises, memory, self.view.step, self._stub(self.view.step))
        except (OSError, CourseError, ValueError) as error:
            self.view.notice = f"Nothing was changed: {error}"
            return
        self._saved()
        self.view.notice = f"Your old version: {copy}" if copy else "The stubs are there."

    def _command(self, name: str) -> None:
        """Run one of the kit's other commands in the terminal, then wait until it was read."""
        self.console.clear()
        words = [sys.executable, "-m", "grader", name, self.view.step.id]
        with contextlib.suppress(KeyboardInterrupt):
            subprocess.run(words, check=False, cwd=self.places.workspace)
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            input("\nEnter goes back to the watcher. ")

    def _clicked(self, action: dict[str, Any]) -> None:
        """Do what was clicked on the page (see `grader.run.page`)."""
        # A question in the terminal, such as whether to reset this step, may be about another step now.
        self._confirm = False
        self.view.notice = ""
        if action["act"] == "step":
            self._go_to(action["step"])
        elif action["act"] == "run":
            self._again()
        elif self.page:
            self.page.next_hint(self.view.step, action["function"])

    # Where to look

    def _line(self) -> int:
        """Return the line of the function to do first, or of a syntax error; 1 if neither is known."""
        source = self.view.submission.sources.get(self.view.step.module, b"")
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            return error.lineno or 1
        except ValueError:
            return 1
        verdict = self.view.verdict
        name = verdict.to_do if verdict else ""
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                return node.lineno
        return 1

    def _place(self) -> str:
        path = self.view.submission.path_of(self.view.step.filename)
        with contextlib.suppress(ValueError):
            path = os.path.relpath(path)
        return f"{path}:{self._line()}"


def _idea_of(course: Course, step: Step) -> str:
    """Return what a step is about, in one sentence; "" if the kit does not say."""
    try:
        return after_of(course, step).idea
    except CourseError:
        return ""


def _suspend() -> None:
    """Stop this program as Ctrl-Z does, and go on when the shell says so."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, before)
