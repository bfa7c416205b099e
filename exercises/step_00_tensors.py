"""Step 00: tensors.

A tensor is a box of numbers with a fixed shape. All numbers in it have the same kind,
the *dtype*. Four facts describe the box:

    shape   how long it is along every dimension, for example (2, 3)
    dtype   the kind of the numbers, for example torch.float32 or torch.int64
    ndim    how many dimensions: the length of the shape
    numel   how many numbers: the product of the shape

A tensor of shape (2, 3) is a *matrix*, a table with 2 rows and 3 columns. Rows and columns are
counted from 0.

Random numbers come from a generator. A *seed* sets its start. Same seed, same numbers: so
you can repeat an experiment.

Last, the matrix product. The number in row i and column j is

    result[i, j] = sum over k of p[i, k] * q[k, j]

It is not the same as `p * q`, which multiplies number by number.

Numbers to expect: with seed 42, the first row of a uniform (2, 3) tensor is 0.8823,
0.9150, 0.3829. A checkerboard of size 4 holds 8 ones. The matrix product of shapes
(2, 3) and (3, 4) has the shape (2, 4).
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
