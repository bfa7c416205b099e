"""Checkpoints and early stopping, with every argument checked; files are replaced as a whole."""

import contextlib
import logging
import math
import operator
import os
import tempfile

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


def save_checkpoint(path, model, optimizer, epoch):
    path = os.path.abspath(os.fspath(path))
    content = {
        "format": 1,
        "epoch": operator.index(epoch),
        "weights": {k: v.detach().cpu().clone() for k, v in model.state_dict().items()},
        "optimizer": optimizer.state_dict(),
        "training": bool(model.training),
    }
    number, temporary = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".part")
    try:
        with os.fdopen(number, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    LOG.info("saved epoch %d", epoch)


def load_checkpoint(path, model, optimizer, *, strict=True):
    content = torch.load(os.fspath(path), map_location="cpu", weights_only=True)
    if not isinstance(content, dict) or content.get("format") != 1:
        raise ValueError(f"{path} is no checkpoint")
    missing = {"epoch", "weights", "optimizer"} - content.keys()
    if missing:
        raise ValueError(f"the checkpoint lacks {sorted(missing)}")
    model.load_state_dict(content["weights"], strict=strict)
    optimizer.load_state_dict(content["optimizer"])
    model.train(content.get("training", True))
    return int(content["epoch"])


def fit_early(
    model,
    loss_fn,
    optimizer,
    train_loader,
    val_loader,
    max_epochs,
    patience,
    device,
    *,
    min_delta=0.0,
):
    _check(model, loss_fn, optimizer)
    max_epochs, patience = operator.index(max_epochs), operator.index(patience)
    train_losses, val_losses = [], []
    best_epoch, best_state = None, None
    reason = "max_epochs"
    try:
        for epoch in range(max_epochs):
            train_losses.append(_one_pass(model, loss_fn, train_loader, device, optimizer))
            val_losses.append(_one_pass(model, loss_fn, val_loader, device))
            now = val_losses[-1]
            if not math.isnan(now) and (
                best_epoch is None or now < val_losses[best_epoch] - min_delta
            ):
                best_epoch = epoch
                best_state = {k: v.detach().clone() for k, v in model.state_dict().items()}
            since = epoch - best_epoch if best_epoch is not None else epoch + 1
            if since >= patience:
                reason = "patience"
                break
    finally:
        # The best weights, also when somebody interrupts the training.
        if best_state is not None:
            model.load_state_dict(best_state)
    LOG.info("stopped by %s, best epoch %s", reason, best_epoch)
    return {
        "train_losses": train_losses,
        "val_losses": val_losses,
        "best_epoch": 0 if best_epoch is None else best_epoch,
        "reason": reason,
    }
