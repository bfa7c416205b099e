"""Step 00: tensors.

A tensor is a box of numbers with a fixed shape. All numbers in it have the same kind,
the *dtype*. Four facts describe the box:

    shape   how long it is along every dimension, for example (2, 3)
    dtype   the kind of the numbers, for example torch.float32 or torch.int64
    ndim    how many dimensions: the length of the shape
    numel   how many numbers: the product of the shape

A tensor has two parts: the memory, which holds the numbers in one long row, and the shape,
which says how to read this row. So two tensors can read the same memory in two ways.
The second one is a *view*: when you change a number in one of them, you see the change in
the other. A *copy* has its own memory. It stays as it is when the first one changes.

    memory:  0 1 2 3 4 5
    (2, 3):  [0 1 2]        (3, 2):  [0 1]
             [3 4 5]                 [2 3]
                                     [4 5]

Views are fast, because nothing is copied. They are also a trap, when you forget them. So
PyTorch gives you the choice, and in this step you make it several times. The same choice
comes with NumPy: a tensor can share the memory of an array, or have a copy of it.

A method whose name ends with `_` works *in place*: it changes the tensor itself. For
example `t.zero_()` writes zeros into `t`.

Random numbers come from a generator. A *seed* sets its start. Same seed, same numbers: so
you can repeat an experiment.

Last, the matrix product. The number in row i and column j is

    result[i, j] = sum over k of p[i, k] * q[k, j]

It is not the same as `p * q`, which multiplies number by number.

Numbers to expect: with seed 42, the first row of a uniform (2, 3) tensor is 0.8823,
0.9150, 0.3829. A checkerboard of size 4 holds 8 ones. The matrix product of shapes
(2, 3) and (3, 4) has the shape (2, 4).
"""

import numpy as np
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


def rows_of(t: torch.Tensor, width: int) -> torch.Tensor:
    """Return the numbers of a tensor, in their order, in rows of a given width.

    Args:
        t: a contiguous tensor of one or more numbers, of any shape and dtype.
        width: how many numbers one row holds; t.numel() is a multiple of it.

    Returns:
        Tensor of shape (t.numel() / width, width) with t's dtype. It shares the memory of
        `t`: a change in one of them is seen in the other.

    Example:
        >>> rows_of(torch.arange(6), 2).tolist()
        [[0, 1], [2, 3], [4, 5]]
    """
    # TODO: Return the numbers of a tensor, in their order, in rows of a given width.
    raise NotImplementedError("`rows_of` is not written yet.")


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


def add_(t: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Add a tensor to another one, in place.

    Args:
        t: the tensor that is changed: afterwards its memory holds the sum. It has one or
            more dimensions, and lies in memory in any order.
        other: tensor of the same shape and dtype. It is not changed.

    Returns:
        `t` itself: the same object, not a tensor that is equal to it.

    Example:
        >>> t = torch.tensor([1, 2])
        >>> add_(t, torch.tensor([10, 20])) is t
        True
        >>> t.tolist()
        [11, 22]
    """
    # TODO: Add a tensor to another one, in place.
    raise NotImplementedError("`add_` is not written yet.")


def shared(array: np.ndarray) -> torch.Tensor:
    """Return a tensor that shares its memory with a NumPy array.

    Args:
        array: array of one or more dimensions, of a float or an integer dtype. It may be a
            part of a larger array, but does not run backwards, as `array[::-1]` does.

    Returns:
        Tensor with the shape, dtype and values of `array`. A change in one of them is seen
        in the other.

    Example:
        >>> array = np.zeros(3)
        >>> t = shared(array)
        >>> array[1] = 7.0
        >>> t.tolist()
        [0.0, 7.0, 0.0]
    """
    # TODO: Return a tensor that shares its memory with a NumPy array.
    raise NotImplementedError("`shared` is not written yet.")


def copied(array: np.ndarray) -> torch.Tensor:
    """Return a tensor with the values of a NumPy array, in memory of its own.

    Args:
        array: array of one or more dimensions, of a float or an integer dtype. It may be a
            part of a larger array, but does not run backwards, as `array[::-1]` does.

    Returns:
        Tensor with the shape, dtype and values of `array`. A change in one of them is never
        seen in the other.

    Example:
        >>> array = np.zeros(3)
        >>> t = copied(array)
        >>> array[1] = 7.0
        >>> t.tolist()
        [0.0, 0.0, 0.0]
    """
    # TODO: Return a tensor with the values of a NumPy array, in memory of its own.
    raise NotImplementedError("`copied` is not written yet.")


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
