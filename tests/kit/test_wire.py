"""The wire: frames over real sockets, to an other end that may do anything at all."""

import contextlib
import os
import socket
import struct
import threading
import time

import pytest

from grader.wire.codec import MAX_BYTES
from grader.wire.stream import KEPT_OUTPUT, Wire, WireBroken, WireTimeout, read_frame, write_frame

HEADER = struct.Struct("<II")
SOON = 0.3
LATE = 60.0


def after(seconds):
    return time.monotonic() + seconds


class Ends:
    """A wire, and the sockets at its other end.

    Attributes:
        wire: the judge's end.
        frames: the worker's end of the frames.
        output: where the worker prints.
    """

    def __init__(self):
        frames, self.frames = socket.socketpair()
        output, self.output = socket.socketpair()
        self.wire = Wire(frames, output)
        self._threads = []

    def other_end(self, action):
        """Do this at the other end, until the test ends."""

        def run():
            with contextlib.suppress(OSError, EOFError):
                action(self.frames.fileno())

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def close(self):
        for end in (self.frames, self.output):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.wire.close()
        for thread in self._threads:
            thread.join(LATE)
            assert not thread.is_alive()
        self.frames.close()
        self.output.close()


@pytest.fixture
def ends():
    """Both ends of a wire."""
    made = Ends()
    yield made
    made.close()


def echo(fd):
    while True:
        number, payload = read_frame(fd)
        write_frame(fd, number, payload)


def answer_with(data):
    """Return an other end that reads a request and sends these bytes, whatever they are."""

    def act(fd):
        read_frame(fd)
        os.write(fd, data)

    return act


def test_each_request_gets_its_own_answer(ends):
    ends.other_end(echo)
    for payload in (b"", b"one", b"two"):
        assert ends.wire.request(payload, after(LATE)) == payload


def test_frames_larger_than_every_buffer_go_both_ways(ends):
    ends.other_end(echo)
    payload = os.urandom(5_000_000)
    assert ends.wire.request(payload, after(LATE)) == payload


def test_an_answer_with_another_number_breaks_the_wire(ends):
    ends.other_end(answer_with(HEADER.pack(2, 7) + b"ab"))
    with pytest.raises(WireBroken, match="not asked for"):
        ends.wire.request(b"", after(LATE))


def test_an_answer_that_comes_twice_breaks_the_next_request(ends):
    ends.other_end(answer_with(2 * (HEADER.pack(2, 1) + b"ab")))
    assert ends.wire.request(b"", after(LATE)) == b"ab"
    with pytest.raises(WireBroken, match="not asked for"):
        ends.wire.request(b"", after(LATE))


def test_a_series_is_answered_in_order_whatever_the_sizes(ends):
    ends.other_end(echo)
    sizes = [0, 1, 40, 9_000, 9_000, 300_000, 2, *[3] * 50, 5_000_000, 1]
    payloads = [os.urandom(size) for size in sizes]
    exchanges = [(payload, payload) for payload in payloads]
    assert list(ends.wire.series(exchanges, after(LATE))) == payloads
    assert list(ends.wire.series([], after(LATE))) == []
    assert ends.wire.request(b"next", after(LATE)) == b"next"


def test_of_a_series_some_are_sent_ahead_but_not_all(ends):
    read = []

    def first_read_then_answer(fd):
        while len(read) < 8:
            read.append(read_frame(fd))
        for number, payload in read:
            write_frame(fd, number, payload)
        echo(fd)

    ends.other_end(first_read_then_answer)
    small = [(b"%d" % i, b"") for i in range(30)]
    assert list(ends.wire.series(small, after(LATE))) == [payload for payload, _ in small]
    assert len(read) == 8


def test_a_series_ends_at_the_deadline_and_with_the_other_end(ends):
    def answer_once(fd):
        number, payload = read_frame(fd)
        write_frame(fd, number, payload)
        read_frame(fd)

    ends.other_end(answer_once)
    came = ends.wire.series([(b"a", b"a"), (b"b", b"b")], after(SOON))
    assert next(came) == b"a"
    with pytest.raises(WireTimeout):
        next(came)
    ends.frames.shutdown(socket.SHUT_RDWR)
    with pytest.raises(WireBroken):
        list(ends.wire.series([(b"a", b"a")], after(LATE)))


def test_an_answer_that_says_it_is_too_large_breaks_the_wire_before_it_comes(ends):
    ends.other_end(answer_with(HEADER.pack(MAX_BYTES + 1, 1)))
    with pytest.raises(WireBroken, match="too large"):
        ends.wire.request(b"", after(LATE))


