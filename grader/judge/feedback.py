"""Sentences for learners about everything that is not simply a wrong value.

Each says what happened, where, and what to do next. Whatever a worker sent is shortened and shown
as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.judge import advice
from grader.judge.broken_imports import (
    MAX_SOURCE_LINE,
    failed_import,
    name_alike,
    unreadable_import,
)
from grader.testing.wording import of_shape, plain, sentence_of, shorten, shown
from grader.wire.codec import CodecError
from grader.wire.decoder import decode
from grader.wire.values import is_tensor

if TYPE_CHECKING:
    from grader.course.course import Step
    from grader.testing.answers import Call

MAX_MESSAGE = 4000
MAX_INPUTS = 200


def asked(call: Call) -> str:
    """Return the call as a learner would type it, or what a probe did."""
    if call.purpose:
        inputs = ", ".join(f"{name} = {text}" for name, text in _brief(call.inputs()).items())
        return f"The test did this: {call.purpose}" + (f", with {inputs}." if inputs else ".")
    values = [plain(value) for value in call.args]
    values += [f"{name}={plain(value)}" for name, value in call.kwargs.items()]
    return f"`{call.function}({', '.join(values)})`"


def _brief(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return inputs as text, the longest ones by their shapes alone if all would hide the sentence behind them."""
    texts = {name: plain(value) for name, value in inputs.items()}
    for name in sorted(texts, key=lambda name: -len(texts[name])):
        if sum(map(len, texts.values())) <= MAX_INPUTS:
            break
        value = inputs[name]
        if isinstance(value, np.ndarray) or is_tensor(value):
            kind = "an array" if isinstance(value, np.ndarray) else "a tensor"
            texts[name] = f"{kind}{of_shape(value.shape, None)}"
        else:
            texts[name] = shorten(texts[name], MAX_INPUTS // 2)
    return texts


def message(sentence: str, call: Call | None, output: tuple[str, int], printer: str = "") -> str:
    """Return the whole message of a test.

    Args:
        sentence: what is wrong.
        call: the request that it is about, which the message shows first; or None.
        output: the beginning of what the code printed, and how many bytes it printed in all.
        printer: a sentence about where it was printed, if that is known.
    """
    lines = [f"{asked(call)}", sentence] if call else [sentence]
    text, size = output
    if text.strip():
        more = f" (the beginning of {size} bytes)" if size > len(text.encode()) else ""
        lines.append(f"Your code printed{more}: {shorten(text.strip(), 400)}")
        lines += [printer] if printer else []
        meaning = advice.of_output(text)
        lines += [meaning] if meaning else []
    # A Python string can hold lone surrogates, which UTF-8 cannot encode.
    whole = "\n".join(lines).encode("utf-8", "backslashreplace").decode()
    return shorten(whole, MAX_MESSAGE)


def misconception(step: Step, sentence: str, hint: str, read: str) -> str:
    """Return three lines: the mistake that the answers look like, a hint, and what to read.

    Args:
        step: the step.
        sentence: the mistake, in words.
        hint: how to find it.
        read: a phrase from the text of the step's module, near which the subject is explained.
    """
    where = f'Read more in {step.filename}, at "{read}".'
    return f"This looks like a common mistake: {sentence}\nHint: {hint}\n{where}"


def culprit(function: str, used: str) -> str:
    """Return a line that points to a function which this one uses, and which is wrong."""
    return f"`{function}` uses `{used}`, which is not right yet: mend `{used}` first."


def printed_much(size: int) -> str:
    """Return a note for code that prints so much that it is slow."""
    return f"Note: your code printed {size} bytes in one call, which is slow. Print less."


def no_module(path: str, why: str) -> str:
    """Return the sentence for a file that is something other than Python."""
    return f"The file {path} is not a Python module: {why}."


def empty_file(path: str) -> str:
    """Return the sentence for a file without code."""
    return (
        f"The file {path} is empty. If that was an accident, undo it in your editor; the command `reset` gives it "
        "its stubs back."
    )


def timeout(seconds: float) -> str:
    """Return the sentence for a function that does not return in time."""
    return (
        f"Your code did not finish within {seconds:g} seconds. Is there a loop that never ends? "
        "Check the condition of each `while` loop, and what changes inside the loop."
    )


def expired(function: str, sentence: str) -> str:
    """Return the sentence for the remaining tests of a function whose time is used up."""
    return f"Not run again: an earlier test used up the time for `{function}`. {sentence}"


def load_timeout(path: str, seconds: float) -> str:
    """Return the sentence for a module whose import does not finish in time."""
    return (
        f"Importing {path} did not finish within {seconds:g} seconds. Is there a loop outside all "
        "functions? Code that is not in a function runs at every import."
    )


def crash(how: str, error: Exception) -> str:
    """Return the sentence for a worker that ended during a call."""
    if isinstance(error, CodecError):
        return f"Your code sent something that is not an answer ({error}), so it was stopped."
    return (
        f"Python stopped while running your code{f': {how}' if how else ''}. Does your code call "
        "`os._exit` or use up all memory?"
    )


def load_crash(path: str, how: str, error: Exception) -> str:
    """Return the sentence for a worker that ended while importing the module.

    Args:
        path: the module's file name.
        how: how the worker ended by itself, as a clause, or "".
        error: what the judge noticed.
    """
    return f"While importing {path}: {crash(how, error)}"


def load_failure(
    path: str, answer: dict[str, Any], source: bytes, others: Mapping[str, bytes]
) -> str:
    """Return the sentences for a module whose import failed.

    Args:
        path: the module's file name.
        answer: the worker's answer to the request to load it (see `grader.wire.messages`).
        source: the whole file.
        others: the sources of the learner's other modules that it may import, by name.
    """
    if answer["kind"] == "missing":
        return missing_function(answer["name"], path, source)
    if answer["kind"] == "encoding":
        return (
            f"The file {path} is not saved as UTF-8 text: {answer['message']}. "
            'Choose "Save with encoding: UTF-8" in your editor.'
        )
    if "caret" in answer:
        line, text, column = answer["caret"]
        stripped = text.lstrip()
        caret = " " * max(0, column - (len(text) - len(stripped))) + "^"
        return (
            f"Python cannot read line {line} of {path}: {sentence_of(answer['message'])}\n"
            f"    {shorten(stripped, MAX_SOURCE_LINE)}\n    {caret[: MAX_SOURCE_LINE + 1]}\n"
            f"{advice.of_syntax(answer['type'], answer['message'], text, source)}"
        )
    if unreadable := unreadable_import(path, answer, others):
        return unreadable
    lines = [
        f"Python could not import {path}. {raised(answer, path)}",
        failed_import(answer, others),
    ]
    return "\n".join(filter(None, lines))


def missing_function(name: str, path: str, source: bytes = b"") -> str:
    """Return the sentence for a function that is not in the module with this path and source."""
    # Other functions of a step are up to 0.80 alike: save_checkpoint and load_checkpoint.
    alike = name_alike(name, source, 0.82)
    there = f"But there is `{alike}`. " if alike else ""
    if re.search(
        rb"^[ \t]{1,40}(?:def|class) %s\b" % re.escape(name.encode()), source, re.MULTILINE
    ):
        there = "There it is inside of something else: it belongs at the left margin. "
    return (
        f"There is no `{name}` in {path}. {there}Was it renamed or deleted? The name must match "
        "exactly."
    )


def not_written(answer: dict[str, Any], path: str, function: str) -> str:
    """Return the sentence for a function that is still a stub, or that needs one that is.

    `TestVerdict.unwritten` reads the name of the other function or of the method from it.

    Args:
        answer: the worker's answer with the NotImplementedError (see `grader.wire.messages`).
        path: the module's file name.
        function: the function under test.
    """
    name = name_not_written(answer, function)
    if name.split(".")[0] != function and said_not_written(answer):
        return f"`{function}` needs `{name}`, which is not written yet: open {path}."
    return f"`{name}` is not written yet: open {path}."


def said_not_written(answer: dict[str, Any]) -> str:
    """Return the name in the words of a stub, or "" if it was raised without them."""
    said = re.fullmatch(r"`([\w.]{1,80})` is not written yet\.", answer["message"])
    return said[1] if said else ""


def name_not_written(answer: dict[str, Any], function: str) -> str:
    """Return the name of the function that is still a stub.

    Args:
        answer: the worker's answer with the NotImplementedError (see `grader.wire.messages`).
        function: the one to name if the answer tells nothing.
    """
    frames = answer["frames"]
    return said_not_written(answer) or (frames[-1][1] if frames else function)


def wrong_signature(call: Call, problem: str) -> str:
    """Return the sentence for a function that does not accept the inputs of its contract."""
    names = ", ".join([*(f"value {i}" for i, _ in enumerate(call.args, 1)), *call.kwargs])
    return (
        f"`{call.function}` cannot be called with ({names}), as the exercise requires: {shorten(problem)}. "
        "Keep the parameters of the exercise and their names."
    )


def unplain(problem: str) -> str:
    """Return the sentence for a value that cannot be sent to the judge."""
    return f"The value that your code returned cannot be checked: {shorten(problem)}."


def changed_inputs(call: Call, after: bytes) -> str:
    """Return the sentence for a function that changed its inputs."""
    try:
        args, kwargs = decode(after)
        now = {f"input {i}": value for i, value in enumerate(args, 1)} | kwargs
    except (CodecError, TypeError, ValueError):
        now = {}
    changes = []
    for name, value in call.inputs().items():
        for words in (plain, shown):
            if words(value) != words(now.get(name)):
                changes.append(f"`{name}` was {words(value)} and is now {words(now.get(name))}")
                break
    return (
        f"Your code changed its inputs{': ' + '; '.join(changes) if changes else ''}. The caller may still need "
        "them, so compute new values: do not use `+=`, `-=`, `out=`, functions that end in `_`, or functions that "
        "shuffle or sort in place, on an input."
    )


# Errors that an input causes which the code should have refused. Others may be a slip in the check itself.
_OF_INPUTS = frozenset(
    {"RuntimeError", "IndexError", "KeyError", "OverflowError", "ZeroDivisionError"}
)


def raised(answer: dict[str, Any], path: str, asked_for: str = "") -> str:
    """Return sentences for an exception: what was raised, where, and what it usually means.

    Args:
        answer: the worker's answer (see `grader.wire.messages`).
        path: the module's file name.
        asked_for: the type of the error that should have been raised in its place, or "".
    """
    kind = answer["type"]
    # PyTorch makes some words of its messages bold, by codes that terminals understand.
    text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", answer["message"]).split())
    if kind == "ImportError":
        # Such a message ends with the path of the package on this machine, if there is one.
        text = re.sub(r" \((?:[^()]*[/\\][^()]*|unknown location|step_\w+\.py)\)$", "", text)
    text = shorten(text).rstrip(".")
    in_module = [frame for frame in answer["frames"] if frame[0] == "module"]
    is_test = answer["frames"] and not in_module
    begin = "With your code, the test ended in" if is_test else "Your code raised"
    lines = [f"{begin} {sentence_of(f'{kind}: {text}' if text else kind)}"]
    raised_by = ""
    if in_module:
        _, function, line, source = in_module[-1]
        raised_by = shorten(source, MAX_SOURCE_LINE)
        name = "at the top of the file" if function == "<module>" else f"in `{function}`"
        lines.append(f"It happened {name}, line {line} of {path}: {raised_by}")
    elif answer["frames"]:
        source = answer["frames"][-1][3]
        lines.append(f"It happened when the test ran: {shorten(source, MAX_SOURCE_LINE)}")
    if asked_for and in_module and not answer["own"] and kind in _OF_INPUTS:
        return "\n".join(
            [*lines, f"Check the input before this line, and raise {asked_for} there."]
        )
    by = "raise" if answer["own"] else "code" if in_module or not answer["frames"] else "test"
    meaning = advice.of_error([kind, *answer["bases"]], answer["message"], by, raised_by)
    return "\n".join([*lines, str(meaning)] if meaning else lines)


def counterexample(call: Call | None) -> dict[str, str] | None:
    """Return the inputs of a call by name, as text; None without a call."""
    return {name: plain(value) for name, value in call.inputs().items()} if call else None
