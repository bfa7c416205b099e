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

Most data comes from files. A *CSV file* is plain text ("comma-separated values"). Its first line,
the *header*, has the names of the columns. Each line after it is one point:

    size,rooms,price
    50,2,100.5
    80,3,150

Here we want to predict the price. So "price" is the *target*, and the other columns are the
features, in the order of the file. The header is no point:

    len(dataset)      2
    dataset[0]        (tensor([50., 2.]), tensor([100.5000]))

The target has the shape (1,) and not (). So 16 points make a batch of shape (16, 1), which is the
shape that a model with one output predicts. Step 09 says what happens when the two shapes differ.

Try it. A file holds texts, and the module `csv` cuts them at the commas. `float` makes a
number of a text, and Python knows where a name is in a list:

    >>> header, *rows = csv.reader(["size,rooms,price", "50,2,100.5", "80,3,150"])
    >>> header, rows
    (['size', 'rooms', 'price'], [['50', '2', '100.5'], ['80', '3', '150']])
    >>> float(rows[0][2]), header.index("rooms")
    (100.5, 1)

Numbers to expect: with the 80 training points of the tutorial, `len` is 80 and
`dataset[0]` is (tensor([0.7713]), tensor([2.4745])).
"""

import csv

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


class CsvDataset(Dataset):
    """A dataset of points that are read from a CSV file.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = folder.name + "/houses.csv"
        >>> with open(path, "w") as file:
        ...     print("size,rooms,price", "50,2,100.5", "80,3,150", sep=chr(10), file=file)
        >>> dataset = CsvDataset(path, target="price")
        >>> len(dataset)
        2
        >>> dataset[0]
        (tensor([50.,  2.]), tensor([100.5000]))
        >>> CsvDataset(path, target="rooms")[1]
        (tensor([ 80., 150.]), tensor([3.]))
    """

    def __init__(self, path: str, target: str):
        """Read a file.

        Args:
            path: where the file is. Its first line has the names of two or more columns, all
                different, of letters, digits and underscores. Each later line has a number for
                every column. There are at least two of these lines, and nothing is quoted or
                left empty.
            target: the name of the column that is to be predicted, wherever it stands.

        Raises:
            ValueError: there is no column with exactly this name.
        """
        # TODO: Read a file.
        raise NotImplementedError("`CsvDataset.__init__` is not written yet.")

    def __len__(self) -> int:
        """Return the number of lines without the header."""
        # TODO: Return the number of lines without the header.
        raise NotImplementedError("`CsvDataset.__len__` is not written yet.")

    def __getitem__(self, index: int):
        """Return the features and the target of one line.

        Args:
            index: which line, as in `CustomDataset`: 0 is the first line below the header, and
                -1 is the last line.

        Returns:
            A pair `(features, target)` of float32 tensors. The features have shape (k,): all k
            columns but the target, in the file's order. The target has shape (1,).

        Raises:
            IndexError: there is no such line.
        """
        # TODO: Return the features and the target of one line.
        raise NotImplementedError("`CsvDataset.__getitem__` is not written yet.")
