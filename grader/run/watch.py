"""The watcher: stays open, judges a step again whenever its file is saved, and shows what to do next.

One loop handles all that happens, one event at a time: a key, a save, an answer of the judge, a new size of the
window. Threads only add events. The judge is another process (`grader.run.resident`), so that this one starts at
once. The module is over 300 lines because each event may change any of the state: it is read as one table of what
happens and what follows.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from rich.console import Console

from grader.course.course import Course, CourseError, Step
from grader.course.paths import EXERCISES
from grader.course.places import Places, command
from grader.course.verdicts import Status, StepVerdict, TestVerdict
from grader.report.watching import KEYS, STILL, STILL_RUNNING, View, lines
from grader.run.after import after_of, asked_before
from grader.run.check import known_verdicts, last_verdict, passed_before, remember
from grader.run.earlier import mend_first
from grader.run.editor import editor_command, open_editor
from grader.run.hints import hints_of, next_hint
from grader.run.keys import run_until_key, unshown, wait_for_key
from grader.run.progress import finished, keep_step, last_step
from grader.run.reset import reset
from grader.run.resident import ResidentJudge
from grader.run.screen import FullScreen, away, suspend
from grader.run.show import has_pictures, no_pictures
from grader.run.where import file_of, function_of, line_of, place_of
from grader.submissions.submission import Submission

if TYPE_CHECKING:
    from grader.run.page import Page

Act = Callable[[], None]

# What watchfiles waits for further changes, in milliseconds. Its default, 50, is half of what an answer may take.
_STEP = 2
# Where no events come, as on network drives, the files are looked at this often, in seconds.
_LOOK = 0.5
# After so many seconds it is said that tests are still running.
_LONG = 2.0
# More steps than that at once were not saved by a learner, but by an update or by git.
_MOST_ASIDE = 3
# So many times in a row the judge may end without a verdict.
_RESTARTS = 3
_WRONG = frozenset({Status.FAILED, Status.TIMEOUT, Status.CRASHED})


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
        # A SimpleQueue may be used in a signal handler.
        self._screen = FullScreen(console, lambda kind, value: self._events.put((kind, value)))
        self._judge = ResidentJudge(
            course, self.exercises, lambda answer: self._events.put(("answer", answer))
        )
        self._stop = threading.Event()
        self._going = True
        self._run = 0
        self._ends = 0
        self._waits = 0
        self._is_second = False
        # Whether what is shown is about the running tests already, and not about those before.
        self._tells_of_this_save = False
        self._asked: tuple[Submission, float | None] | None = None
        # The verdicts that are known, by the place of the test in the step.
        self._found: dict[int, TestVerdict] = {}
        self._looked: Any = None
        self._confirm = False
        self._opened = ""
        self._later: list[Act] = []
        self._pictures: list[dict[str, Any]] = []
        # Steps that were saved while another one is shown; and of the one that is being judged, the run, the step,
        # what was read and the verdicts.
        self._saved_aside: set[str] = set()
        self._aside: tuple[int, Step, Submission, dict[int, TestVerdict]] | None = None
        # The run whose pictures were asked for.
        self._drawing = 0
        submission = self._read()
        verdicts = known_verdicts(course, places.memory, submission, course.steps)
        statuses = dict.fromkeys(finished(course, places.memory, submission), Status.PASSED)
        judged = {name: verdict.status for name, verdict in verdicts.items()}
        step = first or self._where_stopped(statuses | judged)
        self.view = View(
            course,
            submission,
            step,
            statuses,
            in_clone=places.is_clone,
            encoding=self._screen.encoding,
        )
        for verdict in verdicts.values():
            self.view.know(verdict)
        self._go_to(step, verdicts.get(step.id))

    def tell(self, kind: str, value: Any) -> None:
        """Add an event; from any thread."""
        self._events.put((kind, value))

    def _where_stopped(self, statuses: dict[str, Status]) -> Step:
        known = self.course.by_id.get(last_step(self.places.memory))
        steps = self.course.steps
        unfinished = (step for step in steps if statuses.get(step.id) != Status.PASSED)
        return known or next(unfinished, steps[0])

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
        files = threading.Thread(target=self._watch_files, daemon=True)
        files.start()
        if not self._judge.starts:
            self._judge.start()
        with self._screen.signals():
            try:
                while self._going:
                    self._on_screen()
                self._part()
            finally:
                self._going = False
                self._stop.set()
                if self.page:
                    self.page.close()
                self._judge.close()
                files.join(1)
                self._do_later()

    def _part(self) -> None:
        """Say below the learner's command how far they are, and how to go on."""
        again = command(self.places.is_clone, "watch")
        words = f"Step {self.view.step.id}, {self.view.progress}. {again} goes on here."
        # The terminal may have been closed.
        with contextlib.suppress(OSError):
            self.console.print(words, style="dim", soft_wrap=True)

    def _on_screen(self) -> None:
        """Show the screen and handle events until the terminal is wanted for something else."""
        act: Act | None = None
        with self._screen.taken():
            while self._going and act is None:
                try:
                    self._screen.paint(
                        lambda width, height: lines(self.view, width, height),
                        wait=self.view.judging or self.view.loading,
                    )
                except OSError:
                    # The terminal was closed.
                    self._going = False
                if self.page:
                    self.page.publish(self.view)
                self._do_later()
                act = self._next() if self._going else None
        if act:
            act()

    def _do_later(self) -> None:
        """Do what was put off because the learner waits for the screen."""
        while self._later:
            self._later.pop(0)()

    def _next(self) -> Act | None:
        """Handle what has happened; return what is to be done without the screen, if there is anything."""
        changes = False
        while True:
            try:
                kind, value = self._events.get(timeout=_LOOK)
            except Empty:
                self._nothing_happened()
                return None
            act = self._handle(kind, value)
            # To paint after each test that passes would take as long as the tests.
            passed = kind == "answer" and value.get("test", {}).get("status") == Status.PASSED
            changes = changes or not passed
            if act or not self._going or (changes and self._events.empty()):
                return act

    def _nothing_happened(self) -> None:
        if self._stamps() != self._looked:
            self._saved()
        elif self._saved_aside and not (self.view.judging or self.view.loading):
            self._judge_aside()
        elif self.view.judging and not self.view.loading:
            self._waits += 1
            if self.view.notice and not self.view.notice.startswith(STILL_RUNNING):
                return
            waited, limit = self._waits * _LOOK, self.view.step.seconds
            if waited > _LONG:
                # Time that code waits for a processor does not count.
                busy = (
                    ", or later while other programs keep this machine busy"
                    if waited > limit
                    else ""
                )
                words = STILL_RUNNING if self._tells_of_this_save else STILL
                self.view.notice = (
                    f"{words}. A loop that never ends is stopped after {limit:.0f} seconds{busy}."
                )

    def _handle(self, kind: str, value: Any) -> Act | None:
        if kind == "key":
            return self._key(value)
        if kind == "saved":
            self._saved()
        elif kind == "answer":
            self._answer(value)
        elif kind == "page":
            self._clicked(value)
        elif kind == "suspend":
            return suspend
        elif kind == "continue":
            # Whoever had the terminal meanwhile may have set it otherwise.
            return lambda: None
        elif kind == "end":
            self._going = False
        return None

    def _watch_files(self) -> None:
        from watchfiles import watch

        while not self._stop.is_set():
            try:
                for _ in watch(
                    self.exercises,
                    step=_STEP,
                    debounce=25 * _STEP,
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
        sources = self.view.submission.sources
        changed = {
            step.id
            for step in self.course.steps
            if sources.get(step.module) != before.sources.get(step.module)
        }
        if not changed and sources.keys() == before.sources.keys():
            return
        step = self.view.step
        self.view.notice = ""
        self._look_up(changed - {step.id})
        if step.id not in changed:
            self.view.notice = (
                f"Step {min(changed)} was saved. l lists the steps: choose it to see it here."
            )
            if last_verdict(self.course, self.places.memory, self.view.submission, step):
                return
        self._ask(self._last_save(changed))

    def _look_up(self, names: set[str]) -> None:
        """Find what is known of steps that were saved, which may be as they were judged once."""
        if not names:
            return
        course, memory, submission = self.course, self.places.memory, self.view.submission
        known = known_verdicts(course, memory, submission, [course.by_id[name] for name in names])
        done = finished(course, memory, submission) & names
        unknown = names - done - known.keys()
        if len(unknown) <= _MOST_ASIDE:
            self._saved_aside |= unknown
        for name in names:
            self.view.statuses.pop(name, None)
            self.view.begun.discard(name)
        self.view.statuses |= dict.fromkeys(done, Status.PASSED)
        for verdict in known.values():
            self.view.know(verdict)

    def _judge_aside(self) -> None:
        """Judge a step that was saved while another one is shown; whatever else is asked for ends that."""
        # Elsewhere the judge would have to load everything again before the learner's next save.
        if sys.platform != "linux" or self._drawing == self._run or self._aside:
            return
        step = self.course.by_id[min(self._saved_aside)]
        self._run += 1
        self._aside = self._run, step, self.view.submission, {}
        self._judge.judge(self._run, step.id, aside=True)

    def _answer_aside(self, answer: dict[str, Any]) -> None:
        """Take in an answer about a step that is not shown."""
        assert self._aside
        _, step, submission, found = self._aside
        if "test" in answer:
            found[answer["place"]] = TestVerdict.of(answer["test"])
            return
        self._aside = None
        self._saved_aside.discard(step.id)
        verdict = StepVerdict(step, tuple(test for _, test in sorted(found.items())))
        if answer.get("judged") != submission.sha256 or verdict.status == Status.ERROR:
            return
        self.view.know(verdict)
        remember(self.course, self.places.memory, submission, verdict)
        # This may be one that the step which is shown imports.
        self.view.first = self._first()

    def _last_save(self, steps: set[str]) -> float | None:
        """Return when the last of these steps' files was saved, in seconds since 1970; None if none is there."""
        times = []
        for step in steps:
            with contextlib.suppress(OSError):
                times.append((self.exercises / self.course.by_id[step].filename).stat().st_mtime)
        return max(times, default=None)

    def _ask(self, since: float | None = None) -> None:
        """Ask the judge for the current step.

        Args:
            since: when a file was saved, if that is why, in seconds since 1970.
        """
        self._run += 1
        self._aside = None
        self._tells_of_this_save = False
        self._is_second = False
        self._waits = 0
        self._found = {}
        if not self.exercises.is_dir():
            self.view.judging = False
            self.view.notice = f"The folder {self.exercises.name} is not there any more."
            return
        self._asked = self.view.submission, since
        self.view.judging = True
        if self.view.marked < 0:
            self._close_panel()
        self._judge.judge(self._run, self.view.step.id)

    @property
    def _tests(self) -> list[TestVerdict]:
        """The verdicts that are known, in the order of the lesson."""
        return [test for _, test in sorted(self._found.items())]

    def _ask_again(self) -> None:
        """Ask once more for what was asked last."""
        self._ask(self._asked[1] if self._asked else None)
        self._is_second = True

    def _answer(self, answer: dict[str, Any]) -> None:
        if answer.get("ready"):
            self.view.loading = False
        elif answer.get("ended"):
            self._judge_ended()
        elif answer.get("run") == self._run and self._aside:
            self._answer_aside(answer)
        elif answer.get("run") == self._run:
            self._ends = 0
            if "test" in answer:
                test = TestVerdict.of(answer["test"])
                self._found[answer["place"]] = test
                # The old verdict stays until the new one says something else than "right so far".
                verdict = StepVerdict(self.view.step, tuple(self._tests))
                wrong = [test for each in verdict.wrong.values() for test in each]
                wrong = [test for test in wrong if test.status in _WRONG]
                if wrong == [test]:
                    self._show(done=False)
            elif "judged" in answer:
                if not self._is_about_these_files(answer["judged"]) and not self._is_second:
                    self._ask_again()
                    return
                statuses = {test.status for test in self._tests}
                if Status.ERROR in statuses and not self._is_second:
                    # A process of the kit was killed, perhaps for want of memory.
                    self._ask_again()
                    return
                self._show(done=True)
                self._finish(answer["judged"])
            elif "picture" in answer:
                self._pictures.append(answer["picture"])
            elif answer.get("drawn") and self.page:
                self._drawing = 0
                self.page.show(self.view.step, self._pictures)
            elif "problem" in answer:
                self.view.judging = False
                self._failed(answer["problem"])
        elif answer.get("problem") and not answer.get("run"):
            # The judge ends now, and is started again.
            self._failed(answer["problem"])

    def _failed(self, problem: str) -> None:
        self.view.notice = f"The kit itself failed: {problem} r runs the tests again."

    def _show(self, done: bool) -> None:
        self.view.verdict = StepVerdict(self.view.step, tuple(self._tests))
        self.view.judging = not done
        self._tells_of_this_save = True
        if self.view.notice.startswith(STILL_RUNNING):
            self.view.notice = ""
        self.view.loading = False
        self.view.top = 0
        self.view.place = place_of(self.view)
        self.view.first = self._first()

    def _draw(self) -> None:
        """Ask for the pictures of the step that is shown, if there is a page to show them on."""
        folder = self.page.folder(self.view.step) if self.page else None
        # A request would end the running one.
        if folder and self._going and not self.view.judging:
            self._pictures, self._drawing = [], self._run
            self._judge.draw(self._run, self.view.step.id, folder)

    def _finish(self, digest: str) -> None:
        assert self._asked and self.view.verdict
        submission, since = self._asked
        self.view.seconds = None if since is None else max(time.time() - since, 0)
        self.view.know(self.view.verdict)
        self._saved_aside.discard(self.view.step.id)
        if digest == submission.sha256:
            verdict = self.view.verdict
            self._later.append(
                lambda: remember(self.course, self.places.memory, submission, verdict)
            )
            self._later.append(self._draw)

    def _is_about_these_files(self, digest: str) -> bool:
        """Return whether the judge read what was asked for, or what is there now."""
        assert self._asked
        submission, since = self._asked
        if digest != submission.sha256:
            # A file was saved between the two readings.
            self.view.submission = self._read()
            self._asked = self.view.submission, since
        return digest == self._asked[0].sha256

    def _judge_ended(self) -> None:
        self._ends += 1
        if self._aside:
            self._saved_aside.discard(self._aside[1].id)
            self._aside = None
        if self._ends > _RESTARTS:
            self.view.judging = self.view.loading = False
            self.view.notice = self.view.notice or (
                "The judge ends again and again. `doctor` says what works on this machine."
            )
        elif self.view.judging:
            self._ask_again()
        elif self._drawing == self._run:
            self._draw()
        else:
            self._judge.start()

    # Keys

    def _key(self, name: str) -> Act | None:
        if name == "redraw":
            self._screen.forget()
            return None
        if name == "suspend":
            return suspend
        self.view.notice = ""
        if name == "quit":
            self._quit()
            return None
        if self._confirm:
            self._confirm = False
            if name in ("y", "Y"):
                self._reset()
            return None
        moves = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}
        if name in moves:
            self._move(moves[name])
            return None
        if self.view.marked >= 0 and name == "enter":
            self._go_to(self.course.steps[self.view.marked])
            return None
        covered = self.view.panel or self.view.marked >= 0
        if covered and name in ("escape", "enter", "q", "backspace", self._opened):
            self._close_panel()
            return None
        acts: dict[str, Callable[[], Act | None]] = {
            "n": lambda: self._neighbour(1),
            "right": lambda: self._neighbour(1),
            "p": lambda: self._neighbour(-1),
            "left": lambda: self._neighbour(-1),
            "l": self._list,
            "h": self._hint,
            "z": lambda: lambda: self._command("quiz"),
            "r": self._again,
            "s": self._pictures_shown,
            "o": self._solution,
            "e": self._edit,
            "x": self._ask_reset,
            "?": self._help,
            "q": self._quit,
            "enter": lambda: None,
            "escape": lambda: None,
        }
        act = acts.get(name)
        if act is None:
            self.view.notice = "This key does nothing here. ? shows all keys."
            return None
        self._opened = name if name in ("l", "?") else ""
        return act()

    def _quit(self) -> None:
        self._going = False

    def _move(self, by: int) -> None:
        if self.view.marked >= 0:
            self.view.marked = max(0, min(self.view.marked + by, len(self.course.steps) - 1))
        else:
            self.view.top = max(0, self.view.top + by)

    def _close_panel(self) -> None:
        self.view.panel, self.view.marked, self.view.top = [], -1, 0

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
        self.view.place = place_of(self.view)
        self.view.first = self._first()
        self._later.append(lambda: keep_step(self.places.memory, step))
        if self.view.verdict is None:
            self._ask()
            return
        # What still runs is about another step.
        self._run += 1
        self._aside = None
        self.view.judging = False
        self.view.know(self.view.verdict)
        self._later.append(self._draw)

    def _again(self) -> None:
        self.view.submission = self._read()
        self._ask()

    def _list(self) -> None:
        self._close_panel()
        self.view.marked = self.course.steps.index(self.view.step)
        self.view.notice = "Up and Down choose a step, Enter opens it, Escape goes back."

    def _help(self) -> None:
        self._close_panel()
        keys = [f"{key}   {words}" for key, words in KEYS]
        saved = "When you save the file of this step, its tests run at once."
        more = f"{saved} Up and Down scroll what is too long for the window."
        page = [f"The page: {self.page.address}", ""] if self.page else []
        self.view.panel = [*keys, "", *page, more, "Escape goes back."]

    def _hint(self) -> None:
        self._close_panel()
        step = self.view.step
        if self.view.verdict and self.view.verdict.file_problem:
            self.view.notice = "First repair the file."
            return
        try:
            hints = hints_of(self.course, step)
        except CourseError as error:
            self.view.notice = str(error)
            return
        function = function_of(self.view) if self.view.verdict else next(iter(hints))
        if not function:
            self.view.notice = "All is right here, so you need no hint."
            return
        function = function if function in hints else next(iter(hints))
        number, text = next_hint(self.places.memory, step, function, hints[function])
        total = len(hints[function])
        more = "h shows the next hint. " if number < total else "This is the last hint. "
        self.view.panel = [f"Hint {number} of {total} for {function}", "", *text.splitlines(), ""]
        self.view.panel.append(f"{more}Escape goes back.")

    def _edit(self) -> Act | None:
        file, line = self.exercises / file_of(self.view), line_of(self.view)
        try:
            command = editor_command(file, line, self._editor)
        except ValueError as error:
            self.view.notice = f"The command for the editor cannot be read: {error}."
            return None
        if command is None:
            begin = (
                "make watch EDIT=code" if self.view.in_clone else "torchsteps watch --edit-cmd code"
            )
            self.view.notice = (
                f"No editor is known: open the file yourself, or set VISUAL, or begin with {begin}"
            )
            return None

        def act() -> None:
            with away():
                self.view.notice = open_editor(command)

        return act

    def _ask_reset(self) -> None:
        self._confirm = True
        is_there = (self.exercises / self.view.step.filename).exists()
        kept = "A copy of what you wrote is kept. " if is_there else ""
        self.view.notice = (
            f"Give step {self.view.step.id} its stubs back? {kept}y: yes, any other key: no."
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

    def _pictures_shown(self) -> Act | None:
        if has_pictures(self.view.step):
            return lambda: self._command("show")
        self.view.notice = no_pictures(self.view.step)
        return None

    def _solution(self) -> Act | None:
        """Say what the key is for before the step has passed; show the solution when it is pressed again."""
        step, memory = self.view.step, self.places.memory
        has_solution = (self.course.root / step.solution).is_file()
        is_passed = step.id in passed_before(memory, self.view.submission)
        if has_solution and not is_passed and not asked_before(memory, step):
            self._close_panel()
            self.view.notice = (
                f"Step {step.id} is not done yet, and a hint (h) may be all that you need. "
                "o once more shows a solution beside your code."
            )
            return None
        return lambda: self._command("solution")

    def _command(self, name: str) -> None:
        """Run one of the kit's other commands in the terminal, then wait until it was read.

        A key or a save goes back to the watcher. Only the quiz asks for something, and keys are meant for it.
        """
        words = [sys.executable, "-m", "grader", name, self.view.step.id]
        is_quiz = name == "quiz"
        looked = self._stamps()
        with away(), contextlib.nullcontext() if is_quiz else unshown():
            self.console.clear()
            if name == "show":
                self.console.print("Any key goes back to the watcher.", style="dim")
            try:
                if is_quiz:
                    subprocess.run(words, check=False, cwd=self.places.workspace)
                    looked = self._stamps()
                elif not run_until_key(
                    words, self.places.workspace, lambda: self._stamps() != looked
                ):
                    return
            except OSError as error:
                self.console.print(f"It cannot be started: {error}.", markup=False)
            wait_for_key(
                "\nAny key goes back to the watcher, and so does a save. ",
                lambda: self._stamps() != looked,
            )

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

    def _first(self) -> str:
        """Return a sentence about an earlier step that is to be mended before the one that is shown, or ""."""
        view = self.view
        verdicts = [view.verdict] if view.verdict else []
        found = mend_first(self.course, self.places.memory, view.submission, verdicts)
        return found.get(view.step.id, "")


def _idea_of(course: Course, step: Step) -> str:
    """Return what a step is about, in one sentence; "" if the kit does not say."""
    try:
        return after_of(course, step).idea
    except CourseError:
        return ""
