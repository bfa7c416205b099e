"""Chapter 6. Automatic differentiation."""

from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def loss_gradients(a: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tuple[Tensor, Tensor]:
    yhat = a + b * x
    loss = F.mse_loss(yhat, y)
    loss.backward()
    a_grad = a.grad.clone()
    b_grad = b.grad.clone()
    # Gradients accumulate: clear them for the next call.
    a.grad.zero_()
    b.grad.zero_()
    return a_grad, b_grad


def update_(params: List[Tensor], lr: float) -> None:
    for parameter in params:
        gradient = parameter.grad
        if gradient is None:
            continue
        parameter.data -= lr * gradient.data
        gradient.zero_()


def fit(x: Tensor, y: Tensor, a: Tensor, b: Tensor, lr: float, n_epochs: int) -> List[float]:
    losses: List[float] = []
    for epoch in range(n_epochs):
        yhat = a + b * x
        error = y - yhat
        loss = (error**2).mean()
        losses.append(loss.item())

        loss.backward()

        with torch.no_grad():
            a -= lr * a.grad
            b -= lr * b.grad

        a.grad.zero_()
        b.grad.zero_()
    return losses


def fit_many(x: Tensor, y: Tensor, w: Tensor, b: Tensor, lr: float, n_epochs: int) -> List[float]:
    losses: List[float] = []
    for epoch in range(n_epochs):
        yhat = torch.matmul(x, w) + b
        error = yhat - y
        loss = (error**2).mean()
        losses.append(loss.item())

        loss.backward()

        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad

        w.grad.zero_()
        b.grad.zero_()
    return losses
