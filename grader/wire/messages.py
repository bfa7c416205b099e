"""The requests to a worker and its replies: this module documents them, builds requests and checks replies.

A message is an encoded dictionary. A request's `op` says what the worker should do:

    ready                                        reply once it is ready
    load      name, filename, source, others     run a module; `others` are the modules that it may import, by name
    call      function, inputs                   call one of the module's functions
    probe     probe, inputs                      run a probe (`grader.testing.probes`), given as its parcel
    turn      request                            run the first call or probe in the tests of another function

`inputs` is the encoded pair (args, kwargs). `elsewhere` wraps a request for the second worker; the session removes
the wrapping, so workers never see it.

Replies, by their `kind`:

    loaded                                       to ready and load
    encoding    message                          the source is not text that Python can read
    value       value, after                     `after` is the encoded inputs if the call changed them, else None
    missing     name                             the module has no such function
    signature   message                          the function cannot be called with these inputs
    unplain     message                          the returned value is not plain data
    raised      type, bases, message, frames, own, stub, and caret for a syntax error; see `grader.worker.errors`
    worn                                         to turn: the process cannot be restored, so nothing was run

The learner's code can write to the wire, too, so the judge checks every field before it uses any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grader.wire.codec import MAX_TEXT, CodecError, encode
from grader.wire.decoder import decode

MAX_FRAMES = 6
# More than there are built-in exceptions.
MAX_BASES = 100
MAX_MESSAGE = 2000
_MAX_LINE = 10**9

# The kinds of reply to a request to load a module, and to one to run a function or a probe.
TO_LOAD = ("loaded", "encoding", "missing", "raised")
TO_RUN = ("value", "missing", "signature", "unplain", "raised")


READY = encode({"op": "ready"})
WORN = encode({"kind": "worn"})
# How a request for the second worker begins. The length of the wrapped request, in four bytes, and the
# request itself follow.
_ELSEWHERE = encode({"op": "elsewhere", "request": b""})[:-4]


def load(name: str, filename: str, source: bytes, others: dict[str, bytes]) -> bytes:
    """Return the request to run a module.

    Args:
        name: the name of the module.
        filename: the name of its file in tracebacks.
        source: its source, as bytes.
        others: the sources of the learner's other modules that it may import, by name.
    """
    request = {"op": "load", "name": name, "filename": filename, "source": source}
    return encode({**request, "others": others})


def call(function: str, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> bytes:
    """Return the request to call a function.

    Args:
        function: the name of the function or class in the module.
        args: positional inputs, plain data.
        kwargs: inputs by name, plain data.
    """
    inputs = encode((args, kwargs or {}))
    return encode({"op": "call", "function": function, "inputs": inputs})


def probe(parcel: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return the request to run a probe.

    Args:
        parcel: the probe, as `Probe.parcel` packs it.
        args: positional inputs after the module, plain data.
        kwargs: inputs by name, plain data.
    """
    return encode({"op": "probe", "probe": parcel, "inputs": encode((args, kwargs))})


def turn(request: bytes) -> bytes:
    """Return a call or probe, wrapped as the first request in the tests of another function."""
    return encode({"op": "turn", "request": request})


def elsewhere(request: bytes) -> bytes:
    """Return a request, wrapped for the second worker."""
    return encode({"op": "elsewhere", "request": request})


def for_elsewhere(request: bytes) -> bytes | None:
    """Return the unwrapped request if it is for the second worker, or None if it is for the first one."""
    return request[len(_ELSEWHERE) + 4 :] if request.startswith(_ELSEWHERE) else None


def parse(payload: bytes, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer in a reply, with the fields that this module's docstring lists.

    Args:
        payload: the reply as bytes.
        kinds: the kinds of answer that fit the request.

    Raises:
        CodecError: the bytes are not an answer of one of these kinds.
    """
    answer = decode(payload)
    kind = answer.get("kind") if type(answer) is dict else None
    if type(kind) is not str or kind not in kinds:
        raise CodecError("an answer of an unknown or unexpected kind")
    fields = _FIELDS[kind]
    if len(answer) != len(fields) + 1 + ("caret" in answer):
        raise CodecError("an answer with missing or extra fields")
    for name, is_valid in fields.items():
        if name not in answer or not is_valid(answer[name]):
            raise CodecError("an answer with a missing or invalid field")
    if "caret" in answer and not _is_caret(answer["caret"]):
        raise CodecError("an answer with an invalid field")
    result: dict[str, Any] = answer
    return result


def _is_text(value: Any) -> bool:
    return type(value) is str and len(value) <= MAX_MESSAGE


def _is_frame(value: Any) -> bool:
    """Return whether a value is a tuple (place, function, line number, text of the line)."""
    if type(value) is not tuple or [type(part) for part in value] != [str, str, int, str]:
        return False
    place, function, line, text = value
    is_valid = place in ("probe", "module") and 0 <= line <= _MAX_LINE
    return is_valid and len(function) <= MAX_TEXT and len(text) <= MAX_TEXT


def _is_caret(value: Any) -> bool:
    """Return whether a value is a tuple (line number, text of the line, column)."""
    if type(value) is not tuple or [type(part) for part in value] != [int, str, int]:
        return False
    line, text, column = value
    return 0 <= line <= _MAX_LINE and len(text) <= MAX_TEXT and 0 <= column <= len(text)


def _is_list(is_item: Callable[[Any], bool], max_items: int) -> Callable[[Any], bool]:
    """Return a check for lists of at most this many items that all pass another check."""
    return lambda value: (
        type(value) is list and len(value) <= max_items and all(map(is_item, value))
    )


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