@pytest.mark.parametrize("part", [b"", b"\0\0", HEADER.pack(5, 1), HEADER.pack(5, 1) + b"ab"])
def test_a_part_of_a_frame_and_then_silence_ends_at_the_deadline(ends, part):
    ends.other_end(answer_with(part))
    start = time.monotonic()
    with pytest.raises(WireTimeout):
        ends.wire.request(b"", start + SOON)
    assert SOON <= time.monotonic() - start < LATE


@pytest.mark.parametrize("part", [b"", b"\0\0", HEADER.pack(5, 1), HEADER.pack(5, 1) + b"ab"])
def test_a_part_of_a_frame_and_then_the_end_breaks_the_wire(ends, part):
    def act(fd):
        read_frame(fd)
        os.write(fd, part)
        ends.frames.shutdown(socket.SHUT_WR)

    ends.other_end(act)
    with pytest.raises(WireBroken, match="ended"):
        ends.wire.request(b"", after(LATE))


def test_bytes_that_trickle_in_end_at_the_deadline(ends):
    def act(fd):
        number, _ = read_frame(fd)
        for byte in HEADER.pack(1_000_000, number) + bytes(1_000_000):
            os.write(fd, bytes([byte]))
            time.sleep(0.001)

    ends.other_end(act)
    start = time.monotonic()
    with pytest.raises(WireTimeout):
        ends.wire.request(b"", start + SOON)
    assert time.monotonic() - start < LATE


def test_an_other_end_that_does_not_read_ends_at_the_deadline(ends):
    with pytest.raises(WireTimeout):
        ends.wire.request(bytes(5_000_000), after(SOON))


def test_an_other_end_that_is_gone_breaks_the_wire(ends):
    ends.frames.close()
    with pytest.raises(WireBroken):
        ends.wire.request(b"", after(LATE))


def test_a_deadline_that_has_passed_is_a_timeout(ends):
    with pytest.raises(WireTimeout):
        ends.wire.request(b"", after(-1))


def test_a_flood_of_output_does_not_block_and_is_cut_but_counted(ends):
    size = 3_000_000

    def act(fd):
        ends.output.sendall(b"x" * size)
        number, payload = read_frame(fd)
        ends.output.sendall(b"y" * size)
        write_frame(fd, number, payload)

    ends.other_end(act)
    payload = bytes(2_000_000)
    assert ends.wire.request(payload, after(LATE)) == payload
    assert ends.wire.printed == 2 * size
    assert ends.wire.output == b"x" * KEPT_OUTPUT


def test_output_without_end_ends_at_the_deadline(ends):
    def act(fd):
        read_frame(fd)
        while True:
            ends.output.sendall(b"again\n")

    ends.other_end(act)
    start = time.monotonic()
    with pytest.raises(WireTimeout):
        ends.wire.request(b"", start + SOON)
    assert time.monotonic() - start < LATE
    assert ends.wire.output.startswith(b"again\nagain\n")


def test_output_belongs_to_the_request_during_which_it_came(ends):
    def act(fd):
        for text in (b"first", b"", b"third"):
            number, _ = read_frame(fd)
            ends.output.sendall(text)
            write_frame(fd, number, b"")

    ends.other_end(act)
    for text in (b"first", b"", b"third"):
        ends.wire.request(b"", after(LATE))
        assert (bytes(ends.wire.output), ends.wire.printed) == (text, len(text))


def test_an_other_end_that_closed_its_output_still_answers(ends):
    ends.output.shutdown(socket.SHUT_WR)
    ends.other_end(echo)
    assert ends.wire.request(b"a", after(LATE)) == b"a"
    assert ends.wire.request(b"b", after(LATE)) == b"b"


def test_what_was_printed_last_can_be_taken_in_before_closing(ends):
    ends.output.sendall(b"last words")
    ends.output.close()
    ends.wire.drain()
    assert ends.wire.output == b"last words"
    ends.wire.close()
    ends.wire.close()
    ends.wire.drain()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_answers_until_the_judge_closes(ends):
    child = os.fork()
    if child == 0:
        ends.wire.close()
        try:
            echo(ends.frames.fileno())
        except EOFError:
            os._exit(7)
        os._exit(1)
    ends.frames.close()
    assert ends.wire.request(b"child", after(LATE)) == b"child"
    ends.wire.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_the_worker_meets_the_end_of_the_stream_in_the_middle_of_a_frame():
    reading, writing = os.pipe()
    os.write(writing, HEADER.pack(10, 1) + b"half")
    os.close(writing)
    with pytest.raises(EOFError):
        read_frame(reading)
    os.close(reading)
