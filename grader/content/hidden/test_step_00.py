"""Step 00, hidden: tensors of any shape, dtype and memory layout.

The wire carries values only, so the layouts are built in the worker. To see whether memory is
shared, a probe writes on one side and reads on the other, at random places.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_int
from grader.content.shared_probes import array_laid_out, noted, tensor_laid_out
from grader.testing.probes import probe
from grader.testing.strategies import (
    all_seeds,
    arrays,
    fractions,
    place,
    seed_pairs,
    shapes,
    sizes,
    tensors,
)

LAYOUTS = ("plain", "turned", "every second", "behind others")
layouts = st.sampled_from(LAYOUTS)


def number_arrays(shape):
    """Arrays of the float and integer dtypes that NumPy and torch both have."""
    dtypes = st.sampled_from(
        ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8"]
    )
    # Positive, so that unsigned dtypes can hold them; as floats, numbers that another dtype would round.
    return st.builds(
        lambda array, dtype: (4 * abs(array) + 0.1).astype(dtype), arrays(shape), dtypes
    )


def number_tensors(shape):
    """Tensors of some float and integer dtypes."""
    dtypes = [torch.float32, torch.float64, torch.int64, torch.int32]
    return st.sampled_from(dtypes).flatmap(lambda dtype: tensors(shape, dtype))


# describe


@probe
def describe_view(module, shape, dtype, kind):
    "describe a tensor of this shape and dtype that is a view, or has no memory at all (meta)"
    dtype = getattr(torch, dtype)
    if kind == "meta":
        t = torch.empty(shape, dtype=dtype, device="meta")
    elif kind == "cuda if there is one":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        t = torch.zeros(shape, dtype=dtype, device=device)
    elif kind == "one number, seen many times":
        t = torch.zeros((), dtype=dtype).expand(shape)
    elif kind == "turned":
        t = torch.zeros(tuple(shape)[::-1], dtype=dtype).permute(list(reversed(range(len(shape)))))
    else:
        t = torch.zeros([2 * size for size in shape], dtype=dtype)
        t = t[tuple(slice(None, None, 2) for _ in shape)]
    return module.describe(t)


any_shape = st.lists(st.integers(0, 7), max_size=4, unique=True).map(tuple)
any_dtype = st.sampled_from(
    ["float16", "bfloat16", "float64", "uint8", "int8", "int16", "complex64", "bool", "float32"]
)


@pytest.mark.exercise("describe", "rare dtypes, many dimensions, empty tensors", points=2)
@given(shape=any_shape, dtype=any_dtype)
def test_describe_rare_tensors(learner, shape, dtype):
    answer = learner.run(describe_view, shape=shape, dtype=dtype, kind="every second number")
    answer.key("shape").equals(shape)
    answer.key("dtype").equals(f"torch.{dtype}")
    answer.key("ndim").equals(len(shape))
    answer.key("numel").equals(int(np.prod(shape, dtype=np.int64)))


@probe
def describe_then_another(module, shape, dtype, kind):
    "describe a tensor that is a view, or has no memory at all (meta), then another one; look at the first facts"
    facts = describe_view(module, shape, dtype, kind)
    module.describe(torch.zeros(8, 9, dtype=torch.int32))
    return facts


@pytest.mark.exercise("describe", "the memory behind the tensor does not matter", points=2)
@given(
    shape=any_shape,
    dtype=any_dtype,
    kind=st.sampled_from(["meta", "cuda if there is one", "one number, seen many times", "turned"]),
)
def test_describe_views(learner, shape, dtype, kind):
    answer = learner.run(describe_then_another, shape=shape, dtype=dtype, kind=kind)
    answer.key("shape").equals(shape)
    answer.key("dtype").equals(f"torch.{dtype}")
    answer.key("ndim").equals(len(shape))
    answer.key("numel").equals(int(np.prod(shape, dtype=np.int64)))


# checkerboard


@pytest.mark.exercise("checkerboard", "small and large boards", points=3)
@given(n=sizes(1, 20))
def test_checkerboard_of_any_size(learner, n):
    answer = learner.checkerboard(n=n)
    board = answer.tensor(shape=(n, n))
    row, column = np.indices((n, n))
    expected = torch.from_numpy((row + column) % 2).to(torch.int64)
    answer.check(
        not torch.equal(board.to(torch.int64), 1 - expected),
        "All squares have the wrong colour: the number is 0 where row + column is even, "
        "so the first corner is 0.",
    )
    answer.equals(expected)


@probe
def two_boards(module, n, m):
    "make two boards, fill the first with the number 7, then make a board of its size again"
    first, second = module.checkerboard(n), module.checkerboard(m)
    sizes = (tuple(first.shape), tuple(second.shape))
    first[:] = 7
    return {"sizes": sizes, "second": second, "again": module.checkerboard(n)}


@pytest.mark.exercise("checkerboard", "each call gives a new board", points=2)
@given(n=sizes(1, 7), m=sizes(1, 9))
def test_checkerboard_again(learner, n, m):
    answer = learner.run(two_boards, n=n, m=m)
    answer.key("sizes").equals(((n, n), (m, m)))
    for name, size in (("second", m), ("again", n)):
        row, column = np.indices((size, size))
        answer.key(name).equals(torch.from_numpy((row + column) % 2).to(torch.int64))


# uniform_like


@probe
def uniform_like_in_layouts(module, shape, dtype, seed, layouts):
    "lay out a tensor of ones of this shape and dtype in memory in several ways, and call uniform_like with each"
    t = torch.ones(shape, dtype=getattr(torch, dtype))
    return [module.uniform_like(tensor_laid_out(t, layout), seed) for layout in layouts]


@pytest.mark.exercise("uniform_like", "float32, whatever the dtype and the memory of t", points=2)
@given(
    shape=shapes(1, 3),
    dtype=st.sampled_from(["bool", "uint8", "int64", "float16", "float64", "float32"]),
    seed=all_seeds(),
)
def test_uniform_like_any_dtype(learner, shape, dtype, seed):
    expected = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    answer = learner.run(
        uniform_like_in_layouts, shape=shape, dtype=dtype, seed=seed, layouts=LAYOUTS
    )
    for layout, part in zip(LAYOUTS, answer.parts(*LAYOUTS), strict=True):
        part.tensor(shape, torch.float32)
        part.check(
            torch.allclose(part.value, expected),
            f"Expected the numbers of torch.rand in the shape of t, for any memory layout of t. With the memory "
            f"layout {layout!r} and the seed {seed}, got different numbers, or another order.",
        )


@probe
def draw_and_draw_again(module, t, draws, seed, other):
    """draw some random numbers, then call uniform_like with a seed, with another one, and with the first again;
    save each result, then overwrite it"""
    seen = {}
    for name, chosen in (("first", seed), ("other seed", other), ("first seed again", seed)):
        torch.rand(draws)
        seen[name] = noted(module.uniform_like(t, chosen))
    return seen


@pytest.mark.exercise("uniform_like", "the seed decides, not what was drawn before", points=3)
@given(t=tensors(shapes(1, 3)), draws=st.integers(1, 9), pair=seed_pairs())
def test_uniform_like_starts_at_the_seed(learner, t, draws, pair):
    seed, other = pair
    one = torch.rand(t.shape, generator=torch.Generator().manual_seed(seed))
    two = torch.rand(t.shape, generator=torch.Generator().manual_seed(other))
    answer = learner.run(draw_and_draw_again, t=t, draws=draws, seed=seed, other=other)
    answer.key("first").is_close(one)
    answer.key("other seed").is_close(two)
    answer.key("first seed again").is_close(one)


# rows_of


@probe
def rows_and_writes(module, base, skip, shape, width, at_t, at_rows, numbers):
    "take a part of base as t, call rows_of, write one number into t and another one into the rows"
    t = base[skip:].view(shape)
    rows = module.rows_of(t, width)
    # As copies, since the numbers change below.
    before, shape_of_rows = rows.clone(), tuple(rows.shape)
    t.view(-1)[at_t] = numbers[0]
    rows[at_rows // width, at_rows % width] = numbers[1]
    return {"before": before, "shape": shape_of_rows, "base": base, "t": t, "rows": rows}


@st.composite
def row_cases(draw):
    """A flat tensor, a part of it with a shape, a width, and two places in that part."""
    skip = draw(st.integers(0, 3))
    factors = draw(st.permutations([2, 3, draw(st.sampled_from([1, 5]))]))
    one, two, three = factors
    shape = draw(
        st.sampled_from(
            [(one * two * three,), (one * two, three), (one, two, three), (one, two, three, 2)]
        )
    )
    count = int(np.prod(shape))
    width = draw(st.sampled_from([w for w in range(1, count + 1) if count % w == 0]))
    base = draw(number_tensors((skip + count,)))
    places = draw(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)))
    return {
        "base": base, "skip": skip, "shape": shape, "width": width,
        "at_t": places[0], "at_rows": places[1], "numbers": (50, 60),
    }  # fmt: skip


@pytest.mark.exercise("rows_of", "any dtype, any shape, any place in the memory", points=2)
@given(case=row_cases())
def test_rows_of_has_the_numbers_in_order(learner, case):
    answer = learner.run(rows_and_writes, **case)
    answer.key("before").equals(case["base"][case["skip"] :].reshape(-1, case["width"]))


@pytest.mark.exercise("rows_of", "both sides see every change", points=3)
@given(case=row_cases())
def test_rows_of_is_a_view(learner, case):
    width, skip = case["width"], case["skip"]
    answer = learner.run(rows_and_writes, **case)
    expected = case["base"].clone()
    expected[skip + case["at_t"]] = case["numbers"][0]
    expected[skip + case["at_rows"]] = case["numbers"][1]
    rows = answer.key("rows").tensor(shape=(expected[skip:].numel() // width, width))
    t = answer.key("t").tensor(shape=case["shape"])
    answer.check(
        torch.equal(rows.flatten(), t.flatten()),
        "After one change in t and one in the rows, both should still hold the same numbers in "
        "the same order. They do not: each has its own memory, or the order differs.",
    )
    answer.key("base").equals(expected)


# corner


@probe
def corner_of(module, t, layouts):
    "build a matrix in several memory layouts and call corner with each"
    return [module.corner(tensor_laid_out(t, layout)) for layout in layouts]


@pytest.mark.exercise("corner", "any float matrix in any memory layout", points=3)
@given(
    t=st.sampled_from([torch.float32, torch.float64]).flatmap(
        lambda dtype: tensors(st.tuples(sizes(1, 5), sizes(1, 6)), dtype)
    )
)
def test_corner_of_any_layout(learner, t):
    # Floats that another dtype would round.
    t = t + 0.1
    for number in learner.run(corner_of, t=t, layouts=LAYOUTS).parts(*LAYOUTS):
        number.python_float()
        number.equals(t.tolist()[-1][-1])


@pytest.mark.exercise("corner", "any integer matrix", points=2)
@given(
    rows=st.integers(1, 4), columns=st.integers(1, 4), start=st.integers(-99, 99),
    dtype=st.sampled_from([torch.int64, torch.int32, torch.int16]),
)  # fmt: skip
def test_corner_of_any_integers(learner, rows, columns, start, dtype):
    # All numbers differ, so only the right place gives the right one.
    t = torch.arange(start, start + rows * columns, dtype=dtype).reshape(rows, columns)
    check_int(learner.corner(t=t), start + rows * columns - 1)
    # No float can hold an odd number this large.
    large = t.long() * 2 + (2**60 + 1)
    check_int(learner.corner(t=large), int(large[-1, -1]))
    learner.corner(t=t.double()).equals(float(start + rows * columns - 1))


# add_


@probe
def add_in_layout(module, t, other, layout):
    "put t into a larger memory, add other with add_ and look at the whole memory"
    if layout == "turned":
        base = t.t().contiguous()
        t = base.t()
    elif layout == "a few columns":
        base = torch.zeros(t.shape[0], t.shape[1] + 2, dtype=t.dtype)
        base[:, 1:-1] = t
        t = base[:, 1:-1]
    else:
        base = torch.zeros(2 * t.shape[0], t.shape[1], dtype=t.dtype)
        base[::2] = t
        t = base[::2]
    module.add_(t, other)
    return {"t": t, "memory": base, "other": other}


@pytest.mark.exercise("add_", "in place in any memory layout", points=3)
@given(
    pair=st.tuples(sizes(1, 3), sizes(1, 4)).flatmap(
        lambda shape: st.sampled_from([torch.float32, torch.float64, torch.int64]).flatmap(
            lambda dtype: st.tuples(tensors(shape, dtype), tensors(shape, dtype))
        )
    ),
    layout=st.sampled_from(["turned", "a few columns", "every second row"]),
)
def test_add_in_any_layout(learner, pair, layout):
    t, other = pair
    total = t + other
    if layout == "turned":
        memory = total.t().contiguous()
    elif layout == "a few columns":
        memory = torch.zeros(t.shape[0], t.shape[1] + 2, dtype=t.dtype)
        memory[:, 1:-1] = total
    else:
        memory = torch.zeros(2 * t.shape[0], t.shape[1], dtype=t.dtype)
        memory[::2] = total
    answer = learner.run(add_in_layout, t=t, other=other, layout=layout)
    written = answer.key("memory").tensor(shape=tuple(memory.shape))
    # Adding 0 looks the same in place or not; otherwise, the old numbers mean a new tensor.
    answer.check(
        torch.equal(written, memory),
        "The sum should be written into the memory of t, and nowhere else. Here t is a view of a "
        f"larger tensor. Expected that tensor to hold {memory.tolist()}, got {written.tolist()}.",
    )
    answer.key("t").equals(total)
    answer.key("other").equals(other)


@probe
def add_and_write(module, t, other, place, number):
    "call add_, then write a number into the result"
    result = module.add_(t, other)
    total = result.clone()
    result[tuple(place)] = number
    return {"sum": total, "t": t, "other": other, "result is t": result is t}


@pytest.mark.exercise("add_", "t itself is returned, other stays as it was", points=2)
@given(
    pair=shapes(1, 3).flatmap(lambda shape: st.tuples(tensors(shape), tensors(shape))),
    fraction=fractions(),
    number=st.integers(50, 90),
)
def test_add_returns_t_itself(learner, pair, fraction, number):
    t, other = pair
    at = place(t.shape, fraction)
    answer = learner.run(add_and_write, t=t, other=other, place=at, number=number)
    answer.key("sum").is_close(t + other)
    answer.key("other").equals(other)
    expected = t + other
    expected[at] = number
    t_after = answer.key("t").tensor(shape=tuple(t.shape))
    answer.check(
        torch.equal(t_after, expected) and answer.key("result is t").value is True,
        "The result should be t itself: `result is t` should be True, and a number written into the "
        "result should show in t.",
    )


# shared and copied


@probe
def shared_in_layouts(module, array, layouts):
    "build an array in several memory layouts and call shared with each"
    return [module.shared(array_laid_out(array, layout)) for layout in layouts]


@probe
def copied_in_layouts(module, array, layouts):
    "build an array in several memory layouts and call copied with each; save each result, then overwrite it"
    return [noted(module.copied(array_laid_out(array, layout))) for layout in layouts]


@probe
def shared_and_writes(module, array, layout, at_array, at_t, numbers):
    "build an array in this memory layout, call shared, write one number into the array and one into t"
    array = array_laid_out(array, layout)
    t = module.shared(array)
    array[tuple(at_array)] = numbers[0]
    t[tuple(at_t)] = numbers[1]
    return {"array": array, "t": t}


@probe
def copied_and_writes(module, array, layout, at_array, at_t, numbers):
    "build an array in this memory layout, call copied, write one number into the array and one into t"
    array = array_laid_out(array, layout)
    t = module.copied(array)
    array[tuple(at_array)] = numbers[0]
    t[tuple(at_t)] = numbers[1]
    return {"array": array, "t": t}


@st.composite
def array_cases(draw):
    """An array, a layout, and two different places in it, or the same one twice in an array of one number."""
    array = draw(number_arrays(shapes(1, 3)))
    one, two = draw(st.lists(fractions(), min_size=2, max_size=2, unique=True))
    return {
        "array": array, "layout": draw(layouts),
        "at_array": place(array.shape, one), "at_t": place(array.shape, two), "numbers": (50, 60),
    }  # fmt: skip


@pytest.mark.exercise("shared", "any memory layout, any dtype: same numbers", points=2)
@given(array=number_arrays(shapes(1, 3)))
def test_shared_any_layout(learner, array):
    answer = learner.run(shared_in_layouts, array=array, layouts=LAYOUTS)
    for t in answer.parts(*LAYOUTS):
        t.equals(torch.tensor(array))


@pytest.mark.exercise("shared", "any memory layout: both sides see every change", points=3)
@given(case=array_cases())
def test_shared_is_shared_in_any_layout(learner, case):
    expected = case["array"].copy()
    expected[case["at_array"]] = case["numbers"][0]
    expected[case["at_t"]] = case["numbers"][1]
    answer = learner.run(shared_and_writes, **case)
    t = answer.key("t").tensor(shape=expected.shape)
    array = answer.key("array").array(shape=expected.shape)
    answer.check(
        np.array_equal(t.tolist(), expected),
        "A change in the array should show in the tensor, for every memory layout of the "
        "array, but the tensor still holds the old number: it is a copy.",
    )
    answer.check(
        np.array_equal(array, expected),
        "A change in the tensor should show in the array, for every memory layout of the "
        "array, but the array still holds the old number: the tensor is a copy.",
    )


@pytest.mark.exercise("copied", "any memory layout, any dtype: same numbers", points=2)
@given(array=number_arrays(shapes(1, 3)))
def test_copied_any_layout(learner, array):
    answer = learner.run(copied_in_layouts, array=array, layouts=LAYOUTS)
    for t in answer.parts(*LAYOUTS):
        t.equals(torch.tensor(array))


@pytest.mark.exercise(
    "copied", "any memory layout: neither side sees a change in the other", points=3
)
@given(case=array_cases())
def test_copied_is_apart_in_any_layout(learner, case):
    expected_t, expected_array = case["array"].copy(), case["array"].copy()
    expected_array[case["at_array"]] = case["numbers"][0]
    expected_t[case["at_t"]] = case["numbers"][1]
    answer = learner.run(copied_and_writes, **case)
    t = answer.key("t").tensor(shape=expected_t.shape)
    array = answer.key("array").array(shape=expected_array.shape)
    answer.check(
        np.array_equal(t.tolist(), expected_t) and np.array_equal(array, expected_array),
        "After one change in the array and another in the tensor, each side should hold only its "
        "own change. Here one side changed with the other: both share the same memory.",
    )


# matmul


@st.composite
def matrices(draw):
    """Two matrices that fit; all three sizes differ."""
    n, k, m = draw(st.lists(st.integers(1, 6), min_size=3, max_size=3, unique=True))
    return draw(tensors((n, k))), draw(tensors((k, m)))


@probe
def matmul_of(module, p, q, layout_p, layout_q):
    "build both matrices in these memory layouts and multiply them"
    p, q = tensor_laid_out(p, layout_p), tensor_laid_out(q, layout_q)
    return {"product": module.matmul(p, q), "p": p, "q": q}


@pytest.mark.exercise("matmul", "matrices of any sizes that fit", points=3)
@given(pair=matrices())
def test_matmul_of_any_sizes(learner, pair):
    # Thirds need all the digits of float32.
    p, q = pair[0] / 3, pair[1]
    expected = (p[:, :, None] * q[None, :, :]).sum(dim=1)
    learner.matmul(p=p, q=q).is_close(expected)


@pytest.mark.exercise("matmul", "square matrices: the order counts", points=2)
@given(pair=sizes(2, 4).flatmap(lambda n: st.tuples(tensors((n, n)), tensors((n, n)))))
def test_matmul_of_square_matrices(learner, pair):
    p, q = pair
    expected = (p[:, :, None] * q[None, :, :]).sum(dim=1)
    learner.matmul(p=p, q=q).is_close(expected)


@pytest.mark.exercise("matmul", "any memory layout", points=2)
@given(pair=matrices(), layout_p=layouts, layout_q=layouts)
def test_matmul_in_any_layout(learner, pair, layout_p, layout_q):
    p, q = pair
    answer = learner.run(matmul_of, p=p, q=q, layout_p=layout_p, layout_q=layout_q)
    answer.key("product").is_close((p[:, :, None] * q[None, :, :]).sum(dim=1))
    answer.key("p").equals(p)
    answer.key("q").equals(q)
