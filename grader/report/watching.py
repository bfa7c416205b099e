"""What the watcher shows: a view is a record of all that is known, and becomes lines that fit a window.

One function for each part of the screen, and therefore over 300 lines.
"""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from grader.course.course import Course, Step
from grader.course.places import command
from grader.course.plain_text import visible
from grader.course.verdicts import Status, StepVerdict
from grader.report.terminal import Screen
from grader.submissions.submission import Submission

KEYS = (
    ("n", "next step"),
    ("p", "previous step"),
    ("l", "list of all steps: choose one"),
    ("h", "hint: first a nudge, at last nearly the answer"),
    ("z", "quiz: predict what a few lines of code do"),
    ("r", "run the tests again"),
    ("s", "show pictures of what your code does"),
    ("o", "solution beside your code, when the step is done or when you ask twice"),
    ("e", "open the file in your editor"),
    ("x", "reset: give the step its stubs back; a copy of what you wrote is kept"),
    ("?", "this help"),
    ("q", "quit"),
)
_SHORT = (
    ("n", "next"),
    ("h", "hint"),
    ("e", "edit"),
    ("l", "list"),
    ("p", "previous"),
    ("r", "run"),
    ("z", "quiz"),
    ("s", "show"),
    ("o", "solution"),
    ("x", "reset"),
    ("?", "help"),
    ("q", "quit"),
)
# What a terminal without Unicode shows instead.
_ASCII = str.maketrans(
    {"─": "-", "━": "=", "✓": "ok", "✗": "x", "·": "-", "…": "...", "–": "-", "—": "-"}
    | {"’": "'", "‘": "'", "“": '"', "”": '"', "×": "x", "≤": "<=", "≥": ">="}
)
_WORDS = {
    Status.PASSED: ("done", "green"),
    Status.FAILED: ("not right yet", "red"),
    Status.NOT_STARTED: ("not started", "dim"),
    Status.ERROR: ("the kit failed", "magenta"),
}
_MARKS = {
    Status.PASSED: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.NOT_STARTED: ("·", "dim"),
}

# What is said of a step in which something is missing and all else is right.
RIGHT_SO_FAR = "right so far"
# How a notice begins while tests take long, and while nothing is known of the last save.
STILL_RUNNING = "Still running"
STILL = f"{STILL_RUNNING}, and what is shown is about the save before"


@dataclass
class View:
    """All that the screen shows.

    Attributes:
        course: the course.
        submission: what was read last; its names are shown.
        step: the step that is being worked on.
        statuses: what is known of each step, by id.
        begun: ids of the steps in which something is missing and all else is right.
        verdict: the verdicts on the step's tests that are known; None before the first.
        first: a sentence about an earlier step that is to be mended before this one, or "".
        judging: whether more verdicts will come.
        loading: whether the judge is still loading.
        seconds: from the save to the verdict; None if there was no save.
        place: the file to open, with a line, as "file:line".
        idea: what the step was about, for when it is done.
        in_clone: whether commands begin with `make`.
        notice: a sentence about the last key.
        panel: lines that cover the feedback, such as a hint.
        marked: the index of the step that is chosen in the list of steps; -1 if the list is not shown.
        top: the number of lines of the body that are scrolled away.
        encoding: what the terminal can show; anything but UTF-8 also does without lines and marks.
    """

    course: Course
    submission: Submission
    step: Step
    statuses: dict[str, Status] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    verdict: StepVerdict | None = None
    first: str = ""
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
    encoding: str = "utf-8"

    def know(self, verdict: StepVerdict) -> None:
        """Take in what a verdict says of its step."""
        self.statuses[verdict.step.id] = verdict.status
        self.begun.discard(verdict.step.id)
        if verdict.is_right_so_far:
            self.begun.add(verdict.step.id)

    @property
    def progress(self) -> str:
        """How many steps are done, in words."""
        return f"{self.done} of {len(self.course.steps)} steps done"

    @property
    def done(self) -> int:
        """The number of steps that are done."""
        return sum(status == Status.PASSED for status in self.statuses.values())


def lines(view: View, width: int, height: int) -> list[Text]:
    """Return the lines of a screen of this size: a head, a body that may be scrolled, and a foot.

    What does not fit is left out in this order: the second lines of functions and keys, the rules, the functions,
    the file and the keys. The step's name and the body stay, and the body can be scrolled.
    """
    head, foot = _head(view, width, height), _foot(view, width, height)
    if view.marked >= 0:
        body = _steps(view, width)
    elif view.panel:
        body = [line for text in view.panel for line in _wrapped(text, width) or [Text()]]
    else:
        body = _body(view, width)
    if height >= _ROOMY:
        body.insert(0, Text())
    room = max(height - len(head) - len(foot), 1)
    is_long = len(body) > room
    space = room - 1 if is_long and room > 2 else room
    if view.marked >= 0:
        chosen = view.marked + (height >= _ROOMY)
        view.top = min(max(view.top, chosen - space + 1), chosen)
    view.top = max(0, min(view.top, len(body) - space))
    shown = body[view.top : view.top + space]
    if space < room:
        below = len(body) - view.top - space
        more = f"  {below} more lines: Down" if width > 25 else f"{below} more: Down"
        words = more if below else "  the end: Up"
        shown.append(Text(words, style="dim"))
    shown += [Text()] * (room - len(shown))
    whole = [*head, *shown, *foot][:height]
    for line in whole:
        _for_terminal(line, view.encoding)
        line.truncate(width, overflow="crop")
    return whole


