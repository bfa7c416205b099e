"""Encodes plain data as bytes, the only thing that passes between the judge and a worker.

A value is a tag byte followed by a payload; lengths are unsigned little-endian integers. The format
covers None, bool, int, float, str, bytes, list, tuple, dict, NumPy arrays and scalars, and dense
tensors. Any other object becomes an `Opaque`: the name of its type and the beginning of its `repr`.
`grader.wire.decoder` reads it all back.
"""

from __future__ import annotations

import functools
import math
import struct
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32
MAX_ITEMS = 1_000_000
MAX_DIMS = 16
# An array counts as this many items, because its object takes far more memory than its header.
ARRAY_ITEMS = 20
MAX_INT_BYTES = 4096
MAX_TEXT = 400
TOO_LARGE = f"a value larger than {MAX_BYTES // 2**20} MiB"

U32 = struct.Struct("<I")
F64 = struct.Struct("<d")
# One for each number of dimensions, made before the learner's code can replace `struct.pack`.
SHAPES = tuple(struct.Struct(f"<{dims}Q") for dims in range(MAX_DIMS + 1))

# NumPy and torch share these names, except bfloat16, which only torch has.
DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "bfloat16"),
)
_DTYPE_CODE = {name: code for code, name in enumerate(DTYPES)}
# Both byte orders share a code: what counts is an array's numbers, not how they are stored.
_NUMPY_CODE = {
    dtype: code
    for name, code in _DTYPE_CODE.items()
    if name != "bfloat16"
    for dtype in (np.dtype(name).newbyteorder("<"), np.dtype(name).newbyteorder(">"))
}
DEVICES = ("cpu", "meta", "cuda", "mps", "xpu")
FLAG_REQUIRES_GRAD = 1
FLAG_LEAF = 2


class CodecError(ValueError):
    """A value that cannot be encoded, or bytes that are not a frame."""


@dataclass(frozen=True)
class Opaque:
    """A worker's description of an object that is not plain data.

    Attributes:
        type: the name of the object's type.
        text: the beginning of its `repr`.
    """

    type: str
    text: str

    def __repr__(self) -> str:
        return self.text


def encode(value: Any, *, strict: bool = False) -> bytes:
    """Return the bytes of a value.

    Args:
        value: plain data.
        strict: whether to refuse an object that is not plain data, instead of describing it.

    Raises:
        CodecError: the value is nested deeper than MAX_DEPTH, larger than MAX_BYTES, or has more
            than MAX_ITEMS items.
    """
    out = _Writer(strict)
    out.value(value, 0)
    if len(out.data) > MAX_BYTES:
        raise CodecError(TOO_LARGE)
    return bytes(out.data)


def check_extent(shape: tuple[int, ...]) -> None:
    """Refuse a shape that no array of at most MAX_BYTES can have, such as (0, 2**63)."""
    # An empty array takes no memory, but its other sizes can still be too large for NumPy and torch.
    sizes = shape if all(shape) else [size or 1 for size in shape]
    if shape and (max(shape) > MAX_BYTES or math.prod(sizes) > 2**40):
        raise CodecError("a shape that is too large")


