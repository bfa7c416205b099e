"""Keys of a terminal, one by one as they are pressed, on POSIX systems and on Windows."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# What terminals send for keys without a character; the names are ours.
_NAMES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1bOC": "right",
    "\x1bOD": "left",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x03": "quit",
    "\x04": "quit",
    "\x1c": "quit",
    "\x0c": "redraw",
    "\x1a": "suspend",
}
_WINDOWS = {"H": "up", "P": "down", "K": "left", "M": "right", "I": "page up", "Q": "page down"}
# A sequence, or a character. Alt with a key is a sequence, too.
_KEY = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])?|.", re.DOTALL)
_UNFINISHED = re.compile(r"\x1b(?:O|\[[0-?]*[ -/]*)?\Z")
# More characters at once than anybody types: a paste, which was meant for another window.
_PASTE = 12
# How long the rest of a sequence may take, in seconds; this is also how long Escape waits.
_REST = 0.05
# What terminals answer to programs that ask them what they are or can show.
_ANSWER = re.compile(r"\x1b(?:[_P\]]|\[[?>=])")
# How often it is looked whether a wait is over; how long something is unread before it is taken for a key; and
# until when a key may be the one that began a command, pressed twice. In seconds.
_LOOK, _UNREAD, _TWICE = 0.1, 0.4, 1.0
# How long a command may take to end, in seconds.
_TO_END = 3.0
# How a command ends after Ctrl-C.
_INTERRUPTED = (-2, 130)


def names_of(text: str) -> list[str]:
    """Return the keys in what a terminal sent at once: one of the names above, or a character each."""
    keys = _KEY.findall(text)
    if sum(len(key) == 1 for key in keys) > _PASTE:
        return []
    # Of sequences, only the known ones mean something here.
    return [_NAMES.get(key, key) for key in keys if len(key) == 1 or key in _NAMES]


def wait_for_key(prompt: str, is_over: Callable[[], bool] = lambda: False) -> None:
    """Show a prompt and wait for any key, which is not shown; where there is no terminal, for a line or its end.

    Keys that were pressed before the prompt do not count.

    Args:
        prompt: what is shown.
        is_over: asked now and then whether the wait ends without a key; only where there is a terminal.
    """
    if not (sys.stdin and sys.stdin.isatty()):
        with contextlib.suppress(EOFError):
            input(prompt)
        return
    pressed = threading.Event()
    keys = Keys(lambda _: pressed.set())
    forget_typed()
    keys.start()
    try:
        print(prompt, end="", flush=True)
        while not pressed.wait(_LOOK) and not is_over():
            pass
    finally:
        keys.stop()
        print(flush=True)


def forget_typed() -> None:
    """Drop the keys that were typed ahead, if standard input is a terminal."""
    if not (sys.stdin and sys.stdin.isatty()):
        return
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():  # type: ignore[attr-defined, unused-ignore]
            msvcrt.getwch()  # type: ignore[attr-defined, unused-ignore]
        return
    import termios

    with contextlib.suppress(termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def run_until_key(words: list[str], folder: Path | None, is_over: Callable[[], bool]) -> bool:
    """Run a command that asks for nothing; end it when a key is pressed, and return whether it ended by itself.

    Keys are read only once they have waited for a while: a command may ask the terminal what it can show, and the
    answer looks like keys.

    Args:
        words: the command.
        folder: where it runs.
        is_over: asked now and then whether the command is to end without a key.
    """
    process = subprocess.Popen(words, cwd=folder)
    start, since = time.monotonic(), None
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK) not in _INTERRUPTED
            now = time.monotonic()
            since = (since or now) if _is_typed() else None
            if since and now - since > _UNREAD:
                # At first it may be the key that began the command, pressed twice.
                if now - start > _TWICE and names_of(_read_typed()):
                    return False
                forget_typed()
                since = None
            if is_over():
                return False
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
            try:
                process.wait(_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_typed() -> bool:
    """Return whether the terminal has sent something that nobody has read."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    if sys.platform == "win32":
        import msvcrt

        return bool(msvcrt.kbhit())  # type: ignore[attr-defined, unused-ignore]
    import select

    return bool(select.select([sys.stdin.fileno()], [], [], 0)[0])


def _read_typed() -> str:
    """Return what was typed, in a terminal in which something was; "" for an answer of the terminal itself."""
    if sys.platform == "win32":
        return next(_windows_texts(threading.Event()))
    text = os.read(sys.stdin.fileno(), 1024).decode("utf-8", "replace")
    return "" if _ANSWER.search(text) else text


@contextlib.contextmanager
def unshown() -> Iterator[None]:
    """Keep the terminal from showing the keys that are pressed; Ctrl-C and Ctrl-Z work as ever.

    Each key can be read at once.
    """
    if sys.platform == "win32" or not (sys.stdin and sys.stdin.isatty()):
        yield
        return
    import termios

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    mode = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(fd, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


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
            self._before = _take(sys.stdin.fileno())
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

    def _read(self) -> None:
        for text in _windows_texts(self._stop) if sys.platform == "win32" else self._texts():
            for name in names_of(text):
                self._tell(name)

    def _texts(self) -> Iterator[str]:
        """Give what the terminal sends, until it is told to stop or the terminal is gone."""
        import select

        fd, wake = sys.stdin.fileno(), self._wake[0]
        text = ""
        while True:
            ready, _, _ = select.select([fd, wake], [], [], _REST if text else None)
            if wake in ready:
                return
            if ready:
                try:
                    data = os.read(fd, 1024)
                except OSError:
                    data = b""
                if not data:
                    self._tell("quit")
                    return
                text += data.decode("utf-8", "replace")
                if _UNFINISHED.search(text):
                    continue
            yield text
            text = ""


def _take(fd: int) -> list[object]:
    """Set a terminal so that each key is read at once, and return how it was set before.

    The keys of signals, such as Ctrl-C and Ctrl-Z, are read like all others: as signals they would also reach make
    and the shell, which would use the terminal before it is given back. Ctrl-S, which many press to save, must not
    stop the output.
    """
    import termios

    before: list[object] = termios.tcgetattr(fd)  # type: ignore[attr-defined, unused-ignore]
    mode = termios.tcgetattr(fd)  # type: ignore[attr-defined, unused-ignore]
    mode[0] &= ~(termios.IXON | termios.ICRNL)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSADRAIN, mode)  # type: ignore[attr-defined, unused-ignore]
    return before


def _windows_texts(stop: threading.Event) -> Iterator[str]:
    """Give one key after another as POSIX terminals send them."""
    import msvcrt
    import time

    sequences = {name: text for text, name in _NAMES.items()}
    while not stop.is_set():
        if not msvcrt.kbhit():  # type: ignore[attr-defined]
            time.sleep(0.02)
            continue
        text = msvcrt.getwch()  # type: ignore[attr-defined]
        # The first half of a key without a character; but "à" is the same when it stands alone.
        if text in ("\x00", "\xe0") and msvcrt.kbhit():  # type: ignore[attr-defined]
            text = sequences.get(_WINDOWS.get(msvcrt.getwch(), ""), "")  # type: ignore[attr-defined]
        yield text
