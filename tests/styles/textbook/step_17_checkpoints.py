"""Chapter 17. Checkpoints and early stopping."""

from typing import Any, Callable, Dict, List, Union

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


def save_checkpoint(path: str, model: nn.Module, optimizer: optim.Optimizer, epoch: int) -> None:
    checkpoint: Dict[str, Any] = {}
    checkpoint["epoch"] = epoch
    checkpoint["model_state_dict"] = model.state_dict()
    checkpoint["optimizer_state_dict"] = optimizer.state_dict()
    with open(path, "wb") as file:
        torch.save(checkpoint, file)


def load_checkpoint(path: str, model: nn.Module, optimizer: optim.Optimizer) -> int:
    with open(path, "rb") as file:
        checkpoint = torch.load(file, weights_only=True)
    optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    model.load_state_dict(checkpoint["model_state_dict"])
    epoch = checkpoint["epoch"]
    return epoch


def fit_early(
    model: nn.Module,
    loss_fn: LossFunction,
    optimizer: optim.Optimizer,
    train_loader: DataLoader,
    val_loader: DataLoader,
    max_epochs: int,
    patience: int,
    device: Device,
) -> Dict[str, Any]:
    train_losses: List[float] = []
    val_losses: List[float] = []
    best_loss = float("inf")
    best_epoch = 0
    best_weights: Dict[str, Tensor] = {}
    epochs_without_improvement = 0

    for epoch in range(max_epochs):
        train_loss = train_one_epoch(model, loss_fn, optimizer, train_loader, device)
        val_loss = validate(model, loss_fn, val_loader, device)
        train_losses.append(train_loss)
        val_losses.append(val_loss)

        if val_loss < best_loss:
            best_loss = val_loss
            best_epoch = epoch
            best_weights = {}
            for name, value in model.state_dict().items():
                best_weights[name] = value.detach().clone()
            epochs_without_improvement = 0
        else:
            epochs_without_improvement += 1
            if epochs_without_improvement == patience:
                break

    if len(best_weights) > 0:
        model.load_state_dict(best_weights)
    return {
        "train_losses": train_losses,
        "val_losses": val_losses,
        "best_epoch": best_epoch,
        "best_loss": best_loss,
    }
