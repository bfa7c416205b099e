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
