from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split


class Split(NamedTuple):
    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


def generate_data(n=100, a=1.0, b=2.0, noise=0.1, seed=42, *, low=0.0, high=1.0):
    if noise < 0:
        raise ValueError("noise is a standard deviation")
    rng = np.random.RandomState(seed)
    x = rng.uniform(low, high, size=(n, 1))
    return x, np.polyval([b, a], x) + rng.normal(scale=noise, size=x.shape)


def train_val_split(x, y, n_train, seed=42):
    if x.shape[0] != y.shape[0]:
        raise ValueError("x and y must match")
    if n_train not in range(1, x.shape[0]):
        raise ValueError("n_train out of range")
    x_train, x_val, y_train, y_val = train_test_split(x, y, train_size=int(n_train), random_state=seed)
    return Split(x_train, y_train, x_val, y_val)
