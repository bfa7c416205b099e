"""Requests to a worker and its replies: the one place that makes, checks and documents them.

A message is the encoding of a dictionary. Requests are made here as bytes; `op` says what is asked:

    ready                                        are you there?
    load      name, filename, source, others     run a module; `others` are further modules it may import, by name
    call      function, inputs                   call a function of it
    probe     probe, inputs                      run a probe (`grader.testing.probes`), given as its parcel
    turn      request                            a call or probe with which the tests of another function begin

`inputs` is the encoded pair (args, kwargs). A request for the second worker is wrapped by `elsewhere`; the session
takes the wrapping off, so that no worker sees it.

Replies, by their `kind`:

    loaded                                       to ready, and to load
    encoding    message                          the source is no text
    value       value, after                     `after` is the encoded inputs if the call changed them, else None
    missing     name                             there is no such function
    signature   message                          it cannot be called like this
    unplain     message                          what it returned is no plain data
    raised      type, bases, message, frames, own, stub, and caret for a syntax error
    worn                                         to turn: what was left behind cannot be put back; nothing was run

Whatever runs in a worker can write to its wire, so the judge looks at every field before it uses one.
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

# What may answer a request to load a module, and one to run a function or a probe.
TO_LOAD = ("loaded", "encoding", "missing", "raised")
TO_RUN = ("value", "missing", "signature", "unplain", "raised")


READY = encode({"op": "ready"})
WORN = encode({"kind": "worn"})
# How a request for the second worker begins; its length, in four bytes, and itself follow.
_ELSEWHERE = encode({"op": "elsewhere", "request": b""})[:-4]


def load(name: str, filename: str, source: bytes, others: dict[str, bytes]) -> bytes:
    """Return the request to run a module.

    Args:
        name: of the module.
        filename: what tracebacks call it.
        source: its text.
        others: the sources of modules that it may import, by name.
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
    """Return a request with which the tests of another function begin."""
    return encode({"op": "turn", "request": request})


def elsewhere(request: bytes) -> bytes:
    """Return a request that is meant for the second worker."""
    return encode({"op": "elsewhere", "request": request})


def for_elsewhere(request: bytes) -> bytes | None:
    """Return what the second worker is to be asked, or None if the request is for the first one."""
    return request[len(_ELSEWHERE) + 4 :] if request.startswith(_ELSEWHERE) else None


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
