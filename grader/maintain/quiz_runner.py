"""Runs the code of quiz questions, in a Python of its own that `grader.maintain.quiz_answers` starts.

It reads a JSON list of codes from standard input. The last line that it prints is a JSON list with, for each
code, what was printed, and the name and the message of the error that ended it, if one did.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys


def run(code: str) -> tuple[str, str, str]:
    """Run a code in a namespace of its own; return its output, and name and message of its error, or ""."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "<question>", "exec"), {"__name__": "__main__"})
    except Exception as error:
        message = str(error).strip().splitlines() or [""]
        return printed.getvalue(), type(error).__name__, message[0]
    return printed.getvalue(), "", ""


if __name__ == "__main__":
    print(json.dumps([run(code) for code in json.load(sys.stdin)]))
