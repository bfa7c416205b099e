"""Sentences about another step that a learner's module imports, if the import fails.

A worker tells what it saw of the module under test alone. The other module's source is here; it is searched for
names and lines, and never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from grader.judge import advice
from grader.testing.wording import sentence_of, shorten

MAX_SOURCE_LINE = 120
# How Python ends the message of a SyntaxError, with the file and the line.
_UNREADABLE = re.compile(r"(.{0,2000}) \((step_\d\d_\w{1,80})\.py, line (\d{1,9})\)", re.DOTALL)
_NO_NAME = re.compile(r"cannot import name '(\w{1,80})' from '(step_\d\d_\w{1,80})'")
_IMPORT = re.compile(r"(?:from|import) +(step_\d\d_\w{1,80})")
# What a module defines at its top, in the letters that the names of exercises have.
_DEFINED = re.compile(
    rb"^(?:(?:async +)?def|class) +([A-Za-z_]\w{0,80})|^([A-Za-z_]\w{0,80}) *=(?!=)", re.MULTILINE
)


def unreadable_import(path: str, answer: dict[str, Any], others: Mapping[str, bytes]) -> str:
    """Return the sentences for a module that imports one which Python cannot read, or "".

    Args:
        path: the module's file name.
        answer: the worker's answer to the request to load it (see `grader.wire.messages`).
        others: the sources of the learner's other modules that it may import, by name.
    """
    found = _UNREADABLE.fullmatch(answer["message"])
    if "SyntaxError" not in answer["bases"] or not found or found[2] not in others:
        return ""
    why, name, line = found[1], found[2], int(found[3])
    source = others[name]
    rows = source.decode("utf-8", "replace").split("\n")
    row = rows[line - 1].strip() if line <= len(rows) else ""
    return (
        f"Python cannot read line {line} of {name}.py: {sentence_of(shorten(why))}\n"
        f"    {shorten(row, MAX_SOURCE_LINE)}\n"
        f"{advice.of_syntax(answer['type'], why, row, source)}\n"
        f"{path} imports {name}.py, so repair that file first."
    )


def name_alike(name: str, source: bytes, likeness: float = 0.6) -> str:
    """Return the name most like this one that a module with this source defines at its top, or ""."""
    names = [(one or other).decode() for one, other in _DEFINED.findall(source)]
    return next(iter(get_close_matches(name, names, 1, likeness)), "")


def failed_import(answer: dict[str, Any], others: Mapping[str, bytes]) -> str:
    """Return a sentence that says more about an import at the top of a module that raised an error, or "".

    Args:
        answer: the worker's answer to the request to load the module.
        others: the sources of the learner's other modules that it may import, by name.
    """
    missing = _NO_NAME.match(answer["message"])
    if missing:
        alike = name_alike(missing[1], others.get(missing[2], b""))
        return f"Did you mean `{alike}`?" if alike else ""
    frames = answer["frames"]
    line = _IMPORT.match(frames[-1][3]) if frames else None
    if line and line[1] in others and "ImportError" not in answer["bases"]:
        return f"The error is in {line[1]}.py, which this line imports: repair that file first."
    return ""
