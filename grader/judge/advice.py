"""Advice: what usually lies behind an error, known by its type and its words.

Other versions of Python and PyTorch may use other words. Then no advice is given, or a general one.
"""

from __future__ import annotations

import re
import sys

_ABOVE = "Look at this line and at the one above it."
_CONFLICT = (
    "Git left the marks of a merge conflict here: lines that begin with <<<<<<<, ======= and >>>>>>>. Choose "
    "between the two versions that stand between them, and delete the marks."
)
_TERMINAL = (
    "This is a command for the terminal and not Python: take this line out, and type it there."
)

# Of a line that Python cannot read: how it looks, and the advice.
_LINES = (
    (r"<{7}|>{7}|={7}\s*$|\|{7}", _CONFLICT),
    (
        r"%%?\w|!\s*\w|\?|[\w.]+\?\??\s*$",
        "Lines with `%`, `!` or `?` are commands of a notebook, which Python itself does not know: take them out.",
    ),
    (r">>> |\.\.\. ", "The prompts `>>>` and `...` belong to the Python console: take them out."),
    (r"```|~~~", "Lines such as ``` belong to a page that shows code: take them out."),
    (r"\$ |(pip3?|python3?|make|git|cd|conda) +[\w./~-]", _TERMINAL),
    (
        r"print\s+[^\s(=]|exec\s+['\"]",
        "This is Python 2. In Python 3, `print` is a function: write brackets, as in `print(x)`.",
    ),
    (r"raise\s+\w+\s*,", 'This is Python 2. In Python 3, write `raise ValueError("…")`.'),
    (
        r"except\s+\w[\w.]*\s*(,\s*\w[\w.]*\s*)+:",
        "Write `except ValueError as error:` to give the error a name, and `except (ValueError, TypeError):` for "
        "errors of several kinds.",
    ),
)

# Syntax that came with a version of Python: the version, how a line with it looks, and what it is called.
_NEWER = (
    ((3, 12), r"type\s+\w+.*=", "A `type` statement"),
    ((3, 12), r"(async\s+)?(def|class)\s+\w+\[", "A list of types in square brackets behind a name"),
    ((3, 12), r".*\b[fF]([\"'])[^{]*\{[^}]*(\1|\\)", "An f-string with such quotes or a backslash in its braces"),
    ((3, 14), r".*\b[tT][\"']", "A text that begins with `t` before its quotes"),
)  # fmt: skip

