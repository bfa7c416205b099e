"""Chapter 4. Batch gradient descent."""

from typing import List, Tuple

import numpy as np
from sklearn.linear_model import LinearRegression


def init_parameters(seed: int) -> Tuple[np.ndarray, np.ndarray]:
    np.random.seed(seed)
    a = np.random.standard_normal(1)
    b = np.random.standard_normal(1)
    return a, b


def fit(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, lr: float, n_epochs: int
) -> Tuple[np.ndarray, np.ndarray, List[np.ndarray]]:
    n = x.shape[0]
    intercept = np.array(a, dtype=np.float64)
    slope = np.array(b, dtype=np.float64)
    losses: List[np.ndarray] = []

    for epoch in range(1, n_epochs + 1):
        # Step 1: computes the predicted output
        yhat = intercept + slope * x

        # Step 2: computes the loss
        residuals = y - yhat
        loss = np.sum(residuals**2) / n
        losses.append(loss)

        # Step 3: computes the gradients
        intercept_grad = -2.0 * np.sum(residuals) / n
        slope_grad = -2.0 * np.sum(x * residuals) / n

        # Step 4: updates the parameters
        intercept -= lr * intercept_grad
        slope -= lr * slope_grad

    return intercept, slope, losses


def updates_per_epoch(n_points: int, batch_size: int) -> int:
    if n_points < 1:
        raise ValueError("n_points must be positive.")
    if batch_size < 1:
        raise ValueError("batch_size must be positive.")
    full_batches, remainder = divmod(n_points, batch_size)
    if remainder > 0:
        return full_batches + 1
    else:
        return full_batches


def least_squares(x: np.ndarray, y: np.ndarray) -> Tuple[float, float]:
    regression = LinearRegression(fit_intercept=True)
    regression.fit(x, y)
    intercept = float(regression.intercept_[0])
    slope = float(regression.coef_[0][0])
    return intercept, slope
