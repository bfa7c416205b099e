"""Losses, with every argument checked."""

import logging

import torch
from torch import nn

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())

REDUCTIONS = frozenset({"mean", "sum", "none"})


def _check(yhat, y):
    for name, value in (("yhat", yhat), ("y", y)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
    if tuple(yhat.shape) != tuple(y.shape):
        raise ValueError(f"different shapes: {tuple(yhat.shape)} and {tuple(y.shape)}")


def _check_reduction(reduction):
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {sorted(REDUCTIONS)}, not {reduction!r}")
    return reduction


def mse(yhat, y, reduction="mean", *, weight=None):
    _check_reduction(reduction)
    _check(yhat, y)
    difference = yhat.to(torch.float64) - y.to(torch.float64)
    squares = difference * difference
    if weight is not None:
        squares = squares * torch.as_tensor(weight, dtype=torch.float64)
    if reduction == "mean":
        squares = squares.sum().div(max(squares.numel(), 1))
    elif reduction == "sum":
        squares = squares.sum()
    LOG.debug("reduction %s, shape %s", reduction, tuple(squares.shape))
    return squares.to(torch.result_type(yhat, y))


def huber(yhat, y, delta=1.0, *, reduction="mean"):
    _check_reduction(reduction)
    _check(yhat, y)
    delta = float(delta)
    if not delta > 0:
        raise ValueError(f"delta must be positive, not {delta}")
    difference = yhat.to(torch.float64) - y.to(torch.float64)
    size = difference.abs()
    inner = difference.square() / 2
    outer = delta * (size - delta / 2)
    losses = torch.where(size.le(delta), inner, outer)
    if reduction == "mean":
        losses = losses.sum().div(max(losses.numel(), 1))
    elif reduction == "sum":
        losses = losses.sum()
    LOG.debug("delta %g, shape %s", delta, tuple(losses.shape))
    return losses.to(torch.result_type(yhat, y))


class _CheckedLoss:
    """Looks at the shapes, then lets `nn.MSELoss` do the work."""

    def __init__(self, reduction):
        self._inner = nn.MSELoss(reduction=_check_reduction(reduction))

    def __call__(self, yhat, y, /):
        _check(yhat, y)
        return self._inner(yhat, y)


def make_loss(reduction):
    return _CheckedLoss(reduction)
