"""Defaults: the dtype and device of new tensors, which differ between the learner's module and a probe."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any


class Defaults:
    """torch's defaults as the import of a module left them.

    `torch.set_default_dtype(torch.float64)` at the top of a module applies to all code in that module, as it does
    in a script. A probe is a separate program, and the models and tensors that it creates serve as inputs of a
    test. So its code runs with torch's initial defaults, even when the module calls it as a model or a loss
    function, and a train step works on the models that it gets, whatever defaults its own module has set. What a
    function returns is still judged by its contract: where that says float32, a float64 tensor is wrong, whatever
    the reason.
    """

    def __init__(self) -> None:
        torch = sys.modules.get("torch")
        self._pairs: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = []
        if torch:
            self._pairs = [
                (torch.get_default_dtype, torch.set_default_dtype),
                (torch.get_default_device, torch.set_default_device),
            ]
        self._own = self._initial = self._get()

    def note(self) -> None:
        """Record the defaults after the import."""
        self._own = self._get()

    def kept_apart(self, probe: Callable[..., Any], filename: str) -> Callable[..., Any]:
        """Return a probe that runs with torch's initial defaults, while the module's code runs with its own.

        Args:
            probe: the probe.
            filename: the file name in the module's code objects.
        """
        if self._own == self._initial:
            return probe

        # For each running call that switched the defaults: its frame, and from before it, `active` and the
        # defaults that torch really had.
        switches: list[tuple[types.FrameType, list[Any], list[Any]]] = []
        active = self._own

        def switch(frame: types.FrameType, event: str, _: Any) -> None:
            nonlocal active
            if event == "call":
                file = frame.f_code.co_filename
                if file == filename:
                    values = self._own
                elif file.startswith("<probe"):
                    values = self._initial
                else:
                    # A package's code runs with the defaults of the program that calls it.
                    return
                if values is not active:
                    switches.append((frame, active, self._get()))
                    active = values
                    self._set(values)
            elif event == "return" and switches and switches[-1][0] is frame:
                _, active, before = switches.pop()
                self._set(before)

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
        return [getter() for getter, _ in self._pairs]

    def _set(self, values: list[Any]) -> None:
        for (getter, setter), value in zip(self._pairs, values, strict=True):
            if getter() != value:
                setter(value)
