"""Models, with every argument checked."""

import logging
import operator

import torch
from torch import nn

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _size(value, name):
    value = operator.index(value)
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value


class _Checked(nn.Module):
    """A module that looks at its input first."""

    def _look_at(self, x, width):
        if not isinstance(x, torch.Tensor):
            raise TypeError(f"x must be a tensor, not {type(x).__name__}")
        if x.dim() != 2 or x.size(1) != width:
            raise ValueError(f"x must have the shape (n, {width}), not {tuple(x.shape)}")
        return x


class ManualLinearRegression(_Checked):
    def __init__(self, a=None, b=None):
        super().__init__()
        generator = torch.Generator()
        generator.seed()
        for name, value in (("a", a), ("b", b)):
            if value is None:
                start = torch.randn(1, generator=generator, dtype=torch.float32)
            else:
                start = torch.as_tensor(value, dtype=torch.float32).reshape(1).clone()
            setattr(self, name, nn.Parameter(start, requires_grad=True))

    def forward(self, x):
        self._look_at(x, 1)
        yhat = self.a.to(torch.float64) + self.b.to(torch.float64) * x.to(torch.float64)
        return yhat.to(x.dtype)

    def extra_repr(self):
        return f"a={self.a.item():.4f}, b={self.b.item():.4f}"


class _CheckedLinear(nn.Linear):
    """A layer that says what is wrong with its input."""

    def forward(self, input):
        if input.size(-1) != self.in_features:
            raise ValueError(f"need {self.in_features} numbers per point, got {input.size(-1)}")
        return super().forward(input)


class LayerLinearRegression(_Checked):
    def __init__(self):
        super().__init__()
        self.add_module("linear", _CheckedLinear(1, 1, bias=True))

    def forward(self, x):
        return self.linear(self._look_at(x, 1))


def make_sequential():
    model = nn.Sequential(_CheckedLinear(1, 1, bias=True))
    assert len(model) == 1
    return model


class _Network(_Checked):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.width = n_in
        self.layers = nn.ModuleDict(
            {"second": _CheckedLinear(n_hidden, n_out), "first": _CheckedLinear(n_in, n_hidden)}
        )

    def forward(self, x):
        hidden = self.layers["first"](self._look_at(x, self.width))
        hidden = torch.maximum(hidden, torch.zeros_like(hidden))
        return self.layers["second"](hidden)


def make_mlp(n_in, n_hidden, n_out):
    return _Network(_size(n_in, "n_in"), _size(n_hidden, "n_hidden"), _size(n_out, "n_out"))


def count_trainable(model, *, frozen_too=False):
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    parameters = {id(p): p for p in model.parameters() if frozen_too or p.requires_grad}
    return int(sum(int(p.numel()) for p in parameters.values()))
