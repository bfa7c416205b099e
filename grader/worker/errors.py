"""Describes exceptions from the learner's code as plain data, so that no exception object leaves the worker."""

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
# The names of the built-in exceptions, and how to read a class's attributes even if its metaclass lies. Bound
# before the learner's code can replace any of them.
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
        If the module lacks an attribute that was looked up, an answer of kind "missing" with `name`. Otherwise
        one of kind "raised" with these fields:

        - `type`: the class's name, without a module if it is built in.
        - `bases`: the names of the built-in classes that it derives from, itself included.
        - `message`: the text of the exception.
        - `frames`: tuples ("module" or "probe", function, line number, text of the line), innermost last.
        - `own`: whether a `raise` or `assert` in the module raised it.
        - `stub`: whether it is the NotImplementedError that an unfinished function raises itself.
        - `caret`: only for a syntax error in the module, a tuple (line number, text of the line, column from 0).
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
        path = frame.f_code.co_filename
        if path == filename or path.startswith("<probe"):
            text = linecache.getline(path, line).strip()[:MAX_TEXT]
            place = "probe" if path.startswith("<probe") else "module"
            report["frames"].append((place, frame.f_code.co_name[:MAX_TEXT], line, text))
    report["frames"] = report["frames"][-MAX_FRAMES:]
    last = innermost(error)
    if last and last.tb_frame.f_code.co_filename == filename:
        report["own"] = last.tb_frame.f_code.co_code[last.tb_lasti] == _RAISE
        # torch raises NotImplementedError, too, so only a `raise` in the module means that a
        # function is unfinished.
        report["stub"] = report["own"] and type(error) is _NOT_WRITTEN
    if isinstance(error, SyntaxError) and error.filename == filename:
        column = (error.offset or 1) - 1
        line_text = (error.text or "").rstrip("\n")[:MAX_TEXT]
        report["caret"] = (error.lineno or 0, line_text, max(0, min(column, len(line_text))))
        report["message"] = str(error.msg)[:MAX_MESSAGE]
    return report


def innermost(error: BaseException) -> types.TracebackType | None:
    """Return the traceback entry of the frame that raised the error; None if it has no traceback."""
    entry = error.__traceback__
    while entry and entry.tb_next:
        entry = entry.tb_next
    return entry


def type_name(kind: type) -> str:
    """Return a class's name, preceded by its module unless it is a real built-in exception."""
    name = _BUILT_IN.get(id(kind))
    return name or f"{_module_of(kind)}.{_name_of(kind)}"[:MAX_TEXT]


def error_message(error: BaseException) -> str:
    """Return the text of an exception, even if its `__str__` raises."""
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:
        return "(its message cannot be shown)"
