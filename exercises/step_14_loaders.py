"""Step 14: splits and loaders.

Time: 50 minutes. Difficulty: 3 of 5. You need: steps 02, 04 (batches) and 13.

## Why

In step 02 you split arrays by hand, in step 04 you cut them into batches by hand. PyTorch
has tools for both, which work for any dataset. They have some habits that you must know:
what they shuffle, what they drop, and whose random numbers they use.

## Two parts

We need two parts of the data. The model learns from the *training* part. The *validation*
part shows how good the model is on points that it did not learn from. So no point may be in
both parts, and for data like ours the choice must be random. PyTorch has
`torch.utils.data.random_split` for this.

Try it. The parts of a dataset are *subsets*: they hold the numbers of their points:

    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset, random_split
    >>> points = TensorDataset(torch.arange(100))
    >>> first, second = random_split(points, [80, 20], generator=torch.Generator().manual_seed(7))
    >>> len(first), len(second), set(first.indices) & set(second.indices)
    (80, 20, set())

Random, and yet the same every time: that is what a *seed* is for. But a function that calls
`torch.manual_seed` changes the random numbers of the whole program, and its caller does not
expect this. So give the work a random generator of its own, as above; a `DataLoader` takes
one, too.

## Batches

A model rarely sees all points at once. It sees a small *mini-batch*, takes one step, and
goes on with the next batch. A `DataLoader` makes the batches:

    80 training points, batches of 16: 16 16 16 16 16    5 batches
    20 validation points, the same:    16 4              2 batches

    >>> for i, (batch,) in enumerate(DataLoader(points, batch_size=30)):  # each item is a tuple
    ...     print(i, len(batch), batch[:3])
    0 30 tensor([0, 1, 2])
    1 30 tensor([30, 31, 32])
    2 30 tensor([60, 61, 62])
    3 10 tensor([90, 91, 92])

The last batch is smaller. It still counts: no point is dropped. One walk through all
batches is an *epoch*. The training points get a new order in every epoch, or the model
would see the same batches again and again. The validation points need no shuffling: a mean
does not depend on the order.

Five points in batches of 3, shuffled (a number is a point, a bar ends a batch):

    epoch 1    3 0 4 | 1 2        epoch 2    1 4 0 | 2 3        the same seed gives both again

## Columns of one size

Many models learn better when all columns of `x` have a similar size. Here is why: the
descent of step 04, with x as it is, and with x in a unit that makes its numbers ten times
as large:

    >>> from tutorial_data import x_train, y_train
    >>> from step_04_descent import fit
    >>> for factor in (1, 10):
    ...     a, b, losses = fit(factor * x_train, y_train, 0.0, 0.0, lr=0.1, n_epochs=20)
    ...     print(factor, f"{losses[-1]:.3g}")
    1 0.0783
    10 4.69e+28

The gradient of the slope has x in it, so it is ten times as large; and the slope itself
should be ten times smaller. So each step is a hundred times too large, and jumps out of the
valley. With two columns of different sizes, no learning rate is good for both. So we
*standardize* each column: we subtract its mean and divide by its standard deviation.

    a column          1        2        3     6          mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
    minus the mean   -2       -1        0     3          std sqrt(3.5) = 1.8708
    divided by std   -1.0690  -0.5345   0     1.6036

    x_new = (x - mean) / std        std = sqrt(mean((x - mean) ** 2))

The mean and the std come from the training part alone, also for the validation part. With
the same numbers, a validation value of 10 becomes 7 / 1.8708 = 3.7417: it may be far from
0, and that is right. If validation points change the mean, the model learns something about
them. This is called a *leak*: the validation result then looks better than it is.

PyTorch's `std` divides by n - 1 unless you say otherwise:

    >>> column = torch.tensor([1.0, 2.0, 3.0, 6.0])
    >>> column.std(), column.std(correction=0)
    (tensor(2.1602), tensor(1.8708))
    >>> (column - 3) / 3.5**0.5, f"{7 / 3.5**0.5:.4f}"
    (tensor([-1.0690, -0.5345,  0.0000,  1.6036]), '3.7417')

A column in which all numbers are equal has the std 0, and nobody can divide by 0. Such a
column becomes 0. To find it, compare its numbers with each other, and do not ask whether
the std is 0: a mean is rounded, so the std of ten times 0.1 is not:

    >>> torch.full((10,), 0.1).std(correction=0).item()
    7.450580596923828e-09

## Recap

Split with a generator of its own, shuffle the training part only, drop nothing, and take
statistics from the training part alone. Step 15 deals with the smaller last batch, and
steps 18 and 19 with a third part.

In PyTorch's documentation: "torch.utils.data.random_split", "torch.utils.data.DataLoader",
"Reproducibility".
"""

