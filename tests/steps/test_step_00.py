"""Step 00: tensors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_int
from grader.content.shared_probes import tensor_laid_out
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
