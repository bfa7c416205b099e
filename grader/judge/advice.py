"""Advice: what usually causes an error, found by its type and its message.

Other versions of Python and PyTorch may word a message differently. Then the advice is general, or
there is none.
"""

from __future__ import annotations

import re
import sys

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


_SPECIAL = {
    "SystemExit": "Your code called `exit()`, which ends the whole program. Use `return` to leave a function.",
    "EOFError": "Your code waits for keyboard input, but nobody can type here. Remove `input()`.",
    "RecursionError": "Your code calls itself without end (infinite recursion). Which case stops the recursion?",
    "KeyboardInterrupt": "Your code raised KeyboardInterrupt, which is for Ctrl-C only.",
    "MemoryError": "Your code ran out of memory.",
    "bdb.BdbQuit": "Your code waits for a debugger, but nobody can type here. Remove `breakpoint()` and "
    "`set_trace()`.",
}


def instead_of(kind: str) -> str:
    """Return a sentence that says more than the name and the message of an error, or ""."""
    return _SPECIAL.get(kind, "")


# For errors: the types ("" for any), a pattern for the message, and the usual cause. The first match counts.
_BEHIND = (
    (
        "",
        "NoneType",
        "Something is None here. A function without a `return` returns None, and `.grad` is None before the "
        "first backward().",
    ),
    (
        "ModuleNotFoundError",
        r"'step_\d\d",
        "A step can import another step if both files are in the same folder and you check the folder, not "
        "the single file. Is the file there, and is its name right?",
    ),
    (
        "ModuleNotFoundError",
        "'(exercises|solutions)",
        "Your files are in one folder, so import another step without the folder's name: "
        "`from step_02_gradient import mse`.",
    ),
    ("ImportError", "relative import", "Remove the dot: a step is not part of a package."),
    (
        "ModuleNotFoundError",
        r"'(pandas|matplotlib|seaborn|torchvision|torchviz|plotly|tqdm|IPython|scipy|tensorflow|keras)\b",
        "The course needs only torch, numpy and scikit-learn; other packages may be missing. Remove this "
        "import and the code that uses it.",
    ),
    (
        "ModuleNotFoundError",
        r"'i?pu?db\b",
        "A debugger does not work here, because nobody can type. Remove it.",
    ),
    (
        "ModuleNotFoundError|ImportError",
        r"'(sklearn|torch|numpy)\.",
        "This version of the package has nothing of this name. Is it spelled correctly? Older tutorials may "
        "use another name.",
    ),
    (
        "ModuleNotFoundError",
        "",
        "The course needs only torch, numpy and scikit-learn. Is the name spelled correctly?",
    ),
    ("NameError", "'(get_ipython|display)'", "This works only in a notebook. Remove it."),
    ("NameError", "'xrange'", "This is Python 2. In Python 3, it is called `range`."),
    (
        "NameError",
        "'(raw_input|unicode|basestring|unichr)'",
        "This is Python 2; Python 3 does not have it.",
    ),
    ("NameError", "'(null|true|false)'", "In Python, these words are None, True and False."),
    ("NameError", "", "Is the name spelled correctly, and does it get a value before it is used?"),
    (
        "",
        "does not require grad",
        "backward() needs a loss that was computed from tensors with requires_grad=True.",
    ),
    (
        "",
        "leaf Variable that requires grad is being used in an in-place",
        "A change to a parameter must not be recorded: make it inside torch.no_grad().",
    ),
    (
        "",
        "backward through the graph a second time",
        "backward() frees the graph. Compute the loss again before each backward().",
    ),
)


def of_error(kind: str, text: str) -> str:
    """Return what usually causes an error with this type and message, or ""."""
    for kinds, pattern, advice in _BEHIND:
        if kind in (kinds.split("|") if kinds else [kind]) and re.search(pattern, text):
            return advice
    return ""
