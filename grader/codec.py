"""Plain data to bytes and back: the only thing that passes between the judge and a worker.

The format is a tag byte followed by a payload; lengths are unsigned little-endian integers. It can
say None, bool, int, float, str, bytes, list, tuple, dict, NumPy arrays and scalars, and dense tensors, and
nothing else. Any other object becomes an `Opaque`: the name of its type and a short text.

`decode` is written for hostile input. It never evaluates anything, checks every length against what is
really there, and raises `CodecError` for every frame that `encode` would not write.
"""

from __future__ import annotations

import math
import struct
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32
MAX_ITEMS = 1_000_000
MAX_DIMS = 16
MAX_INT_BYTES = 4096
MAX_TEXT = 400

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_F64 = struct.Struct("<d")

# Names that both NumPy and torch use; torch adds bfloat16.
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", "bfloat16"),
)
_DTYPE_CODE = {name: code for code, name in enumerate(_DTYPES)}
_DEVICES = ("cpu", "meta", "cuda", "mps", "xpu")
_FLAG_REQUIRES_GRAD = 1
_FLAG_LEAF = 2


class CodecError(ValueError):
    """A value that cannot be encoded, or bytes that are not a frame."""


@dataclass(frozen=True)
class Opaque:
    """An object that is not plain data: what a worker says of it.

    Attributes:
        type: name of the object's type.
        text: the beginning of its `repr`.
    """

    type: str
    text: str

    def __repr__(self) -> str:
        return self.text


def encode(value: Any) -> bytes:
    """Return the bytes of a value.

    Raises:
        CodecError: nested deeper than MAX_DEPTH, or larger than MAX_BYTES or MAX_ITEMS.
    """
    out = _Writer()
    out.value(value, 0)
    return bytes(out.data)


def decode(data: bytes) -> Any:
    """Return the value of bytes that `encode` made; arrays and tensors are new and writable.

    A tensor of another device than "cpu" and "meta" comes back on the CPU. A tensor that required a gradient
    requires one again, and is a leaf if it was one.

    Raises:
        CodecError: for anything that `encode` would not have written.
    """
    if len(data) > MAX_BYTES:
        raise CodecError(f"a frame of {len(data)} bytes is larger than {MAX_BYTES}")
    reader = _Reader(data)
    value = reader.value(0)
    if reader.position != len(data):
        raise CodecError("bytes are left over behind the value")
    return value


def _torch() -> Any:
    """Return torch if it is loaded: before that, no tensor can exist."""
    return sys.modules.get("torch")


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()
        self.items = 0

    def raw(self, tag: bytes, payload: bytes) -> None:
        if len(self.data) + len(payload) > MAX_BYTES:
            raise CodecError(f"a value larger than {MAX_BYTES // 2**20} MiB")
        self.data += tag + _U32.pack(len(payload)) + payload

    def value(self, value: Any, depth: int) -> None:
        self.items += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"a value nested deeper than {MAX_DEPTH} levels")
        if self.items > MAX_ITEMS:
            raise CodecError(f"a value of more than {MAX_ITEMS} items")
        kind = type(value)
        if value is None:
            self.data += b"N"
        elif kind is bool:
            self.data += b"1" if value else b"0"
        elif kind is int:
            size = value.bit_length() // 8 + 1
            if size > MAX_INT_BYTES:
                raise CodecError("an integer of more than 32 768 bits")
            self.raw(b"i", value.to_bytes(size, "little", signed=True))
        elif kind is float:
            self.data += b"f" + _F64.pack(value)
        elif kind is str:
            self.raw(b"s", value.encode("utf-8", "surrogatepass"))
        elif kind in (bytes, bytearray):
            self.raw(b"b", bytes(value))
        elif isinstance(value, np.generic) and value.dtype.name in _DTYPE_CODE:
            self.data += b"g"
            self.array(np.asarray(value))
        elif kind is np.ndarray and value.dtype.name in _DTYPE_CODE:
            self.data += b"a"
            self.array(value)
        elif isinstance(value, (list, tuple)):
            self.data += (b"l" if isinstance(value, list) else b"t") + _U32.pack(len(value))
            for item in value:
                self.value(item, depth + 1)
        elif isinstance(value, dict) and all(type(key) in _KEYS for key in value):
            self.data += b"d" + _U32.pack(len(value))
            for key, item in value.items():
                self.value(key, depth + 1)
                self.value(item, depth + 1)
        elif not self.tensor(value):
            opaque = value if kind is Opaque else opaque_of(value)
            self.data += b"o"
            self.raw(b"s", opaque.type.encode("utf-8", "replace"))
            self.raw(b"s", opaque.text.encode("utf-8", "replace"))

    def shape(self, dtype: str, shape: tuple[int, ...]) -> None:
        if len(shape) > MAX_DIMS:
            raise CodecError(f"an array of more than {MAX_DIMS} dimensions")
        self.data += bytes((_DTYPE_CODE[dtype], len(shape)))
        for size in shape:
            self.data += _U64.pack(size)

    def array(self, value: np.ndarray) -> None:
        self.shape(value.dtype.name, value.shape)
        self.raw(b"", np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes())

    def tensor(self, value: Any) -> bool:
        torch = _torch()
        if torch is None or type(value) not in (torch.Tensor, torch.nn.Parameter):
            return False
        dtype = str(value.dtype).removeprefix("torch.")
        device = value.device.type
        if dtype not in _DTYPE_CODE or device not in _DEVICES or value.layout != torch.strided:
            return False
        flags = value.requires_grad * _FLAG_REQUIRES_GRAD | value.is_leaf * _FLAG_LEAF
        self.data += b"T" + bytes((_DEVICES.index(device), flags))
        self.shape(dtype, tuple(value.shape))
        if device == "meta":
            payload = b""
        else:
            plain = value.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
            payload = plain.view(torch.uint8).numpy().tobytes()
        self.raw(b"", payload)
        return True