import torch
from torch.utils.data import DataLoader, Dataset, Subset, random_split


def split(dataset: Dataset, n_train: int, seed: int) -> tuple[Subset, Subset]:
    """Split a dataset at random into a training part and a validation part.

    Every point lands in exactly one part. The same seed gives the same split, whatever
    random numbers were drawn before. Another seed gives another split. The random
    numbers that the caller draws afterwards from PyTorch's global generator are the same as
    without this call. (NumPy's and Python's own random numbers may change.)

    Args:
        dataset: any dataset with a length, n points.
        n_train: number of points in the training part, 1 <= n_train < n.
        seed: seed of the split.

    Returns:
        A pair of datasets `(train, val)` with n_train and n - n_train points.

    Example:
        >>> train, val = split(torch.arange(10), 8, seed=42)
        >>> len(train), len(val)
        (8, 2)
        >>> sorted(int(point) for part in (train, val) for point in part)
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    # TODO: Split a dataset at random into a training part and a validation part.
    raise NotImplementedError("`split` is not written yet.")


def make_loaders(
    train: Dataset, val: Dataset, batch_size: int, seed: int
) -> tuple[DataLoader, DataLoader]:
    """Return a loader for the training part and one for the validation part.

    The training loader has a new random order in every epoch. Two calls with the same seed
    give loaders with the same orders, epoch by epoch, whatever is drawn or loaded in between;
    another seed gives other orders.
    The validation loader always keeps the order of its dataset. In one epoch, both give every
    point exactly once. All batches have `batch_size` points; only the last one may be smaller.
    The call itself draws no number from PyTorch's global generator and does not seed it.
    (NumPy's and Python's own random numbers may change.)

    Args:
        train: the training points, a dataset of pairs (x, y).
        val: the validation points, a dataset of pairs (x, y).
        batch_size: number of points in a batch, at least 1.
        seed: seed of the training orders.

    Returns:
        A pair of loaders `(train_loader, val_loader)`.

    Example:
        >>> points = [(float(i), 2.0 * i) for i in range(10)]
        >>> train_loader, val_loader = make_loaders(points[:7], points[7:], 4, seed=0)
        >>> [len(x) for x, y in train_loader]
        [4, 3]
        >>> [x.tolist() for x, y in val_loader]
        [[7.0, 8.0, 9.0]]
    """
    # TODO: Return a loader for the training part and one for the validation part.
    raise NotImplementedError("`make_loaders` is not written yet.")


def standardize(x_train: torch.Tensor, x_val: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale every column with the mean and the standard deviation of the training part.

    The training part gets columns with mean 0 and standard deviation 1. The validation
    part is scaled with the same numbers. The standard deviation is that of the
    population: the root of the mean squared distance from the mean (divided by n, not by
    n - 1). A column that has one and the same value in all rows of both parts, 0.1 for
    example, becomes 0 in both parts (up to rounding), never NaN. All others are scaled,
    however small or large their numbers are.

    Args:
        x_train: training part, float32 or float64 tensor of shape (n, k), n >= 1.
        x_val: validation part, tensor of shape (m, k). Both are left as they are. What becomes
            of a column that is constant in the training part alone is up to you.

    Returns:
        A pair of new tensors `(x_train, x_val)`, with shapes and dtype as before.

    Example:
        >>> x_train, x_val = standardize(torch.tensor([[1.0], [3.0]]), torch.tensor([[6.0]]))
        >>> x_train.flatten().tolist(), x_val.flatten().tolist()
        ([-1.0, 1.0], [4.0])
    """
    # TODO: Scale every column with the mean and the standard deviation of the training part.
    raise NotImplementedError("`standardize` is not written yet.")
