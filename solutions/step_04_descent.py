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

For a straight line there is also an exact answer, the *least squares* line, which needs no
learning rate and no epochs. Scikit-learn computes it. So we can check our walk: it must
end near this line.

Numbers to expect: seed 42 gives the start a = 0.49671415, b = -0.1382643. With the 80
training points of the tutorial the first loss is 2.74215777. After 1000 epochs with
lr = 0.1 we have a = 1.02354094, b = 1.96896411, and the last loss is 0.00804466. Least
squares says 1.02354075 and 1.96896447. Both are near the true line, a = 1 and b = 2. The
noise of the points is what keeps them away from it.
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
    generator = np.random.RandomState(seed)
    a = generator.randn(1)
    b = generator.randn(1)
    return a, b


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
    losses = []
    for _ in range(n_epochs):
        error = a + b * x - y
        losses.append((error**2).mean())
        # Both gradients come from the same error, so neither sees the other's update.
        a_grad = 2 * error.mean()
        b_grad = 2 * (error * x).mean()
        # A new array instead of `a -= ...`, which would change the array of the caller.
        a = a - lr * a_grad
        b = b - lr * b_grad
    return a, b, losses


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
    if n_points < 1 or batch_size < 1:
        raise ValueError(f"need at least 1, got {n_points} points and batch size {batch_size}")
    # Whole numbers only: a division with floats goes wrong when the numbers are huge.
    return (n_points + batch_size - 1) // batch_size


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
    model = LinearRegression().fit(x, y)
    return model.intercept_.item(), model.coef_.item()
