"""The gradient formula, with every argument checked."""

import logging
import math

import numpy as np

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _number(value, name):
    """Accept numbers, NumPy scalars, and arrays or tensors of size 1."""
    array = np.asarray(value, dtype=np.float64)
    if array.size != 1:
        raise ValueError(f"{name} must be one number, not {array.size}")
    return array.reshape(()).item()


def _column(value, name):
    array = np.array(value, dtype=np.float64, copy=True)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.shape[1] != 1 or array.shape[0] == 0:
        raise ValueError(f"{name} must have the shape (n, 1), not {array.shape}")
    return array


def _mean(values):
    values = values.ravel().tolist()
    return math.fsum(values) / len(values)


def predict(a, b, x):
    a, b, x = _number(a, "a"), _number(b, "b"), _column(x, "x")
    result = np.full_like(x, a)
    result += b * x
    assert result.shape == x.shape
    return result


def mse(y, yhat):
    y, yhat = _column(y, "y"), _column(yhat, "yhat")
    if y.shape != yhat.shape:
        raise ValueError(f"different shapes: {y.shape} and {yhat.shape}")
    return np.float64(_mean(np.power(y - yhat, 2)))


def gradients(a, b, x, y):
    x, y = _column(x, "x"), _column(y, "y")
    if x.shape != y.shape:
        raise ValueError(f"different shapes: {x.shape} and {y.shape}")
    error = predict(a, b, x) - y
    a_grad, b_grad = _mean(2.0 * error), _mean(2.0 * error * x)
    LOG.debug("gradients %g and %g", a_grad, b_grad)
    return np.array([a_grad]), np.array([b_grad])


def numerical_gradients(a, b, x, y, eps=1e-6):
    a, b, eps = _number(a, "a"), _number(b, "b"), _number(eps, "eps")
    if not eps > 0:
        raise ValueError(f"eps must be positive, but it is {eps}")
    x, y = _column(x, "x"), _column(y, "y")

    def derivative(loss, at):
        right, left = at + eps, at - eps
        # What was really stepped: at + eps is rounded.
        return np.array([(loss(right) - loss(left)) / (right - left)])

    return (
        derivative(lambda value: mse(y, predict(value, b, x)), a),
        derivative(lambda value: mse(y, predict(a, value, x)), b),
    )


def update(a, b, a_grad, b_grad, lr, *, max_step=math.inf):
    a, b = _number(a, "a"), _number(b, "b")
    a_step = _number(lr, "lr") * _number(a_grad, "a_grad")
    b_step = _number(lr, "lr") * _number(b_grad, "b_grad")
    a_step = max(-max_step, min(max_step, a_step))
    b_step = max(-max_step, min(max_step, b_step))
    return np.array([a - a_step]), np.array([b - b_step])
