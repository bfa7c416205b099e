"""Optimizers, with every argument checked."""

import logging
import math

import torch

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _setting(value, name):
    value = float(value)
    if math.isnan(value) or value < 0:
        raise ValueError(f"{name} must not be negative, but it is {value}")
    return value


def fit_with_sgd(x, y, a, b, lr, n_epochs, *, loss_fn=None):
    for name, value in {"x": x, "y": y, "a": a, "b": b}.items():
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a tensor")
    if x.shape != y.shape:
        raise ValueError(f"different shapes: {tuple(x.shape)} and {tuple(y.shape)}")
    loss_fn = loss_fn or torch.nn.MSELoss()
    optimizer = torch.optim.SGD(
        params=[{"params": [a]}, {"params": [b]}], lr=_setting(lr, "lr"), momentum=0.0
    )
    losses = []
    try:
        for _ in range(n_epochs):
            optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                loss = loss_fn(a + b * x, y)
                loss.backward()
            losses.append(float(loss.detach().item()))
            optimizer.step()
    finally:
        optimizer.zero_grad(set_to_none=True)
    return losses


class SGD:
    def __init__(self, params, lr, momentum=0.0, *, maximize=False):
        self._lr = _setting(lr, "lr")
        self._momentum = _setting(momentum, "momentum")
        self._sign = 1.0 if maximize else -1.0
        if isinstance(params, torch.Tensor):
            params = [params]
        self._params = tuple(params)
        for i, p in enumerate(self._params):
            if not isinstance(p, torch.Tensor):
                raise TypeError(f"parameter {i} is no tensor, but a {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"parameter {i} is no leaf")
        self._velocities = [None for _ in self._params]

    def __repr__(self):
        return f"SGD(lr={self._lr}, momentum={self._momentum})"

    @property
    def lr(self):
        return self._lr

    def step(self, closure=None):
        answer = None
        if closure is not None:
            with torch.enable_grad():
                answer = closure()
        with torch.no_grad():
            for i, p in enumerate(self._params):
                if p.grad is None:
                    LOG.debug("parameter %d has no gradient", i)
                    continue
                grad = p.grad.detach().to(torch.float64, copy=True)
                if self._velocities[i] is None:
                    self._velocities[i] = grad
                else:
                    self._velocities[i] = torch.add(
                        grad, self._velocities[i], alpha=self._momentum
                    )
                moved = p.to(torch.float64) + self._sign * self._lr * self._velocities[i]
                p.copy_(moved.to(p.dtype))
        return answer

    def zero_grad(self, set_to_none=False):
        for p in self._params:
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad = torch.zeros_like(p.grad)
