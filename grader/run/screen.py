"""A program that fills its terminal: the alternate screen, keys, signals, and the way back from each of them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from grader.run.keys import Keys

Lines = Callable[[int, int], list[Text]]
# What a signal means, if the system has it.
_SIGNALS = {
    "SIGINT": "end",
    "SIGTERM": "end",
    "SIGHUP": "end",
    "SIGBREAK": "end",
    "SIGTSTP": "suspend",
    "SIGCONT": "continue",
    "SIGWINCH": "size",
}


class FullScreen:
    """The terminal, while one program has all of it.

    Args:
        console: where lines are shown.
        tell: called with "key" and the name of a key, and with what a signal means and None, in any thread.
    """

    def __init__(self, console: Console, tell: Callable[[str, Any], None]) -> None:
        self._console = console
        self._tell = tell
        self._keys = Keys(lambda name: tell("key", name))
        self._painted: Any = None

    @property
    def encoding(self) -> str:
        """What the terminal can show."""
        # With LANG=C, Python writes UTF-8 all the same, and sets LC_CTYPE for the programs that it starts.
        chosen = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or ""
        if chosen in ("", "C.UTF-8", "C.utf8", "UTF-8"):
            chosen = os.environ.get("LC_ALL") or os.environ.get("LANG") or chosen
        return "ascii" if chosen in ("C", "POSIX") else self._console.encoding

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Take the terminal, and give it back as it was."""
        self._painted = None
        try:
            self._console.set_alt_screen(True)
            self._console.show_cursor(False)
            self._keys.start()
            yield
        finally:
            self._keys.stop()
            # If the terminal was closed, nobody sees this any more.
            with contextlib.suppress(OSError):
                self._console.set_alt_screen(False)
                self._console.show_cursor(True)

    def paint(self, lines: Lines, wait: bool = False) -> None:
        """Bring the terminal up to date.

        Args:
            lines: returns the lines for a width and a height.
            wait: whether more will come soon; where lines are shown below each other, these are left out.

        Raises:
            OSError: the terminal was closed.
        """
        console = self._console
        with contextlib.suppress(OSError, ValueError):
            # Rich believes COLUMNS and LINES, which do not follow the window.
            width, height = os.get_terminal_size(sys.stdout.fileno())
            if width and height:
                console.size = width, height
        size = console.size
        if console.is_dumb_terminal:
            self._paint_below(lines(size.width, 100), wait)
            return
        shown = size, lines(size.width, size.height)
        if shown == self._painted:
            return
        # One write for all, so that nothing flickers.
        with console:
            same_size = self._painted and self._painted[0] == size
            if not same_size:
                console.control(Control.clear())
            self._paint_changes(self._painted[1] if same_size else [], shown[1])
        self._painted = shown

    def _paint_changes(self, before: list[Text], after: list[Text]) -> None:
        """Paint only the lines that differ: all of them take longer than most steps to be judged."""
        for y, (old, new) in enumerate(zip_longest(before, after, fillvalue=Text())):
            if old != new or old.style != new.style:
                self._console.control(
                    Control.move_to(0, y), Control((ControlType.ERASE_IN_LINE, 2))
                )
                self._console.print(new, end="", no_wrap=True, crop=True, overflow="crop")

    def _paint_below(self, lines: list[Text], wait: bool) -> None:
        """Show what is new below what is there, in a terminal that cannot do anything else."""
        shown = [line for line in lines if line.plain.strip()]
        if shown == self._painted or (wait and self._painted):
            return
        self._console.print(*shown, Text(), sep="\n")
        self._painted = shown

    def forget(self) -> None:
        """Paint everything next time, because something else may have written here."""
        self._painted = None

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Tell of signals, so that the terminal is given back before anything else happens."""
        # What is told must be put into a queue that may be used in a signal handler.
        with _handled(
            {name: lambda *_, kind=kind: self._tell(kind, None) for name, kind in _SIGNALS.items()}
        ):
            yield


@contextlib.contextmanager
def away() -> Iterator[None]:
    """Leave the terminal to another program: Ctrl-C and Ctrl-Z are meant for that one."""
    # Not ignored, because a program that is started would inherit that.
    meanwhile = {"SIGINT": lambda *_: None, "SIGTSTP": signal.SIG_DFL, "SIGCONT": signal.SIG_DFL}
    with _handled(meanwhile):
        yield


def suspend() -> None:
    """Stop this program, and the make around it, as Ctrl-Z does, and go on when the shell says so."""
    if not hasattr(signal, "SIGTSTP"):
        return
    with _handled({"SIGTSTP": signal.SIG_DFL}):
        os.kill(0, signal.SIGTSTP)


@contextlib.contextmanager
def _handled(handlers: dict[str, Any]) -> Iterator[None]:
    """Set handlers for those of these signals that the system has."""
    before = {
        number: signal.signal(number, handler)
        for name, handler in handlers.items()
        if (number := getattr(signal, name, None)) is not None
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
