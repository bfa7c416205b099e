"""Step 00, hidden: tensors of any shape, dtype and memory layout.

The wire carries values only, so the layouts are built in the worker.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_float, check_int
from grader.content.shared_probes import noted, tensor_laid_out
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import all_seeds, seed_pairs, shapes, sizes, tensors

LAYOUTS = ("plain", "turned", "every second", "behind others")
layouts = st.sampled_from(LAYOUTS)


# describe


@probe
def describe_view(module, shape, dtype, kind):
    "describe a tensor of this shape and dtype that is a view, or has no memory at all (meta)"
    dtype = getattr(torch, dtype)
    if kind == "meta":
        t = torch.empty(shape, dtype=dtype, device="meta")
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
    kind=st.sampled_from(["meta", "one number, seen many times", "turned"]),
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


# one_hot


@st.composite
def label_cases(draw):
    """Labels of which at least two differ, and how many there can be, which is not the number of labels."""
    n = draw(st.integers(3, 9))
    two = draw(st.permutations(range(n)))[:2]
    more = draw(st.lists(st.integers(0, n - 1), max_size=6))
    labels = draw(st.permutations(two + more))
    return labels + labels[:1] * (len(labels) == n), n


def as_one_hot(labels, n):
    return torch.tensor([[float(column == label) for column in range(n)] for label in labels])


@pytest.mark.exercise("one_hot", "any labels, any number of columns", points=3)
@given(case=label_cases())
def test_one_hot_of_any_labels(learner, case):
    labels, n = case
    learner.one_hot(labels=torch.tensor(labels), n=n).is_close(as_one_hot(labels, n))


@pytest.mark.exercise("one_hot", "a column for a label that does not occur", points=2)
@given(case=label_cases(), more=st.integers(1, 9))
def test_one_hot_keeps_empty_columns(learner, case, more):
    labels, n = case
    n += more + (n + more == len(labels))
    learner.one_hot(labels=torch.tensor(labels), n=n).is_close(as_one_hot(labels, n))


@probe
def one_hot_twice(module, labels, n, layout):
    "lay out labels in memory in this way, call one_hot, save the result, overwrite it, and call one_hot again"
    labels = tensor_laid_out(labels, layout)
    first = noted(module.one_hot(labels, n))
    return {"first": first, "again": module.one_hot(labels, n), "labels": labels}


@pytest.mark.exercise(
    "one_hot", "labels in any memory layout; each call gives a new tensor", points=2
)
@given(case=label_cases(), layout=st.sampled_from(["plain", "every second", "behind others"]))
def test_one_hot_again(learner, case, layout):
    labels, n = torch.tensor(case[0]), case[1]
    answer = learner.run(one_hot_twice, labels=labels, n=n, layout=layout)
    answer.key("first").is_close(as_one_hot(*case))
    answer.key("again").is_close(as_one_hot(*case))
    answer.key("labels").equals(labels)


# broadcast_shape


@st.composite
def fitting_shapes(draw):
    """Two shapes of different lengths that fit, and the shape that they give, which is none of the two."""
    full = draw(st.lists(st.integers(2, 9), min_size=2, max_size=5, unique=True))
    length = draw(st.integers(1, len(full) - 1))
    has_size = st.sampled_from(["both", "long", "short"])
    # The first size of the short shape is one of its own: only aligned from the right do the shapes fit.
    owners = ["short", *draw(st.lists(has_size, min_size=length - 1, max_size=length - 1))]
    end = list(zip(full[-length:], owners, strict=True))
    long = full[:-length] + [1 if owner == "short" else size for size, owner in end]
    short = [1 if owner == "long" else size for size, owner in end]
    p, q = draw(st.permutations([tuple(long), tuple(short)]))
    return p, q, tuple(full)


@pytest.mark.exercise("broadcast_shape", "shapes of different lengths", points=3)
@given(case=fitting_shapes())
def test_broadcast_shape_aligns_on_the_right(learner, case):
    p, q, full = case
    learner.broadcast_shape(p=p, q=q).equals(full)


@pytest.mark.exercise(
    "broadcast_shape", "sizes of 1 and 0, equal shapes, and no sizes at all", points=2
)
@given(case=fitting_shapes(), size=st.integers(2, 9))
def test_broadcast_shape_of_special_shapes(learner, case, size):
    full = case[2]
    learner.broadcast_shape(p=(*full, 1), q=(0,)).equals((*full, 0))
    learner.broadcast_shape(p=(0, 1), q=(1, size)).equals((0, size))
    learner.broadcast_shape(p=(size, 0), q=(1, 0)).equals((size, 0))
    learner.broadcast_shape(p=full, q=full).equals(full)
    learner.broadcast_shape(p=(), q=full).equals(full)
    learner.broadcast_shape(p=full, q=()).equals(full)
    learner.broadcast_shape(p=(), q=()).equals(())
    learner.broadcast_shape(p=(1,), q=(1, 1)).equals((1, 1))


@pytest.mark.exercise("broadcast_shape", "shapes that do not fit", points=2)
@given(case=fitting_shapes(), more=st.integers(1, 9))
def test_broadcast_shape_refuses_other_shapes(learner, case, more):
    p, q, full = case
    learner.broadcast_shape(p=p, q=q).equals(full)
    size, last = full[0], full[-1]
    with learner.raises(ValueError, f"{last} and {last + more} do not fit"):
        learner.broadcast_shape(p=full, q=(last + more,))
    with learner.raises(ValueError, f"{last + more} and {last} do not fit"):
        learner.broadcast_shape(p=(last + more, 1), q=(*full[:-1], last, 1))
    # From the left, these would fit.
    with learner.raises(ValueError, f"{last} and {size} do not fit"):
        learner.broadcast_shape(p=(size, last), q=(size,))
    with learner.raises(ValueError, f"0 and {size} do not fit"):
        learner.broadcast_shape(p=(0,), q=(size,))


# column


@st.composite
def column_cases(draw):
    """A matrix whose numbers all differ, a layout, a column, and two different rows."""
    rows, columns = draw(st.lists(st.integers(2, 6), min_size=2, max_size=2, unique=True))
    dtype = draw(
        st.sampled_from([torch.float32, torch.float64, torch.int64, torch.int32, torch.int16])
    )
    start = draw(st.integers(-40, 40))
    t = torch.arange(start, start + rows * columns).reshape(rows, columns).to(dtype)
    at = tuple(draw(st.permutations(range(rows)))[:2])
    return {"t": t, "layout": draw(layouts), "j": draw(st.integers(0, columns - 1)), "at": at}


@probe
def column_from_both_ends(module, t, layout, j, at):
    "lay out a matrix in memory in this way, and take a column, counted from the front and then from the end"
    t = tensor_laid_out(t, layout)
    return [module.column(t, j), module.column(t, j - t.shape[1])]


@pytest.mark.exercise("column", "any column, counted from either end", points=3)
@given(case=column_cases())
def test_column_of_any_matrix(learner, case):
    expected = torch.tensor([row[case["j"]] for row in case["t"].tolist()], dtype=case["t"].dtype)
    answer = learner.run(column_from_both_ends, **case)
    for part in answer.parts("from the front", "from the end"):
        part.equals(expected)


@probe
def column_and_writes(module, t, layout, j, at):
    """lay out a matrix in memory in this way, take a column, write 77 into the matrix, in one row of this column,
    and 88 into the column, for another row"""
    t = tensor_laid_out(t, layout)
    part = module.column(t, j)
    t[at[0], j] = 77
    part[at[1]] = 88
    return {"column": part, "t": t}


@pytest.mark.exercise("column", "a view in any memory layout", points=3)
@given(case=column_cases())
def test_column_of_any_matrix_is_a_view(learner, case):
    expected, j, at = case["t"].clone(), case["j"], case["at"]
    expected[at[0], j], expected[at[1], j] = 77, 88
    answer = learner.run(column_and_writes, **case)
    part = answer.key("column").tensor(shape=(len(expected),))
    t = answer.key("t").tensor(shape=tuple(expected.shape))
    answer.check(
        torch.equal(part, expected[:, j]) and torch.equal(t, expected),
        "After one change in the matrix and another in its column, both should show both changes. They do "
        "not: the column is a copy, or another column.",
    )


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


# mean_of

integer_dtypes = st.sampled_from([torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8])


@st.composite
def whole_numbers(draw):
    """An integer tensor of two or more rows and columns, whose mean is not whole."""
    rows, columns = draw(st.tuples(sizes(2, 4), sizes(2, 4)))
    count = rows * columns
    numbers = draw(st.lists(st.integers(1, 20), min_size=count, max_size=count))
    # One more makes a mean that is not whole of one that is.
    numbers[0] += sum(numbers) % count == 0
    return torch.tensor(numbers, dtype=draw(integer_dtypes)).reshape(rows, columns)


def mean_by_hand(t):
    return sum(t.flatten().tolist()) / t.numel()


@pytest.mark.exercise("mean_of", "any integers", points=3)
@given(t=whole_numbers(), sign=st.sampled_from([1, -1]))
def test_mean_of_integers(learner, t, sign):
    t = t if t.dtype == torch.uint8 else sign * t
    check_float(learner.mean_of(t=t), mean_by_hand(t), **FLOAT32)


@pytest.mark.exercise("mean_of", "True counts as 1, False as 0", points=2)
@given(
    values=st.lists(st.booleans(), max_size=9).flatmap(lambda v: st.permutations([True, False, *v]))
)
def test_mean_of_bool(learner, values):
    table = torch.tensor([values, [True] * len(values)])
    for t in (table, table[0].clone()):
        check_float(learner.mean_of(t=t), mean_by_hand(t), **FLOAT32)


@pytest.mark.exercise("mean_of", "a small dtype, in which the sum has no room", points=2)
@given(
    numbers=st.lists(st.integers(90, 127), min_size=4, max_size=9),
    dtype=st.sampled_from([torch.uint8, torch.int8]),
)
def test_mean_of_small_dtypes(learner, numbers, dtype):
    t = torch.tensor([numbers, numbers[::-1]], dtype=dtype)
    check_float(learner.mean_of(t=t), mean_by_hand(t), **FLOAT32)


@probe
def mean_in_layouts(module, t, layouts):
    "build a tensor in several memory layouts and call mean_of with each"
    return [module.mean_of(tensor_laid_out(t, layout)) for layout in layouts]


@pytest.mark.exercise("mean_of", "floats of any shape in any memory layout", points=2)
@given(
    t=st.sampled_from([torch.float32, torch.float64]).flatmap(
        lambda dtype: tensors(shapes(1, 3), dtype)
    )
)
def test_mean_of_any_layout(learner, t):
    t = t + 4.1
    for number in learner.run(mean_in_layouts, t=t, layouts=LAYOUTS).parts(*LAYOUTS):
        check_float(number, mean_by_hand(t), **FLOAT32)
    check_float(learner.mean_of(t=t.flatten()[-1].clone()), t.flatten()[-1].item(), **FLOAT32)


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
