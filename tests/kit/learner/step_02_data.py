import numpy as np


def generate_data(n, a, b, noise, seed):
    rs = np.random.RandomState(seed)
    x, e = rs.rand(n, 1), rs.randn(n, 1)
    return x, a + b * x + noise * e


def train_val_split(x, y, n_train, seed):
    if len(x) != len(y) or not 1 <= n_train < len(x):
        raise ValueError("bad split")
    i = np.random.RandomState(seed).permutation(len(x))
    t, v = i[:n_train], i[n_train:]
    return x[v], y[v], x[t], y[t]
