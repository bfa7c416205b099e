"""Step 01, hidden: views and copies of any shape, dtype and memory layout.

The wire carries values only, so the layouts are built in the worker. To see whether memory is
shared, a probe writes on one side and reads on the other, at random places.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_bool
from grader.content.shared_probes import array_laid_out, made_of, noted, tensor_laid_out
from grader.testing.probes import probe
from grader.testing.strategies import arrays, fractions, place, shapes, sizes, tensors

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


# flat


@probe
def flat_in_layouts(module, t, layouts):
    "lay out a tensor in memory in several ways and call flat with each"
    return [module.flat(tensor_laid_out(t, layout)) for layout in layouts]


@pytest.mark.exercise("flat", "reading order in any memory layout, any dtype", points=3)
@given(t=number_tensors(st.tuples(sizes(2, 4), sizes(2, 5))))
def test_flat_of_any_matrix(learner, t):
    # All numbers differ.
    t = (t + 10 * torch.arange(t.numel()).reshape(t.shape)).to(t.dtype)
    expected = torch.tensor([number for row in t.tolist() for number in row], dtype=t.dtype)
    answer = learner.run(flat_in_layouts, t=t, layouts=LAYOUTS)
    for part in answer.parts(*LAYOUTS):
        part.equals(expected)


@pytest.mark.exercise("flat", "one to four dimensions", points=2)
@given(shape=st.lists(st.integers(2, 4), min_size=3, max_size=4), start=st.integers(-50, 50))
def test_flat_of_any_dimensions(learner, shape, start):
    numbers = torch.arange(start, start + int(np.prod(shape)))
    for part in learner.run(flat_in_layouts, t=numbers.reshape(shape), layouts=LAYOUTS).parts(
        *LAYOUTS
    ):
        part.equals(numbers)
    learner.flat(t=numbers).equals(numbers)


@probe
def flat_of_transposed(module, t, first, second):
    "swap two dimensions of a tensor (a view) and call flat; look at the tensor afterwards"
    return {"flat": module.flat(t.transpose(first, second)), "t": t}


@pytest.mark.exercise("flat", "two dimensions swapped", points=2)
@given(
    shape=st.lists(st.integers(2, 5), min_size=2, max_size=4, unique=True),
    start=st.integers(-50, 50),
)
def test_flat_after_a_swap(learner, shape, start):
    array = np.arange(start, start + np.prod(shape)).reshape(shape)
    answer = learner.run(flat_of_transposed, t=torch.from_numpy(array), first=0, second=-1)
    answer.key("flat").equals(torch.from_numpy(array.swapaxes(0, -1).flatten()))
    answer.key("t").equals(torch.from_numpy(array))


# shares_memory

VIEWS = (
    "t", "t.detach()", "t.T", "t[1:]", "t[:, -1]", "t[1:].T", "t.reshape(-1)[1:]", "t.unsqueeze(0)",
)  # fmt: skip
COPIES = (
    "t.clone()", "t + 0", "t.double()", "t[[0, 1]]", "t.T.reshape(-1)", "t.T.contiguous()",
    "t.clone()[1:]", "t[1:].clone()",
)  # fmt: skip


def small_matrices():
    """Float32 or int64 matrices of two to five rows and columns."""
    return st.sampled_from([torch.float32, torch.int64]).flatmap(
        lambda dtype: tensors(st.tuples(sizes(2, 5), sizes(2, 5)), dtype)
    )


@probe
def shares_memory_of_part(module, base, skip, ways, turned):
    """take the last rows of a tensor as t, make others of it in these ways, and call shares_memory with t and each
    of them, or with each of them and t"""
    t = base[skip:]
    others = [made_of(t, way) for way in ways]
    results = [module.shares_memory(*((u, t) if turned else (t, u))) for u in others]
    return {"results": results, "base": base}


def check_shares(answer, ways):
    for result, way in zip(answer.key("results").parts(*ways), ways, strict=True):
        shares = way in VIEWS
        seen = "is seen in the other one" if shares else "is not seen in the other one"
        check_bool(
            result, shares, f"One tensor is {way}, the other one is t: a change in one {seen}."
        )


@pytest.mark.exercise("shares_memory", "views and copies, in both orders", points=3)
@given(t=small_matrices(), turned=st.booleans())
def test_shares_memory_of_views_and_copies(learner, t, turned):
    ways = VIEWS + COPIES
    answer = learner.run(shares_memory_of_part, base=t, skip=0, ways=ways, turned=turned)
    check_shares(answer, ways)


@pytest.mark.exercise("shares_memory", "t is a part of a larger tensor itself", points=2)
@given(
    base=small_matrices(), skip=st.integers(1, 3), turned=st.booleans(),
    views=st.permutations(VIEWS), copies=st.permutations(COPIES),
)  # fmt: skip
def test_shares_memory_of_a_part(learner, base, skip, turned, views, copies):
    base = torch.cat([base[:1]] * skip + [base])
    ways = (*copies[:4], *views[:4], *copies[4:], *views[4:])
    answer = learner.run(shares_memory_of_part, base=base, skip=skip, ways=ways, turned=turned)
    check_shares(answer, ways)


@pytest.mark.exercise("shares_memory", "both tensors stay as they were", points=2)
@given(t=small_matrices(), view=st.sampled_from(VIEWS), copy=st.sampled_from(COPIES))
def test_shares_memory_leaves_no_trace(learner, t, view, copy):
    for ways in ((view,), (copy,)):
        answer = learner.run(shares_memory_of_part, base=t, skip=0, ways=ways, turned=False)
        check_shares(answer, ways)
        after = answer.key("base").tensor(shape=tuple(t.shape))
        answer.check(
            torch.equal(after, t),
            "After the call, both tensors should hold the same numbers as before, but t has changed. If you "
            "change numbers to see what happens, put the old ones back.",
        )


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
