"""Step 00: tensors.

A tensor is a box of numbers with a fixed shape. All numbers in it have the same kind,
the *dtype*. Four facts describe the box:

    shape   how long it is along every dimension, for example (2, 3)
    dtype   the kind of the numbers, for example torch.float32 or torch.int64
    ndim    how many dimensions: the length of the shape
    numel   how many numbers: the product of the shape

A tensor of shape (2, 3) is a *matrix*, a table with 2 rows and 3 columns. Rows and columns are
counted from 0. A negative number starts at the other end: -1 means the last one.

    matrix:  1 2 3       row 1:  4 5 6       column 1:  2 5       column -1:  3 6
             4 5 6

When you pick a row or a column, one dimension is gone: what is left has the shape (3,) or (2,).
No number is copied for this. Row and column are *views*: they show the memory of the matrix, and
so a change in one of them is a change in the matrix, too. Step 01 says more about it.

Often a number is only a short name: 0 means cat, 1 means dog, 2 means bird. Such a number is a
*label*. Nobody should compute with it, because a bird is not two dogs. So each label becomes
a row of zeros with a single 1, and the column of this 1 tells which label it is. This is called
*one-hot*.

    labels:  2 0 2       one-hot:  0 0 1
                                   1 0 0
                                   0 0 1

There is one row for each label of the list, and one column for each name, even for a name that
does not occur. Here no label is 1, so the column of the dog is all zeros.

You can add two tensors of different shapes, when the shapes *fit*. PyTorch then acts as if it
had repeated the numbers until both have the same shape. This is called *broadcasting*. A column
of shape (3, 1) and a row of shape (4,) give a table of shape (3, 4):

    0       10 20 30 40       10 20 30 40
    1   +                 =   11 21 31 41
    2                         12 22 32 42

Which shape will it be? Write one shape below the other, so that both end at the same place on
the right. Where the shorter one has nothing, think of a 1. Two sizes fit when they are equal,
or when one of them is 1. This 1 becomes the other size, whatever it is: larger, or even 0.

    5  1  3       3  1       3  2       2  3
       4  1          4          2          2
    5  4  3       3  4       3  2       3 and 2 do not fit: an error

The dtype says what a number can be. An int64 is always a whole number, so it cannot be the mean
of 1 and 2. A uint8 is small, it only goes from 0 to 255, and in it 200 + 100 is 44. A bool
counts as 1 when it is True, and as 0 when it is False: so its mean says how large the part of
True is. Floats can hold every mean. PyTorch does not choose them for you: a mean of integers is
an error there, until you say which dtype you want.

Random numbers come from a generator. A *seed* sets its start. Same seed, same numbers: so
you can repeat an experiment.

Last, the matrix product. The number in row i and column j is

    result[i, j] = sum over k of p[i, k] * q[k, j]

It is not the same as `p * q`, which multiplies number by number.

Numbers to expect: with seed 42, the first row of a uniform (2, 3) tensor is 0.8823,
0.9150, 0.3829. A checkerboard of size 4 holds 8 ones. Five labels in one-hot form have the
sum 5. The matrix product of shapes (2, 3) and (3, 4) has the shape (2, 4).

Try it: write `t = torch.arange(6).reshape(2, 3)` in a Python shell, write 9 into each number of
its last column, and print `t`. The rows are 0 1 9 and 3 4 9. Now print `t.sum()`: it is 26, and
a tensor. What are `t.sum() // 6` and `t.sum() / 6`? You should get 4 and 4.3333. Last, add
tensors of the shapes (2, 3) and (2,), and read the error: it names the two sizes that do not
fit.
"""

import torch


def describe(t: torch.Tensor) -> dict:
    """Return the four facts that describe a tensor.

    Args:
        t: any tensor.

    Returns:
        A dict with four keys: `"shape"`, a tuple of int; `"dtype"`, the name of the dtype
        as `str` gives it, such as `"torch.float32"`; `"ndim"`, the number of dimensions,
        an int; `"numel"`, how many numbers the tensor holds, an int.

    Example:
        >>> facts = describe(torch.zeros(2, 3))
        >>> facts["shape"] == (2, 3), facts["dtype"], facts["ndim"], facts["numel"]
        (True, 'torch.float32', 2, 6)
    """
    # TODO: Return the four facts that describe a tensor.
    raise NotImplementedError("`describe` is not written yet.")


