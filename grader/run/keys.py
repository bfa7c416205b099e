"""Keys of a terminal, one by one as they are pressed, on POSIX systems and on Windows."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

# What terminals send for keys without a character; the names are ours.
_SEQUENCES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x03": "quit",
    "\x04": "quit",
}
_WINDOWS = {"H": "up", "P": "down", "K": "left", "M": "right", "I": "page up", "Q": "page down"}


def names_of(text: str) -> list[str]:
    """Return the keys in what a terminal sent at once: one of the names above, or a character each."""
    if text in _SEQUENCES:
        return [_SEQUENCES[text]]
    if text.startswith("\x1b"):
        # Some other key, such as F1, or a paste: nothing that is meant for us.
        return []
    return [_SEQUENCES.get(character, character) for character in text]


class Keys:
    """Reads keys in a thread, from the terminal that is this process's standard input.

    Args:
        tell: called in that thread with the name of each key.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._before: list[object] | None = None
        self._wake = (-1, -1)

    def start(self) -> None:
        """Take the terminal: keys come at once and are not shown."""
        self._stop.clear()
        if sys.platform != "win32":
            import termios
            import tty

            fd = sys.stdin.fileno()
            self._before = termios.tcgetattr(fd)
            # Ctrl-C and Ctrl-Z stay signals.
            tty.setcbreak(fd)
            self._wake = os.pipe()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give the terminal back as it was."""
        if self._thread is None:
            return
        self._stop.set()
        if self._wake[1] >= 0:
            os.write(self._wake[1], b"x")
        self._thread.join(2)
        self._thread = None
        for descriptor in self._wake:
            if descriptor >= 0:
                os.close(descriptor)
        self._wake = (-1, -1)
        if sys.platform != "win32" and self._before is not None:
            import termios

            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)  # type: ignore[arg-type]
            self._before = None

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Leave the terminal to another program for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _read(self) -> None:
        if sys.platform == "win32":
            self._read_windows()
            return
        import select

        fd, wake = sys.stdin.fileno(), self._wake[0]
        while not self._stop.is_set():
            ready, _, _ = select.select([fd, wake], [], [])
            if wake in ready:
                return
            try:
                data = os.read(fd, 1024)
            except OSError:
                data = b""
            if not data:
                self._tell("quit")
                return
            for name in names_of(data.decode("utf-8", "replace")):
                self._tell(name)

    def _read_windows(self) -> None:
        import msvcrt
        import time

        while not self._stop.is_set():
            if not msvcrt.kbhit():  # type: ignore[attr-defined]
                time.sleep(0.02)
                continue
            text = msvcrt.getwch()  # type: ignore[attr-defined]
            if text in "\x00\xe0":
                name = _WINDOWS.get(msvcrt.getwch())  # type: ignore[attr-defined]
                if name:
                    self._tell(name)
                continue
            for name in names_of(text):
                self._tell(name)
