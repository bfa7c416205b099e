"""Where a learner should look: the function, the file and the line that the watcher's screen is about."""

from __future__ import annotations

import contextlib
import os
import re

from grader.course.verdicts import Status
from grader.report.watching import View

_BAD = frozenset({Status.FAILED, Status.TIMEOUT, Status.CRASHED, Status.ERROR})


def function_of(view: View) -> str:
    """Return the function that the screen is about: the first one that is wrong, or else to be written."""
    verdict = view.verdict
    return next(iter(verdict.wrong), verdict.to_do) if verdict else ""


def file_of(view: View) -> str:
    """Return the name of the file that holds what is to be done."""
    return view.verdict.file if view.verdict else view.step.filename


def line_of(view: View) -> int:
    """Return the line that fails, or that of the function to do first, from 1; 1 if neither is known."""
    wrong = view.verdict.wrong if view.verdict else {}
    bad = [test for tests in wrong.values() for test in tests if test.status in _BAD]
    if bad and (said := re.search(rf"line (\d+) of \S*{file_of(view)}\b", bad[0].message)):
        return int(said[1])
    source = view.submission.sources.get(view.step.module, b"")
    name, _, method = _to_do(view).partition(".")
    found = _definition(source, name)
    if found and method:
        found = _definition(source, method, found.end()) or found
    return source.count(b"\n", 0, found.start(1)) + 1 if found else 1


def place_of(view: View) -> str:
    """Return the file and the line as editors and terminals understand them, such as `a.py:12`."""
    path = view.submission.path_of(file_of(view))
    with contextlib.suppress(ValueError, OSError):
        path = os.path.relpath(path)
    return f"{path}:{line_of(view)}"


def _to_do(view: View) -> str:
    """Return the function that the screen is about, or the method of it that is to be written."""
    verdict, function = view.verdict, function_of(view)
    names = verdict.unwritten.get(function, []) if verdict else []
    return next((name for name in names if name.startswith(f"{function}.")), function)


def _definition(source: bytes, name: str, start: int = 0) -> re.Match[bytes] | None:
    """Return where a function or class is defined: at the top, or behind `start` as a method."""
    if not name:
        return None
    indent = rb"[ \t]+" if start else b""
    words = rb"^%s((?:async +)?(?:def|class) +%s\b)" % (indent, re.escape(name.encode()))
    return re.compile(words, re.MULTILINE).search(source, start)
