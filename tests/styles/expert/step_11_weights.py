from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> None:
    theirs, ours = source.state_dict(), target.state_dict()
    if theirs.keys() != ours.keys():
        raise ValueError("different models")
    for name, value in ours.items():
        value.copy_(theirs[name])


def freeze_all_but(model, prefix):
    trainable = 0
    for name, p in model.named_parameters():
        p.requires_grad = keep = name.startswith(prefix)
        trainable += keep * p.numel()
    return int(trainable)


def replace_head(model: nn.Sequential, n_out: int) -> None:
    model.requires_grad_(False)
    model[-1] = nn.Linear(model[-1].in_features, n_out)


@torch.inference_mode()
def predict(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    training = model.training
    try:
        return model.eval()(x.to(next(model.parameters()).device, non_blocking=True))
    finally:
        model.train(training)
