"""The whole pipeline, with every argument checked."""

import logging
import operator

import torch
from torch import nn

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _check(model, loss_fn, optimizer):
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    if not callable(loss_fn):
        raise TypeError("loss_fn must be a function")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError("optimizer must be an optimizer")


def _one_pass(model, loss_fn, loader, device, optimizer=None):
    """Go through a loader once; learn when there is an optimizer. Return the mean per point."""
    device = torch.device(device)
    terms, n = [], 0
    model.train(optimizer is not None)
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            if optimizer is not None:
                optimizer.zero_grad(set_to_none=True)
            loss = loss_fn(model(x), y)
            if loss.numel() != 1:
                raise ValueError("loss_fn must return one number")
            terms.append(float(loss.detach().reshape(()).item()) * len(y))
            n += len(y)
            if optimizer is not None:
                loss.backward()
                optimizer.step()
    if optimizer is not None:
        optimizer.zero_grad(set_to_none=True)
    if n == 0:
        raise ValueError("the loader is empty")
    return sum(terms) / n


def fit(
    model, loss_fn, optimizer, train_loader, val_loader, n_epochs, device, *, on_epoch=None
):
    _check(model, loss_fn, optimizer)
    train_losses, val_losses = [], []
    for epoch in range(operator.index(n_epochs)):
        train_losses.append(_one_pass(model, loss_fn, train_loader, device, optimizer))
        val_losses.append(_one_pass(model, loss_fn, val_loader, device))
        LOG.info("epoch %d: %g, %g", epoch, train_losses[-1], val_losses[-1])
        if on_epoch is not None:
            on_epoch(epoch, train_losses[-1], val_losses[-1])
    return {
        "train_losses": torch.tensor(train_losses, dtype=torch.float64),
        "val_losses": torch.tensor(val_losses, dtype=torch.float64),
        "n_epochs": len(train_losses),
    }