def checkerboard(n: int) -> torch.Tensor:
    """Return a checkerboard of zeros and ones.

    Args:
        n: how many rows and how many columns, an int of at least 1.

    Returns:
        Tensor of shape (n, n), int64: 0 where row + column is even, else 1. Rows and
        columns are counted from 0, so the number in the first corner is 0.

    Example:
        >>> checkerboard(3).tolist()
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    # TODO: Return a checkerboard of zeros and ones.
    raise NotImplementedError("`checkerboard` is not written yet.")


def one_hot(labels: torch.Tensor, n: int) -> torch.Tensor:
    """Return labels as rows of zeros with a single 1.

    Args:
        labels: tensor of shape (k,), int64: one or more labels, each from 0 to n - 1.
        n: how many labels there can be, an int of at least 1. Some may not occur.

    Returns:
        Tensor of shape (k, n), float32: row i holds a 1 in column `labels[i]`, and 0 in
        all other columns.

    Example:
        >>> one_hot(torch.tensor([2, 0]), 4).tolist()
        [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    """
    # TODO: Return labels as rows of zeros with a single 1.
    raise NotImplementedError("`one_hot` is not written yet.")


def broadcast_shape(p: tuple, q: tuple) -> tuple:
    """Return the shape that tensors of two shapes have together, for example when they are added.

    Args:
        p: a shape, a tuple of int that are 0 or larger. It may be empty: a tensor without
            dimensions has this shape.
        q: another shape. It may be longer or shorter than `p`.

    Returns:
        The shape of the sum, a tuple of int. It has as many sizes as the longer shape.

    Raises:
        ValueError: if the shapes do not fit, because two sizes differ and none of them is 1.

    Example:
        >>> broadcast_shape((5, 1, 3), (4, 1)) == (5, 4, 3)
        True
    """
    # TODO: Return the shape that tensors of two shapes have together, for example when they are added.
    raise NotImplementedError("`broadcast_shape` is not written yet.")


def column(t: torch.Tensor, j: int) -> torch.Tensor:
    """Return one column of a matrix, as a view.

    Args:
        t: tensor of shape (n, m), of a float or an integer dtype, in memory in any order.
        j: the number of the column, an int from -m to m - 1. Below 0 it counts from the end.

    Returns:
        Tensor of shape (n,), with t's dtype. It is a view of `t`, not a copy: a number that is
        written into one of them is seen in the other.

    Example:
        >>> t = torch.tensor([[1, 2, 3], [4, 5, 6]])
        >>> column(t, 1).tolist(), column(t, -1).tolist()
        ([2, 5], [3, 6])
    """
    # TODO: Return one column of a matrix, as a view.
    raise NotImplementedError("`column` is not written yet.")


def corner(t: torch.Tensor) -> float:
    """Return the last number of the last row of a matrix.

    Args:
        t: tensor of shape (n, m), of a float or an integer dtype.

    Returns:
        A plain Python number, not a tensor: a `float` for a tensor of floats, an `int` for
        a tensor of integers.

    Example:
        >>> corner(torch.tensor([[1.5, 2.5], [3.5, 4.5]]))
        4.5
        >>> corner(torch.tensor([[1, 2], [3, 4]]))
        4
    """
    # TODO: Return the last number of the last row of a matrix.
    raise NotImplementedError("`corner` is not written yet.")


def mean_of(t: torch.Tensor) -> float:
    """Return the mean of all numbers in a tensor.

    Args:
        t: tensor of one or more numbers, of any shape. Its dtype is float32, float64, bool, or
            any integer dtype, such as int64 or the small uint8.

    Returns:
        The mean, for every dtype a `float` and no tensor. True counts as 1 and False as 0. A
        float of NumPy is a float, too.

    Example:
        >>> mean_of(torch.tensor([[1, 2], [3, 4]]))
        2.5
        >>> mean_of(torch.tensor([True, False, False, False]))
        0.25
    """
    # TODO: Return the mean of all numbers in a tensor.
    raise NotImplementedError("`mean_of` is not written yet.")


def uniform_like(t: torch.Tensor, seed: int) -> torch.Tensor:
    """Return random numbers, uniform in [0, 1), in the shape of a tensor.

    Args:
        t: a tensor of one or more dimensions. Only its shape matters: not its dtype, and not
            how it lies in memory.
        seed: the seed of the random numbers, an int from 0 to 2**32 - 1.

    Returns:
        Tensor of t's shape, float32, whatever the dtype of t. The numbers are those that
        `torch.rand` gives on the CPU directly after `torch.manual_seed(seed)`.

    Example:
        >>> [round(v, 4) for v in uniform_like(torch.zeros(3), 42).tolist()]
        [0.8823, 0.915, 0.3829]
    """
    # TODO: Return random numbers, uniform in [0, 1), in the shape of a tensor.
    raise NotImplementedError("`uniform_like` is not written yet.")


def matmul(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return the matrix product of two matrices.

    Args:
        p: tensor of shape (n, k), float32.
        q: tensor of shape (k, m), float32.

    Returns:
        Tensor of shape (n, m), float32.

    Example:
        >>> matmul(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]])).tolist()
        [[11.0]]
    """
    # TODO: Return the matrix product of two matrices.
    raise NotImplementedError("`matmul` is not written yet.")
