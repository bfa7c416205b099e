"""The codec: what goes over the boundary comes back the same, and what is no frame is refused."""

import collections
import enum
import math
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.wire.codec import (
    ARRAY_ITEMS,
    DTYPES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT,
    CodecError,
    Opaque,
    encode,
)
from grader.wire.decoder import decode

MANY = settings(max_examples=200)
ARRAY_DTYPES = [name for name in DTYPES if name != "bfloat16"]


def same(one, other):
    """Return whether two values are of exactly one type and equal, NaN and the sign of zero included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (np.ndarray, np.generic)):
        parts = [(v.dtype, v.shape, v.tobytes()) for v in (np.asarray(one), np.asarray(other))]
        return parts[0] == parts[1]
    if isinstance(one, torch.Tensor):
        names = ("dtype", "shape", "is_meta", "requires_grad", "is_leaf")
        return all(getattr(one, n) == getattr(other, n) for n in names) and (
            one.is_meta or bits(one) == bits(other)
        )
    return one == other


def bits(tensor):
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    return (plain.view(torch.int16) if plain.dtype == torch.bfloat16 else plain).numpy().tobytes()


anything_textual = st.text(st.characters(exclude_categories=()))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(1, 32767).map(lambda size: 1 - 2**size),
    st.integers(1, 32767).map(lambda size: 2**size - 1),
    st.floats(),
    anything_textual,
    st.binary(),
)
keys = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), anything_textual)
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=5).map(tuple),
        st.dictionaries(keys, inner, max_size=5),
    ),
    max_leaves=20,
)
arrays = st.sampled_from(ARRAY_DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        st.sampled_from("<>").map(np.dtype(dtype).newbyteorder),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
layouts = st.sampled_from([np.asarray, np.asfortranarray, np.transpose, lambda a: a[..., ::2]])


# Plain data comes back the same


@MANY
@given(value=nested)
def test_plain_data_comes_back_equal_and_of_the_same_types(value):
    assert same(decode(encode(value)), value)


@MANY
@given(array=arrays, layout=layouts)
def test_arrays_of_every_dtype_and_layout_come_back_in_native_order(array, layout):
    array = layout(array) if array.ndim else array
    back = decode(encode(array))
    assert same(back, np.array(array, array.dtype.newbyteorder("="), order="C"))
    assert back.flags.writeable and back.flags.c_contiguous


@pytest.mark.parametrize("name", ARRAY_DTYPES)
def test_numpy_scalars_come_back_as_scalars_of_the_same_type(name):
    value = np.dtype(name).type(1)
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (2, 0, 3)])
@pytest.mark.parametrize("name", DTYPES)
def test_tensors_of_every_dtype_come_back_the_same(name, shape):
    tensor = torch.arange(math.prod(shape)).reshape(shape).to(getattr(torch, name))
    assert same(decode(encode(tensor)), tensor)


TENSORS = {
    "conjugate view": torch.tensor([1 + 2j, 3j]).conj(),
    "negative view": torch.tensor([1 + 2j, 3j]).conj().imag,
    "odd stride": torch.arange(2).reshape(1, 2)[:, 0],
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "expanded": torch.ones(1).expand(3, 2),
    "half precision with steps": torch.arange(8, dtype=torch.bfloat16)[::3],
    "half precision turned negative": torch._neg_view(torch.arange(3, dtype=torch.bfloat16)),
    "leaf with gradient": torch.ones(2, requires_grad=True),
    "complex leaf with gradient": torch.ones(2, dtype=torch.complex64, requires_grad=True),
    "not a leaf": torch.ones(2, requires_grad=True) * 2,
    "not a number": torch.tensor([math.nan, -math.inf, -0.0]),
    "meta": torch.empty(2, 3, device="meta"),
    "meta with gradient": torch.empty(2, device="meta", requires_grad=True),
}


@pytest.mark.parametrize("name", TENSORS)
def test_unusual_tensors_come_back_the_same(name):
    assert same(decode(encode(TENSORS[name])), TENSORS[name])


def test_arrays_of_unusual_dtypes_are_numbers_or_opaque():
    halves = np.dtype((np.int32, {"low": (np.int16, 0), "high": (np.int16, 2)}))
    assert same(decode(encode(np.arange(2).astype(halves))), np.arange(2, dtype=np.int32))
    unhashable = np.array(["a"], np.dtypes.StringDType(na_object=[]))
    assert decode(encode(unhashable)).type == "ndarray"


def test_what_comes_back_is_a_copy():
    tensor, array = torch.zeros(2), np.zeros(2)
    for back in decode(encode([tensor, array])):
        back += 1
    assert tensor.sum() == 0 and array.sum() == 0


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Point(1, 2), (1, 2)),
        (collections.OrderedDict(a=1), {"a": 1}),
        (bytearray(b"ab"), b"ab"),
        (torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True)),
    ],
)
def test_close_relatives_of_plain_types_come_back_as_the_plain_type(value, expected):
    assert same(decode(encode(value)), expected)


# Everything else becomes a description


class Text(str):
    __slots__ = ()


class Silent:
    def __repr__(self):
        raise ValueError("no")


OTHERS = [
    object(), {1, 2}, 1j, range(3), len, math, torch.float32, torch.device("cpu"), torch.nn.ReLU(),
    Text("a"), enum.IntEnum("Level", "LOW").LOW, Silent(), {(1, 2): 3}, np.datetime64("2020-01-01"),
    np.array([None]), np.array(["a"]), np.zeros(2, "i4,f4"), np.ma.masked_array([1]),
    torch.eye(2).to_sparse(), torch.zeros(2).to(torch.float8_e5m2),
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_other_objects_become_their_type_and_text(value):
    back = decode(encode([value]))[0]
    assert type(back) is Opaque
    assert back.type == type(value).__name__
    assert len(back.text) <= MAX_TEXT
    with pytest.raises(CodecError, match="not plain data"):
        encode([value], strict=True)


def test_a_description_may_hold_any_text():
    class Strange:
        def __repr__(self):
            return "\ud800" * 1000

    assert decode(encode(Strange())).text == "?" * MAX_TEXT


def test_a_pickle_stays_bytes():
    class Bomb:
        def __reduce__(self):
            return exec, ("raise SystemExit('it ran')",)

    payload = pickle.dumps(Bomb())
    assert same(decode(encode({"value": payload})), {"value": payload})


# Limits


def nest(depth):
    value = None
    for _ in range(depth):
        value = [value]
    return value


def test_values_at_the_limit_pass():
    for largest in (nest(MAX_DEPTH), 2**32767 - 1, 1 - 2**32767, "x" * 10**6, np.zeros((1,) * 16)):
        assert same(decode(encode(largest)), largest)


endless = []
endless.append(endless)
TOO_MUCH = {
    "depth": nest(MAX_DEPTH + 1),
    "a list in itself": endless,
    "items": [None] * MAX_ITEMS,
    "integer": 2**32767,
    "bytes": bytes(MAX_BYTES),
    "array": np.zeros(MAX_BYTES // 8 + 1),
    "array that takes no memory itself": np.broadcast_to(np.zeros(1), (2**24, 2**24)),
    "tensor that takes no memory itself": torch.zeros(1).expand(2**20, 2**20),
    "tensor on meta": torch.empty(2**30, device="meta"),
    "array of many dimensions": np.zeros((1,) * 17),
    "many arrays": [np.zeros(1)] * (MAX_ITEMS // ARRAY_ITEMS),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_values_over_the_limit_are_refused_before_they_are_copied(name):
    tracemalloc.start()
    try:
        with pytest.raises(CodecError):
            encode(TOO_MUCH[name])
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_BYTES
    finally:
        tracemalloc.stop()
