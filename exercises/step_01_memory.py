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

You read a tensor row by row, as it is printed. This is its *reading order*. Most tensors lie in
memory in this order, too, and are called *contiguous*. A transposed tensor does not. `t.T` has
the columns of `t` as its rows, and for this nothing moves: it reads the same memory in larger
steps.

    memory:  0 1 2 3 4 5
    t:    [0 1 2]        t.T:  [0 3]
          [3 4 5]              [1 4]
                               [2 5]

The reading order of `t.T` is 0 3 1 4 2 5, but in memory the numbers do not stand like this. So
there is no view that shows them in one row. Here the two methods that change a shape differ:
`view` never copies, and raises an error where it cannot help. `reshape` gives a view where
there is one, and a copy where there is none. So it always works, but you cannot know what you
have got.

How can you find out? Equal numbers prove nothing, for a copy has them too. The address where a
tensor begins, `t.data_ptr()`, is not enough: `t[1:]` begins one row later, but in the same
memory. There are two good ways. One is to look at the *storage*, the memory behind a tensor:
all views of a tensor have one storage together, and a copy has another one. The other way is an
experiment: change all numbers of one tensor, look at the other one, and put the old numbers
back.

A method whose name ends with `_` works *in place*: it changes the tensor itself. For
example `t.zero_()` writes zeros into `t`.

Numbers to expect: take the tensor of shape (2, 3) above and view it as rows of two. Write 9
into the last place of the view, and the tensor holds 0 1 2 and 3 4 9. With a copy it would still
end with 5.

Try it: write `t = torch.arange(6).reshape(2, 3)` in a Python shell. What does `t.T.view(6)` do?
You should see a `RuntimeError`. Then write `u = t.T.reshape(6)`, print `u`, which is 0 3 1 4 2
5, write 9 into its first place, and print `t`: the 0 is still there. Last, print
`t[1:].data_ptr() - t.data_ptr()`. It is 24, because a row has 3 numbers of 8 bytes.
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
    # TODO: Return the numbers of a tensor, in their order, in rows of a given width.
    raise NotImplementedError("`rows_of` is not written yet.")


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
    # TODO: Return all numbers of a tensor in one row, in reading order.
    raise NotImplementedError("`flat` is not written yet.")


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
    # TODO: Return whether a change in one tensor can be seen in the other one.
    raise NotImplementedError("`shares_memory` is not written yet.")


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
