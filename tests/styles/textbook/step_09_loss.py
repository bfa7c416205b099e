"""Chapter 9. Loss functions."""

from typing import Callable

import torch
import torch.nn as nn
from torch import Tensor


def mse(yhat: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    if yhat.shape != y.shape:
        raise ValueError("yhat and y must have the same shape.")

    difference = torch.sub(yhat, y)
    squared_error = torch.pow(difference, 2)

    if reduction == "none":
        loss = squared_error
    elif reduction == "sum":
        loss = torch.sum(squared_error)
    elif reduction == "mean":
        number_of_entries = squared_error.numel()
        loss = torch.sum(squared_error) / number_of_entries
    else:
        raise ValueError("reduction must be 'mean', 'sum' or 'none'.")
    return loss


def huber(yhat: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    error = torch.sub(yhat, y)
    absolute_error = torch.abs(error)
    is_small = absolute_error <= delta

    squared_loss = 0.5 * torch.pow(error, 2)
    linear_loss = delta * (absolute_error - 0.5 * delta)
    loss_of_each_entry = torch.where(is_small, squared_loss, linear_loss)
    loss = torch.mean(loss_of_each_entry)
    return loss


def make_loss(reduction: str) -> Callable[[Tensor, Tensor], Tensor]:
    criterion = nn.MSELoss(reduction=reduction)

    def loss_fn(yhat: Tensor, y: Tensor) -> Tensor:
        loss = criterion(yhat, y)
        return loss

    return loss_fn
