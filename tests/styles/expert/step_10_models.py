from __future__ import annotations

from collections import OrderedDict
from math import prod

import torch
from torch import Tensor, nn


class ManualLinearRegression(nn.Module):
    a: nn.Parameter
    b: nn.Parameter

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()
        for name in "ab":
            self.register_parameter(name, nn.Parameter(torch.empty(1)))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        with torch.no_grad():
            for p in self.parameters():
                p.normal_(generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.a.double(), self.b.double(), x.double()).to(x.dtype)


class LayerLinearRegression(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Sequential(nn.Linear(1, 1))[0]
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


def make_sequential() -> nn.Sequential:
    return nn.Sequential(OrderedDict(line=nn.Linear(1, 1)))


class _MLP(nn.Sequential):
    def __init__(self, *sizes: int) -> None:
        n_in, n_hidden, n_out = sizes
        super().__init__(
            OrderedDict(
                hidden=nn.Linear(n_in, n_hidden),
                bend=nn.Hardtanh(0.0, float("inf")),
                out=nn.Linear(n_hidden, n_out),
                same=nn.Identity(),
            )
        )


def make_mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Module:
    return _MLP(n_in, n_hidden, n_out)


def count_trainable(model: nn.Module) -> int:
    return sum(prod(p.shape) for p in filter(lambda p: p.requires_grad, model.parameters()))
