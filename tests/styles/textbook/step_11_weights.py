"""Chapter 11. The weights of a model."""

from typing import Dict

import torch
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


def replace_head(model: nn.Sequential, n_out: int) -> None:
    # Step 1: freeze the pretrained layers.
    for parameter in model.parameters():
        parameter.requires_grad = False

    # Step 2: replace the classifier.
    number_of_features: int = model[-1].in_features
    new_head = nn.Linear(number_of_features, n_out)
    model[-1] = new_head


def predict(model: nn.Module, x: Tensor) -> Tensor:
    was_in_training_mode: bool = model.training
    first_parameter = next(model.parameters())
    x_on_device = x.to(first_parameter.device)

    model.eval()
    with torch.no_grad():
        prediction = model(x_on_device)

    if was_in_training_mode:
        model.train()
    return prediction
