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


def fit_minibatch(
    x: np.ndarray,
    y: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    lr: float,
    n_epochs: int,
    batch_size: int,
) -> Tuple[np.ndarray, np.ndarray, List[np.ndarray]]:
    intercept = np.array(a, dtype=np.float64)
    slope = np.array(b, dtype=np.float64)
    losses: List[np.ndarray] = []
    number_of_batches = updates_per_epoch(x.shape[0], batch_size)

    for epoch in range(1, n_epochs + 1):
        for k in range(number_of_batches):
            # The points of batch k
            x_batch = x[k * batch_size : (k + 1) * batch_size]
            y_batch = y[k * batch_size : (k + 1) * batch_size]

            # Loss and gradients of this batch
            residuals = y_batch - (intercept + slope * x_batch)
            losses.append(np.mean(residuals**2))
            intercept_grad = -2.0 * np.mean(residuals)
            slope_grad = -2.0 * np.mean(x_batch * residuals)

            # The update
            intercept -= lr * intercept_grad
            slope -= lr * slope_grad

    return intercept, slope, losses


def best_learning_rate(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, lrs: List[float], n_epochs: int
) -> float:
    final_losses: List[float] = []
    for lr in lrs:
        intercept, slope, _ = fit(x, y, a, b, lr, n_epochs)
        final_losses.append(float(np.mean((y - (intercept + slope * x)) ** 2)))
    # Runs that diverged are excluded.
    finite: List[float] = [loss for loss in final_losses if np.isfinite(loss)]
    index: int = final_losses.index(min(finite))
    return float(lrs[index])
