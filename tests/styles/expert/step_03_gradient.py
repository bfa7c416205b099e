import numpy as np
from numpy.typing import ArrayLike, NDArray


def _design(x: NDArray) -> NDArray:
    return np.column_stack([np.ones(x.size), x.ravel()])


def _theta(a: ArrayLike, b: ArrayLike) -> NDArray:
    return np.concatenate([np.atleast_1d(a), np.atleast_1d(b)]).astype(np.float64)


def predict(a: ArrayLike, b: ArrayLike, x: NDArray) -> NDArray:
    return (_design(np.asarray(x, dtype=np.float64)) @ _theta(a, b)).reshape(-1, 1)


def mse(y: NDArray, yhat: NDArray, *, axis=None) -> float:
    if y.shape != yhat.shape:
        raise ValueError("shapes differ")
    return float(np.mean(np.square(yhat - y), axis=axis))


def gradients(a: ArrayLike, b: ArrayLike, x: NDArray, y: NDArray) -> NDArray:
    X = _design(x)
    g = 2 / len(X) * X.T @ (X @ _theta(a, b) - y.ravel())
    return tuple(g)


def numerical_gradients(a, b, x, y, eps: float = 1e-6):
    theta = _theta(a, b)
    loss = lambda t: mse(y, predict(t[0], t[1], x))
    return tuple((loss(theta + h) - loss(theta - h)) / (2 * eps) for h in eps * np.eye(2))


def update(a, b, a_grad, b_grad, lr: float = 0.1):
    if lr < 0:
        raise ValueError("lr")
    return tuple(p - lr * g for p, g in zip((a, b), (a_grad, b_grad), strict=True))
