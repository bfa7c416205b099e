"""Step 01: memory."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_bool
from grader.content.shared_probes import made_of, tensor_laid_out
from grader.testing.probes import probe
from grader.testing.strategies import arrays, shapes, sizes, tensors

T = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# rows_of


@pytest.mark.exercise("rows_of", "six numbers in rows of two")
def test_rows_of_six_numbers(learner):
    answer = learner.rows_of(t=T, width=2)
    answer.is_close(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))


@probe
def change_behind_rows(module, t, width):
    "call rows_of, then write 100 into the first number of t and -100 into the last one of the rows"
    rows = module.rows_of(t, width)
    t[0, 0] = 100
    rows[-1, -1] = -100
    return {"t": t, "rows": rows}


@pytest.mark.exercise("rows_of", "the memory is shared", points=2)
def test_rows_of_shares_memory(learner):
    answer = learner.run(change_behind_rows, t=T, width=2)
    rows = answer.key("rows").tensor(shape=(3, 2))
    t = answer.key("t").tensor(shape=(2, 3))
    answer.check(
        rows[0, 0] == 100,
        "A change in t should show in the rows, but they still hold the old number: "
        "they have their own memory. Do not copy the numbers.",
    )
    answer.check(
        t[-1, -1] == -100,
        "A change in the rows should show in t, but t still holds the old number: "
        "the rows have their own memory. Do not copy the numbers.",
    )


@pytest.mark.exercise("rows_of", "any shape, any width")
@given(layers=sizes(1, 3), height=sizes(1, 4), width=sizes(1, 5))
def test_rows_of_keeps_the_order(learner, layers, height, width):
    t = torch.arange(layers * height * width).reshape(layers, height, width)
    # Row i starts with the number i * width, whatever shape t has.
    start = torch.arange(layers * height).reshape(-1, 1) * width
    learner.rows_of(t=t, width=width).equals(start + torch.arange(width))


# flat


@pytest.mark.exercise("flat", "six numbers in reading order")
def test_flat_six_numbers(learner):
    learner.flat(t=T).is_close(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))


@probe
def flat_in_layout(module, t, layout):
    "lay out a tensor in memory in this way (a turned one is transposed) and call flat"
    return module.flat(tensor_laid_out(t, layout))


@pytest.mark.exercise("flat", "a transposed matrix, by hand", points=2)
def test_flat_of_a_transposed_matrix(learner):
    t = torch.tensor([[0, 3], [1, 4], [2, 5]])
    learner.run(flat_in_layout, t=t, layout="turned").equals(torch.tensor([0, 3, 1, 4, 2, 5]))


@pytest.mark.exercise("flat", "any shape, any memory layout")
@given(shape=shapes(2, 3), layout=st.sampled_from(["plain", "turned", "every second"]))
def test_flat_of_any_tensor(learner, shape, layout):
    count = math.prod(shape)
    t = torch.arange(count).reshape(shape)
    learner.run(flat_in_layout, t=t, layout=layout).equals(torch.arange(count))


# shares_memory


@probe
def shares_memory_with(module, t, way):
    "make another tensor of t in this way, call shares_memory with both, and look at t afterwards"
    t = t.clone()
    return {"result": module.shares_memory(t, made_of(t, way)), "t": t}


def check_shares(answer, way, shares, t):
    check_bool(
        answer.key("result"),
        shares,
        f"A change in t {'is' if shares else 'is not'} seen in u, which is {way}.",
    )
    answer.key("t").is_close(t)


@pytest.mark.exercise("shares_memory", "a part shares it, a copy does not")
def test_shares_memory_of_part_and_copy(learner):
    for way, shares in (("t[1:]", True), ("t.clone()", False)):
        check_shares(learner.run(shares_memory_with, t=T, way=way), way, shares, T)


@pytest.mark.exercise("shares_memory", "any view, any copy", points=2)
@given(
    t=shapes(2, 2).map(lambda shape: (shape[0] + 1, shape[1] + 1)).flatmap(tensors),
    view=st.sampled_from(["t", "t.T", "t[:, -1]", "t[1:].T", "t.unsqueeze(0)"]),
    copy=st.sampled_from(["t + 0", "t.double()", "t[[0, 1]]", "t.T.reshape(-1)", "t[1:].clone()"]),
)
def test_shares_memory_of_any_view_and_copy(learner, t, view, copy):
    for way, shares in ((view, True), (copy, False)):
        check_shares(learner.run(shares_memory_with, t=t, way=way), way, shares, t)


# add_


@pytest.mark.exercise("add_", "the result is the sum")
def test_add_returns_the_sum(learner):
    answer = learner.add_(t=torch.tensor([1.0, 2.0, 3.0]), other=torch.tensor([10.0, 20.0, 30.0]))
    answer.is_close(torch.tensor([11.0, 22.0, 33.0]))


@probe
def add_to_a_row(module, matrix, row, other):
    "take one row of a matrix (a view), add other to this row with add_ and look at the matrix"
    t = matrix[row]
    result = module.add_(t, other)
    return {"matrix": matrix, "other": other, "result is t": result is t}


@pytest.mark.exercise("add_", "the memory of t is changed, and t is returned", points=2)
def test_add_is_in_place(learner):
    other = torch.tensor([10.0, 20.0, 30.0])
    answer = learner.run(add_to_a_row, matrix=T, row=1, other=other)
    matrix = answer.key("matrix").tensor(shape=(2, 3))
    answer.check(
        not torch.equal(matrix, T),
        "The sum should be written into the memory of t. Here t shares its memory with a row of a "
        "matrix, but this row still holds the old numbers: the sum went into a new tensor.",
    )
    answer.key("matrix").is_close(torch.tensor([[1.0, 2.0, 3.0], [14.0, 25.0, 36.0]]))
    answer.key("other").is_close(other)
    answer.check(
        answer.key("result is t").value is True,
        "t was changed, but the result is another object. Return t itself.",
    )


@pytest.mark.exercise("add_", "any matrix")
@given(
    matrix=tensors((3, 4)),
    other=tensors((4,)),
    row=st.integers(0, 2),
)
def test_add_changes_only_its_row(learner, matrix, other, row):
    expected = matrix.clone()
    expected[row] = matrix[row] + other
    answer = learner.run(add_to_a_row, matrix=matrix, row=row, other=other)
    answer.key("matrix").is_close(expected)


# shared and copied


@probe
def share_and_write(module, array):
    "call shared, then write 100 into the first number of the array and -100 into the last of t"
    t = module.shared(array)
    array[0, 0] = 100
    t[-1, -1] = -100
    return {"array": array, "t": t}


@probe
def copy_and_write(module, array):
    "call copied, then write 100 into the first number of the array and -100 into the last of t"
    t = module.copied(array)
    array[0, 0] = 100
    t[-1, -1] = -100
    return {"array": array, "t": t}


@pytest.mark.exercise("shared", "shape, dtype and values of the array")
@given(array=arrays(shapes()))
def test_shared_has_the_values(learner, array):
    learner.shared(array=array).is_close(torch.tensor(array))


@pytest.mark.exercise("shared", "a change on one side is seen on the other", points=2)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_shared_shares_memory(learner, dtype):
    array = np.array([[1, 2], [3, 4], [5, 6]], dtype=dtype)
    answer = learner.run(share_and_write, array=array)
    t = answer.key("t").tensor(shape=(3, 2))
    after = answer.key("array").array(shape=(3, 2))
    answer.check(
        t[0, 0] == 100,
        "A change in the array should show in the tensor, but the tensor still holds the "
        "old number: it is a copy.",
    )
    answer.check(
        after[-1, -1] == -100,
        "A change in the tensor should show in the array, but the array still holds the "
        "old number: the tensor is a copy.",
    )


@pytest.mark.exercise("copied", "shape, dtype and values of the array")
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_copied_has_the_values(learner, dtype):
    array = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    learner.copied(array=array).is_close(torch.tensor(array))


@pytest.mark.exercise("copied", "a change on one side is not seen on the other", points=2)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_copied_has_its_own_memory(learner, dtype):
    array = np.array([[1, 2], [3, 4], [5, 6]], dtype=dtype)
    answer = learner.run(copy_and_write, array=array)
    t = answer.key("t").tensor(shape=(3, 2))
    after = answer.key("array").array(shape=(3, 2))
    answer.check(
        t[0, 0] == 1,
        "A change in the array should not show in the tensor, but the tensor changed too: "
        "both share the same memory.",
    )
    answer.check(
        after[-1, -1] == 6,
        "A change in the tensor should not show in the array, but the array changed too: "
        "both share the same memory.",
    )
