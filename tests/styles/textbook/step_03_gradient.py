"""Chapter 3. The gradient of the mean squared error.

J(a, b)   = 1/n sum_i (y_i - a - b x_i)^2
dJ/da     = -2/n sum_i (y_i - a - b x_i)
dJ/db     = -2/n sum_i x_i (y_i - a - b x_i)
"""

from typing import Tuple, Union

import numpy as np

Number = Union[float, np.ndarray]


def predict(a: Number, b: Number, x: np.ndarray) -> np.ndarray:
    slope_part = np.multiply(b, x)
    prediction = np.add(a, slope_part)
    return prediction


def mse(y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
    n = y.shape[0]
    residuals = y - yhat
    squared_residuals = np.square(residuals)
    sum_of_squares = np.sum(squared_residuals, axis=0)
    return sum_of_squares / n


def gradients(a: Number, b: Number, x: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    n = x.shape[0]
    residuals = y - predict(a, b, x)
    ones = np.ones((n, 1))
    dJ_da = -2.0 / n * np.matmul(ones.T, residuals)
    dJ_db = -2.0 / n * np.matmul(x.T, residuals)
    return dJ_da, dJ_db


def numerical_gradients(
    a: Number, b: Number, x: np.ndarray, y: np.ndarray, eps: float = 1e-6
) -> Tuple[np.ndarray, np.ndarray]:
    h = eps

    def J(intercept: Number, slope: Number) -> np.ndarray:
        return mse(y, predict(intercept, slope, x))

    # f'(p) is about (f(p + h) - f(p - h)) / (2 h)
    dJ_da = (J(a + h, b) - J(a - h, b)) / (2.0 * h)
    dJ_db = (J(a, b + h) - J(a, b - h)) / (2.0 * h)
    return dJ_da, dJ_db


def update(
    a: Number, b: Number, a_grad: Number, b_grad: Number, lr: float
) -> Tuple[Number, Number]:
    a_step = -lr * a_grad
    b_step = -lr * b_grad
    a_new = a + a_step
    b_new = b + b_step
    return a_new, b_new
