"""Chapter 8. Optimizers."""

from typing import Dict, Iterable, List

import torch
import torch.nn as nn
import torch.optim as optim
from torch import Tensor


def fit_with_sgd(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, lr: float, n_epochs: int
) -> List[float]:
    parameters = [a, b]
    optimizer = optim.SGD(parameters, lr=lr)
    loss_fn = nn.MSELoss(reduction="mean")
    losses: List[float] = []

    for epoch in range(n_epochs):
        yhat = a + b * x
        loss = loss_fn(yhat, y)
        loss_value = float(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss_value)

    return losses


class SGD:
    """v_1 = g_1,  v_t = mu * v_(t-1) + g_t,  p_t = p_(t-1) - lr * v_t."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        if lr < 0.0:
            raise ValueError("Invalid learning rate: {}".format(lr))
        if momentum < 0.0:
            raise ValueError("Invalid momentum value: {}".format(momentum))
        self.parameters: List[Tensor] = [p for p in params]
        self.learning_rate: float = lr
        self.mu: float = momentum
        self.velocity: Dict[int, Tensor] = {}

    def step(self) -> None:
        for index, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is None:
                continue
            if self.mu == 0.0:
                direction = gradient.data
            else:
                if index in self.velocity:
                    old_velocity = self.velocity[index]
                    new_velocity = self.mu * old_velocity + gradient.data
                else:
                    new_velocity = torch.clone(gradient.data)
                self.velocity[index] = new_velocity
                direction = new_velocity
            parameter.data -= self.learning_rate * direction

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.detach_()
                parameter.grad.zero_()
