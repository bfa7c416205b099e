"""Chapter 2. Synthetic data for simple linear regression."""

from typing import Tuple

import numpy as np

TrainVal = Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def generate_data(
    n: int, a: float, b: float, noise: float, seed: int
) -> Tuple[np.ndarray, np.ndarray]:
    """y_i = a + b * x_i + sigma * epsilon_i."""
    np.random.seed(seed)
    features = np.random.rand(n)
    sigma = noise
    epsilon = np.random.normal(loc=0.0, scale=1.0, size=n)
    labels = a + b * features + sigma * epsilon
    x = features.reshape(n, 1)
    y = labels.reshape(n, 1)
    return x, y


def train_val_split(x: np.ndarray, y: np.ndarray, n_train: int, seed: int) -> TrainVal:
    n_points_x = x.shape[0]
    n_points_y = y.shape[0]
    if n_points_x != n_points_y:
        raise ValueError("The number of features and labels must be the same.")
    n_points = n_points_x
    if n_train < 1:
        raise ValueError("There must be at least one training point.")
    if n_train > n_points - 1:
        raise ValueError("There must be at least one validation point.")

    # Give every point a random key; sorting the keys shuffles the points.
    np.random.seed(seed)
    keys = np.random.uniform(size=n_points)
    idx = np.argsort(keys)
    train_idx = idx[:n_train]
    val_idx = idx[n_train:]

    x_train = x[train_idx]
    y_train = y[train_idx]
    x_val = x[val_idx]
    y_val = y[val_idx]
    return x_train, y_train, x_val, y_val
