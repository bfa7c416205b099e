from typing import Callable

import torch


def make_train_step(
    model: torch.nn.Module,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
) -> Callable[[torch.Tensor, torch.Tensor], float]:
    """Validated at every step; clears before the backward pass."""

    def train_step(x: torch.Tensor, y: torch.Tensor) -> float:
        if not torch.is_tensor(x) or not torch.is_tensor(y):
            raise TypeError("x and y must be tensors")
        if not model.training:
            model.train()
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.detach().double())

    return train_step
