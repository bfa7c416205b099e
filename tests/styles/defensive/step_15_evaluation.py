"""Evaluation, with every argument checked; the modes come back whatever happens."""

import logging
import math

import numpy as np
import torch
from sklearn.metrics import r2_score as sklearn_r2_score
from torch import nn

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _answers(model, loader, device):
    """Give (yhat, y) for each batch, in eval mode and without gradients."""
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    device = torch.device(device)
    modes = [(module, module.training) for module in model.modules()]
    answers = []
    try:
        model.eval()
        with torch.no_grad():
            for batch in loader:
                if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                    raise ValueError("a batch must be a pair (x, y)")
                x, y = (part.to(device) for part in batch)
                answers.append((model(x), y))
    finally:
        for module, mode in modes:
            module.training = mode
    return answers


def evaluate(model, loss_fn, loader, device):
    if not callable(loss_fn):
        raise TypeError("loss_fn must be a function")
    terms, n = [], 0
    with torch.no_grad():
        for yhat, y in _answers(model, loader, device):
            loss = torch.as_tensor(loss_fn(yhat, y))
            if loss.numel() != 1:
                raise ValueError("loss_fn must return one number")
            terms.append(float(loss.reshape(()).item()) * y.size(0))
            n += y.size(0)
    if n == 0:
        raise ValueError("the loader is empty")
    LOG.info("%d points in %d batches", n, len(terms))
    return math.fsum(terms) / n


def r2_score(model, loader, device, *, multioutput="uniform_average"):
    answers = _answers(model, loader, device)
    if not answers:
        raise ValueError("the loader is empty")
    predicted = np.concatenate([np.asarray(yhat.tolist(), dtype=np.float64) for yhat, _ in answers])
    true = np.concatenate([np.asarray(y.tolist(), dtype=np.float64) for _, y in answers])
    if predicted.shape != true.shape:
        raise ValueError(f"different shapes: {predicted.shape} and {true.shape}")
    return np.float64(sklearn_r2_score(y_true=true, y_pred=predicted, multioutput=multioutput))
