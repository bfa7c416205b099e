"""What the watcher shows: a view is a record of all that is known, and becomes lines that fit a window."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from grader.course.course import Course, Step
from grader.course.plain_text import visible
from grader.course.verdicts import Status, StepVerdict
from grader.report.terminal import Screen
from grader.submissions.submission import Submission

KEYS = (
    ("n", "next step"),
    ("p", "previous step"),
    ("l", "list of the steps"),
    ("h", "hint"),
    ("z", "quiz"),
    ("r", "run again"),
    ("o", "solution"),
    ("e", "open in the editor"),
    ("x", "reset the step"),
    ("?", "help"),
    ("q", "quit"),
)
_SHORT = (
    "n next  p previous  l list  h hint  z quiz  r run  o solution  e edit  x reset  ? help  q quit"
)
_STYLES = {
    Status.PASSED: "green",
    Status.FAILED: "red",
    Status.NOT_STARTED: "dim",
    Status.ERROR: "magenta",
}


@dataclass
class View:
    """All that the screen shows.

    Attributes:
        course: the course.
        submission: what was read last; its names are shown.
        step: the step that is being worked on.
        statuses: what is known of each step, by id.
        verdict: the verdicts on the step's tests that are known; None before the first.
        judging: whether more verdicts will come.
        loading: whether the judge is still loading.
        seconds: from the save to the verdict; None if there was no save.
        place: the file to open, with a line, as "file:line".
        idea: what the step was about, for when it is done.
        in_clone: whether commands begin with `make`.
        notice: a sentence about the last key.
        panel: lines that cover the feedback, such as the list of steps or a hint.
        marked: the index of the line in the panel that is chosen; -1 if none can be.
        top: the number of lines of the body that are scrolled away.
        plain: whether only ASCII can be shown.
    """

    course: Course
    submission: Submission
    step: Step
    statuses: dict[str, Status] = field(default_factory=dict)
    verdict: StepVerdict | None = None
    judging: bool = False
    loading: bool = True
    seconds: float | None = None
    place: str = ""
    idea: str = ""
    in_clone: bool = True
    notice: str = ""
    panel: list[str] = field(default_factory=list)
    marked: int = -1
    top: int = 0
    plain: bool = False


def lines(view: View, width: int, height: int) -> list[Text]:
    """Return the lines of a screen of this size: a head, a body that may be scrolled, and a foot."""
    head, foot = _head(view, width), _foot(view, width)
    body = _panel(view, width) if view.panel else _body(view, width)
    room = max(height - len(head) - len(foot), 1)
    view.top = max(0, min(view.top, len(body) - room))
    shown = body[view.top : view.top + room]
    if len(body) > room and height > 4:
        below = len(body) - view.top - room
        words = f"  {below} more lines: down, page down" if below > 0 else "  the end: up, page up"
        shown[-1:] = [Text(words, style="dim")]
    shown += [Text()] * (room - len(shown))
    whole = (
        [*head, *shown, *foot][-height:]
        if height < len(head) + len(foot) + 1
        else [*head, *shown, *foot]
    )
    for line in whole:
        line.truncate(width, overflow="crop")
    return whole


def _head(view: View, width: int) -> list[Text]:
    done = sum(status == Status.PASSED for status in view.statuses.values())
    title = f"Step {view.step.id}  {view.step.title}"
    right = f"{done} of {len(view.course.steps)} steps done"
    gap = width - len(title) - len(right)
    first = f"{title}{' ' * gap}{right}" if gap > 1 else title
    return [
        Text(first, style="bold"),
        Text(_rule(view, width), style="dim"),
        *_functions(view, width),
    ]


def _functions(view: View, width: int) -> list[Text]:
    """Return one or two lines with the step's functions, each with a mark."""
    if view.verdict is None:
        return []
    marks = {
        Status.PASSED: ("ok" if view.plain else "✓", "green"),
        Status.FAILED: ("x" if view.plain else "✗", "red"),
        Status.NOT_STARTED: ("-" if view.plain else "·", "dim"),
    }
    rows, used = [Text()], 0
    for name, tests in view.verdict.by_function.items():
        found = StepVerdict(view.step, tuple(tests)).status
        mark, style = marks.get(found, ("!", "magenta"))
        piece = f"{mark} {name}   "
        if used and used + len(piece) > width:
            rows.append(Text())
            used = 0
        rows[-1].append(piece, style=style)
        used += len(piece)
    return rows


def _body(view: View, width: int) -> list[Text]:
    verdict = view.verdict
    if verdict is None:
        words = (
            "Loading PyTorch and the tests; this takes some seconds, once."
            if view.loading
            else "Judging …"
        )
        return [Text(), *_wrapped(words, width)]
    if verdict.status == Status.PASSED and not view.judging:
        return _done(view, width)
    if verdict.status == Status.NOT_STARTED:
        names = ", ".join(dict.fromkeys(test.unwritten for test in verdict.tests))
        todo = f"Open {view.place}, read the lesson, then write: {names}."
        words = f"Nothing is written yet. {todo} Save, and look here."
        return [Text(), *_wrapped(words, width)]
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=True,
        color_system="standard",
        width=max(width, 20),
        highlight=False,
    )
    Screen(console, view.course, view.submission, view.in_clone).first_failure(verdict)
    return [Text.from_ansi(line) for line in _folded(out.getvalue(), width)]


def _folded(text: str, width: int) -> list[str]:
    """Return the lines of a text; one that is too long for the window goes on in the next."""
    found: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        plain = Text.from_ansi(line)
        found += (
            [line]
            if len(plain) <= width
            else textwrap.wrap(plain.plain, width, subsequent_indent="      ")
        )
    return found


def _done(view: View, width: int) -> list[Text]:
    later = [step for step in view.course.steps if view.statuses.get(step.id) != Status.PASSED]
    words = f"Step {view.step.id} is done."
    rest = (
        "n goes to the next step, o shows the solution beside yours."
        if later
        else "That was the last one. Well done!"
    )
    idea = _wrapped(view.idea, width) if view.idea else []
    return [Text(), Text(words, style="bold green"), *idea, Text(), *_wrapped(rest, width)]


def _panel(view: View, width: int) -> list[Text]:
    found = []
    for number, line in enumerate(view.panel):
        pieces = (
            _wrapped(line, width) if view.marked < 0 and not line.startswith(" ") else [Text(line)]
        )
        if number == view.marked:
            pieces[0].stylize("reverse")
        found += pieces
    return [Text(), *found]


def _foot(view: View, width: int) -> list[Text]:
    if view.judging:
        state = "judging …"
    elif view.loading:
        state = "loading …"
    elif view.seconds is not None:
        state = f"judged {view.seconds:.2f} s after the save"
    else:
        state = "waiting for a save"
    if view.plain:
        state = state.replace("…", "...")
    left, gap = visible(view.place), width - len(view.place) - len(state)
    where = f"{left}{' ' * gap}{state}" if gap > 1 else left
    keys = textwrap.wrap(_SHORT, max(width, 10), break_on_hyphens=False)
    note = [
        Text(line, style="yellow") for line in textwrap.wrap(visible(view.notice), max(width, 10))
    ]
    return [
        *note,
        Text(_rule(view, width), style="dim"),
        Text(where, style="dim"),
        *(Text(line) for line in keys[:2]),
    ]


def _rule(view: View, width: int) -> str:
    return ("-" if view.plain else "─") * width


def _wrapped(text: str, width: int) -> list[Text]:
    return [
        Text(line) for line in textwrap.wrap(visible(text), max(width, 10), break_on_hyphens=False)
    ]
