"""Frames over a byte stream, each with a number, a size limit and a deadline.

A frame is a length and a number (both unsigned 32-bit, little-endian), followed by the bytes of one
value. The judge's end (`Wire`) gives up when the deadline passes, even in the middle of a frame, and
drains what the worker prints while it waits. The worker's end (`read_frame`, `write_frame`) blocks.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from collections.abc import Callable

from grader.wire.codec import MAX_BYTES

_HEADER = struct.Struct("<II")
_CHUNK, _LARGE = 1 << 16, 1 << 20
KEPT_OUTPUT = 4_000


class WireBroken(Exception):
    """The other end closed the stream, or sent something other than the expected frame."""


class WireTimeout(Exception):
    """The deadline passed before a whole frame was sent or received."""


class Wire:
    """The judge's end of the stream to one worker, together with what that worker prints.

    Attributes:
        output: the first KEPT_OUTPUT bytes that the worker has printed since the last request.
        printed: how many bytes it has printed since then.
    """

    def __init__(self, frames: socket.socket, output: socket.socket) -> None:
        self._frames = frames
        self._output = output
        self._number = 0
        self._deadline = 0.0
        self._grace: Callable[[], float] = lambda: 0.0
        # Bytes that have arrived, but that `_receive` has not returned yet.
        self._buffer = bytearray()
        self.output = bytearray()
        self.printed = 0
        self._selector = selectors.DefaultSelector()
        for end in (frames, output):
            end.setblocking(False)
            self._selector.register(end, selectors.EVENT_READ)

    def request(
        self, payload: bytes, deadline: float, grace: Callable[[], float] = lambda: 0.0
    ) -> bytes:
        """Send one frame and return the payload of the reply.

        Args:
            payload: the bytes of the request.
            deadline: the latest moment for the reply, on the clock of `time.monotonic`.
            grace: called whenever the deadline has passed; returns the seconds to extend it by, or 0.0.

        Raises:
            WireBroken: the stream ended, or the next frame is not the reply to this request.
            WireTimeout: the deadline passed.
        """
        self._number += 1
        self.output.clear()
        self.printed = 0
        self._deadline, self._grace = deadline, grace
        self._send(_HEADER.pack(len(payload), self._number) + payload)
        length, number = _HEADER.unpack(self._receive(_HEADER.size))
        if length > MAX_BYTES or number != self._number:
            raise WireBroken("the reply is too large or was not asked for")
        reply = self._receive(length)
        self.drain()
        return reply

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._frames.send(view) :]
            except BlockingIOError:
                self._selector.modify(self._frames, selectors.EVENT_WRITE)
                try:
                    self._wait()
                finally:
                    self._selector.modify(self._frames, selectors.EVENT_READ)
            except OSError as error:
                raise WireBroken("the worker no longer reads") from error

    def _receive(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._wait()
            try:
                piece = self._frames.recv(max(_CHUNK, min(count - len(self._buffer), _LARGE)))
            except BlockingIOError:
                continue
            except OSError as error:
                raise WireBroken("the stream is broken") from error
            if not piece:
                raise WireBroken("the worker has ended")
            self._buffer += piece
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _wait(self) -> None:
        """Wait until the frame socket is ready, and collect what is printed until then."""
        while True:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                extension = self._grace()
                if extension <= 0:
                    raise WireTimeout
                self._deadline = time.monotonic() + extension
                continue
            ready = [key.fileobj for key, _ in self._selector.select(remaining)]
            if self._output in ready:
                self.drain()
            if self._frames in ready:
                return

    def drain(self, pieces: int = 64) -> None:
        """Collect what has been printed so far, at most `pieces` buffers of 64 KiB."""
        while pieces and self._read_output():
            pieces -= 1

    def _read_output(self) -> bool:
        """Collect one buffer of output; return whether there was any."""
        try:
            piece = self._output.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            if self._output in (self._selector.get_map() or ()):
                self._selector.unregister(self._output)
            return False
        self.printed += len(piece)
        self.output += piece[: max(0, KEPT_OUTPUT - len(self.output))]
        return True

    def close(self) -> None:
        """Close both streams; calling it again does nothing."""
        self._selector.close()
        self._frames.close()
        self._output.close()


def read_frame(fd: int) -> tuple[int, bytes]:
    """Return the number and payload of the next frame; blocks, for the worker's end.

    Raises:
        EOFError: the judge closed the stream.
    """
    length, number = _HEADER.unpack(_read(fd, _HEADER.size))
    return number, _read(fd, length)


def write_frame(fd: int, number: int, payload: bytes) -> None:
    """Write one frame; blocks, for the worker's end.

    Args:
        fd: the descriptor to write to.
        number: the number of the request that the frame answers.
        payload: the bytes of the reply.
    """
    view = memoryview(_HEADER.pack(len(payload), number) + payload)
    while view:
        view = view[os.write(fd, view) :]


def _read(fd: int, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = os.read(fd, min(count - len(data), _LARGE))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
