"""Warnings of the learner's code: printed as Python prints them, but in the same words on every machine.

They are output and no part of a reply, so no verdict depends on them. The message of a failed test shows them with
the rest of what the code printed, and explains those that are known.
"""

from __future__ import annotations

import sys
import types
import warnings
from typing import TextIO

# Others, such as DeprecationWarning, are about versions and not about what a step teaches.
_SHOWN = (UserWarning, RuntimeWarning)
_MAX_TEXT = 500
_MAX_PER_CALL = 5
# PyTorch appends a place in its own source, which differs from build to build.
_INTERNAL = " (Triggered internally"


class Warned:
    """Prints each warning once per call, if the learner's code caused it and not the code of a test.

    Args:
        stream: where warnings are printed.

    Attributes:
        filename: the name of the learner's file in tracebacks; "" before it is loaded.
    """

    def __init__(self, stream: TextIO) -> None:
        self.filename = ""
        self._stream = stream
        self._told: set[str] = set()

    def install(self) -> None:
        """Handle all warnings of this process from now on, unless the learner's code sets other filters."""
        warnings.simplefilter("ignore")
        for kind in _SHOWN:
            # "default" would tell each place once per process: then it would depend on earlier calls.
            warnings.simplefilter("always", kind)
        warnings.showwarning = self.show

    def begin(self) -> None:
        """Forget what was told, because a new call begins."""
        self._told.clear()

    def show(
        self, message: Warning | str, category: type[Warning], *_: object, **__: object
    ) -> None:
        """Print a warning; called by Python instead of `warnings.showwarning`."""
        try:
            line = self._line()
            text = " ".join(str(message).partition(_INTERNAL)[0][:_MAX_TEXT].split())
            told = f"{self.filename}:{line}: {category.__name__}: {text}"
            if line and told not in self._told and len(self._told) < _MAX_PER_CALL:
                self._told.add(told)
                print(told[: 2 * _MAX_TEXT], file=self._stream)
        except Exception:
            # Its message, or the learner's own class of warnings, raises an error: then it is not shown.
            return

    def _line(self) -> int:
        """Return the line of the learner's file that caused the warning; 0 if a test did."""
        frame: types.FrameType | None = sys._getframe(2)
        while frame and not frame.f_code.co_filename.startswith("<probe"):
            if frame.f_code.co_filename == self.filename:
                return frame.f_lineno
            frame = frame.f_back
        return 0
