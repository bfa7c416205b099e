"""Step 17: checkpoints and early stopping.

Training can take days, and computers stop. A *checkpoint* is a file from which training
goes on as if nothing had happened. The model alone is not enough. The optimizer has a
memory too: momentum, the step counts of Adam, the learning rate. All of this is in
the two state dicts. A file that holds only tensors and plain data can be loaded with
`weights_only=True`. Then loading never runs foreign code.

Long training can make a model worse: the training loss still falls, but the
validation loss rises. The model learns the noise (it *overfits*). With *early stopping* we
watch the validation loss. After `patience` epochs without a better one, we stop and go back
to the best weights:

    epoch             0     1     2     3     4
    validation loss   5.0   3.0   4.0   3.0   3.5      patience 3: stop after epoch 4
    best so far       yes   yes   no    no    no       best epoch: 1 (equal is not better)

A trap: `state_dict()` gives the living tensors, not a copy. The next step changes them.

An epoch is the same as in step 16: first the steps in training mode, then the validation in eval
mode, and both losses are means per point.

Numbers to expect: the training of step 16 with patience 5, instead of 100 epochs, stops after 40.
The best one is epoch 34: a = 1.0610, b = 1.8863, and the validation loss is 0.0079. After 100
epochs it was 0.0083.
"""

import copy
import math
from os import PathLike

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader


def _train_epoch(model, loss_fn, optimizer, loader, device):
    """Take one step per batch; return the mean loss per point that the steps saw."""
    # Validation leaves the model in eval mode, so every epoch switches back.
    model.train()
    total, n_points = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n_points += len(x)
    return total / n_points


def _evaluate(model, loss_fn, loader, device):
    """Return the mean loss per point in eval mode, without gradients."""
    model.eval()
    total, n_points = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            total += loss_fn(model(x), y).item() * len(x)
            n_points += len(x)
    return total / n_points


def save_checkpoint(
    path: str | PathLike, model: nn.Module, optimizer: Optimizer, epoch: int
) -> None:
    """Write a file from which training can go on.

    The file holds everything that `load_checkpoint` needs. It can be read with
    `torch.load(path, weights_only=True)`. Model and optimizer are not changed.

    Args:
        path: name of the file; an older file of that name is replaced.
        model: the model in its present state, buffers included.
        optimizer: the optimizer in its present state.
        epoch: a number that the caller wants back from `load_checkpoint`.

    Example:
        >>> import tempfile
        >>> model = nn.Linear(1, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = folder + "/model.pt"
        ...     save_checkpoint(path, model, torch.optim.Adam(model.parameters()), 7)
        ...     loaded = torch.load(path, weights_only=True)
        >>> type(loaded)
        <class 'dict'>
    """
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": epoch,
    }
    torch.save(checkpoint, path)


def load_checkpoint(path: str | PathLike, model: nn.Module, optimizer: Optimizer) -> int:
    """Bring a model and an optimizer into the state that a checkpoint holds.

    Afterwards training goes on with the same numbers as if it had never been
    interrupted, also when model and optimizer are fresh objects with other numbers in them.

    Args:
        path: name of a file that `save_checkpoint` has written.
        model: a model of the same architecture; changed in place.
        optimizer: an optimizer of the same kind for the parameters of this model; changed
            in place.

    Returns:
        The `epoch` that was given to `save_checkpoint`, an int.

    Example:
        >>> import tempfile
        >>> old, new = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = folder + "/model.pt"
        ...     save_checkpoint(path, old, torch.optim.Adam(old.parameters()), 7)
        ...     load_checkpoint(path, new, torch.optim.Adam(new.parameters()))
        7
        >>> torch.equal(old.weight, new.weight)
        True
    """
    # A checkpoint from a GPU must also load on a computer without one.
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["epoch"]


def fit_early(
    model: nn.Module,
    loss_fn,
    optimizer: Optimizer,
    train_loader: DataLoader,
    val_loader: DataLoader,
    max_epochs: int,
    patience: int,
    device,
) -> dict:
    """Train a model, stop when the validation loss gets no better, keep the best weights.

    An epoch takes one optimizer step for each batch of the training loader, in training
    mode, and then measures the loss on the validation loader, in eval mode.

    Training stops after `patience` epochs in a row without a validation loss that is
    smaller than the best one so far. An equal loss is not better. A loss that is not a
    number (NaN) is never better, and never the best one, also when it is the first. When
    training ends, for this reason or because of `max_epochs`, the model has the weights and
    buffers that it had after its best epoch. If all of the first `patience` losses are infinite
    or NaN, there is no best epoch, and what happens is left open.

    Args:
        model: any model, already on `device`, in any mode; trained in place.
        loss_fn: called as `loss_fn(yhat, y)`; returns the mean loss of a batch.
        optimizer: any optimizer for the parameters of the model, which needs no closure.
        train_loader: gives the training batches `(x, y)`, at least one, of any dtype. Each epoch
            walks through it anew. Points of its dataset that it leaves out do not count.
        val_loader: gives the validation batches `(x, y)`, at least one, in the same way.
        max_epochs: at most so many epochs, at least 1.
        patience: so many epochs without a better loss are one too many, at least 1.
        device: where the model is, a str such as "cpu" or a `torch.device`; every batch is moved
            there.

    Returns:
        A dict with two lists, tuples, arrays or tensors of one scalar for each epoch that was run (also
        for the epochs after the best one): `train_losses`, the mean per point of the losses seen by the
        steps, each before its update; `val_losses`, the mean loss per point of the validation part
        after the epoch. The third entry is `best_epoch`, an int, counted from 0: `val_losses[best_epoch]`
        is the smallest loss, the first of them if several are equal.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> model = nn.Linear(1, 1, bias=False)
        >>> model.weight.data.fill_(0.0)
        tensor([[0.]])
        >>> sgd = torch.optim.SGD(model.parameters(), lr=0.25)
        >>> train = TensorDataset(torch.tensor([[1.0]]), torch.tensor([[4.0]]))
        >>> val = TensorDataset(torch.tensor([[1.0]]), torch.tensor([[2.0]]))
        >>> history = fit_early(
        ...     model, nn.MSELoss(), sgd, DataLoader(train), DataLoader(val), 9, 2, "cpu"
        ... )
        >>> history["val_losses"], history["best_epoch"], model.weight.item()
        ([0.0, 1.0, 2.25], 0, 2.0)
    """
    history = {"train_losses": [], "val_losses": [], "best_epoch": 0}
    best_loss, best_state = math.inf, copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_loss = _train_epoch(model, loss_fn, optimizer, train_loader, device)
        val_loss = _evaluate(model, loss_fn, val_loader, device)
        history["train_losses"].append(train_loss)
        history["val_losses"].append(val_loss)
        # Every comparison with NaN is False, so a NaN is never the best.
        if val_loss < best_loss:
            # The state dict shares memory with the model: without a copy it would move on.
            best_loss, best_state = val_loss, copy.deepcopy(model.state_dict())
            history["best_epoch"] = epoch
        elif epoch - history["best_epoch"] >= patience:
            break
    model.load_state_dict(best_state)
    return history