# From this height on there is room for empty lines, from these for two rows of keys, and for the rules.
_ROOMY = 14
_TWO_ROWS = 16
_RULES = 9


def _for_terminal(line: Text, encoding: str) -> None:
    """Replace what the terminal cannot show."""
    if is_unicode(encoding):
        return
    plain = line.plain.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    if len(plain) == len(line.plain):
        line.plain = plain
    elif plain != line.plain:
        # The spans would be in other places, so only a style of the whole line stays.
        styles = {str(span.style) for span in line.spans}
        line.spans = []
        line.plain = plain
        if len(styles) == 1:
            line.stylize(styles.pop())


def is_unicode(encoding: str) -> bool:
    """Return whether a terminal with this encoding shows lines and marks."""
    return encoding.lower().replace("-", "").startswith("utf")


def _head(view: View, width: int, height: int) -> list[Text]:
    done, total = view.done, len(view.course.steps)
    title = f"Step {view.step.id}  {view.step.title}"
    rights = (view.progress, f"{done}/{total}")
    fitting = [right for right in rights if cell_len(title) + len(right) + 2 <= width]
    right = fitting[0] if fitting else ""
    gap = " " * (width - cell_len(title) - len(right)) if right else ""
    found = [Text(f"{title}{gap}{right}", style="bold")]
    if height >= _RULES:
        reached = round(width * done / total)
        found.append(Text.assemble(("━" * reached, "green"), ("─" * (width - reached), "dim")))
    room = 2 if height >= _ROOMY else 1 if height >= 7 else 0
    return [*found, *(_functions(view, width, room) if room else [])]


def _functions(view: View, width: int, room: int) -> list[Text]:
    """Return lines with the step's functions, each with a mark; of those that do not fit, the number."""
    if view.verdict is None:
        return []
    pieces = []
    for name, tests in view.verdict.by_function.items():
        found = StepVerdict(view.step, tuple(tests)).status
        if view.verdict.file_problem or name in view.verdict.unwritten:
            # Nothing is known of any function, or of this one nothing is wrong.
            found = Status.NOT_STARTED
        mark, style = _MARKS.get(found, ("!", "magenta"))
        if not is_unicode(view.encoding):
            mark = mark.translate(_ASCII)
        pieces.append((f"{mark} {name}", style))
    for shown in range(len(pieces), -1, -1):
        hidden = len(pieces) - shown
        more = [(f"+ {hidden} more", "dim")] if hidden else []
        rows = _rows([*pieces[:shown], *more], width)
        if len(rows) <= room:
            break
    return rows


def _rows(pieces: list[tuple[str, str]], width: int) -> list[Text]:
    """Return lines of pieces, each with its style."""
    rows, used = [Text()], 0
    for piece, style in pieces:
        if used and used + len(piece) > width:
            rows.append(Text())
            used = 0
        rows[-1].append(f"{piece}   ", style=style)
        used += len(piece) + 3
    return rows


def _body(view: View, width: int) -> list[Text]:
    verdict = view.verdict
    if verdict is None:
        words = (
            "Loading PyTorch and the tests. This takes some seconds, once."
            if view.loading
            else "Running the tests of this step …"
        )
        return _wrapped(words, width)
    if verdict.status == Status.PASSED and not view.judging:
        return _done(view, width)
    if verdict.status == Status.NOT_STARTED:
        return _not_started(view, verdict, width)
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=True,
        color_system="standard",
        width=max(width, 20),
        highlight=False,
        legacy_windows=False,
    )
    failure = _Failure(console, view.course, view.submission, view.in_clone)
    failure.counts = not view.judging
    failure.first_failure(verdict)
    found = [*_wrapped(view.first, width, "yellow"), *([Text()] if view.first else [])]
    found += [Text.from_ansi(line) for line in _folded(out.getvalue(), width)]
    if verdict.status == Status.ERROR:
        doctor = "python -m grader doctor" if view.in_clone else "torchsteps doctor"
        words = f"The kit itself failed, which is not your fault. Please report it, with what `{doctor}` says."
        found += [Text(), *_wrapped(words, width, style="magenta")]
    return found


class _Failure(Screen):
    """Shows failures as a check does, but with a key in place of the command for a hint."""

    def _hint(self, step: Step, function: str, indent: int) -> None:  # noqa: ARG002
        self.console.print(f"{' ' * indent}For a hint: the key h", style="dim")


