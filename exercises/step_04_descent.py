"""Step 04: linear regression in NumPy.

Time: 75 minutes. Difficulty: 3 of 5. You need: step 03.

## Why

In step 03 we made one step downhill. Now we walk the whole way. When you are done you have
trained a model, from the first random guess to the best line, with nothing but NumPy.

## The walk

One pass over all training points is called an *epoch*. In every epoch we do the same four
things: we predict, measure the loss, find the gradients, and take one step. Here are five
epochs with the two points (0, 0) and (2, 4), from a = 0, b = 0 with lr = 0.125:

    epoch    a        b        loss
      0      0        0        8
      1      0.5      1        1.25
      2      0.625    1.375    0.3906
      3      0.625    1.531    0.2441
      4      0.5859   1.6094   0.1907        ...  the end: a = 0, b = 2

Both gradients belong to the same point of the walk. So compute both of them before you move
any parameter. We note the loss of every epoch: it belongs to the parameters *before* the
step of that epoch. A plot of these losses shows how the training goes.

Where do we start? Anywhere. We draw both parameters at random, with a seed, so that the
walk can be repeated.

Try it, when your functions are written. First the table above, then the tutorial's
training. After 1000 epochs we are near the true line, a = 1 and b = 2. The noise of the
points is what keeps us away from it.

    >>> import numpy as np
    >>> from step_04_descent import fit, init_parameters, least_squares
    >>> x, y, zero = np.array([[0.0], [2.0]]), np.array([[0.0], [4.0]]), np.zeros(1)
    >>> a, b, losses = fit(x, y, zero, zero, lr=0.125, n_epochs=5)
    >>> print([round(float(loss), 4) for loss in losses])
    [8.0, 1.25, 0.3906, 0.2441, 0.1907]
    >>> a, b, losses = fit(x, y, zero, zero, lr=0.125, n_epochs=4)
    >>> print(f"{a.item():.4f} {b.item():.4f}")
    0.5859 1.6094
    >>> from tutorial_data import x_train, y_train
    >>> a, b = init_parameters(42)
    >>> print(round(a.item(), 8), round(b.item(), 7))
    0.49671415 -0.1382643
    >>> a, b, losses = fit(x_train, y_train, a, b, lr=0.1, n_epochs=1000)
    >>> print(f"{a.item():.8f} {b.item():.8f}")
    1.02354094 1.96896411
    >>> print(f"{losses[0]:.8f} {losses[-1]:.8f}")
    2.74215777 0.00804466

## The learning rate

`lr` and the number of epochs are *hyper-parameters*: you choose them before the training,
and the training does not change them. The parameters `a` and `b` are what it finds. Predict
first: which of five learning rates has the smallest loss after 100 epochs?

    >>> start = init_parameters(42)
    >>> for lr in (0.001, 0.01, 0.1, 0.5, 1.0):
    ...     a, b, losses = fit(x_train, y_train, *start, lr, 100)
    ...     print(lr, f"{((a + b * x_train - y_train) ** 2).mean():.4g}")
    0.001 1.744
    0.01 0.1742
    0.1 0.01768
    0.5 0.008045
    1.0 4.231e+34

Too small, and you hardly move. Too large, and each step jumps over the valley and lands
higher on the other side: the training *diverges*. (We compute the loss once more from what
`fit` returns: the last of its losses belongs to the parameters before the last update.)
Numbers that grow like this end as `inf`, and inf - inf is `nan`, "not a number"; NumPy
prints a warning then, and goes on. Be careful: `<`, `>` and `==` with `nan` are always
False, so they decide nothing.

    >>> nan = float("nan")
    >>> nan < 1, nan > 1, min([nan, 1.0]), min([1.0, nan])
    (False, False, nan, 1.0)

## Batches

We use all points for every step. This is *batch* gradient descent, and it makes one update
per epoch. (Confusingly, "a batch" alone usually means a few of the points.) With many
points this is slow. Then we cut the points into smaller batches and make one update for
each batch:

    n points                   updates per epoch              for n = 80
    batch: all at once                1                           1
    mini-batches of 16          n / 16, rounded up                5
    stochastic: one by one            n                          80

If the last batch is not full, it still counts. 80 points in batches of 30 are three
updates: two full batches and a last one of 20 points. Each batch is treated as if there
were no other points: its gradient is the mean over its own points, also in the last,
smaller one. The parameters carry over from batch to batch and from epoch to epoch. Here the
batches follow the order of the rows; step 14 shuffles them. (You may use what you wrote
before: `from step_03_gradient import gradients` works in any later step.) A smaller batch
gives a noisier gradient, but more updates for the same amount of computation. The same 10
epochs from the same start:

    >>> from step_04_descent import fit_minibatch
    >>> for size in (80, 16, 1):
    ...     a, b, losses = fit_minibatch(x_train, y_train, *start, 0.1, 10, batch_size=size)
    ...     loss = ((a + b * x_train - y_train) ** 2).mean()
    ...     print(size, len(losses), f"{loss:.4f}")
    80 10 0.1657
    16 50 0.0517
    1 800 0.0084

## An exact answer

For a straight line there is also an exact answer, the *least squares* line, which needs no
learning rate and no epochs. Scikit-learn computes it, and all its models are used in the
same way: make one, `fit` it to the data, then read what it has learned from names that end
with an underscore. For points on y = 1 + 2 * x:

    >>> from sklearn.linear_model import HuberRegressor
    >>> model = HuberRegressor().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> print(f"{model.intercept_:.2f} {model.coef_[0]:.2f}")
    1.00 2.00

`HuberRegressor` is another line of scikit-learn's; yours is called `LinearRegression`. So
we can check our walk: it must end near the exact line.

    >>> print(*(round(number, 8) for number in least_squares(x_train, y_train)))
    1.02354075 1.96896447

Why walk at all, then? For a network there is no closed formula. The walk works for both.

## One weight alone

Many texts begin with a line through the origin, `yhat = w * x`, and find the gradient by
`np.dot(2 * x, yhat - y)`. Look closely: a dot product *adds*, and nobody divides by the
number of points. So it is n times the gradient of the mean, and the learning rate must be n
times smaller. Four points with y = 2 * x:

    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> y, w = 2 * x, 0.0
    >>> np.dot(2 * x, w * x - y), (2 * x * (w * x - y)).mean()
    (np.float64(-120.0), np.float64(-30.0))
    >>> print(f"prediction for x = 5 before training: {w * 5:.3f}")
    prediction for x = 5 before training: 0.000
    >>> for epoch in range(20):
    ...     w = w - 0.01 * np.dot(2 * x, w * x - y)
    >>> print(f"prediction for x = 5 after training: {w * 5:.3f}")
    prediction for x = 5 after training: 10.000

## Recap

You have a complete training: start, loss, gradient, step, repeat. From here on PyTorch
takes over the parts, one after another: the gradients (step 06), the update (step 08), the
loss (step 09), the batches (step 14).

Further: scikit-learn's documentation, "Ordinary Least Squares" and "Stochastic Gradient
Descent".
"""

