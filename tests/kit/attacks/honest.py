"""Step 03, as an honest learner writes it; every attack goes on from here."""

import numpy as np


def predict(a, b, x):
    return a + b * x


def mse(y, yhat):
    return np.mean((yhat - y) ** 2)


def gradients(a, b, x, y):
    error = a + b * x - y
    return 2 * error.mean(), 2 * (error * x).mean()


def numerical_gradients(a, b, x, y, eps=1e-6):
    a_grad = (mse(y, predict(a + eps, b, x)) - mse(y, predict(a - eps, b, x))) / (2 * eps)
    b_grad = (mse(y, predict(a, b + eps, x)) - mse(y, predict(a, b - eps, x))) / (2 * eps)
    return a_grad, b_grad


def update(a, b, a_grad, b_grad, lr):
    return a - lr * a_grad, b - lr * b_grad
