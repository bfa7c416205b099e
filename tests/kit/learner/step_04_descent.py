import numpy as np
from sklearn.linear_model import LinearRegression


def init_parameters(seed):
    np.random.seed(seed)
    a = np.random.randn(1)
    b = np.random.randn(1)
    return a, b


def fit(x, y, a, b, lr, n_epochs):
    losses = []
    for epoch in range(n_epochs):
        yhat = a + b * x
        error = yhat - y
        losses.append((error**2).mean())
        a = a - lr * 2 * error.mean()
        yhat = a + b * x
        error = yhat - y
        b = b - lr * 2 * (x * error).mean()
    return a, b, losses


def updates_per_epoch(n_points, batch_size):
    if n_points < 1 or batch_size < 1:
        raise ValueError("both must be at least 1")
    full, rest = divmod(n_points, batch_size)
    return full + 1 if rest else full


def fit_minibatch(x, y, a, b, lr, n_epochs, batch_size):
    losses = []
    for epoch in range(n_epochs):
        for i in range(len(x) // batch_size):
            rows = slice(i * batch_size, (i + 1) * batch_size)
            error = a + b * x[rows] - y[rows]
            losses.append((error**2).mean())
            a, b = a - lr * 2 * error.mean(), b - lr * 2 * (x[rows] * error).mean()
    return a, b, losses


def least_squares(x, y):
    model = LinearRegression().fit(x, y)
    return float(model.intercept_[0]), float(model.coef_[0, 0])
