"""Chapter 16. The training loop."""

from typing import Callable, Dict, List, Union

import torch
import torch.nn as nn
import torch.optim as optim
from torch import Tensor
from torch.utils.data import DataLoader

Device = Union[str, torch.device]
LossFunction = Callable[[Tensor, Tensor], Tensor]


def train_one_epoch(
    model: nn.Module,
    loss_fn: LossFunction,
    optimizer: optim.Optimizer,
    train_loader: DataLoader,
    device: Device,
) -> float:
    model.train()
    sum_of_losses = 0.0
    number_of_points = 0
    optimizer.zero_grad()
    for x_batch, y_batch in train_loader:
        x_batch = x_batch.to(device)
        y_batch = y_batch.to(device)
        yhat = model(x_batch)
        loss = loss_fn(yhat, y_batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        batch_size = x_batch.size(0)
        sum_of_losses += batch_size * loss.item()
        number_of_points += batch_size
    return sum_of_losses / number_of_points


def validate(
    model: nn.Module, loss_fn: LossFunction, val_loader: DataLoader, device: Device
) -> float:
    model.eval()
    sum_of_losses = 0.0
    number_of_points = 0
    for x_batch, y_batch in val_loader:
        with torch.no_grad():
            x_batch = x_batch.to(device)
            y_batch = y_batch.to(device)
            yhat = model(x_batch)
            loss = loss_fn(yhat, y_batch)
        batch_size = x_batch.size(0)
        sum_of_losses += batch_size * loss.item()
        number_of_points += batch_size
    return sum_of_losses / number_of_points


def fit(
    model: nn.Module,
    loss_fn: LossFunction,
    optimizer: optim.Optimizer,
    train_loader: DataLoader,
    val_loader: DataLoader,
    n_epochs: int,
    device: Device,
) -> Dict[str, List[float]]:
    train_losses: List[float] = []
    val_losses: List[float] = []
    for epoch in range(n_epochs):
        train_loss = train_one_epoch(model, loss_fn, optimizer, train_loader, device)
        train_losses.append(train_loss)
        val_loss = validate(model, loss_fn, val_loader, device)
        val_losses.append(val_loss)
    return {"train_losses": train_losses, "val_losses": val_losses}
