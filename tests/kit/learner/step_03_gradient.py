"""Half way: the loss works, the gradients do not yet."""

import numpy as np


def predict(a, b, x):
    yhat = np.zeros_like(x)
    for i in range(len(x)):
        yhat[i] = a + b * x[i]
    return yhat


def mse(y, yhat):
    total = 0
    for i in range(len(y)):
        total = total + (y[i, 0] - yhat[i, 0]) ** 2
    return total / len(y)


def gradients(a, b, x, y):
    error = y - predict(a, b, x)
    a_grad = 2 * error.mean()
    b_grad = 2 * (x * error).mean()
    return a_grad, b_grad


def numerical_gradients(a, b, x, y, eps=1e-6):
    # TODO: Return the two partial derivatives of the mean squared error, by central differences.
    raise NotImplementedError("`numerical_gradients` is not written yet.")


def update(a, b, a_grad, b_grad, lr):
    a = a - lr * a_grad
    b = b - lr * b_grad
