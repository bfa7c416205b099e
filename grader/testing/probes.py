"""Probes: small functions, written beside a test, that drive the learner's code inside the worker.

A probe travels as source text, together with what its global names refer to: modules and their
members by name, other probes, and constants that are plain data. It holds no expected value, so
it need not be kept secret.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

from grader.wire.codec import CodecError, encode
from grader.worker.probe_loader import compiled


class Probe:
    """A function that can be sent to a worker, made by the decorator `probe`.

    Attributes:
        name: the function's name.
        purpose: its docstring, a clause that learners read after "The test did this: ".
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__
        self.purpose = " ".join((function.__doc__ or "").split()).rstrip(".")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function in this process, so that tests and other probes can use it directly."""
        return self.function(*args, **kwargs)

    @functools.cached_property
    def parcel(self) -> bytes:
        """The probe as encoded plain data: name, source, and what its global names refer to.

        Raises:
            TypeError: a name is unknown, or refers to something that cannot be sent to a worker.
        """
        if self.function.__code__.co_freevars:
            names = ", ".join(self.function.__code__.co_freevars)
            raise TypeError(
                f"the probe {self.name} uses {names} of the function around it: "
                "a probe stands at the top of its file"
            )
        source = _without_decorators(textwrap.dedent(inspect.getsource(self.function)))
        known = self.function.__globals__
        # Unlike the function's own code, the compiled source includes the default values.
        code = compiled(self.name, source)
        for name in _global_names(code, "LOAD_GLOBAL"):
            if name not in known and not hasattr(builtins, name):
                raise TypeError(f"the probe {self.name} uses {name}, which its file does not know")
        used = {*_global_names(code, "LOAD_GLOBAL", "LOAD_NAME")} & known.keys() - {self.name}
        meanings = {name: _meaning(name, known[name]) for name in sorted(used)}
        return encode({"name": self.name, "source": source, "globals": meanings})


def probe(function: Callable[..., Any]) -> Probe:
    """Mark a function as a probe, which a worker calls as `function(module, *args, **kwargs)`."""
    return Probe(function)


def prepare_probes(module: types.ModuleType) -> None:
    """Build the parcels of all probes in a test file, so that forked judges inherit them."""
    for value in vars(module).values():
        if isinstance(value, Probe):
            _ = value.parcel


def _without_decorators(source: str) -> str:
    """Return a function's source, starting at its `def`."""
    definition = ast.parse(source).body[0]
    return "".join(source.splitlines(True)[definition.lineno - 1 :])


def _global_names(code: types.CodeType, *operations: str) -> Iterator[str]:
    """Yield every name that code, or a function nested in it, looks up by one of these opcodes."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in operations:
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant, *operations)


def _meaning(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, Probe):
        return "probe", value.parcel
    if isinstance(value, type) or inspect.isroutine(value):
        if value.__module__ is None or value.__module__.startswith(("test_", "tests.", "grader.")):
            raise TypeError(
                f"the probe uses {name}, which a worker does not have: mark it as a probe"
            )
        return "member", (value.__module__, value.__qualname__)
    try:
        encode(value, strict=True)
    except CodecError as error:
        raise TypeError(f"the probe uses {name}, which cannot be shipped: {error}") from None
    return "constant", value
