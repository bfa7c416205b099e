"""Exceptions of the learner's code as plain data; nothing of them but text leaves the worker."""

from __future__ import annotations

import builtins
import dis
import linecache
import traceback
import types
from typing import Any

from grader.wire.codec import MAX_TEXT
from grader.wire.messages import MAX_FRAMES, MAX_MESSAGE

_RAISE = dis.opmap["RAISE_VARARGS"]
# What Python itself calls an exception, and what a class says of itself, bound before a learner's class can lie.
_NOT_WRITTEN = NotImplementedError
_BUILT_IN = {
    id(kind): kind.__name__
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
_mro_of, _name_of, _module_of = (
    vars(type)[name].__get__ for name in ("__mro__", "__qualname__", "__module__")
)


def describe_error(error: BaseException, module: types.ModuleType, filename: str) -> dict[str, Any]:
    """Return an exception as plain data.

    Args:
        error: the exception, from the learner's code or a probe.
        module: the learner's module.
        filename: the name of the module's file in tracebacks.

    Returns:
        A dictionary with `type` (the class's name, a bare one if it is built in), `bases` (the names of all
        classes above it that are built in), `message`, `frames` (tuples of "module" or "probe", function, line
        number and line text, innermost last), `own` (whether a `raise` or `assert` in the module made it), `stub`
        (True for the NotImplementedError that an unfinished function raises itself), and for syntax errors
        `caret`.
    """
    if isinstance(error, AttributeError) and getattr(error, "obj", None) is module:
        return {"kind": "missing", "name": str(error.name)[:MAX_MESSAGE]}
    report: dict[str, Any] = {
        "kind": "raised",
        "type": type_name(type(error)),
        "bases": [_BUILT_IN[id(base)] for base in _mro_of(type(error)) if id(base) in _BUILT_IN],
        "message": error_message(error),
        "frames": [],
        "own": False,
        "stub": False,
    }
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = frame.f_code.co_filename
        if place == filename or place.startswith("<probe"):
            text = linecache.getline(place, line).strip()[:MAX_TEXT]
            inside = "probe" if place.startswith("<probe") else "module"
            report["frames"].append((inside, frame.f_code.co_name[:MAX_TEXT], line, text))
    report["frames"] = report["frames"][-MAX_FRAMES:]
    last = innermost(error)
    if last and last.tb_frame.f_code.co_filename == filename:
        report["own"] = last.tb_frame.f_code.co_code[last.tb_lasti] == _RAISE
        # torch raises NotImplementedError too; only a `raise` written in the module is an
        # unfinished function.
        report["stub"] = report["own"] and type(error) is _NOT_WRITTEN
    if isinstance(error, SyntaxError) and error.filename == filename:
        column = (error.offset or 1) - 1
        line_text = (error.text or "").rstrip("\n")[:MAX_TEXT]
        report["caret"] = (error.lineno or 0, line_text, max(0, min(column, len(line_text))))
        report["message"] = str(error.msg)[:MAX_MESSAGE]
    return report


def innermost(error: BaseException) -> types.TracebackType | None:
    """Return the entry of the traceback where the error was raised."""
    entry = error.__traceback__
    while entry and entry.tb_next:
        entry = entry.tb_next
    return entry


def type_name(kind: type) -> str:
    """Return a class's name, with its module unless it is a real built-in exception."""
    name = _BUILT_IN.get(id(kind))
    return name or f"{_module_of(kind)}.{_name_of(kind)}"[:MAX_TEXT]


def error_message(error: BaseException) -> str:
    """Return the text of an exception, whatever its `__str__` does."""
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:
        return "(its message cannot be shown)"