import numpy as np
from sklearn.linear_model import LinearRegression


def init_parameters(seed):
    """Return random numbers to start from.

    Args:
        seed: seed of NumPy's legacy generator (`np.random.seed` or
            `np.random.RandomState`: they give the same numbers), an int from 0 to 2**32 - 1.

    Returns:
        A pair `(a, b)` of arrays of shape (1,), float64: two draws from the standard normal
        distribution (`randn`), first `a`, then `b`.

    Example:
        >>> a, b = init_parameters(42)
        >>> a.shape, a.dtype
        ((1,), dtype('float64'))
        >>> print(round(a.item(), 8), round(b.item(), 7))
        0.49671415 -0.1382643
    """
    # TODO: Return random numbers to start from.
    raise NotImplementedError("`init_parameters` is not written yet.")


def fit(x, y, a, b, lr, n_epochs):
    """Fit a line to the points by batch gradient descent on the mean squared error.

    Every epoch uses all points and makes exactly one update of `a` and `b`, always with
    the same learning rate. There are exactly `n_epochs` epochs.

    Args:
        x: array of shape (n, 1), float64.
        y: the true values, array of shape (n, 1), float64.
        a: the intercept to start from, array of shape (1,), float64.
        b: the slope to start from, array of shape (1,), float64.
        lr: learning rate, a positive number.
        n_epochs: how many epochs, an int of at least 1.

    Returns:
        Three values `(a, b, losses)`: the parameters after the last update, two scalars (arrays
        of shape (1,) or numbers), and the list (or array) of losses, `n_epochs` long.
        `losses[i]` is the loss before update i, so `losses[0]` is the loss of the start. All
        numbers are computed in float64. The arrays that were passed in are not changed.

    Example:
        >>> x = np.array([[0.0], [2.0]])
        >>> a, b, losses = fit(x, 2 * x, np.array([0.0]), np.array([0.0]), 0.125, 2)
        >>> print(a.item(), b.item())
        0.625 1.375
        >>> [float(loss) for loss in losses]
        [8.0, 1.25]
    """
    # TODO: Fit a line to the points by batch gradient descent on the mean squared error.
    raise NotImplementedError("`fit` is not written yet.")


