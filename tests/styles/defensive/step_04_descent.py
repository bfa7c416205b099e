"""Linear regression, with every argument checked and nothing of the caller changed."""

import logging
import numbers

import numpy as np
from sklearn.linear_model import LinearRegression

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _count(value, name, least):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, but it is {value}")
    return int(value)


def _parameter(value, name):
    array = np.array(value, dtype=np.float64, copy=True).reshape(-1)
    if array.shape != (1,):
        raise ValueError(f"{name} must be one number")
    return array


def _column(value, name):
    array = np.array(value, dtype=np.float64, copy=True)
    if array.ndim != 2 or array.shape[1] != 1 or not len(array):
        raise ValueError(f"{name} must have the shape (n, 1), not {array.shape}")
    return array


def init_parameters(seed):
    before = np.random.get_state()
    try:
        np.random.seed(_count(seed, "seed", 0))
        a, b = np.split(np.random.randn(2), 2)
    finally:
        np.random.set_state(before)
    assert a.shape == b.shape == (1,)
    return a.copy(), b.copy()


def fit(x, y, a, b, lr, n_epochs, *, log_every=100):
    x, y = _column(x, "x"), _column(y, "y")
    if x.shape != y.shape:
        raise ValueError(f"different shapes: {x.shape} and {y.shape}")
    a, b = _parameter(a, "a"), _parameter(b, "b")
    lr = float(lr)
    losses = []
    for epoch in range(_count(n_epochs, "n_epochs", 0)):
        error = np.subtract(a + b * x, y)
        losses.append(float(np.mean(np.square(error), dtype=np.float64)))
        step = -2.0 * lr * np.array([np.mean(error), np.mean(np.multiply(error, x))])
        a, b = a + step[0], b + step[1]
        if log_every and epoch % log_every == 0:
            LOG.info("epoch %d: loss %g", epoch, losses[-1])
    return a, b, tuple(losses)


def updates_per_epoch(n_points, batch_size, drop_last=False):
    n_points = _count(n_points, "n_points", 1)
    batch_size = _count(batch_size, "batch_size", 1)
    if drop_last:
        return n_points // batch_size
    return -(-n_points // batch_size)


def least_squares(x, y):
    x, y = _column(x, "x"), _column(y, "y")
    model = LinearRegression(copy_X=True).fit(X=x, y=y[:, 0])
    a, b = float(model.intercept_), float(np.squeeze(model.coef_))
    LOG.debug("least squares: %g + %g * x", a, b)
    return a, b


def fit_minibatch(x, y, a, b, lr, n_epochs, batch_size, *, log_every=100):
    x, y = _column(x, "x"), _column(y, "y")
    if x.shape != y.shape:
        raise ValueError(f"different shapes: {x.shape} and {y.shape}")
    a, b = _parameter(a, "a"), _parameter(b, "b")
    lr = float(lr)
    batch_size = _count(batch_size, "batch_size", 1)
    losses = []
    for epoch in range(_count(n_epochs, "n_epochs", 0)):
        for first in range(0, x.shape[0], batch_size):
            xs, ys = x[first : first + batch_size], y[first : first + batch_size]
            a, b, (loss,) = fit(xs, ys, a, b, lr, 1, log_every=0)
            losses.append(float(loss))
        if log_every and epoch % log_every == 0:
            LOG.info("epoch %d: loss %g", epoch, losses[-1])
    assert len(losses) == n_epochs * updates_per_epoch(len(x), batch_size)
    return a, b, tuple(losses)


def best_learning_rate(x, y, a, b, lrs, n_epochs):
    x, y = _column(x, "x"), _column(y, "y")
    candidates = [float(lr) for lr in lrs]
    if not candidates:
        raise ValueError("there is no learning rate to try")
    found = {}
    with np.errstate(all="ignore"):
        for position, lr in enumerate(candidates):
            end_a, end_b, _ = fit(x, y, a, b, lr, n_epochs, log_every=0)
            loss = float(np.mean(np.square(np.subtract(end_a + end_b * x, y))))
            LOG.info("learning rate %g: loss %g", lr, loss)
            if np.isfinite(loss):
                found[position] = loss
    if not found:
        raise ValueError("all learning rates diverge")
    return candidates[min(found, key=lambda position: (found[position], position))]
