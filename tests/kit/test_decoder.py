"""The decoder: whatever bytes come, it gives plain data or a CodecError, quickly and in little memory."""

import struct
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.wire.codec import ARRAY_ITEMS, DTYPES, MAX_BYTES, MAX_ITEMS, CodecError, Opaque, encode
from grader.wire.decoder import decode

MANY = settings(max_examples=500)
FRAMES = [
    encode(value)
    for value in (
        None, True, -129, 1.5, "text", b"bytes", [1, [2.0, None]], ("a", ()), {"key": {1: b""}},
        np.arange(3.0), np.zeros((2, 0)), np.float32(1), np.array([True]), torch.arange(3),
        torch.ones(1, requires_grad=True) * 2, torch.empty(2, device="meta"), Opaque("kind", "text"),
        {"kind": "value", "value": [torch.zeros(2, 1), (1, 2)], "after": None},
    )
]  # fmt: skip


def assert_harmless(frame):
    """Demand that these bytes are refused, or are just what `encode` writes for the value they give."""
    try:
        value = decode(frame)
    except CodecError:
        return
    again = encode(value)
    # A tensor that says it was on another device comes back on the CPU.
    assert again == frame or (b"T" in frame and encode(decode(again)) == again)


@MANY
@given(frame=st.binary(max_size=64))
def test_random_bytes_are_refused_or_read(frame):
    assert_harmless(frame)


@MANY
@given(
    tag=st.sampled_from(b"N01ifsbagltdTo"),
    numbers=st.lists(st.sampled_from([0, 1, 2, 8, 2**16, 2**31, 2**32 - 1]), max_size=4),
    rest=st.binary(max_size=16),
)
def test_headers_with_any_numbers_are_refused_or_read(tag, numbers, rest):
    assert_harmless(bytes([tag]) + struct.pack(f"<{len(numbers)}I", *numbers) + rest)


@MANY
@given(
    frame=st.sampled_from(FRAMES),
    place=st.integers(0, 200),
    removed=st.integers(0, 5),
    added=st.binary(max_size=5),
)
def test_changed_frames_are_refused_or_read(frame, place, removed, added):
    place %= len(frame) + 1
    assert_harmless(frame[:place] + added + frame[place + removed :])


@pytest.mark.parametrize("frame", FRAMES, ids=repr)
def test_a_frame_that_is_cut_anywhere_is_refused(frame):
    for end in range(len(frame)):
        with pytest.raises(CodecError):
            decode(frame[:end])


@given(first=st.sampled_from(FRAMES), second=st.sampled_from([*FRAMES, b"\0"]))
@example(first=FRAMES[0], second=FRAMES[0])
def test_bytes_behind_a_frame_are_refused(first, second):
    with pytest.raises(CodecError, match="left over"):
        decode(first + second)


def u32(number):
    return struct.pack("<I", number)


def shaped(tag, dtype, *shape, announced=0):
    """Return the header of an array of this shape, and a number of bytes that should follow."""
    sizes = struct.pack(f"<{len(shape)}Q", *shape)
    return tag + bytes([DTYPES.index(dtype), len(shape)]) + sizes + u32(announced)


HUGE = 2**32 - 1
META = b"T\1\2"
CRAFTED = {
    "a list of 2**32 - 1 items": b"l" + u32(HUGE),
    "a tuple of 2**32 - 1 items": b"t" + u32(HUGE) + b"N" * 100,
    "a dictionary of 2**32 - 1 items": b"d" + u32(HUGE) + b"N" * 100,
    "a text of 2**32 - 1 bytes": b"s" + u32(HUGE) + b"x",
    "bytes of 2**32 - 1 bytes": b"b" + u32(HUGE) + b"x",
    "an integer of 2**32 - 1 bytes": b"i" + u32(HUGE) + b"x",
    "an integer of no bytes": b"i" + u32(0),
    "an integer that is padded": b"i" + u32(2) + b"\1\0",
    "an array of 2**63 numbers": shaped(b"a", "float64", 2**63, announced=HUGE),
    "an array of 2**64 - 1 bytes": shaped(b"a", "uint8", 2**64 - 1, announced=HUGE),
    "an array of shape (0, 2**40)": shaped(b"a", "float64", 0, 2**40),
    "an array of shape (2**63, 0)": shaped(b"a", "float64", 2**63, 0),
    "an array whose size overflows to 0": shaped(b"a", "uint8", 2**32, 2**32),
    "an array of 255 dimensions": b"a\0\xff" + bytes(255 * 8),
    "an array of an unknown dtype": b"a\xff\0" + u32(0),
    "an array of bfloat16": shaped(b"a", "bfloat16", announced=2) + b"\0\0",
    "a scalar with a shape": shaped(b"g", "uint8", 1, announced=1) + b"\0",
    "a truth value of 2": shaped(b"a", "bool", announced=1) + b"\2",
    "a meta tensor of 2**60 numbers": META + shaped(b"", "float32", 2**60),
    "a meta tensor of shape (0, 2**62)": META + shaped(b"", "float32", 0, 2**62),
    "a meta tensor with data": META + shaped(b"", "uint8", 1, announced=1) + b"\0",
    "a tensor of 2**63 numbers": b"T\0\2" + shaped(b"", "float32", 2**63, announced=HUGE),
    "a tensor on an unknown device": b"T\x09\2" + shaped(b"", "uint8", announced=1) + b"\0",
    "a tensor with an unknown flag": b"T\0\4" + shaped(b"", "uint8", announced=1) + b"\0",
    "integers with a gradient": b"T\0\3" + shaped(b"", "uint8", announced=1) + b"\0",
    "no leaf and no gradient": b"T\0\0" + shaped(b"", "uint8", announced=1) + b"\0",
    "lists, 100 000 levels deep": (b"l" + u32(1)) * 100_000 + b"N",
    "a key that is a list": b"d" + u32(1) + b"l" + u32(0) + b"N",
    "a key that comes twice": b"d" + u32(2) + b"NN" + b"NN",
    "keys that are equal": b"d" + u32(2) + b"1N" + encode(1) + b"N",
    "text that is not UTF-8": b"s" + u32(1) + b"\xff",
    "a description without its type": b"oN",
    "a description of half a character": b"o" + encode("type") + encode("\ud800"),
    "a description that is too long": b"o" + encode("type") + encode("x" * 401),
    "a pickle": b"\x80\x04K\x01.",
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_frames_are_refused_without_taking_memory(name):
    frame = CRAFTED[name]
    tracemalloc.start()
    try:
        with pytest.raises(CodecError):
            decode(frame)
        assert tracemalloc.get_traced_memory()[1] < 100_000 + 2 * len(frame)
    finally:
        tracemalloc.stop()


def test_a_frame_over_the_limit_is_refused():
    with pytest.raises(CodecError, match="larger"):
        decode(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize("item", [{}, [], np.zeros(0), np.uint8(1), torch.tensor(1)], ids=repr)
def test_many_small_objects_take_bounded_memory(item):
    one, count = encode(item), 20_000
    frame = b"l" + u32(count) + one * count
    tracemalloc.start()
    try:
        decode(frame)
        assert tracemalloc.get_traced_memory()[1] < 100 * len(frame)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("item", [np.zeros(0), np.uint8(1), torch.tensor(1)], ids=repr)
def test_there_may_be_fewer_arrays_than_numbers(item):
    # An array is announced by ten bytes, but takes several hundred.
    count = MAX_ITEMS // ARRAY_ITEMS
    with pytest.raises(CodecError, match="more than"):
        decode(b"l" + u32(count) + encode(item) * count)
