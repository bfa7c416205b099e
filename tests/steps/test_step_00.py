"""Step 00: tensors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_float, check_int
from grader.content.shared_probes import tensor_laid_out
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import all_seeds, shapes, sizes, tensors

T = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# describe


@pytest.mark.exercise("describe", "a matrix of floats")
def test_describe_matrix(learner):
    answer = learner.describe(t=T)
    answer.key("shape").equals((2, 3))
    answer.key("dtype").equals("torch.float32")
    answer.key("ndim").equals(2)
    answer.key("numel").equals(6)


@pytest.mark.exercise("describe", "one number without dimensions")
def test_describe_number(learner):
    answer = learner.describe(t=torch.tensor(7))
    answer.key("shape").equals(())
    answer.key("dtype").equals("torch.int64")
    answer.key("ndim").equals(0)
    answer.key("numel").equals(1)


@pytest.mark.exercise("describe", "any shape, any dtype")
@given(
    shape=shapes(),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.int32, torch.int64, torch.bool]),
)
def test_describe_any_tensor(learner, shape, dtype):
    answer = learner.describe(t=torch.zeros(shape, dtype=dtype))
    answer.key("shape").equals(shape)
    answer.key("dtype").equals(str(dtype))
    answer.key("ndim").equals(len(shape))
    answer.key("numel").equals(int(np.prod(shape)))


# checkerboard


@pytest.mark.exercise("checkerboard", "four rows, by hand")
def test_checkerboard_four(learner):
    expected = [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    learner.checkerboard(n=4).equals(torch.tensor(expected))


@pytest.mark.exercise("checkerboard", "the first corner is 0")
def test_checkerboard_starts_with_zero(learner):
    board = learner.checkerboard(n=3)
    first = board.tensor(shape=(3, 3))[0, 0].item()
    board.check(
        first == 0,
        f"Expected the number in row 0 and column 0 to be 0, because 0 + 0 is even, got {first}.",
    )


@pytest.mark.exercise("checkerboard", "any size")
@given(n=sizes(1, 9))
def test_checkerboard_is_parity_of_row_plus_column(learner, n):
    row, column = np.indices((n, n))
    learner.checkerboard(n=n).equals(torch.from_numpy((row + column) % 2).to(torch.int64))


# one_hot


@pytest.mark.exercise("one_hot", "three labels, by hand")
def test_one_hot_three_labels(learner):
    expected = [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    learner.one_hot(labels=torch.tensor([2, 0, 2]), n=4).is_close(torch.tensor(expected))


@pytest.mark.exercise("one_hot", "any labels")
@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=7), more=sizes(0, 3))
def test_one_hot_any_labels(learner, labels, more):
    n = 5 + more
    expected = [[float(column == label) for column in range(n)] for label in labels]
    learner.one_hot(labels=torch.tensor(labels), n=n).is_close(torch.tensor(expected))


# broadcast_shape


@pytest.mark.exercise("broadcast_shape", "the shapes of the lesson")
def test_broadcast_shape_of_the_lesson(learner):
    learner.broadcast_shape(p=(5, 1, 3), q=(4, 1)).equals((5, 4, 3))
    learner.broadcast_shape(p=(3, 1), q=(4,)).equals((3, 4))
    learner.broadcast_shape(p=(3, 2), q=(2,)).equals((3, 2))


@pytest.mark.exercise("broadcast_shape", "a 1 becomes the other size, also 0")
def test_broadcast_shape_with_zero(learner):
    learner.broadcast_shape(p=(1, 3), q=(0, 1)).equals((0, 3))
    learner.broadcast_shape(p=(2, 1), q=(0,)).equals((2, 0))


@pytest.mark.exercise("broadcast_shape", "shapes that do not fit are an error")
def test_broadcast_shape_refuses_what_does_not_fit(learner):
    learner.broadcast_shape(p=(2, 1), q=(1, 3)).equals((2, 3))
    with learner.raises(ValueError, "3 and 2 do not fit"):
        learner.broadcast_shape(p=(2, 3), q=(2,))
    with learner.raises(ValueError, "2 and 4 do not fit"):
        learner.broadcast_shape(p=(2, 3), q=(4, 3))


@pytest.mark.exercise("broadcast_shape", "any two shapes that fit")
@given(full=st.lists(st.integers(2, 9), min_size=2, max_size=4, unique=True))
def test_broadcast_shape_of_shapes_that_fit(learner, full):
    # Each size comes from one of the two, by turns, and the second shape begins one place later.
    p = tuple(size if i % 2 == 0 else 1 for i, size in enumerate(full))
    q = tuple(size if i % 2 == 1 else 1 for i, size in enumerate(full))[1:]
    learner.broadcast_shape(p=p, q=q).equals(tuple(full))
    learner.broadcast_shape(p=q, q=p).equals(tuple(full))


# column


@pytest.mark.exercise("column", "the columns of a matrix, by hand")
def test_column_by_hand(learner):
    learner.column(t=T, j=1).is_close(torch.tensor([2.0, 5.0]))
    learner.column(t=T, j=0).is_close(torch.tensor([1.0, 4.0]))


@pytest.mark.exercise("column", "a negative number counts from the end")
def test_column_from_the_end(learner):
    learner.column(t=T, j=-1).is_close(torch.tensor([3.0, 6.0]))
    learner.column(t=T, j=-3).is_close(torch.tensor([1.0, 4.0]))


@probe
def write_into_column(module, t, j):
    "take a column, then write 100 into its first number and -100 into the last row of the matrix, in this column"
    part = module.column(t, j)
    part[0] = 100
    t[-1, j] = -100
    return {"column": part, "t": t}


@pytest.mark.exercise("column", "a view, not a copy")
def test_column_is_a_view(learner):
    answer = learner.run(write_into_column, t=T, j=1)
    part = answer.key("column").tensor(shape=(2,))
    t = answer.key("t").tensor(shape=(2, 3))
    answer.check(
        t[0, 1] == 100 and part[1] == -100,
        "A change in the column should show in the matrix, and the other way round, but one of them "
        "still holds the old number: the column is a copy.",
    )


# corner


@pytest.mark.exercise("corner", "a matrix of floats gives a float")
def test_corner_of_floats(learner):
    answer = learner.corner(t=torch.tensor([[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]))
    value = answer.python_float()
    answer.check(value == 6.5, f"Expected 6.5, the last number of the last row, got {value}.")


@pytest.mark.exercise("corner", "a matrix of integers gives an int")
def test_corner_of_integers(learner):
    check_int(learner.corner(t=torch.tensor([[1, 2], [3, 4], [5, 6]])), 6)


@pytest.mark.exercise("corner", "any matrix")
@given(t=tensors(st.tuples(sizes(1, 4), sizes(1, 5))))
def test_corner_is_last_of_last_row(learner, t):
    answer = learner.corner(t=t)
    answer.python_float()
    answer.is_close(t.flatten().tolist()[-1])


# mean_of


@pytest.mark.exercise("mean_of", "floats, integers and bool, by hand")
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 3.5),
        ([[1, 2, 2], [3, 4, 9]], 3.5),
        ([[True, False], [False, False]], 0.25),
    ],
    ids=["float32", "int64", "bool"],
)
def test_mean_of_by_hand(learner, numbers, expected):
    check_float(learner.mean_of(t=torch.tensor(numbers)), expected)


@pytest.mark.exercise("mean_of", "a small dtype, in which the sum has no room")
def test_mean_of_a_small_dtype(learner):
    t = torch.tensor([[200, 100], [250, 251]], dtype=torch.uint8)
    check_float(learner.mean_of(t=t), 200.25)


@pytest.mark.exercise("mean_of", "any shape")
@given(t=shapes().flatmap(tensors))
def test_mean_of_any_tensor(learner, t):
    # Never 0, which a function that does nothing may return.
    t = t + 4
    check_float(learner.mean_of(t=t), t.double().mean().item(), **FLOAT32)


# uniform_like


@pytest.mark.exercise("uniform_like", "seed 42 gives the numbers of the lesson")
def test_uniform_like_figures(learner):
    answer = learner.uniform_like(t=T, seed=42)
    answer.is_close(torch.tensor([[0.8823, 0.9150, 0.3829], [0.9593, 0.3904, 0.6009]]), atol=1e-4)


@pytest.mark.exercise("uniform_like", "only the shape of t counts, not its dtype")
@pytest.mark.parametrize("dtype", [torch.int64, torch.float64], ids=["int64", "float64"])
def test_uniform_like_ignores_the_dtype(learner, dtype):
    generator = torch.Generator().manual_seed(7)
    answer = learner.uniform_like(t=torch.ones(3, 2, dtype=dtype), seed=7)
    answer.is_close(torch.rand(3, 2, generator=generator))


@probe
def uniform_like_after_a_draw(module, shape, seed):
    """draw a random number, then call uniform_like with a tensor of this shape whose memory is in another order
    (it was transposed)"""
    torch.rand(1)
    return module.uniform_like(tensor_laid_out(torch.zeros(shape), "turned"), seed)


@pytest.mark.exercise("uniform_like", "any shape, any seed, also 0", points=2)
@given(shape=shapes(), seed=all_seeds())
def test_uniform_like_is_rand_after_the_seed(learner, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    answer = learner.run(uniform_like_after_a_draw, shape=shape, seed=seed)
    answer.is_close(torch.rand(shape, generator=generator))


# matmul


@pytest.mark.exercise("matmul", "two square matrices, by hand")
def test_matmul_square(learner):
    p = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    q = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
    # 1*0 + 2*5 = 10, 1*1 + 2*0 = 1, 3*0 + 4*5 = 20, 3*1 + 4*0 = 3
    learner.matmul(p=p, q=q).is_close(torch.tensor([[10.0, 1.0], [20.0, 3.0]]))


@pytest.mark.exercise("matmul", "shapes (2, 3) and (3, 4) give (2, 4)")
def test_matmul_shapes(learner):
    q = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    expected = torch.tensor([[1.0, 2.0, 2.0, 3.0], [4.0, 5.0, 8.0, 6.0]])
    learner.matmul(p=T, q=q).is_close(expected)


@pytest.mark.exercise("matmul", "any two matrices that fit")
@given(p=tensors((3, 4)), q=tensors((4, 2)))
def test_matmul_sums_products_of_rows_and_columns(learner, p, q):
    # The formula, written out: all products p[i, k] * q[k, j], summed over k.
    expected = (p[:, :, None] * q[None, :, :]).sum(dim=1)
    learner.matmul(p=p, q=q).is_close(expected)
