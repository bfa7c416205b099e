"""Probes in the worker: source text becomes a function with globals of its own."""

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

_KNOWN: dict[bytes, Callable[..., Any]] = {}
_NEVER_CHANGED = (type(None), bool, int, float, str, bytes)


def compile_probe(parcel: bytes) -> Callable[..., Any]:
    """Return the function of a parcel, with globals of its own; made by `Probe.parcel` beside the tests."""
    function = _KNOWN.get(parcel)
    if function is None:
        function, changeable = _build(decode(parcel))
        if not changeable:
            # Nothing in it can be changed by one call and seen by the next.
            _KNOWN[parcel] = function
    return function


def _build(probe: dict[str, Any]) -> tuple[Callable[..., Any], bool]:
    """Return the function of a decoded parcel, and whether it has a constant that can be changed."""
    namespace: dict[str, Any] = {"__builtins__": builtins}
    changeable = False
    for name, (kind, meaning) in probe["globals"].items():
        if kind == "module":
            namespace[name] = import_module(meaning)
        elif kind == "member":
            module, path = meaning
            namespace[name] = functools.reduce(getattr, path.split("."), import_module(module))
        elif kind == "probe":
            namespace[name] = compile_probe(meaning)
            changeable |= meaning not in _KNOWN
        else:
            namespace[name] = meaning
            changeable |= not isinstance(meaning, _NEVER_CHANGED)
    exec(compiled(probe["name"], probe["source"]), namespace)
    function: Callable[..., Any] = namespace[probe["name"]]
    # A default value lives as long as the function.
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return function, changeable or not all(isinstance(value, _NEVER_CHANGED) for value in values)


@functools.lru_cache(maxsize=256)
def compiled(name: str, source: str) -> types.CodeType:
    """Return the code of a probe's source, of which tracebacks can show the lines."""
    filename = f"<probe {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    flags = __future__.annotations.compiler_flag
    code: types.CodeType = compile(source, filename, "exec", flags, dont_inherit=True)
    return code
