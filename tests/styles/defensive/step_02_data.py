"""Synthetic data, with every argument checked and the global generator restored."""

import logging
import operator

import numpy as np

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _number(value, name):
    array = np.asarray(value, dtype=np.float64)
    if array.size != 1:
        raise ValueError(f"{name} must be one number")
    return float(array.reshape(-1)[0])


def _points(value, name):
    array = np.array(value, dtype=np.float64, copy=True)
    if array.ndim == 0:
        raise ValueError(f"{name} must hold points")
    return array


def generate_data(n, a, b, noise, seed, *, dtype=np.float64):
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    a, b, noise = _number(a, "a"), _number(b, "b"), _number(noise, "noise")
    if noise < 0:
        raise ValueError(f"noise must not be negative, but it is {noise}")
    before = np.random.get_state()
    try:
        np.random.seed(operator.index(seed))
        x = np.random.random_sample((n, 1))
        epsilon = np.random.standard_normal((n, 1))
    finally:
        np.random.set_state(before)
    y = a + b * x + noise * epsilon
    assert x.shape == y.shape == (n, 1)
    LOG.debug("%d points, noise %g", n, noise)
    return x.astype(dtype), y.astype(dtype)


def train_val_split(x, y, n_train, seed):
    x, y = _points(x, "x"), _points(y, "y")
    if x.shape[0] != y.shape[0]:
        raise ValueError(f"x has {x.shape[0]} points, y has {y.shape[0]}")
    n, n_train = x.shape[0], operator.index(n_train)
    if not (n_train >= 1 and n_train < n):
        raise ValueError(f"n_train must be in 1 ... {n - 1}, but it is {n_train}")
    order = np.random.default_rng(operator.index(seed)).permutation(n)
    # Back to the old order inside of each part; which points it has is random.
    train, val = np.sort(order[:n_train]), np.sort(order[n_train:])
    if np.intersect1d(train, val).size or train.size + val.size != n:
        raise RuntimeError("the split went wrong")
    return (
        np.take(x, train, axis=0),
        np.take(y, train, axis=0),
        np.take(x, val, axis=0),
        np.take(y, val, axis=0),
    )
