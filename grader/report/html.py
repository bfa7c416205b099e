"""Verdicts as HTML. Whatever comes from a learner's code is text here, never markup.

Lessons become HTML in `grader.report.lessons`.
"""

from __future__ import annotations

import ast
import re
from html import escape
from itertools import groupby
from typing import Any

from grader.course.plain_text import visible
from grader.course.verdicts import Status, StepVerdict, TestVerdict
from grader.report.lessons import Lesson

MARKS = {
    Status.PASSED: ("✓", "right"),
    Status.FAILED: ("✗", "not right yet"),
    Status.NOT_STARTED: ("·", "not written yet"),
    Status.ERROR: ("!", "the kit failed"),
}
# Values are cut before they are shown; this only keeps Python from reading a large one here.
_LONGEST = 400
# What `grader.judge.feedback.misconception` adds to a message.
_MISTAKE = "This looks like a common mistake: "
_HINT = "Hint: "
_READ = re.compile(r'Read more in [\w.]+, at "(.+)"\.')


def inline(text: str) -> str:
    """Return a sentence as HTML, with what stands in backticks as code."""
    pieces = re.split(r"`([^`\n]+)`", visible(text))
    return "".join(
        f"<code>{escape(piece)}</code>" if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def paragraphs(text: str) -> str:
    """Return text as HTML: paragraphs are separated by empty lines, and those that are indented are code."""
    parts = []
    for part in re.split(r"\n\s*\n", visible(text).strip("\n")):
        if part.startswith("    "):
            parts.append(f"<pre><code>{escape(part)}</code></pre>\n")
        else:
            parts.append(f"<p>{inline(' '.join(part.split()))}</p>\n")
    return "".join(parts)


def sentence(verdict: StepVerdict, so_far: bool = False) -> str:
    """Return a verdict in one sentence, such as "`gradients` fails 2 of 5 tests.".

    Args:
        verdict: the verdict.
        so_far: whether tests are missing, so that nothing can be counted.
    """
    total = len(verdict.tests)
    if verdict.status == Status.PASSED:
        return f"All is right: {_tests(total)} passed."
    if verdict.status == Status.NOT_STARTED:
        return "Nothing is written yet."
    if verdict.status == Status.ERROR:
        return "The kit itself failed."
    if problem := verdict.file_problem:
        return f"`{verdict.file}` {problem}."
    bad = verdict.wrong
    if not bad:
        begin = "Right so far. " if verdict.is_right_so_far else ""
        return f"{begin}Not written yet: {', '.join(f'`{name}`' for name in verdict.to_write)}."
    name, tests = next(iter(bad.items()))
    if so_far:
        return f"`{name}` is not right yet."
    failed = sum(test.status != Status.PASSED for test in tests)
    more = f" So does `{list(bad)[1]}`." if len(bad) == 2 else ""
    more = f" So do {len(bad) - 1} other functions." if len(bad) > 2 else more
    return f"`{name}` fails {failed} of {_tests(len(tests))}.{more}"


def functions_html(verdict: StepVerdict, so_far: bool = False) -> str:
    """Return a list of the step's functions, each with its mark and a link to what it must do.

    Args:
        verdict: the verdict.
        so_far: whether tests are missing, so that nothing can be counted.
    """
    items = []
    for name, tests in verdict.by_function.items():
        status = StepVerdict(verdict.step, tuple(tests)).status
        passed = sum(test.status == Status.PASSED for test in tests)
        is_begun = status == Status.FAILED
        if name in verdict.unwritten or verdict.file_problem:
            status = Status.NOT_STARTED
        mark, words = MARKS[status]
        if verdict.file_problem:
            # Nothing is known of any function.
            words = "not checked"
        elif status == Status.NOT_STARTED and is_begun:
            words = "not finished yet"
        elif status == Status.FAILED and not so_far:
            words = f"{passed} of {_tests(len(tests))} {'pass' if len(tests) != 1 else 'passes'}"
        items.append(
            f'<li class="{status}"><span class="mark" aria-hidden="true">{mark}</span> '
            f'<a href="#function-{escape(name)}"><code>{escape(visible(name))}</code></a> '
            f'<span class="words">{words}</span></li>\n'
        )
    return f'<ul class="functions">\n{"".join(items)}</ul>\n'


def failures_html(verdict: StepVerdict, lesson: Lesson) -> str:
    """Return what is wrong in a step: the first failure in full, the others folded."""
    shown: list[list[TestVerdict]] = []
    for tests in verdict.wrong.values():
        # A file that cannot be imported has the same message for every function, so show it once.
        if all(_first_bad(tests).message != _first_bad(other).message for other in shown):
            shown.append(tests)
    if not shown:
        return ""
    first, *others = shown
    if verdict.file_problem:
        # No test could begin, so neither a function nor what a test shows has anything to do with it.
        return f'<div class="failure">\n{message_html(first[0].message, lesson)}</div>\n'
    return failure_html(first, lesson) + "".join(
        _folded(_first_bad(tests).function, failure_html(tests, lesson, head=False))
        for tests in others
    )


def failure_html(tests: list[TestVerdict], lesson: Lesson, head: bool = True) -> str:
    """Return what is wrong in one function: its first failed test, and the others folded.

    Args:
        tests: the verdicts on the function's tests.
        lesson: the step's lesson, for links into it.
        head: whether to begin with the function's name.
    """
    first, *others = (test for test in tests if test.status not in _FINE)
    title = f"<h3><code>{escape(visible(first.function))}</code></h3>\n" if head else ""
    more = ""
    # The same words again, as after a time limit, help nobody.
    others = [test for test in others if test.message != first.message]
    if others:
        each = "".join(
            _test_html(test, lesson, named=test.misconception == first.misconception)
            for test in others
        )
        more = _folded(f"{_tests(len(others), 'more failed test')}", each, first.function)
    return f'<div class="failure">\n{title}{_test_html(first, lesson)}{more}</div>\n'


def _test_html(test: TestVerdict, lesson: Lesson, named: bool = False) -> str:
    """Return why a test failed; without its mistake, if that has been named already."""
    message = test.message.partition(f"\n{_MISTAKE}")[0] if named else test.message
    return (
        f'<p class="title">{inline(test.title)}</p>\n'
        f"{message_html(message, lesson, counterexample_html(test.counterexample))}"
    )


def message_html(message: str, lesson: Lesson, table: str = "") -> str:
    """Return the message of a test; a named mistake gets a box, and what to read a link if the lesson has it.

    Args:
        message: the message of a verdict.
        lesson: the step's lesson.
        table: HTML that stands between what happened and what it looks like.
    """
    said, mistake = [], []
    for is_code, group in groupby(visible(message).split("\n"), lambda line: line.startswith(" ")):
        lines = list(group)
        if is_code:
            said.append(f"<pre><code>{escape(chr(10).join(lines))}</code></pre>\n")
            continue
        for line in lines:
            read = _READ.fullmatch(line)
            if line.startswith(_MISTAKE):
                mistake.append(f"<p>{inline(line.removeprefix(_MISTAKE))}</p>\n")
            elif mistake and line.startswith(_HINT):
                mistake.append(f"<p><b>Hint:</b> {inline(line.removeprefix(_HINT))}</p>\n")
            elif mistake and read:
                mistake.append(_reading(read[1], lesson))
            elif re.fullmatch(r"`[^`]+`", line):
                said.append(f'<pre class="call"><code>{escape(line[1:-1])}</code></pre>\n')
            elif line:
                said.append(f"<p>{inline(line)}</p>\n")
    said.append(table)
    if mistake:
        title = '<p class="part">This looks like a common mistake</p>\n'
        said.append(f'<div class="mistake">\n{title}{"".join(mistake)}</div>\n')
    return "".join(said)


def _reading(phrase: str, lesson: Lesson) -> str:
    place, words = lesson.find(phrase), f"“{escape(phrase)}”"
    words = f'<a href="#{place}">{words}</a>' if place else words
    return f"<p>Read more in the lesson, at {words}.</p>\n"


def counterexample_html(example: dict[str, Any] | None) -> str:
    """Return the inputs of a call as a table with their shapes; "" without a call that has inputs.

    Args:
        example: the inputs by name, as text; or other plain data, whose text is shown.
    """
    if not example:
        return ""
    rows = [
        (escape(visible(str(name))), _shape(text := str(value)), escape(_in_rows(visible(text))))
        for name, value in example.items()
    ]
    has_shape = any(shape for _, shape, _ in rows)
    body = "".join(
        f'<tr><th scope="row"><code>{name}</code></th>{f"<td>{shape}</td>" if has_shape else ""}'
        f"<td><code>{value}</code></td></tr>\n"
        for name, shape, value in rows
    )
    middle = '<th scope="col">Shape</th>' if has_shape else ""
    return (
        '<table class="inputs">\n<caption>The inputs of this call</caption>\n'
        f'<thead><tr><th scope="col">Name</th>{middle}<th scope="col">Value</th></tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table>\n"
    )


def _shape(text: str) -> str:
    """Return the shape of an array that was printed in whole, such as "(3, 1)", or "number"; or else ""."""
    if re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?|-?inf|nan", text):
        return "number"
    if not text.startswith("[") or len(text) > _LONGEST:
        return ""
    try:
        value: Any = ast.literal_eval(re.sub(r"\b(nan|inf|True|False)\b", "0", text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ""
    sizes = _sizes(value)
    if sizes is None:
        return ""
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"


def _sizes(value: Any) -> tuple[int, ...] | None:
    """Return the sizes of nested lists of numbers; None if the lists differ in size, or hold something else."""
    if isinstance(value, int | float):
        return ()
    if not isinstance(value, list):
        return None
    inside = {_sizes(item) for item in value}
    if len(inside) > 1 or None in inside:
        return None
    return (len(value), *next((sizes for sizes in inside if sizes is not None), ()))


def _in_rows(text: str) -> str:
    """Return a printed array of two dimensions with a line for each row."""
    return text.replace("], [", "],\n [") if text.startswith("[[") else text


_FINE = (Status.PASSED, Status.NOT_STARTED)


def _first_bad(tests: list[TestVerdict]) -> TestVerdict:
    """Return the first test of a wrong function that failed."""
    return next(test for test in tests if test.status not in _FINE)


def _folded(title: str, html: str, about: str = "") -> str:
    """Return HTML that shows its title only, until somebody opens it."""
    name = escape(f"{about} {title}".strip())
    inside = f"<code>{escape(visible(title))}</code> fails too" if not about else escape(title)
    return f'<details data-key="{name}">\n<summary>{inside}</summary>\n{html}</details>\n'


def _tests(number: int, word: str = "test") -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"
