"""Autograd, with every argument checked; the gradients of the caller come back."""

import logging

import torch

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _leaf(value, name):
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
    if not value.is_leaf or not value.requires_grad:
        raise ValueError(f"{name} must be a leaf that requires a gradient")
    return value


def _loss(a, b, x, y):
    for name, value in (("x", x), ("y", y)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a tensor")
    if x.shape != y.shape:
        raise ValueError(f"different shapes: {tuple(x.shape)} and {tuple(y.shape)}")
    yhat = a.double() + b.double() * x.double()
    return torch.square(yhat - y.double()).mean()


def loss_gradients(a, b, x, y):
    pair = (_leaf(a, "a"), _leaf(b, "b"))
    before = [p.grad for p in pair]
    try:
        for p in pair:
            p.grad = None
        with torch.enable_grad():
            _loss(a, b, x, y).backward()
        found = tuple(p.grad.detach().clone() for p in pair)
    finally:
        for p, grad in zip(pair, before, strict=True):
            p.grad = grad
    return found


def update_(params, lr, *, zero=False):
    params = list(params)
    for i, p in enumerate(params):
        _leaf(p, f"params[{i}]")
    lr = float(lr)
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.copy_(p.double() - lr * p.grad.double())
            p.grad = torch.zeros_like(p.grad) if zero else None


def fit(x, y, a, b, lr, n_epochs, *, log_every=100):
    pair = (_leaf(a, "a"), _leaf(b, "b"))
    losses = []
    try:
        for epoch in range(n_epochs):
            with torch.enable_grad():
                loss = _loss(a, b, x, y)
            for p, grad in zip(pair, torch.autograd.grad(loss, pair), strict=True):
                p.grad = grad
            losses.append(float(loss.detach().cpu().item()))
            update_(pair, lr)
            if log_every and epoch % log_every == 0:
                LOG.info("epoch %d: loss %g", epoch, losses[-1])
    finally:
        a.grad = b.grad = None
    return losses


def fit_many(x, y, w, b, lr, n_epochs, *, log_every=100):
    pair = (_leaf(w, "w"), _leaf(b, "b"))
    if x.dim() != 2 or x.size(1) != w.numel() or tuple(y.shape) != (x.size(0),):
        raise ValueError(f"shapes do not fit: {tuple(x.shape)}, {tuple(y.shape)}, {tuple(w.shape)}")
    points, values = x.detach().double(), y.detach().double()
    losses = []
    try:
        for epoch in range(n_epochs):
            with torch.enable_grad():
                yhat = torch.mv(points, w.double()) + b.double()
                loss = torch.square(yhat - values).mean()
            for p, grad in zip(pair, torch.autograd.grad(loss, pair), strict=True):
                p.grad = grad
            losses.append(float(loss.detach().cpu().item()))
            update_(pair, lr)
            if log_every and epoch % log_every == 0:
                LOG.info("epoch %d: loss %g", epoch, losses[-1])
    finally:
        w.grad = b.grad = None
    return losses