_KEYS = (str, int, float, bool, type(None))


def opaque_of(value: Any) -> Opaque:
    """Return the type name of an object and the beginning of its `repr`, whatever the object does."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<an object whose repr raises {type(error).__name__}>"
    return Opaque(type(value).__name__[:MAX_TEXT], text[:MAX_TEXT])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = memoryview(data)
        self.position = 0
        self.items = 0

    def take(self, count: int) -> memoryview:
        end = self.position + count
        if end > len(self.data):
            raise CodecError("the frame ends too early")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def count(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def text(self) -> str:
        try:
            return str(bytes(self.take(self.count())), "utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise CodecError("text that is not UTF-8") from error

    def value(self, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"nested deeper than {MAX_DEPTH} levels")
        if self.items > MAX_ITEMS:
            raise CodecError(f"more than {MAX_ITEMS} items")
        tag = bytes(self.take(1))
        if tag == b"N":
            return None
        if tag in b"01":
            return tag == b"1"
        if tag == b"i":
            return self.integer()
        if tag == b"f":
            return _F64.unpack(self.take(8))[0]
        if tag == b"s":
            return self.text()
        if tag == b"b":
            return bytes(self.take(self.count()))
        if tag == b"a":
            return self.array()
        if tag == b"g":
            array = self.array()
            if array.shape != ():
                raise CodecError("a NumPy scalar with dimensions")
            return array[()]
        if tag in b"lt":
            items = [self.value(depth + 1) for _ in range(self.length(1))]
            return items if tag == b"l" else tuple(items)
        if tag == b"d":
            return self.dictionary(depth)
        if tag == b"T":
            return self.tensor()
        if tag == b"o":
            return Opaque(self.tagged_text(), self.tagged_text())
        raise CodecError(f"an unknown tag {tag!r}")

    def tagged_text(self) -> str:
        if self.take(1) != b"s":
            raise CodecError("an object without its description")
        text = self.text()
        if len(text) > MAX_TEXT:
            raise CodecError("a description that is too long")
        return text

    def length(self, smallest_item: int) -> int:
        """Return a number of items that the rest of the frame has room for."""
        count = self.count()
        if count * smallest_item > len(self.data) - self.position:
            raise CodecError("more items are announced than the frame holds")
        return count

    def integer(self) -> int:
        size = self.count()
        if not 0 < size <= MAX_INT_BYTES:
            raise CodecError("an integer of a wrong size")
        value = int.from_bytes(self.take(size), "little", signed=True)
        if size != value.bit_length() // 8 + 1:
            raise CodecError("an integer that is padded")
        return value

    def dictionary(self, depth: int) -> dict[Any, Any]:
        count = self.length(2)
        result = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if type(key) not in _KEYS:
                raise CodecError("a dictionary key that is not plain")
            result[key] = self.value(depth + 1)
        if len(result) != count:
            raise CodecError("a dictionary key that comes twice")
        return result

    def shape(self) -> tuple[str, tuple[int, ...]]:
        code, dims = self.take(2)
        if code >= len(_DTYPES) or dims > MAX_DIMS:
            raise CodecError("an unknown dtype or too many dimensions")
        return _DTYPES[code], tuple(_U64.unpack(self.take(8))[0] for _ in range(dims))

    def payload(self, dtype: str, shape: tuple[int, ...]) -> bytearray:
        itemsize = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
        if self.count() != math.prod(shape) * itemsize:
            raise CodecError("the data does not fit the shape")
        data = bytearray(self.take(math.prod(shape) * itemsize))
        if dtype == "bool" and data.translate(None, b"\0\1"):
            raise CodecError("a truth value that is neither 0 nor 1")
        return data

    def array(self) -> np.ndarray:
        dtype, shape = self.shape()
        if dtype == "bfloat16":
            raise CodecError("NumPy has no bfloat16")
        _check_extent(shape)
        data = self.payload(dtype, shape)
        little = np.dtype(dtype).newbyteorder("<")
        return np.frombuffer(data, little).astype(dtype, copy=False).reshape(shape)

    def tensor(self) -> Any:
        import torch

        device, flags = self.take(2)
        if device >= len(_DEVICES) or flags > 3:
            raise CodecError("an unknown device or flag")
        dtype_name, shape = self.shape()
        _check_extent(shape)
        dtype = getattr(torch, dtype_name)
        meta = _DEVICES[device] == "meta"
        if meta:
            if self.count():
                raise CodecError("data on the meta device")
            tensor = torch.empty(shape, dtype=dtype, device="meta")
        else:
            data = self.payload(dtype_name, shape)
            flat = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
            tensor = flat.reshape(shape)
        if flags & _FLAG_REQUIRES_GRAD:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise CodecError("integers that require a gradient")
            tensor.requires_grad_()
            if not flags & _FLAG_LEAF:
                tensor = tensor.view_as(tensor)
        elif not flags & _FLAG_LEAF:
            raise CodecError("a tensor outside the graph that is no leaf")
        return tensor


def _check_extent(shape: tuple[int, ...]) -> None:
    """Refuse shapes that no real array of at most MAX_BYTES has, such as (0, 2**63)."""
    if any(size > MAX_BYTES for size in shape) or math.prod(max(s, 1) for s in shape) > 2**40:
        raise CodecError("a shape that is too large")