class _Writer:
    def __init__(self, strict: bool) -> None:
        self.data = bytearray()
        self.strict = strict
        self.items = 0

    def raw(self, tag: bytes, payload: bytes) -> None:
        if len(self.data) + len(payload) >= MAX_BYTES:
            raise CodecError(TOO_LARGE)
        self.data += tag + U32.pack(len(payload))
        self.data += payload

    def room_for(self, items: int) -> None:
        """Refuse a container that has too many items, before they are written one by one."""
        if self.items + items > MAX_ITEMS:
            raise CodecError(f"a value of more than {MAX_ITEMS} items")

    def value(self, value: Any, depth: int) -> None:
        self.items += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"a value nested deeper than {MAX_DEPTH} levels")
        if self.items > MAX_ITEMS:
            self.room_for(0)
        kind = type(value)
        if kind is str:
            self.raw(b"s", value.encode("utf-8", "surrogatepass"))
        elif kind is float:
            self.data += b"f" + F64.pack(value)
        elif value is None:
            self.data += b"N"
        elif kind is bool:
            self.data += b"1" if value else b"0"
        elif kind is int:
            self.integer(value)
        elif isinstance(value, (list, tuple)):
            self.sequence(value, depth)
        elif isinstance(value, dict) and all(type(key) in KEYS for key in value):
            self.dictionary(value, depth)
        elif kind is bytes or kind is bytearray:
            self.raw(b"b", bytes(value))
        elif kind is np.ndarray and (code := _code_of(value.dtype)) is not None:
            self.array(b"a", code, value)
        elif isinstance(value, np.generic) and (code := _code_of(value.dtype)) is not None:
            self.array(b"g", code, np.asarray(value))
        elif not self.tensor(value):
            self.opaque(value)

    def opaque(self, value: Any) -> None:
        if self.strict:
            raise CodecError(f"an object of type {type(value).__name__}, which is not plain data")
        opaque = value if type(value) is Opaque else opaque_of(value)
        self.data += b"o"
        self.raw(b"s", opaque.type.encode("utf-8", "replace"))
        self.raw(b"s", opaque.text.encode("utf-8", "replace"))

    def integer(self, value: int) -> None:
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES:
            raise CodecError("an integer of more than 32,768 bits")
        self.raw(b"i", value.to_bytes(size, "little", signed=True))

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> None:
        self.room_for(len(value))
        self.data += (b"l" if isinstance(value, list) else b"t") + U32.pack(len(value))
        for item in value:
            self.value(item, depth + 1)

    def dictionary(self, value: dict[Any, Any], depth: int) -> None:
        self.room_for(2 * len(value))
        self.data += b"d" + U32.pack(len(value))
        for key, item in value.items():
            self.value(key, depth + 1)
            self.value(item, depth + 1)

    def shape(self, code: int, shape: tuple[int, ...]) -> None:
        if len(shape) > MAX_DIMS:
            raise CodecError(f"an array of more than {MAX_DIMS} dimensions")
        check_extent(shape)
        self.items += ARRAY_ITEMS
        self.data += bytes((code, len(shape)))
        self.data += SHAPES[len(shape)].pack(*shape)

    def array(self, tag: bytes, code: int, value: NDArray[Any]) -> None:
        # Checked before anything is copied, because an expanded array can exceed all memory.
        if value.nbytes > MAX_BYTES:
            raise CodecError(TOO_LARGE)
        self.data += tag
        self.shape(code, value.shape)
        if value.dtype.byteorder == ">" or sys.byteorder == "big":
            value = value.astype(value.dtype.newbyteorder("<"))
        self.raw(b"", value.tobytes())

    def tensor(self, value: Any) -> bool:
        torch = sys.modules.get("torch")
        # No tensor can exist before torch is loaded.
        if torch is None or type(value) not in (torch.Tensor, torch.nn.Parameter):
            return False
        code = _DTYPE_CODE.get(_name_of(value.dtype))
        device = value.device.type
        if code is None or device not in DEVICES or value.layout != torch.strided:
            return False
        flags = value.requires_grad * FLAG_REQUIRES_GRAD | value.is_leaf * FLAG_LEAF
        self.data += b"T" + bytes((DEVICES.index(device), flags))
        self.shape(code, tuple(value.shape))
        if device == "meta":
            self.raw(b"", b"")
            return True
        if value.nbytes > MAX_BYTES:
            raise CodecError(TOO_LARGE)
        # NumPy has no bfloat16, so its bits are sent as integers.
        is_bfloat16 = DTYPES[code] == "bfloat16"
        source = value.detach().resolve_neg().view(torch.int16) if is_bfloat16 else value
        # `force` detaches, moves to the CPU, and resolves lazy conjugation and negation.
        self.raw(b"", source.numpy(force=True).tobytes())
        return True


@functools.cache
def _name_of(dtype: Any) -> str:
    """Return the name of a torch dtype, such as "float32"."""
    return str(dtype).removeprefix("torch.")


KEYS = (str, int, float, bool, type(None))


def _code_of(dtype: Any) -> int | None:
    """Return the code of a NumPy dtype, or None if the format does not cover it."""
    try:
        return _NUMPY_CODE[dtype]
    except (KeyError, TypeError):
        # An unknown or unhashable dtype, or a numeric one with named parts.
        return _DTYPE_CODE.get(dtype.name) if dtype.kind in "biufc" else None


def opaque_of(value: Any) -> Opaque:
    """Return the description of an object, even if its `repr` raises."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<an object whose repr raises {type(error).__name__}>"
    return Opaque(type(value).__name__[:MAX_TEXT], text[:MAX_TEXT])
