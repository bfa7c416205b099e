"""Defaults: the dtype and the device with which tensors are made, of the learner's module and of a probe."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any


class Defaults:
    """What the import of a module has set as torch's defaults.

    `torch.set_default_dtype(torch.float64)` at the top of a module is a choice that holds in all code of this
    module, as it does in a script. A probe is another program, whose models and tensors are like the inputs of a
    test: its code runs with the defaults that torch has at the start, also where the module calls it, as a model
    or a loss function. So a train step works on the models that it gets, whatever its module makes by itself. And
    what a function makes and returns is judged by its contract, whatever made it so: where that says float32, a
    float64 tensor is wrong.
    """

    def __init__(self) -> None:
        torch = sys.modules.get("torch")
        self._pairs: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = []
        if torch:
            self._pairs = [
                (torch.get_default_dtype, torch.set_default_dtype),
                (torch.get_default_device, torch.set_default_device),
            ]
        self._own = self._at_start = self._get()

    def note(self) -> None:
        """Note what they are after the import."""
        self._own = self._get()

    def kept_apart(self, probe: Callable[..., Any], filename: str) -> Callable[..., Any]:
        """Return a probe that runs with the defaults of the start, while the module's code runs with its own.

        Args:
            probe: the probe.
            filename: what the module's code gives as its file.
        """
        if self._own == self._at_start:
            return probe

        # Of each call of the other program's code that goes on: its frame, and what was there before.
        calls: list[tuple[types.FrameType, list[Any], list[Any]]] = []
        now = self._own

        def switch(frame: types.FrameType, event: str, _: Any) -> None:
            nonlocal now
            if event == "call":
                file = frame.f_code.co_filename
                if file == filename:
                    values = self._own
                elif file.startswith("<probe"):
                    values = self._at_start
                else:
                    # A package's code works for the program that calls it.
                    return
                if values is not now:
                    calls.append((frame, now, self._get()))
                    now = values
                    self._put(values)
            elif event == "return" and calls and calls[-1][0] is frame:
                _, now, before = calls.pop()
                self._put(before)

        @functools.wraps(probe)
        def run(*args: Any, **kwargs: Any) -> Any:
            before = sys.getprofile()
            sys.setprofile(switch)
            try:
                return probe(*args, **kwargs)
            finally:
                sys.setprofile(before)

        return run

    def _get(self) -> list[Any]:
        return [get() for get, _ in self._pairs]

    def _put(self, values: list[Any]) -> None:
        for (get, put), value in zip(self._pairs, values, strict=True):
            if get() != value:
                put(value)
