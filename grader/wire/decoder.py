"""Decodes bytes into plain data; written for hostile input.

The decoder never evaluates anything, checks every length against the bytes that are left, and raises
`CodecError` for every frame that `grader.wire.codec.encode` would not write.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.wire.codec import (
    ARRAY_ITEMS,
    DEVICES,
    DTYPES,
    F64,
    FLAG_LEAF,
    FLAG_REQUIRES_GRAD,
    KEYS,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DIMS,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_TEXT,
    SHAPES,
    CodecError,
    Opaque,
    check_extent,
)

_LITTLE = {name: np.dtype(name).newbyteorder("<") for name in DTYPES if name != "bfloat16"}
_ITEM_BYTES = {name: dtype.itemsize for name, dtype in _LITTLE.items()} | {"bfloat16": 2}


def decode(data: bytes) -> Any:
    """Return the value that `encode` wrote as these bytes; arrays and tensors are new and writable.

    Tensors on the meta device stay there, and all others come back on the CPU. They keep
    `requires_grad` and `is_leaf`.

    Raises:
        CodecError: `encode` would not have written these bytes.
    """
    if len(data) > MAX_BYTES:
        raise CodecError(f"a frame of {len(data)} bytes, larger than {MAX_BYTES}")
    reader = _Reader(data)
    value = reader.value(0)
    if reader.position != len(data):
        raise CodecError("bytes left over after the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.items = 0

    def read(self, count: int) -> bytes:
        start = self.position
        self.position = end = start + count
        if end > len(self.data):
            raise CodecError("a frame that ends too early")
        return self.data[start:end]

    def count(self) -> int:
        return int.from_bytes(self.read(4), "little")

    def sized(self) -> bytes:
        """Return the next bytes, whose number is in the four bytes before them."""
        start = self.position + 4
        # Inlined because this runs for nearly every value: with `count` and `read` it takes twice as long.
        self.position = end = start + int.from_bytes(self.data[start - 4 : start], "little")
        if end > len(self.data):
            raise CodecError("a frame that ends too early")
        return self.data[start:end]

    def text(self, errors: str = "surrogatepass") -> str:
        try:
            return str(self.sized(), "utf-8", errors)
        except UnicodeDecodeError as error:
            raise CodecError("text that is not UTF-8") from error

    def value(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
        if self.items > MAX_ITEMS:
            raise CodecError(f"more than {MAX_ITEMS} items")
        tag = self.read(1)
        if tag == b"s":
            return self.text()
        if tag == b"f":
            return F64.unpack(self.read(8))[0]
        if tag == b"T":
            return self.tensor()
        if tag == b"d":
            return self.dictionary(depth)
        if tag == b"l":
            return [self.value(depth + 1) for _ in range(self.length(1))]
        if tag == b"t":
            return tuple([self.value(depth + 1) for _ in range(self.length(1))])
        if tag == b"N":
            return None
        if tag in b"01":
            return tag == b"1"
        if tag == b"i":
            return self.integer()
        if tag == b"b":
            return self.sized()
        if tag == b"a":
            return self.array()
        if tag == b"g":
            array = self.array()
            if array.shape != ():
                raise CodecError("a NumPy scalar with dimensions")
            return array[()]
        if tag == b"o":
            return Opaque(self.tagged_text(), self.tagged_text())
        raise CodecError(f"an unknown tag {tag!r}")

    def tagged_text(self) -> str:
        if self.read(1) != b"s":
            raise CodecError("an object without a description")
        text = self.text("strict")
        if len(text) > MAX_TEXT:
            raise CodecError("a description that is too long")
        return text

    def length(self, smallest_item: int) -> int:
        """Return the next number of items; the rest of the frame has room for that many."""
        count = self.count()
        if count * smallest_item > len(self.data) - self.position:
            raise CodecError("more items announced than the frame can hold")
        return count

    def integer(self) -> int:
        data = self.sized()
        if not 0 < len(data) <= MAX_INT_BYTES:
            raise CodecError("an integer of an invalid size")
        value = int.from_bytes(data, "little", signed=True)
        if len(data) != value.bit_length() // 8 + 1:
            raise CodecError("an integer that is padded")
        return value

    def dictionary(self, depth: int) -> dict[Any, Any]:
        count = self.length(2)
        result = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if type(key) not in KEYS:
                raise CodecError("a dictionary key of an invalid type")
            result[key] = self.value(depth + 1)
        if len(result) != count:
            raise CodecError("a dictionary key that occurs twice")
        return result

    def shape(self) -> tuple[str, tuple[int, ...]]:
        code, dims = self.read(2)
        if code >= len(DTYPES) or dims > MAX_DIMS:
            raise CodecError("an unknown dtype or too many dimensions")
        shape = SHAPES[dims].unpack(self.read(8 * dims))
        check_extent(shape)
        self.items += ARRAY_ITEMS
        return DTYPES[code], shape

    def payload(self, dtype: str, shape: tuple[int, ...]) -> bytearray:
        data = bytearray(self.sized())
        if len(data) != math.prod(shape) * _ITEM_BYTES[dtype]:
            raise CodecError("data that does not fit its shape")
        if dtype == "bool" and data.translate(None, b"\0\1"):
            raise CodecError("a bool that is neither 0 nor 1")
        return data

    def array(self) -> NDArray[Any]:
        dtype, shape = self.shape()
        if dtype == "bfloat16":
            raise CodecError("a NumPy array of bfloat16")
        data = self.payload(dtype, shape)
        return np.frombuffer(data, _LITTLE[dtype]).astype(dtype, copy=False).reshape(shape)

    def tensor(self) -> Any:
        import torch

        device, flags = self.read(2)
        if device >= len(DEVICES) or flags > 3:
            raise CodecError("an unknown device or flag")
        dtype_name, shape = self.shape()
        dtype = getattr(torch, dtype_name)
        if DEVICES[device] == "meta":
            if self.count():
                raise CodecError("a tensor on the meta device with data")
            tensor = torch.empty(shape, dtype=dtype, device="meta")
        else:
            data = self.payload(dtype_name, shape)
            # Cloned, because torch forbids some operations on views that a learner may well use.
            if data:
                tensor = torch.frombuffer(data, dtype=dtype).view(shape).clone()
            else:
                # On the CPU, even if the learner's module set another default device.
                tensor = torch.empty(shape, dtype=dtype, device="cpu")
        if flags & FLAG_REQUIRES_GRAD:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise CodecError("a tensor of integers that requires a gradient")
            tensor.requires_grad_()
            if not flags & FLAG_LEAF:
                tensor = tensor.view_as(tensor)
        elif not flags & FLAG_LEAF:
            raise CodecError("a tensor that needs no gradient but is not a leaf")
        return tensor
