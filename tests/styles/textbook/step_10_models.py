"""Chapter 10. Models."""

import torch
import torch.nn as nn
from torch import Tensor


class ManualLinearRegression(nn.Module):
    def __init__(self) -> None:
        super(ManualLinearRegression, self).__init__()
        # To make "a" and "b" real parameters of the model, we need to wrap them with nn.Parameter
        self.b = nn.Parameter(torch.randn(1, requires_grad=True, dtype=torch.float))
        self.a = nn.Parameter(torch.randn(1, requires_grad=True, dtype=torch.float))

    def forward(self, x: Tensor) -> Tensor:
        slope_part = x * self.b
        yhat = slope_part + self.a
        return yhat


class LayerLinearRegression(nn.Module):
    def __init__(self) -> None:
        super(LayerLinearRegression, self).__init__()
        # Instead of our custom parameters, we use a Linear layer with single input and single output
        self.linear = nn.Linear(in_features=1, out_features=1)

    def forward(self, x: Tensor) -> Tensor:
        # Now it only takes a call to the layer to make predictions
        yhat = self.linear(x)
        return yhat


def make_sequential() -> nn.Sequential:
    layer = nn.Linear(1, 1)
    model = nn.Sequential(layer)
    return model


class MultilayerPerceptron(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super(MultilayerPerceptron, self).__init__()
        self.input_to_hidden = nn.Linear(input_size, hidden_size)
        self.activation = nn.ReLU()
        self.hidden_to_output = nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        z = self.input_to_hidden(x)
        h = self.activation(z)
        output = self.hidden_to_output(h)
        return output


def make_mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Module:
    network = MultilayerPerceptron(n_in, n_hidden, n_out)
    return network


def count_trainable(model: nn.Module) -> int:
    total: int = 0
    for parameter in model.parameters():
        if parameter.requires_grad:
            total += parameter.numel()
    return total
