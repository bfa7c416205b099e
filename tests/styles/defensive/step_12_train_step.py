"""The train-step factory, with every argument checked."""

import logging
import math
import sys

import torch
from torch import nn

LOG = logging.getLogger(__name__)
LOG.setLevel(logging.WARNING)
LOG.addHandler(logging.StreamHandler(sys.stderr))


def make_train_step(model, loss_fn, optimizer, *, device=None):
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a module, not {type(model).__name__}")
    if not callable(loss_fn):
        raise TypeError("loss_fn must be a function")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer must be an optimizer, not {type(optimizer).__name__}")

    def train_step(x, y):
        if device is not None:
            x, y = x.to(device), y.to(device)
        model.train(mode=True)
        optimizer.zero_grad(set_to_none=True)
        try:
            with torch.enable_grad():
                yhat = model(x)
                loss = loss_fn(yhat, y)
                if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
                    raise ValueError("loss_fn must return a tensor with one number")
                value = float(loss.detach().to("cpu", torch.float64).reshape(()).item())
                if not math.isfinite(value):
                    LOG.warning("the loss is %s", value)
                loss.backward()
            optimizer.step()
        finally:
            optimizer.zero_grad(set_to_none=True)
        return value

    return train_step
