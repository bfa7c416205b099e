"""Replies: what a worker may answer, and the check that something is such an answer.

Whatever runs in a worker can write to its wire, so the judge looks at every field before it uses one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grader.wire.codec import MAX_TEXT, CodecError
from grader.wire.decoder import decode

MAX_FRAMES = 6
# More than there are built-in exceptions.
MAX_BASES = 100
MAX_MESSAGE = 2000
_MAX_LINE = 10**9

# What may answer a request to load a module, and one to run a function or a probe.
TO_LOAD = ("loaded", "encoding", "missing", "raised")
TO_RUN = ("value", "missing", "signature", "unplain", "raised")


def parse(payload: bytes, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer in these bytes.

    Args:
        payload: what came over the wire.
        kinds: the kinds of answer that fit the request.

    Raises:
        CodecError: it is no answer, or none of these kinds.
    """
    answer = decode(payload)
    kind = answer.get("kind") if type(answer) is dict else None
    if type(kind) is not str or kind not in kinds:
        raise CodecError("it is none of the answers that there are")
    fields = _FIELDS[kind]
    if len(answer) != len(fields) + 1 + ("caret" in answer):
        raise CodecError("an answer with other fields than it should have")
    for name, holds in fields.items():
        if name not in answer or not holds(answer[name]):
            raise CodecError("an answer with a field that cannot be, or that is missing")
    if "caret" in answer and not _is_caret(answer["caret"]):
        raise CodecError("an answer with a field that cannot be")
    result: dict[str, Any] = answer
    return result


def _is_text(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_MESSAGE


def _is_frame(value: Any) -> bool:
    """Return whether this is (place, function, line number, text of the line)."""
    if type(value) is not tuple or [type(part) for part in value] != [str, str, int, str]:
        return False
    place, function, line, text = value
    right = place in ("probe", "module") and 0 <= line <= _MAX_LINE
    return right and len(function) <= MAX_TEXT and len(text) <= MAX_TEXT


def _is_caret(value: Any) -> bool:
    """Return whether this is (line number, text of the line, column)."""
    if type(value) is not tuple or [type(part) for part in value] != [int, str, int]:
        return False
    line, text, column = value
    return 0 <= line <= _MAX_LINE and len(text) <= MAX_TEXT and 0 <= column <= len(text)


def _is_list(of: Callable[[Any], bool], most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is list and len(value) <= most and all(map(of, value))


_FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "loaded": {},
    "value": {
        "value": lambda _: True,
        "after": lambda value: value is None or type(value) is bytes,
    },
    "missing": {"name": _is_text},
    "encoding": {"message": _is_text},
    "signature": {"message": _is_text},
    "unplain": {"message": _is_text},
    "raised": {
        "type": _is_text,
        "bases": _is_list(_is_text, MAX_BASES),
        "message": _is_text,
        "frames": _is_list(_is_frame, MAX_FRAMES),
        "own": lambda value: type(value) is bool,
        "stub": lambda value: type(value) is bool,
    },
}
