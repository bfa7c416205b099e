from __future__ import annotations

import io
import math
import os

import torch
from torch import nn


def _epoch(model, loss_fn, loader, device, optimizer=None):
    training = optimizer is not None
    model.train(training)
    sums, n = torch.zeros((), dtype=torch.float64, device=device), 0
    with torch.set_grad_enabled(training):
        for x, y in loader:
            x, y = (t.to(device, non_blocking=True) for t in (x, y))
            if training:
                optimizer.zero_grad(set_to_none=True)
            loss = loss_fn(model(x), y)
            if training:
                loss.backward()
                optimizer.step()
            sums += loss.detach().double() * x.shape[0]
            n += x.shape[0]
    return (sums / max(n, 1)).item()


def _run(model, loss_fn, optimizer, train_loader, val_loader, device):
    while True:
        yield (
            _epoch(model, loss_fn, train_loader, device, optimizer),
            _epoch(model, loss_fn, val_loader, device),
        )


def save_checkpoint(path, model, optimizer, epoch, **extra):
    buffer = io.BytesIO()
    torch.save({"epoch": int(epoch), "model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(), **extra}, buffer)
    tmp = f"{os.fspath(path)}.tmp"
    with open(tmp, "wb") as file:
        file.write(buffer.getvalue())
    os.replace(tmp, path)


def load_checkpoint(path, model, optimizer=None, map_location=None):
    device = next(model.parameters()).device
    state = torch.load(path, map_location=map_location or device, weights_only=True)
    model.load_state_dict(state["model_state_dict"], strict=True)
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer_state_dict"])
    return state["epoch"]


def fit_early(model, loss_fn, optimizer, train_loader, val_loader, max_epochs, patience, device):
    best = (math.inf, 0, None)
    train, val = [], []
    for epoch, (t, v) in zip(range(max_epochs), _run(model, loss_fn, optimizer, train_loader, val_loader, device)):
        train.append(t)
        val.append(v)
        if v < best[0]:
            best = (v, epoch, {k: p.detach().cpu().clone() for k, p in model.state_dict().items()})
        if epoch - best[1] == patience:
            break
    if best[2] is not None:
        model.load_state_dict(best[2])
    return {"train_losses": tuple(train), "val_losses": tuple(val), "best_epoch": best[1], "stopped": epoch + 1 < max_epochs}
