"""Step 02: synthetic data.

Time: 30 minutes. Difficulty: 2 of 5. You need: NumPy arrays and indices.

## Why

Before we train a model on real data, we train it on data that we make ourselves. Then we
know the right answer, and we can see whether the model finds it. These 100 points will go
with you up to step 17.

## The points

Our points lie near a straight line. `a` is the intercept: where the line meets x = 0. `b`
is the slope: how much y grows when x grows by 1. With a = 1 and b = 2:

    y
    3 |              .  '
      |         . '
    2 |     . '
      |  . '
    1 |'
      +----------------- x
      0              1

      x        1 + 2 * x     y, with noise
    0.3745      1.7491         1.7578
    0.9507      2.9014         2.8715
    0.7320      2.4640         2.4732
    0.5987      2.1973         1.9986

Real measurements are never exact, so every point gets some noise:

    y = a + b * x + noise * epsilon

`x` is uniform in [0, 1). `epsilon` comes from the standard normal distribution: its mean is
0 and its standard deviation is 1. So the noise on y has the standard deviation `noise`, in
the same unit as y. (The variance would be `noise ** 2`.)

Random numbers come from a generator, and a *seed* sets its start. Same seed, same numbers:
so anyone can reproduce your points. Here we use NumPy's legacy generator, as the tutorial
does. The order of the draws matters: first all of `x`, then all of the noise. If you swap
the two, you get different points.

Try it:

    >>> import numpy as np
    >>> generator = np.random.RandomState(7)
    >>> generator.rand(1, 2).shape, generator.randn(1).shape
    ((1, 2), (1,))
    >>> np.random.RandomState(7).rand(2), np.random.RandomState(7).rand(2)
    (array([0.07630829, 0.77991879]), array([0.07630829, 0.77991879]))

The points of this course are in the module `tutorial_data`, so that you can use them before
your own function works. With n = 100, a = 1, b = 2, noise = 0.1 and seed = 42, your
`generate_data` gives the same ones:

    >>> from tutorial_data import x, y, x_train, x_val
    >>> x.shape, x_train.shape, x_val.shape
    ((100, 1), (80, 1), (20, 1))
    >>> for i in range(4):
    ...     print(f"{x[i, 0]:.4f} {1 + 2 * x[i, 0]:.4f} {y[i, 0]:.4f}")
    0.3745 1.7491 1.7578
    0.9507 2.9014 2.8715
    0.7320 2.4640 2.4732
    0.5987 2.1973 1.9986
    >>> print(x[0], y[0], f"{y.min():.8f} {y.max():.8f}")
    [0.37454012] [1.75778494] 0.99851215 3.05195616
    >>> from step_02_data import generate_data
    >>> own_x, own_y = generate_data(n=100, a=1, b=2, noise=0.1, seed=42)
    >>> np.allclose(own_x, x), np.allclose(own_y, y)
    (True, True)

## Two parts

A model that has seen a point can remember it. To know how good the model is on new points,
we keep some points away from the training. This is the *validation* part:

    all points  ->  shuffle  ->  the first n_train: training, the rest: validation

Why shuffle? Data is often sorted: by time, by size, by label. Without the shuffle the two
parts would be of different kinds. A point is a *pair* `(x, y)`. Its two halves must move
together: if they are shuffled apart, there is nothing left to learn. So we do not shuffle
the points, but their *indices*, and use one order for both halves:

    >>> names, ages = np.array(["Ann", "Bob", "Cleo"]), np.array([31, 25, 47])
    >>> order = [2, 0, 1]
    >>> names[order], ages[order]
    (array(['Cleo', 'Ann', 'Bob'], dtype='<U4'), array([47, 31, 25]))

How you shuffle is your choice. The tutorial shuffles with the generator that has just drawn
the data, and the first indices are 76, 83, 80, 98 and 2. So in `tutorial_data` the first
training point is point 76:

    >>> x_train[0] == x[76]
    array([ True])

## Recap

You know the true line, so you can judge what a model finds. The noise sets a limit: no
model can predict it. Its variance, 0.1 ** 2 = 0.01, is about the smallest error to expect
later. Splits come back in step 14 with PyTorch's own tool, and in step 18 with three parts.

In NumPy's documentation: "Legacy random generation", "Indexing on ndarrays".
"""

import numpy as np


def generate_data(n, a, b, noise, seed):
    """Return random points near the line `a + b * x`.

    Args:
        n: how many points, an int of at least 1.
        a: intercept, a number.
        b: slope, a number.
        noise: standard deviation of the noise on y, a number that is not negative.
        seed: seed of NumPy's legacy generator (`np.random.seed` or
            `np.random.RandomState`: they give the same numbers), an int from 0 to 2**32 - 1.

    Returns:
        A pair `(x, y)` of arrays of shape (n, 1), float64. `x` is uniform in [0, 1) and
        is drawn first. The noise on `y` is drawn next: n standard normal numbers, each
        multiplied by `noise`.

    Example:
        >>> x, y = generate_data(100, 1.0, 2.0, 0.1, 42)
        >>> x.shape, y.shape
        ((100, 1), (100, 1))
        >>> print(round(float(x[0, 0]), 8), round(float(y[0, 0]), 8))
        0.37454012 1.75778494
    """
    # A generator of our own gives the same numbers as np.random.seed, and leaves the
    # global generator alone.
    generator = np.random.RandomState(seed)
    x = generator.rand(n, 1)
    y = a + b * x + noise * generator.randn(n, 1)
    return x, y


def train_val_split(x, y, n_train, seed):
    """Return the points in two parts, shuffled: one to train on, one to validate with.

    Every point is in exactly one part, and the pairs stay together: row i of a part's x
    belongs to row i of its y. The same seed gives the same split again, and another seed
    gives another split, if there are more than a few points. Which shuffle you use is your
    choice.

    Args:
        x: array of shape (n, 1), float64.
        y: array of shape (n, 1), float64.
        n_train: how many points the training part gets.
        seed: seed of the shuffle, an int from 0 to 2**32 - 1.

    Returns:
        Four arrays `(x_train, y_train, x_val, y_val)`, float64: the first two of shape
        (n_train, 1), the last two of shape (n - n_train, 1). `x` and `y` stay as they are.

    Raises:
        ValueError: if x and y differ in length, or unless 1 <= n_train < n. So both parts
            hold at least one point.

    Example:
        >>> x = np.arange(5.0).reshape(5, 1)
        >>> x_train, y_train, x_val, y_val = train_val_split(x, 10 * x, 3, 0)
        >>> x_train.shape, x_val.shape
        ((3, 1), (2, 1))
        >>> bool((y_train == 10 * x_train).all())
        True
    """
    n = len(x)
    if len(y) != n:
        raise ValueError(f"x has {n} points, but y has {len(y)}")
    if not 1 <= n_train < n:
        raise ValueError(f"n_train must be between 1 and {n - 1}, not {n_train}")
    # One list of shuffled row numbers serves both arrays, so the pairs stay together.
    order = np.random.RandomState(seed).permutation(n)
    train, val = order[:n_train], order[n_train:]
    return x[train], y[train], x[val], y[val]
