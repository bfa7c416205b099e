"""Step 01: memory.

Time: 45 minutes. Difficulty: 2 of 5. You need: step 00.

## Why

In step 00 you picked a row of a matrix, and no number was copied. That makes PyTorch fast.
It also means that a change in one tensor may change another one, far away in your program.
In this step you learn to see which tensors share their memory, and to choose.

## Two parts of a tensor

A tensor has two parts: the memory, which holds the numbers in one long row, and the shape,
which says how to read this row. So two tensors can read the same memory in two ways.

    memory:  0 1 2 3 4 5
    (2, 3):  0 1 2          (3, 2):  0 1
             3 4 5                   2 3
                                     4 5

The second one is a *view*: when you change a number in one of them, you see the change in
the other. A *copy* has its own memory. It stays as it is when the first one changes.

Try it. (`torch.arange(32)` holds 0 to 31.)

    >>> import torch
    >>> t = torch.arange(32)
    >>> t.view(2, 16).shape, t.view(32, 1).shape, t.view(4, 2, 4).shape
    (torch.Size([2, 16]), torch.Size([32, 1]), torch.Size([4, 2, 4]))
    >>> v = t.view(4, 8)
    >>> v[0, 0] = 100
    >>> t[0]
    tensor(100)

One length may be left to PyTorch: with -1 it computes what fits.

## Reading order

A transposed matrix has its rows as columns. No number moves for this: the tensor only walks
through the memory in another way. The *strides* say how far it jumps for the next row and
for the next column:

    memory:  0 1 2 3 4 5
    m:       0 1 2        m.T:     0 3
             3 4 5                 1 4
                                   2 5
    strides  (3, 1)       strides  (1, 3)

`m` is *contiguous*: its reading order, row by row, is the order of the memory. `m.T` is
not. A view cannot read it as one long row: you cannot walk through these numbers in reading
order with steps of one fixed length. `view` never copies, and raises an error where it
would have to. `reshape` gives a view where it can, and silently makes a copy where it
cannot. The transpose reads 0 3 1 4 2 5, but in memory the numbers do not lie in this order:

    >>> m = torch.arange(6).view(2, 3)
    >>> m.stride(), m.T.stride(), m.is_contiguous(), m.T.is_contiguous()
    ((3, 1), (1, 3), True, False)
    >>> m.T.view(6)
    Traceback (most recent call last):
    RuntimeError: view size is not compatible with input tensor's size and stride ...
    Use .reshape(...) instead.

Do two tensors share memory? Equal numbers prove nothing: a copy has them, too. And two
tensors that share may begin at different places. A slice such as `t[2:]` starts in the
middle:

    >>> t = torch.arange(6)
    >>> t[2:].data_ptr() - t.data_ptr()
    16
    >>> t[2:].storage_offset(), t.element_size()
    (2, 8)

`data_ptr()` is the address of the first number. The two addresses are 16 bytes apart: the
slice starts two numbers later (its `storage_offset()`), and each number takes 8 bytes (its
`element_size()`). What the two tensors have in common is the block of memory as a whole.
PyTorch calls it the *storage*, and `t.untyped_storage()` gives it.

## In place

A method whose name ends with `_` works *in place*: it changes the tensor itself. `add_`,
`sub_`, `mul_`, `div_` and `zero_` are of this kind. Without the underscore, you get a new
tensor and the old one stays as it was. The argument `out=` writes the result into a tensor
that you already have:

    >>> a, b = torch.ones(2), torch.tensor([10.0, 20.0])
    >>> torch.add(a, b), a
    (tensor([11., 21.]), tensor([1., 1.]))
    >>> a.mul_(3), a
    (tensor([3., 3.]), tensor([3., 3.]))
    >>> result = torch.empty(2)
    >>> torch.add(a, b, out=result) is result
    True

In place saves memory. It is dangerous where other code holds the same tensor, and step 06
shows a place where PyTorch forbids it.

## NumPy

A tensor can share the memory of an array, or have a copy of it. From a tensor, `t.numpy()`
shares and `t.clone()` copies. From an array to a tensor there are two functions as well,
one that shares and one that copies; the documentation named below has both. All of them
keep the dtype: an array of float64 becomes a tensor of float64.

    >>> t = torch.ones(3)
    >>> array = t.numpy()
    >>> array[0] = 5
    >>> t
    tensor([5., 1., 1.])

## Recap

A view is a second way to read the same memory; a copy is safe and costs time. An underscore
at the end of a name means "in place". In step 06 a parameter must be changed in place; in
step 07 `detach` gives a view; in step 17 a view where you wanted a copy loses the best
weights.

In PyTorch's documentation: "Tensor Views", "torch.Tensor.view", "torch.from_numpy",
"torch.tensor".
"""

import numpy as np
import torch


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
    # view never copies: it would raise an error before it gave us other memory.
    return t.view(-1, width)


def flat(t: torch.Tensor) -> torch.Tensor:
    """Return all numbers of a tensor in one row, in reading order.

    Args:
        t: tensor of one or more dimensions, of a float or an integer dtype. It may be
            transposed, or a part of a larger tensor: it need not be contiguous.

    Returns:
        Tensor of shape (t.numel(),) with t's dtype: first the first row of `t`, then the
        second one, and so on. It may be a view of `t` or a copy.

    Example:
        >>> t = torch.tensor([[0, 1, 2], [3, 4, 5]])
        >>> flat(t).tolist(), flat(t.T).tolist()
        ([0, 1, 2, 3, 4, 5], [0, 3, 1, 4, 2, 5])
    """
    # reshape copies where there is no view; view would raise an error there.
    return t.reshape(-1)


def shares_memory(t: torch.Tensor, u: torch.Tensor) -> bool:
    """Return whether a change in one tensor can be seen in the other one.

    Args:
        t: tensor of one or more numbers, of a float or an integer dtype.
        u: `t` itself, or what was made of it by views, such as `t[1:]` or `t.T`, and copies,
            such as `t.clone()`. It may also be the other way round: `t` was made of `u`.

    Returns:
        True if they share memory, False if each has its own. Afterwards, both tensors hold
        the same numbers as before.

    Example:
        >>> t = torch.zeros(3, 2)
        >>> shares_memory(t, t[1:]), shares_memory(t, t.clone())
        (True, False)
    """
    # A part begins at another address than its tensor, but the memory behind both is the same.
    return t.untyped_storage().data_ptr() == u.untyped_storage().data_ptr()


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
    return t.add_(other)


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
    return torch.from_numpy(array)


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
    return torch.tensor(array)
