"""Step 04: linear regression in NumPy.

In step 03 we made one step downhill. Now we walk the whole way. One pass over all
training points is called an *epoch*. In every epoch we do the same four things:

    1. predict:            yhat = a + b * x
    2. measure the loss:   loss = mean((yhat - y) ** 2)
    3. find the gradients: a_grad = mean(2 * (yhat - y))
                           b_grad = mean(2 * (yhat - y) * x)
    4. take one step:      a = a - lr * a_grad
                           b = b - lr * b_grad

Both gradients belong to the same point of the walk. So compute both of them before you
move any parameter. We note the loss of every epoch: it belongs to the parameters *before*
the step of that epoch. A plot of these losses shows how the training goes.

Where do we start? Anywhere. We draw both parameters at random, with a seed, so that the
walk can be repeated.

We use all points for every step. This is *batch* gradient descent, and it makes one update
per epoch. With many points this is slow. Then we cut the points into smaller batches and
make one update for each batch. If the last batch is not full, it still counts. With 80
points and a batch size of 16, one epoch makes 5 updates. With a batch size of 30 it makes
3: two full batches and a last one of 20 points.

    rows 0 to 29  |  rows 30 to 59  |  rows 60 to 79  |  rows 0 to 29  |  ...
      update 1          update 2          update 3         update 4
      --------------- epoch 1 ---------------------        epoch 2 ...

This is *mini-batch* gradient descent. Here the batches follow the order of the rows. For its
update, a batch counts as if there were no other points: the loss and both gradients are means
over the points of this batch alone, also in the last, smaller one. The walk goes on from batch
to batch and from epoch to epoch. When every batch is a single point, it is called *stochastic*
gradient descent. Its steps are cheap, but every point pulls the line to itself, so the walk
goes zigzag. And when one batch holds all points, we are back at batch gradient descent.

Which learning rate is good? Nobody can see it from the data, so we try some. Here are 100
epochs on the 80 training points of the tutorial, each time from the start of seed 42. The loss
after the last update is

    lr       0.001     0.01      0.1       0.5       1.0
    loss     1.7443    0.1742    0.0177    0.0080    4.2e+34

With a small learning rate the steps are too short: after 100 of them we are still on the way.
With a large one each step jumps over the valley and lands higher on the other side. The loss
grows: the walk *diverges*. With more epochs, the numbers get so large that no float can hold
them. Then NumPy gives `inf`, "infinite", and `inf - inf` gives `nan`, "not a number". NumPy
warns of it, but goes on. Take care when you compare: `nan < 1` is False, and so is `nan > 1`. A
comparison in which a `nan` takes part decides nothing.

For a straight line there is also an exact answer, the *least squares* line, which needs no
learning rate and no epochs. Scikit-learn computes it. So we can check our walk: it must
end near this line.

Numbers to expect: seed 42 gives the start a = 0.49671415, b = -0.1382643. With the 80
training points of the tutorial the first loss is 2.74215777. After 1000 epochs with
lr = 0.1 we have a = 1.02354094, b = 1.96896411, and the last loss is 0.00804466. Least
squares says 1.02354075 and 1.96896447. Both are near the true line, a = 1 and b = 2. The
noise of the points is what keeps them away from it. From the same start, 10 epochs with lr = 0.1
end at a loss of 0.1657 with one batch of 80 points (10 updates), at 0.0517 with batches of 16 (50
updates) and at 0.0084 with batches of 1 (800 updates).

Try it: take the two points x = 0 and x = 2 with y = 0 and y = 4, start at a = 0 and b = 0, and
call your `fit` for 20 epochs with lr = 0.125. The last loss is 0.0093. Predict what happens with
lr = 0.5, then look: the last loss is 662320564. And what is `min([float("nan"), 1.0])` in Python?
It should be 1, but it is nan.
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
        Three values `(a, b, losses)`: the parameters after the last update, two scalars, and
        the list (or array) of losses, `n_epochs` long. `losses[i]` is the loss before update i,
        so `losses[0]` is the loss of the start. All numbers are computed in float64. The arrays
        that were passed in are not changed.

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
        A pair `(a, b)` of floats, not of arrays: the intercept, then the slope. A float of NumPy
        is a float, too.

    Example:
        >>> a, b = least_squares(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]]))
        >>> print(round(a, 6), round(b, 6))
        1.0 2.0
    """
    # TODO: Return the line with the smallest mean squared error, as scikit-learn's `LinearRegression` finds it.
    raise NotImplementedError("`least_squares` is not written yet.")
