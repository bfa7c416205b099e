"""Chapter 12. Building the train step."""

from typing import Callable

import torch.nn as nn
import torch.optim as optim
from torch import Tensor


def make_train_step(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: optim.Optimizer,
) -> Callable[[Tensor, Tensor], float]:
    # Builds function that performs a step in the train loop
    def perform_train_step(x: Tensor, y: Tensor) -> float:
        # Clears what an earlier step has left
        optimizer.zero_grad()
        # Sets model to TRAIN mode
        model.train()
        # Makes predictions
        yhat: Tensor = model(x)
        # Computes loss
        loss: Tensor = loss_fn(yhat, y)
        # Computes gradients
        loss.backward()
        # Updates parameters
        optimizer.step()
        # Returns the loss
        loss_value: float = loss.item()
        return loss_value

    # Returns the function that will be called inside the train loop
    return perform_train_step
