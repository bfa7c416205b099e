import torch
import torch.nn as nn


class ManualLinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.randn(1, requires_grad=True)
        self.b = torch.randn(1, requires_grad=True)

    def forward(self, x):
        return self.a + self.b * x


class LayerLinearRegression(nn.Module):
    def __init__(self):
        super(LayerLinearRegression, self).__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)


def make_sequential():
    model = nn.Sequential(nn.Linear(1, 1))
    return model


def make_mlp(n_in, n_hidden, n_out):
    raise NotImplementedError()


def count_trainable(model):
    total = 0
    for name, p in model.named_parameters():
        if p.requires_grad:
            total += p.numel()
    print("trainable:", total)
    return total
