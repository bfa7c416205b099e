"""Advice: what usually causes an error, found by its type and its message.

What is said of errors and warnings of running code is content, in `grader/content/errors.toml`. Other versions
of Python and PyTorch may word a message differently. Then the advice is general, or there is none.
"""

from __future__ import annotations

import functools
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

CATALOGUE = Path(__file__).parents[1] / "content" / "errors.toml"

_ABOVE = "Check this line and the one above it."
_CONFLICT = (
    "This file has the markers of a Git merge conflict: lines that begin with <<<<<<<, ======= and >>>>>>>. "
    "Keep one of the two versions between them, and delete the markers."
)
_TERMINAL = (
    "This is a command for the terminal, not Python. Delete this line and type it in the terminal."
)

# For lines that Python cannot read: a pattern for the start of the line, and the advice.
_LINES = (
    (r"<{7}|>{7}|={7}\s*$|\|{7}", _CONFLICT),
    (
        r"%%?\w|!\s*\w|\?|[\w.]+\?\??\s*$",
        "Lines with `%`, `!` or `?` are notebook commands, which plain Python does not know. Delete them.",
    ),
    (r">>> |\.\.\. ", "The prompts `>>>` and `...` belong to the Python console. Delete them."),
    (r"```|~~~", "Lines such as ``` mark code in Markdown and chats. Delete them."),
    (r"\$ |(pip3?|python3?|make|git|cd|conda) +[\w./~-]", _TERMINAL),
    (
        r"print\s+[^\s(=]|exec\s+['\"]",
        "This is Python 2. In Python 3, `print` is a function and needs parentheses: `print(x)`.",
    ),
    (r"raise\s+\w+\s*,", 'This is Python 2. In Python 3, write `raise ValueError("…")`.'),
    (
        r"else\s+if\b|else?if\b|elsif\b",
        "Python writes a further condition as `elif condition:`, in one word.",
    ),
    (
        r"except\s+\w[\w.]*\s*(,\s*\w[\w.]*\s*)+:",
        "Write `except ValueError as error:` to name the error, and `except (ValueError, TypeError):` to catch "
        "several types.",
    ),
)

# Newer syntax: the version of Python that introduced it, a pattern for a line with it, and what it is called.
_NEWER = (
    ((3, 12), r"type\s+\w+.*=", "A `type` statement"),
    ((3, 12), r"(async\s+)?(def|class)\s+\w+\[", "A list of type parameters in square brackets"),
    ((3, 12), r".*\b[fF]([\"'])[^{]*\{[^}]*(\1|\\)", "An f-string with such quotes or a backslash in its braces"),
    ((3, 14), r".*\b[tT][\"']", "A t-string, with `t` before its quotes,"),
)  # fmt: skip

_INDENTATION = (
    (
        "inconsistent use of tabs",
        "Some lines are indented with tabs and others with spaces. Let your editor convert all tabs to spaces.",
    ),
    (
        "unindent does not match",
        "This line is indented less than the line above it, but its indentation matches no earlier line. "
        "Give it as many spaces as the other lines of its block.",
    ),
    (
        "unexpected indent",
        "This line is indented more than the line above it, which does not end in `:`. Delete the extra "
        "spaces.",
    ),
    (
        "expected an indented block",
        "After a line that ends in `:`, indent the lines that belong to it by four more spaces.",
    ),
)
_QUOTES = "“”„‟«»‘’‚‛`´′″"
_DASHES = "‐‑‒–—―−"
# Some versions of Python complain about the number before such a character, and not about the character.
_WIDE = "（）［］｛｝，：；＝＋－＊／"


def of_syntax(
    kind: str,
    message: str,
    line: str,
    source: bytes,
    python: tuple[int, int] = sys.version_info[:2],
) -> str:
    """Return what to do about a line that Python cannot read.

    Args:
        kind: type of the error, such as "SyntaxError" or "TabError".
        message: its message.
        line: the line.
        source: the whole file.
        python: the version of Python that tried to read it, as (major, minor).
    """
    stripped = line.lstrip()
    found = re.search(r"character '?.*U\+([0-9A-F]{4,6})", message)
    if found:
        return _odd_character(chr(int(found[1], 16)))
    wide = re.search(f"[{_WIDE}]", line)
    if wide and "literal" in message:
        return _odd_character(wide[0])
    if {b"<<<<<<<", b">>>>>>>"} <= {row[:7] for row in source.splitlines()}:
        return _CONFLICT
    for pattern, advice in _LINES:
        if re.match(pattern, stripped):
            return advice
    for words, advice in _INDENTATION:
        if kind in ("IndentationError", "TabError") and words in message:
            return advice
    for version, pattern, what in _NEWER:
        if python < version and re.match(pattern, stripped):
            needs, here = (f"{major}.{minor}" for major, minor in (version, python))
            return f"{what} needs Python {needs} or newer, but this is Python {here}."
    return _ABOVE


def _odd_character(character: str) -> str:
    if character in _QUOTES:
        return "These are curly quotes, as in books. Python needs straight ones, as on your keyboard: \" or '."
    if character in _DASHES:
        return "This is a dash, as in books. Python needs the minus sign on your keyboard: -"
    if not character.isprintable():
        return (
            "There is an invisible character here, which often comes with code copied from a web page. Delete "
            "the spaces in this line and type them again."
        )
    return (
        "Type this character again on your keyboard: it only looks like the one that Python needs."
    )


def of_file(source: bytes) -> str:
    """Return why a file with this source is not a Python module, as a clause, or ""."""
    start = source[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{") and b'"cells"' in source and b'"nbformat"' in source:
        return "it is a notebook. Open it in Jupyter and export it as an executable script"
    if start[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page. Download the file itself: on GitHub, click Download raw file"
    if start.startswith(b"{\\rtf"):
        return (
            "it is a word processor document. Save it as plain text, or write it in a code editor"
        )
    return ""


@dataclass(frozen=True)
class Explanation:
    """What an error or a warning means: an entry of the catalogue, whose head describes the fields."""

    id: str
    types: list[str]
    pattern: str
    means: str
    look: str
    code: str
    by: list[str] = field(default_factory=lambda: ["code"])
    line: str = ""

    def __str__(self) -> str:
        return f"{self.means} {self.look}"


@functools.cache
def catalogue() -> list[Explanation]:
    """Return the entries in order; the file is read when the first error or warning is explained."""
    return [Explanation(**entry) for entry in tomllib.loads(CATALOGUE.read_text("utf-8"))["error"]]


def of_error(
    types: Iterable[str], text: str, by: str = "code", line: str = ""
) -> Explanation | None:
    """Return what an error or a warning means, or None.

    Args:
        types: names of its class, and of the built-in classes above it.
        text: its message.
        by: who raised it: "code", "raise" or "test", as in the catalogue.
        line: the line of the learner's code that raised it, or "".
    """
    names = set(types)
    for one in catalogue():
        meant = by in one.by and names.intersection(one.types)
        if meant and re.search(one.pattern, text) and re.search(one.line, line):
            return one
    return None


def of_output(text: str) -> str:
    """Return what the first known warning in the printed text means, or ""."""
    for found in re.finditer(r": (\w{1,40}Warning): (.{1,500})", text):
        meaning = of_error([found[1]], found[2])
        if meaning:
            return f"The {found[1]} means: {meaning}"
    return ""
