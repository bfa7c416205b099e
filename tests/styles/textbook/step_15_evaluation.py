"""Chapter 15. Evaluation."""

from typing import Callable, List, Union

import torch
import torch.nn as nn
from torch import Tensor
from torch.utils.data import DataLoader

Device = Union[str, torch.device]


def evaluate(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    loader: DataLoader,
    device: Device,
) -> float:
    training_before = model.training
    batch_losses: List[float] = []
    batch_sizes: List[int] = []

    model.eval()
    with torch.no_grad():
        for x_batch, y_batch in loader:
            x_batch = x_batch.to(device)
            y_batch = y_batch.to(device)
            yhat = model(x_batch)
            batch_loss = loss_fn(yhat, y_batch)
            batch_losses.append(batch_loss.item())
            batch_sizes.append(y_batch.shape[0])
    if training_before:
        model.train()

    n_points = sum(batch_sizes)
    if n_points == 0:
        raise ValueError("There is nothing to evaluate.")
    weighted_sum = 0.0
    for batch_loss_value, batch_size in zip(batch_losses, batch_sizes):
        weighted_sum += batch_loss_value * batch_size
    return weighted_sum / n_points


def r2_score(model: nn.Module, loader: DataLoader, device: Device) -> float:
    training_before = model.training
    targets: List[Tensor] = []
    predictions: List[Tensor] = []

    model.eval()
    with torch.no_grad():
        for x_batch, y_batch in loader:
            prediction = model(x_batch.to(device))
            predictions.append(prediction.cpu().double())
            targets.append(y_batch.cpu().double())
    model.train(training_before)

    y = torch.cat(targets, dim=0)
    yhat = torch.cat(predictions, dim=0)
    y = y.reshape(y.shape[0], -1)
    yhat = yhat.reshape(yhat.shape[0], -1)

    # One R2 for each column, then their mean.
    scores: List[float] = []
    for column in range(y.shape[1]):
        y_mean = torch.mean(y[:, column])
        ss_residual = torch.sum((y[:, column] - yhat[:, column]) ** 2).item()
        ss_total = torch.sum((y[:, column] - y_mean) ** 2).item()
        if ss_total == 0.0:
            score = 1.0 if ss_residual == 0.0 else 0.0
        else:
            score = 1.0 - ss_residual / ss_total
        scores.append(score)
    return sum(scores) / len(scores)
