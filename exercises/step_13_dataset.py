"""Step 13: a custom Dataset.

Training data can be large, so PyTorch does not ask for all of it at once. It asks two
questions, again and again:

    len(dataset)      how many points are there?
    dataset[i]        what is point number i?

A *dataset* is an object that can answer them. It is a class that is built on
`torch.utils.data.Dataset`, and it has three methods:

    __init__       keeps the tensors
    __len__        answers the first question
    __getitem__    answers the second question with a pair: (x[i], y[i])

A `DataLoader` uses these answers. It asks for some points and stacks them into a batch. A
point of shape (1,) and a batch of 16 points give a tensor of shape (16, 1). So one
point must have the shape of one row of x, and not of a batch of one.

An index counts as in a Python list. `dataset[-1]` is the last point. An index past
either end raises an `IndexError`. This matters: a plain `for` loop over the dataset goes on
until it meets this error.

The data stays where it is, on the CPU. Later the training loop moves one batch at a time
to the GPU. The GPU has little memory: the whole data set may not fit.

Numbers to expect: with the 80 training points of the tutorial, `len` is 80 and
`dataset[0]` is (tensor([0.7713]), tensor([2.4745])).
"""

import torch
from torch.utils.data import Dataset


class CustomDataset(Dataset):
    """A dataset of points that are held in two tensors.

    Example:
        >>> x, y = torch.tensor([[0.5], [1.5]]), torch.tensor([[2.0], [4.0]])
        >>> dataset = CustomDataset(x, y)
        >>> len(dataset)
        2
        >>> dataset[0]
        (tensor([0.5000]), tensor([2.]))
        >>> dataset[-1]
        (tensor([1.5000]), tensor([4.]))
    """

    def __init__(self, x_tensor: torch.Tensor, y_tensor: torch.Tensor):
        """Keep the two tensors. They stay on their device.

        Args:
            x_tensor: the inputs, shape (n, ...), any dtype. The first dimension counts the points,
                at least one.
            y_tensor: the labels, shape (n, ...), any dtype.

        Raises:
            ValueError: the two tensors hold different numbers of points.
        """
        # TODO: Keep the two tensors. They stay on their device.
        raise NotImplementedError("`CustomDataset.__init__` is not written yet.")

    def __len__(self) -> int:
        """Return how many points there are."""
        # TODO: Return how many points there are.
        raise NotImplementedError("`CustomDataset.__len__` is not written yet.")

    def __getitem__(self, index: int):
        """Return one point.

        Args:
            index: the number of the point, from 0 to n - 1. A negative index counts from
                the end: -1 is the last point and -n the first one. What other indices give,
                such as slices, is left open.

        Returns:
            A pair `(x[index], y[index])` of tensors. Each has the shape of its tensor without
            the first dimension, the same dtype and the same device.

        Raises:
            IndexError: `index` is n or larger, or smaller than -n.
        """
        # TODO: Return one point.
        raise NotImplementedError("`CustomDataset.__getitem__` is not written yet.")
