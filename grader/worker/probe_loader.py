"""Turns the source text of a probe into a function with its own globals, inside the worker."""

from __future__ import annotations
import __future__

import builtins
import functools
import linecache
import types
from collections.abc import Callable
from importlib import import_module
from typing import Any

from grader.wire.decoder import decode

_REUSABLE: dict[bytes, Callable[..., Any]] = {}
_IMMUTABLE = (type(None), bool, int, float, str, bytes)


def compile_probe(parcel: bytes) -> Callable[..., Any]:
    """Return the function of a parcel, which `Probe.parcel` made beside the tests, with its own globals."""
    function = _REUSABLE.get(parcel)
    if function is None:
        function, mutable = _build(decode(parcel))
        if not mutable:
            # Reused, because a call cannot change anything in it that the next call would see.
            _REUSABLE[parcel] = function
    return function


def _build(probe: dict[str, Any]) -> tuple[Callable[..., Any], bool]:
    """Return the function of a decoded parcel, and whether it has a mutable constant."""
    namespace: dict[str, Any] = {"__builtins__": builtins}
    mutable = False
    for name, (kind, meaning) in probe["globals"].items():
        if kind == "module":
            namespace[name] = import_module(meaning)
        elif kind == "member":
            module, path = meaning
            namespace[name] = functools.reduce(getattr, path.split("."), import_module(module))
        elif kind == "probe":
            namespace[name] = compile_probe(meaning)
            mutable |= meaning not in _REUSABLE
        else:
            namespace[name] = meaning
            mutable |= not isinstance(meaning, _IMMUTABLE)
    exec(compiled(probe["name"], probe["source"]), namespace)
    function: Callable[..., Any] = namespace[probe["name"]]
    # A default value lives as long as the function.
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return function, mutable or not all(isinstance(value, _IMMUTABLE) for value in values)


@functools.lru_cache(maxsize=256)
def compiled(name: str, source: str) -> types.CodeType:
    """Return the code of a probe's source, and let tracebacks show its lines."""
    filename = f"<probe {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    flags = __future__.annotations.compiler_flag
    code: types.CodeType = compile(source, filename, "exec", flags, dont_inherit=True)
    return code
