from __future__ import annotations

from collections import defaultdict

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


def fit(model, loss_fn, optimizer, train_loader, val_loader, n_epochs, device, scheduler=None):
    history = [e for _, e in zip(range(n_epochs), _run(model, loss_fn, optimizer, train_loader, val_loader, device))]
    train, val = zip(*history) if history else ((), ())
    return defaultdict(tuple, train_losses=torch.tensor(train, dtype=torch.float64), val_losses=val)