def _folded(text: str, width: int) -> list[str]:
    """Return the lines of a text; one that is too long for the window goes on in the next."""
    found: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        plain = Text.from_ansi(line).plain
        if cell_len(plain) <= width:
            found.append(line)
            continue
        indent = " " * min(len(plain) - len(plain.lstrip()), width // 4)
        found += textwrap.wrap(
            plain.strip(), max(width, 10), initial_indent=indent, subsequent_indent=indent
        )
    return found


def _not_started(view: View, verdict: StepVerdict, width: int) -> list[Text]:
    file = view.place.rpartition(":")[0]
    names = verdict.to_write
    if view.step.module not in view.submission.sources:
        absence = view.submission.absence(view.step)
        return [*_wrapped(absence, width), *_wrapped("x writes it anew, with its stubs.", width)]
    todo = (
        "Nothing is written here yet.",
        "",
        f"1. Open {file}, for example with the key e.",
        "2. Read the lesson at the top of the file.",
        f"3. Write the first function, {names[0]}, and save. The result is shown here.",
        "",
        f"Functions to write: {', '.join(names)}.",
    )
    return [line for text in todo for line in _wrapped(text, width) or [Text()]]


def _done(view: View, width: int) -> list[Text]:
    steps = view.course.steps
    left = [step for step in steps if view.statuses.get(step.id, "") != Status.PASSED]
    following = steps[steps.index(view.step) + 1 :][:1]
    stretch = f"One task more, if you like: {_command(view, 'stretch', view.step)}"
    if not left:
        rest = [
            f"All {len(steps)} steps are done, and every line of it is yours. Well done!",
            f"To see your functions work together as one program: {_command(view, 'run')}",
        ]
    elif following:
        rest = [f"n goes to the next step, {following[0].id}: {following[0].title}."]
    else:
        rest = ["This was the last step, but not all others are done: l lists them."]
    rest += ["o shows a solution beside yours.", stretch]
    idea = _wrapped(f"What you learned: {view.idea}", width) if view.idea else []
    found = [Text(f"Step {view.step.id} is done.", style="bold green"), *idea, Text()]
    return [*found, *(line for text in rest for line in _wrapped(text, width))]


def _command(view: View, name: str, step: Step | None = None) -> str:
    return command(view.in_clone, name, step.id if step else "")


def _steps(view: View, width: int) -> list[Text]:
    """Return a line for each step, with its status; in a narrow window the title is cut."""
    found = []
    titles = min(max(cell_len(step.title) for step in view.course.steps), max(width - 22, 0))
    for number, step in enumerate(view.course.steps):
        status = view.statuses.get(step.id)
        word, style = _WORDS.get(status, ("", "")) if status else ("not checked yet", "dim")
        if step.id in view.begun:
            word, style = RIGHT_SO_FAR, "yellow"
        title = Text(step.title)
        title.truncate(titles, overflow="ellipsis" if titles > 3 else "crop", pad=True)
        line = Text.assemble(f" {step.id}  ", title, "  " if titles else "", (word, style))
        if number == view.marked:
            line.pad_right(max(width - line.cell_len, 0))
            line.stylize("reverse")
        found.append(line)
    return found


def _foot(view: View, width: int, height: int) -> list[Text]:
    if view.judging:
        state = "judging …"
    elif view.loading:
        state = "loading …"
    elif view.seconds is not None:
        state = f"judged {view.seconds:.2f} s after the save"
    else:
        state = "waiting for a save"
    note = [
        Text(line, style="yellow") for line in textwrap.wrap(visible(view.notice), max(width, 10))
    ]
    found = note[: max(height // 3, 1)]
    if height >= _RULES:
        found.append(Text("─" * width, style="dim"))
    if height >= 6 or (view.judging and not note):
        found.append(Text(_place_and_state(view, state, width), style="dim"))
    if height >= 6 or not found:
        found += _short_keys(width, 2 if height >= _TWO_ROWS else 1)
    return found


def _place_and_state(view: View, state: str, width: int) -> str:
    """Return the file and what is going on with it, or what fits of both."""
    left = visible(view.place)
    gap = width - cell_len(left) - len(state)
    if gap > 1:
        return f"{left}{' ' * gap}{state}"
    if view.judging or view.loading:
        return state
    name = left.rpartition("/")[2]
    return left if cell_len(left) <= width else name


def _short_keys(width: int, rows: int) -> list[Text]:
    """Return what the keys do, as far as these rows go; help and quitting are always among them."""
    words = [f"{key}\xa0{word}" for key, word in _SHORT]
    wrapped: list[str] = []
    for number in range(len(words) - 2, -1, -1):
        text = "  ".join([*words[:number], *words[-2:]])
        wrapped = textwrap.wrap(text, max(width, 10), break_on_hyphens=False)
        if len(wrapped) <= rows:
            break
    return [Text(line.replace("\xa0", " ")) for line in wrapped[:rows]]


def _wrapped(text: str, width: int, style: str = "") -> list[Text]:
    """Return the lines of a text; one that is indented, such as code, is not broken unless it must be."""
    found = []
    for line in visible(text).split("\n"):
        if line.startswith(" ") and cell_len(line) <= width:
            found.append(Text(line, style=style))
            continue
        found += [
            Text(piece, style=style)
            for piece in textwrap.wrap(line, max(width, 10), break_on_hyphens=False)
        ]
    return found
