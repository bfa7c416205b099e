"""Step 01: memory.

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

Numbers to expect: take the tensor of shape (2, 3) above and view it as rows of two. Write 9
into the last place of the view, and the tensor holds 0 1 2 and 3 4 9. With a copy it would still
end with 5.
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
