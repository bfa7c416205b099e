"""Chapter 11. The weights of a model."""

from typing import Dict

import torch.nn as nn
from torch import Tensor


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    source_state = source.state_dict()
    copied_state: Dict[str, Tensor] = {}
    for name in source_state:
        copied_state[name] = source_state[name].clone()
    target.load_state_dict(copied_state)


def freeze_all_but(model: nn.Module, prefix: str) -> int:
    # First freeze everything, then thaw what we want to train.
    for parameter in model.parameters():
        parameter.requires_grad = False

    number_of_trainable: int = 0
    for name, parameter in model.named_parameters():
        if name.find(prefix) == 0:
            parameter.requires_grad = True
            number_of_trainable += parameter.nelement()
    return number_of_trainable
