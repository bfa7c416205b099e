from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass
class _TrainStep:
    model: nn.Module
    loss_fn: Callable[[Tensor, Tensor], Tensor]
    optimizer: Optimizer
    losses: list[float] = field(default_factory=list)

    @torch.enable_grad()
    def __call__(self, x: Tensor, y: Tensor) -> float:
        loss = self.loss_fn(self.model.train(True)(x), y)
        grads = torch.autograd.grad(loss, [p for p in self.model.parameters() if p.requires_grad])
        trainable = (p for p in self.model.parameters() if p.requires_grad)
        for p, g in zip(trainable, grads, strict=True):
            p.grad = g
        value = loss.detach().double().cpu().item()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        self.losses.append(value)
        return value


def make_train_step(model, loss_fn, optimizer, *, clip: float | None = None) -> _TrainStep:
    return _TrainStep(model, loss_fn, optimizer)
