from __future__ import annotations

from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def _evaluating(model: nn.Module):
    modes = {m: m.training for m in model.modules()}
    try:
        with torch.inference_mode():
            yield model.eval()
    finally:
        for m, mode in modes.items():
            m.training = mode


def evaluate(model, loss_fn, loader, device=None, *, max_batches=None):
    total = torch.zeros((), dtype=torch.float64, device=device)
    n = 0
    with _evaluating(model):
        for x, y in loader:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
            total += loss_fn(model(x), y).double() * x.size(0)
            n += x.size(0)
    if not n:
        raise ValueError("cannot evaluate on an empty loader")
    return (total / n).item()


def r2_score(model, loader, device=None):
    # One pass, shifted by the first batch's mean, in float64.
    n, shift, s, ss, sse = 0, None, 0.0, 0.0, 0.0
    with _evaluating(model):
        for x, y in loader:
            x, y = x.to(device), y.to(device).double()
            sse = sse + (y - model(x).double()).square().sum(0)
            shift = y.mean(0) if shift is None else shift
            d = y - shift
            n, s, ss = n + len(y), s + d.sum(0), ss + d.square().sum(0)
    return (1 - sse / (ss - s.square() / n)).mean().cpu()
