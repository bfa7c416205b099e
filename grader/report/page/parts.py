"""The parts of the page that change, as HTML; `page.js` puts each into the element with its name as id.

One function for each part, and therefore over 300 lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from grader.course.course import Step
from grader.course.places import command
from grader.course.plain_text import visible
from grader.course.verdicts import Status, StepVerdict
from grader.report.html import (
    MARKS,
    failures_html,
    functions_html,
    inline,
    paragraphs,
    sentence,
)
from grader.report.lessons import Lesson, python_html
from grader.report.watching import RIGHT_SO_FAR, STILL, View

_STEP_WORDS = {
    Status.PASSED: "done",
    Status.FAILED: "not right yet",
    Status.NOT_STARTED: "not started",
    Status.ERROR: "the kit failed",
}
# How the watcher's notices begin that are about the kit and not about a key.
_TROUBLE = ("The kit", "The judge")
_NOT_DRAWN = "not drawn yet"


@dataclass(frozen=True)
class Asked:
    """A question of the quiz.

    Attributes:
        id: its id.
        code: the code that it is about.
        question: the question.
        label: what is typed, such as "A number".
        choices: what there is to choose; empty if the answer is typed.
    """

    id: str
    code: str
    question: str
    label: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hinted:
    """The hints for a function.

    Attributes:
        function: its name.
        texts: those that were shown, in order.
        total: how many there are.
    """

    function: str
    texts: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class Content:
    """All that the page shows besides the watcher's view.

    Attributes:
        lesson: the step's lesson.
        lesson_address: where the page gets it, another one whenever it changes.
        hints: the hints for each function of the step.
        questions: the quiz of the step.
        pictures: records with name, title, src (an address or ""), waiting (why there is none yet, or "") and alt.
        judged: another number for each verdict.
        so_far: whether the verdict is on some of the step's tests only, because others still run.
    """

    lesson: Lesson
    lesson_address: str
    hints: Sequence[Hinted] = ()
    questions: Sequence[Asked] = ()
    pictures: Sequence[Mapping[str, Any]] = field(default_factory=list)
    judged: int = 0
    so_far: bool = False


def page_state(view: View, content: Content) -> dict[str, Any]:
    """Return all that the page shows, as plain data.

    Args:
        view: what the watcher shows.
        content: what only the page shows.

    Returns:
        "parts", HTML by the id of an element; "title", of the document; "said", the verdict in a sentence for
        those who do not see it, or "" while it is not known; "judged", "step" and "lesson", an address; and
        "command", which starts the watcher.
    """
    step = view.step
    verdict = None if view.judging else view.verdict
    mark = f"{MARKS[verdict.status][0]} " if verdict else ""
    said = f"Step {step.id}: {_sentence(view, verdict)}".replace("`", "") if verdict else ""
    start = command(view.in_clone, "watch")
    return {
        "step": step.id,
        "title": f"{mark}Step {step.id} · {step.title}",
        "said": visible(said),
        "judged": content.judged,
        "lesson": content.lesson_address,
        "command": f"{start} PAGE=1" if start.startswith("make") else f"{start} --page",
        "parts": {
            "progress": _progress(view),
            "steps": _steps(view),
            "heading": inline(f"Step {step.id}: {step.title}"),
            "around": _around(view),
            "brief": _brief(view),
            "verdict": _verdict(view, content.lesson, content.so_far),
            "state": _state(view),
            "pictures": _pictures(content.pictures),
            "hints": _hints(view, content.hints),
            "quiz": _quiz(step, content.questions),
            "terminal": _terminal(view),
        },
    }


def lesson_part(lesson: Lesson) -> str:
    """Return the lesson, and what is to be written, as HTML."""
    if not lesson.title:
        return "<p>There is no lesson here: Python cannot read the file of this step.</p>\n"
    functions = f"<h2>What to write</h2>\n{lesson.functions}" if lesson.functions else ""
    return f'<h2 id="lesson-title">Lesson</h2>\n{lesson.html}{functions}'


def reply_part(right: bool | None, answer: str, explanation: str) -> str:
    """Return what the quiz says to an answer.

    Args:
        right: whether it was right; None if nothing was predicted.
        answer: the right answer, in a sentence.
        explanation: why it is so.
    """
    word = {True: "<b>✓ Right.</b> ", False: "<b>✗ No.</b> ", None: ""}[right]
    name = {True: "passed", False: "failed", None: "told"}[right]
    return f'<p class="{name}">{word}{escape(visible(answer))}</p>\n<p>{inline(explanation)}</p>\n'


def _progress(view: View) -> str:
    done = sum(status == Status.PASSED for status in view.statuses.values())
    return f"All steps <span>{done} of {len(view.course.steps)} done</span>"


def _steps(view: View) -> str:
    items = []
    for step in view.course.steps:
        status = view.statuses.get(step.id)
        mark = MARKS[status][0] if status else " "
        words = _STEP_WORDS[status] if status else "not checked"
        kind = status.value if status else "unknown"
        if step.id in view.begun:
            mark, words, kind = MARKS[Status.NOT_STARTED][0], RIGHT_SO_FAR, "partly"
        current = ' aria-current="step"' if step == view.step else ""
        items.append(
            f'<li class="{kind}"><button type="button" data-act="step" '
            f'data-step="{step.id}"{current}><span class="mark" aria-hidden="true">{mark}</span> '
            f'<span class="number">{step.id}</span> <span class="name">{escape(step.title)}</span> '
            f'<span class="words">{words}</span></button></li>\n'
        )
    return f"<ol>\n{''.join(items)}</ol>\n"


def _around(view: View) -> str:
    steps = view.course.steps
    number = steps.index(view.step)
    before = _step_button(steps[number - 1], "Previous: ") if number else ""
    after = _step_button(steps[number + 1], "Next: ") if number + 1 < len(steps) else ""
    return before + after


def _step_button(step: Step, words: str, kind: str = "quiet") -> str:
    return (
        f'<button type="button" class="{kind}" data-act="step" data-step="{step.id}">'
        f'{words}{step.id} <span class="name">{escape(step.title)}</span></button>\n'
    )


def _verdict(view: View, lesson: Lesson, so_far: bool) -> str:
    trouble = view.notice if view.notice.startswith(_TROUBLE) else ""
    html = f'<p class="trouble">{inline(trouble)}</p>\n' if trouble else ""
    verdict = view.verdict
    if view.judging and not so_far and view.notice.startswith(STILL):
        # Not a word of the last save, which may have been right.
        return (
            f'{html}<p class="sentence">{inline(view.notice.replace(STILL, "Still running"))}</p>\n'
        )
    if verdict is None:
        words = "Loading PyTorch and the tests; this takes some seconds, once."
        words = words if view.loading else "Judging …" if view.judging else ""
        return html + (f"<p>{words}</p>\n" if words else "")
    said = f'<p class="sentence {_kind(verdict)}">{inline(_sentence(view, verdict, so_far))}</p>\n'
    html += said + functions_html(verdict, so_far)
    if _is_missing(view, verdict):
        reset = command(view.in_clone, "reset", view.step.id)
        return f'{html}<p class="todo"><code>{escape(reset)}</code> writes it anew, with its stubs.</p>\n'
    if verdict.status == Status.PASSED:
        return html + _done(view)
    if view.first:
        html += f'<p class="todo">{inline(view.first)}</p>\n'
    html += failures_html(verdict, lesson)
    if verdict.status == Status.ERROR:
        return html
    return f'{html}<p class="todo">{inline(_todo(verdict, visible(view.place)))}</p>\n'


def _todo(verdict: StepVerdict, place: str) -> str:
    """Return what to do next about a step that is not done."""
    names = ", ".join(f"`{name}`" for name in verdict.to_write)
    if verdict.file_problem:
        return f"Repair `{place}`. Save, and look here."
    if verdict.wrong:
        first = f"Fix `{next(iter(verdict.wrong))}` in `{place}`. Save, and look here."
        return f"{first} Not written yet: {names}." if names else first
    return f"Open `{place}`, read the lesson, then write: {names}. Save, and look here."


def _brief(view: View) -> str:
    """Return the verdict in one line, for when the result is scrolled away."""
    if view.judging or not view.verdict:
        words = "Loading …" if view.loading and not view.judging else "Judging …"
        return f"<p>{words}</p>\n"
    verdict = view.verdict
    mark = MARKS[verdict.status][0]
    return f'<p class="{_kind(verdict)}">{mark} {inline(_sentence(view, verdict))}</p>\n'


def _kind(verdict: StepVerdict) -> str:
    """Return how a verdict looks: its status, or "partly" if all that is written is right."""
    is_partly = verdict.status == Status.FAILED and not verdict.wrong
    return "partly" if is_partly else verdict.status.value


def _sentence(view: View, verdict: StepVerdict, so_far: bool = False) -> str:
    if _is_missing(view, verdict):
        return view.submission.absence(view.step)
    return sentence(verdict, so_far)


def _is_missing(view: View, verdict: StepVerdict) -> bool:
    """Return whether nothing is written because there is no file."""
    is_there = view.step.module in view.submission.sources
    return verdict.status == Status.NOT_STARTED and not is_there


def _done(view: View) -> str:
    steps = view.course.steps
    idea = f'<p class="idea">{inline(view.idea)}</p>\n' if view.idea else ""
    if all(view.statuses.get(step.id) == Status.PASSED for step in steps):
        return f"{idea}<p><b>That was the last one. Well done!</b></p>\n"
    number = steps.index(view.step)
    later = steps[number + 1 :] + steps[:number]
    step = next(step for step in later if view.statuses.get(step.id) != Status.PASSED)
    return idea + _step_button(step, "Go on: step ", "main")


def _state(view: View) -> str:
    if view.judging:
        words = "Judging …"
    elif view.loading:
        words = "Loading …"
    elif view.seconds is not None:
        words = f"Judged {view.seconds:.2f} s after the save."
    else:
        words = "Waiting for a save."
    again = '<button type="button" class="quiet" data-act="run">Run again</button>'
    return f"<span>{words} <code>{escape(visible(view.place))}</code></span> {again}\n"


def _pictures(pictures: Sequence[Mapping[str, Any]]) -> str:
    if not pictures:
        return ""
    reasons = {str(picture["waiting"] or _NOT_DRAWN) for picture in pictures}
    if len(pictures) > 1 and len(reasons) == 1 and not any(picture["src"] for picture in pictures):
        return f"<h2>Pictures</h2>\n{_none_drawn(reasons.pop(), pictures)}"
    return f"<h2>Pictures</h2>\n{''.join(map(_picture, pictures))}"


def _none_drawn(reason: str, pictures: Sequence[Mapping[str, Any]]) -> str:
    """Return why there are no pictures, once; an error in the file stands above as the verdict."""
    if reason.startswith("Python cannot read ") or "is not saved as UTF-8" in reason:
        return '<p class="waiting">No pictures until Python can read the file.</p>\n'
    if reason.startswith("Python could not import "):
        return '<p class="waiting">No pictures until Python can import the file.</p>\n'
    titles = "".join(f"<li>{escape(visible(str(each['title'])))}</li>\n" for each in pictures)
    return f'<p class="waiting">{inline(reason)}</p>\n<ul class="waiting">\n{titles}</ul>\n'


def _picture(picture: Mapping[str, Any]) -> str:
    """Return a picture with what can be seen, or else its title and what it waits for."""
    name, title, alt, src = (
        escape(visible(str(picture[key])), quote=True) for key in ("name", "title", "alt", "src")
    )
    if src:
        # The picture shows its title itself.
        caption = f'<figcaption aria-hidden="true">{inline(str(picture["alt"]))}</figcaption>'
        inside = (
            f'<a href="{src}" target="_blank" rel="noopener" title="Open the picture in a new tab">'
            f'<img src="{src}" alt="{alt}"></a>{caption}'
        )
    else:
        waits = inline(str(picture["waiting"] or _NOT_DRAWN))
        inside = f'<figcaption class="title">{title}</figcaption><p class="waiting">{waits}</p>'
    return f'<figure data-key="{name}">{inside}</figure>\n'


def _hints(view: View, hints: Sequence[Hinted]) -> str:
    if not hints:
        return ""
    verdict = view.verdict
    to_do = next(iter(verdict.wrong), verdict.to_do) if verdict else hints[0].function
    first = [hint for hint in hints if hint.function == to_do]
    others = [hint for hint in hints if hint.function != to_do]
    rest = "".join(map(_hint, others))
    words = "Hints for other functions" if first else "Hints for each function"
    if rest:
        rest = f'<details data-key="hints-{view.step.id}"><summary>{words}</summary>\n{rest}</details>\n'
    return f"<h2>Hints</h2>\n{''.join(map(_hint, first))}{rest}"


def _hint(hint: Hinted) -> str:
    name, seen = escape(hint.function, quote=True), len(hint.texts)
    items = "".join(f"<li>{paragraphs(text)}</li>\n" for text in hint.texts)
    shown = f"<ol>\n{items}</ol>\n" if items else ""
    button = (
        f'<button type="button" data-act="hint" data-function="{name}">'
        f"Show hint {seen + 1} of {hint.total} for <code>{name}</code></button>\n"
        if seen < hint.total
        # It stays a button, so that the focus is not lost with the last hint.
        else f'<button type="button" aria-disabled="true">All hints for <code>{name}</code> are shown</button>\n'
    )
    return f'<div class="hint" data-key="{name}">\n<h3><code>{name}</code></h3>\n{shown}{button}</div>\n'


def _quiz(step: Step, questions: Sequence[Asked]) -> str:
    if not questions:
        return ""
    each = "".join(_question(question) for question in questions)
    count = f"{len(questions)} question{'s' if len(questions) > 1 else ''}"
    return (
        f'<h2>Quiz</h2>\n<details data-key="quiz-{step.id}">'
        f"<summary>{count}: predict what a few lines do</summary>\n"
        f"<p>Nothing is graded. Think first, then answer.</p>\n<ol>\n{each}</ol>\n</details>\n"
    )


def _question(question: Asked) -> str:
    name = escape(question.id, quote=True)
    if question.choices:
        buttons = "".join(
            f'<button type="submit" value="{escape(choice, quote=True)}">{escape(choice)}</button>\n'
            for choice in question.choices
        )
        field = f'<div role="group" aria-labelledby="ask-{name}">\n{buttons}</div>\n'
    else:
        field = (
            f"<label>{escape(question.label)} "
            '<input name="typed" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="200">'
            '</label>\n<button type="submit">Check</button>\n'
        )
    return (
        f'<li data-key="{name}">\n{python_html(question.code)}<p id="ask-{name}">{inline(question.question)}</p>\n'
        f'<form data-question="{name}">\n{field}'
        '<button type="submit" class="quiet" value="?">Show the answer</button>\n</form>\n'
        f'<div class="reply" role="status"></div>\n</li>\n'
    )


def _terminal(view: View) -> str:
    one, two = (command(view.in_clone, name, view.step.id) for name in ("solution", "reset"))
    return (
        f"<p>In a terminal: <code>{escape(one)}</code> shows a solution beside your code, "
        f"<code>{escape(two)}</code> gives the step its stubs back.</p>\n"
    )
