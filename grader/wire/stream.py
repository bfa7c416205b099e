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
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from grader.wire.codec import MAX_BYTES

_HEADER = struct.Struct("<II")
_CHUNK, _LARGE = 1 << 16, 1 << 20
KEPT_OUTPUT = 4_000
# What may be under way in a series. The buffers of the system hold several times as much, so that neither end
# waits for the other one to read.
_MOST_AHEAD, _MOST_BYTES = 8, 1 << 14


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
        self._begin(deadline, grace)
        reply = self._reply_to(self._ask(payload))
        self.drain()
        return reply

    def series(
        self,
        exchanges: Iterable[tuple[bytes, bytes]],
        deadline: float,
        grace: Callable[[], float] = lambda: 0.0,
    ) -> Iterator[bytes]:
        """Send requests, some of them before the replies to earlier ones are there; yield the replies in order.

        Whoever stops in the middle must end the worker, which may have been asked more already.

        Args:
            exchanges: pairs of a request and of the reply that is likely to come, for its size.
            deadline: the latest moment for the last reply, as for `request`.
            grace: as for `request`.

        Raises:
            WireBroken: as for `request`.
            WireTimeout: as for `request`.
        """
        self._begin(deadline, grace)
        ahead: deque[tuple[int, int]] = deque()
        for request, likely in exchanges:
            size = len(request) + len(likely)
            while ahead and (
                len(ahead) == _MOST_AHEAD or size + sum(size for _, size in ahead) > _MOST_BYTES
            ):
                yield self._reply_to(ahead.popleft()[0])
            ahead.append((self._ask(request), size))
        while ahead:
            yield self._reply_to(ahead.popleft()[0])
        self.drain()

    def _begin(self, deadline: float, grace: Callable[[], float]) -> None:
        self.output.clear()
        self.printed = 0
        self._deadline, self._grace = deadline, grace

    def _ask(self, payload: bytes) -> int:
        """Send a request, and return its number."""
        self._number += 1
        self._send(_HEADER.pack(len(payload), self._number) + payload)
        return self._number

    def _reply_to(self, asked: int) -> bytes:
        """Receive the payload of a frame that must be the reply to the request with this number."""
        length, number = _HEADER.unpack(self._receive(_HEADER.size))
        if length > MAX_BYTES or number != asked:
            raise WireBroken("the reply is too large or was not asked for")
        return self._receive(length)

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