def updates_per_epoch(n_points, batch_size):
    """Return how many updates one epoch makes when every batch makes one.

    The points are cut into batches of `batch_size`. If some points are left over, they
    form a last, smaller batch, and it counts too.

    Args:
        n_points: how many points there are, an int.
        batch_size: how many points a full batch holds, an int.

    Returns:
        The number of batches, an int.

    Raises:
        ValueError: if `n_points` or `batch_size` is below 1.

    Example:
        >>> updates_per_epoch(80, 16), updates_per_epoch(80, 30)
        (5, 3)
    """
    # TODO: Return how many updates one epoch makes when every batch makes one.
    raise NotImplementedError("`updates_per_epoch` is not written yet.")


def fit_minibatch(x, y, a, b, lr, n_epochs, batch_size):
    """Fit a line to the points by mini-batch gradient descent on the mean squared error.

    Every epoch cuts the rows, in their order, into batches of `batch_size`; a last, smaller batch
    counts too. Each batch makes one update of `a` and `b`, with the gradients of its own points,
    always with the same learning rate.

    Args:
        x: array of shape (n, 1), float64.
        y: the true values, array of shape (n, 1), float64.
        a: the first intercept, array of shape (1,), float64.
        b: the first slope, array of shape (1,), float64.
        lr: learning rate, a positive number.
        n_epochs: how many times all points are used, an int of at least 1.
        batch_size: how many points a full batch holds, an int of at least 1. With 1, it is
            stochastic gradient descent; with n or more, it is what `fit` does.

    Returns:
        Three values `(a, b, losses)`: the parameters after the very last update, two scalars, and
        the list (or array) of losses, one for each update: the loss of the batch before its
        update. All numbers are computed in float64, and no array of the caller is changed.

    Example:
        >>> x, y = np.array([[0.0], [2.0], [1.0]]), np.array([[0.0], [4.0], [1.0]])
        >>> a, b, losses = fit_minibatch(x, y, np.array([0.0]), np.array([0.0]), 0.125, 1, 2)
        >>> print(a.item(), b.item())
        0.375 0.875
        >>> [float(loss) for loss in losses]
        [8.0, 0.25]
    """
    # TODO: Fit a line to the points by mini-batch gradient descent on the mean squared error.
    raise NotImplementedError("`fit_minibatch` is not written yet.")


def best_learning_rate(x, y, a, b, lrs, n_epochs):
    """Return the learning rate with which `fit` comes to the smallest loss.

    Args:
        x: array of shape (n, 1), float64.
        y: the true values, array of shape (n, 1), float64.
        a: the intercept from which every walk starts, array of shape (1,), float64.
        b: the slope from which every walk starts, array of shape (1,), float64.
        lrs: the learning rates to try, a list of one or more floats. At least one of them does not
            diverge.
        n_epochs: how many epochs every walk has, an int of at least 1.

    Returns:
        The learning rate, a float, whose loss after the last of `n_epochs` updates is the
        smallest. A loss that is inf or NaN never is. Of equal losses the first one counts.

    Example:
        >>> x = np.array([[0.0], [2.0]])
        >>> best_learning_rate(x, 2 * x, np.array([0.0]), np.array([0.0]), [0.01, 0.125, 0.5], 20)
        0.125
    """
    # TODO: Return the learning rate with which `fit` comes to the smallest loss.
    raise NotImplementedError("`best_learning_rate` is not written yet.")


def least_squares(x, y):
    """Return the line with the smallest mean squared error, as scikit-learn's `LinearRegression` finds it.

    Args:
        x: array of shape (n, 1), float64, with at least two different numbers.
        y: the true values, array of shape (n, 1), float64.

    Returns:
        A pair `(a, b)` of floats, not of arrays: the intercept, then the slope. NumPy's own
        floats will do.

    Example:
        >>> a, b = least_squares(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]]))
        >>> print(round(a, 6), round(b, 6))
        1.0 2.0
    """
    # TODO: Return the line with the smallest mean squared error, as scikit-learn's `LinearRegression` finds it.
    raise NotImplementedError("`least_squares` is not written yet.")
