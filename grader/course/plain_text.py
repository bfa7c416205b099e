"""Text from a submission is data wherever it is shown: nothing in it acts on the place that shows it."""

from __future__ import annotations


def visible(text: str) -> str:
    """Return text in which control characters, such as terminal escapes, are written out."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """Return the same with ends of lines written out, too, so that a name cannot make a line of its own."""
    return visible(text).replace("\n", "\\n")
