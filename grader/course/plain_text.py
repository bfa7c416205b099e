"""Escapes text from submissions, so that nothing in it acts on the terminal or file that shows it."""

from __future__ import annotations


def visible(text: str) -> str:
    """Return the text with control characters, such as terminal escapes, written as Python escapes."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Return the text with line breaks escaped as well, so that a name cannot add a line of its own."""
    return visible(text).replace("\n", "\\n")
