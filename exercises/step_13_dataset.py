"""Step 13: datasets.

Time: 40 minutes. Difficulty: 3 of 5. You need: step 01, classes in Python, reading a file.

## Why

Training data can be large: a million pictures do not fit into memory. So PyTorch does not
ask for all of it at once. It asks two questions, again and again:

    len(dataset)      how many points are there?
    dataset[i]        what is point number i?

Whatever can answer these two can be trained on: tensors, files, a database.

## A class with three methods

A *dataset* is an object that can answer them. It is a class that is built on
`torch.utils.data.Dataset`, and it has three methods:

    __init__       keeps what is needed to answer: tensors, or names of files
    __len__        answers the first question
    __getitem__    answers the second question with a pair: inputs and true value of point i

Try it. This one has no tensors at all:

    >>> import torch
    >>> from torch.utils.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, i):
    ...         if i >= 5:
    ...             raise IndexError(i)
    ...         return torch.tensor([float(i)]), torch.tensor([float(i * i)])
    >>> Squares()[3]
    (tensor([3.]), tensor([9.]))
    >>> for x, y in DataLoader(Squares(), batch_size=3):
    ...     print(x.shape, y.flatten())
    torch.Size([3, 1]) tensor([0., 1., 4.])
    torch.Size([2, 1]) tensor([ 9., 16.])

A `DataLoader` uses these answers. It asks for some points and stacks them into a batch. A
point of shape (1,) and a batch of 16 points give a tensor of shape (16, 1). So one point
must have the shape of one row of x, and not of a batch of one.

    >>> next(iter(DataLoader([torch.zeros(1, 1)] * 16, batch_size=16))).shape
    torch.Size([16, 1, 1])

(As you see, a list works, too: all that counts is `len` and an index. For data without
labels, a point is one tensor instead of a pair.)

An index counts as in a Python list. `dataset[-1]` is the last point. An index past either
end raises an `IndexError`. This matters: a plain `for` loop over the dataset goes on until
it meets this error. (Indexing a tensor follows the same rules.)

    index      0    1    2    3    4          a dataset of 5 points
              -5   -4   -3   -2   -1          5, 6, ... and -6, -7, ...: IndexError

The data stays where it is, on the CPU. Later the training loop moves one batch at a time to
the card. The card has little memory: the whole data set may not fit.

When yours is written, the tutorial's first training point is:

    >>> from tutorial_data import x_train, y_train
    >>> from step_13_dataset import CustomDataset
    >>> dataset = CustomDataset(torch.tensor(x_train).float(), torch.tensor(y_train).float())
    >>> len(dataset), dataset[0]
    (80, (tensor([0.7713]), tensor([2.4745])))

## Points from a file

Most data comes from files. A *CSV file* is plain text ("comma-separated values"). Its first
line, the *header*, has the names of the columns. Each line after it is one point:

    size,rooms,price
    50,2,100.5
    80,3,150

Here we want to predict the price. So "price" is the *target*, and the other columns are the
features, in the order of the file. The header is no point: this file has two. Its first one
has the features 50 and 2, and the target 100.5.

The target has the shape (1,) and not (). So 16 points make a batch of shape (16, 1), which
is the shape that a model with one output predicts. Step 09 says what happens when the two
shapes differ.

A file is text; the module `csv` splits each line at the commas. `float` turns a text into a
number, and a list knows the position of each item. You may read the whole file once, in
`__init__`:

    >>> import csv
    >>> header, *rows = csv.reader(["size,rooms,price", "50,2,100.5", "80,3,150"])
    >>> header, rows
    (['size', 'rooms', 'price'], [['50', '2', '100.5'], ['80', '3', '150']])
    >>> float(rows[0][2]), header.index("rooms")
    (100.5, 1)

## Recap

`len` and an index are all that PyTorch wants. PyTorch's own `TensorDataset` does the job of
your first class, and steps 14 to 19 use both. Shapes of single points decide about the
shapes of batches.

In PyTorch's documentation: "torch.utils.data.Dataset", "torch.utils.data.TensorDataset",
"Writing Custom Datasets, DataLoaders and Transforms" (tutorial).
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
            index: the number of the point, from 0 to n - 1. A negative index counts from the
                end: -1 is the last point and -n the first one. What other indices give, such as
                slices, is up to you.

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