_INDENTATION = (
    (
        "inconsistent use of tabs",
        "Some lines begin with tabs and others with spaces. Let your editor turn all tabs into spaces.",
    ),
    (
        "unindent does not match",
        "This line begins further left than the one above it, but with no line before. Give it "
        "as many spaces as the lines that it belongs with.",
    ),
    (
        "unexpected indent",
        "This line begins further right than the one above it, which does not end in `:`. Take the "
        "spaces away that are too many.",
    ),
    (
        "expected an indented block",
        "Below a line that ends in `:`, what belongs to it begins further right: with four spaces more.",
    ),
)
_QUOTES = "“”„‟«»‘’‚‛`´′″"
_DASHES = "‐‑‒–—―−"


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
        message: its words.
        line: the line.
        source: the whole file.
        python: the version of Python that reads it.
    """
    stripped = line.lstrip()
    found = re.search(r"character '?.*U\+([0-9A-F]{4,6})", message)
    if found:
        return _odd_character(chr(int(found[1], 16)))
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
            return (
                f"{what} can be read by Python {needs} and newer ones, but this is Python {here}."
            )
    return _ABOVE


def _odd_character(character: str) -> str:
    if character in _QUOTES:
        return "These are quotes as books print them. Python needs the straight ones of your keyboard: \" or '."
    if character in _DASHES:
        return "This is a dash as books print it. Python needs the minus of your keyboard: -"
    if not character.isprintable():
        return (
            "There is a character here that cannot be seen, as when code was copied from a page. Delete the "
            "spaces of this line and type them again."
        )
    return "Type this character again on your keyboard: there is another one that looks like it."


def of_file(source: bytes) -> str:
    """Return why a file with this source is no Python module, or ""."""
    start = source[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{") and b'"cells"' in source and b'"nbformat"' in source:
        return "it is a notebook. Open it in Jupyter and export it as an executable script"
    if start[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page. Download the file itself: on GitHub, with the button Download raw file"
    if start.startswith(b"{\\rtf"):
        return "it is a document of a word processor. Save it as plain text, or write it in a code editor"
    return ""


_SPECIAL = {
    "SystemExit": "Your code called `exit()`, which ends the whole program. Use `return` to leave a function.",
    "EOFError": "Your code waits for keyboard input, but nobody can type here. Take out `input()`.",
    "RecursionError": "Your code calls itself without end. Which case stops the recursion?",
    "KeyboardInterrupt": "Your code raised KeyboardInterrupt, which is for Ctrl-C only.",
    "MemoryError": "Your code asked for more memory than there is.",
    "bdb.BdbQuit": "Your code waits for a debugger, but nobody can type here. Take out `breakpoint()` and "
    "`set_trace()`.",
}


def instead_of(kind: str) -> str:
    """Return a sentence that says more than the name and the words of an error, or ""."""
    return _SPECIAL.get(kind, "")


# Of an error: its type, a pattern in its words, and what usually lies behind it. The first one that fits counts.
_BEHIND = (
    (
        "",
        "NoneType",
        "Something is None here. A function without a `return` gives None; so does `.grad` before the first "
        "backward().",
    ),
    (
        "ModuleNotFoundError",
        r"'step_\d\d",
        "A step can import another one of yours, if both files stand in the same folder and the folder is "
        "checked, not the file alone. Is it there, and is its name right?",
    ),
    (
        "ModuleNotFoundError",
        "'(exercises|solutions)",
        "Your files stand side by side: import another step by its name alone, as in "
        "`from step_02_gradient import mse`.",
    ),
    ("ImportError", "relative import", "Take the dot away: a step has no package around it."),
    (
        "ModuleNotFoundError",
        r"'(pandas|matplotlib|seaborn|torchvision|torchviz|plotly|tqdm|IPython|scipy|tensorflow|keras)\b",
        "The course needs only torch, numpy and scikit-learn, so others need not be there. Take this import "
        "out, and what uses it.",
    ),
    (
        "ModuleNotFoundError",
        r"'i?pu?db\b",
        "A debugger is of no use here, since nobody can type. Take it out.",
    ),
    (
        "ModuleNotFoundError|ImportError",
        r"'(sklearn|torch|numpy)\.",
        "There is no such part in this version of the package. Is the name spelled right? Older texts may use "
        "another one.",
    ),
    (
        "ModuleNotFoundError",
        "",
        "The course needs only torch, numpy and scikit-learn. Is the name spelled right?",
    ),
    ("NameError", "'(get_ipython|display)'", "This works in a notebook only: take it out."),
    ("NameError", "'xrange'", "This is Python 2. In Python 3 it is called `range`."),
    (
        "NameError",
        "'(raw_input|unicode|basestring|unichr)'",
        "This is Python 2; Python 3 does not have it.",
    ),
    ("NameError", "'(null|true|false)'", "In Python, these words are None, True and False."),
    ("NameError", "", "Is the name spelled right, and given a value before it is used?"),
    (
        "",
        "does not require grad",
        "backward() needs a loss that was computed from tensors with requires_grad=True.",
    ),
    (
        "",
        "leaf Variable that requires grad is being used in an in-place",
        "Changes of a parameter must not be recorded: make them inside torch.no_grad().",
    ),
    (
        "",
        "backward through the graph a second time",
        "The graph is freed after backward(). Compute the loss anew before each backward().",
    ),
)


def of_error(kind: str, text: str) -> str:
    """Return what usually lies behind an error, or ""."""
    for kinds, pattern, advice in _BEHIND:
        if kind in (kinds.split("|") if kinds else [kind]) and re.search(pattern, text):
            return advice
    return ""
