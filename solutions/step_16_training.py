"""Step 16: the whole pipeline.

Now we put the pieces together. One epoch has two halves:

    1. Training: for every batch of the training loader, one step
       (forward, loss, backward, optimizer step, clear the gradients).
    2. Validation: the loss on the validation loader. Here nothing is learned.

After each epoch we note two numbers, both as a mean per point. The training loss is
the mean of the losses that the steps saw, each before its update. The validation
loss is measured after the epoch, with the new parameters. So in a fast first epoch the
training loss can be the larger one. The model must be in training mode in the first half
and in eval mode in the second half, in *every* epoch.

Numbers to expect: with the tutorial's points (first 80 shuffled indices train), batches of
16 in their order, lr 0.1 and the start a = 0.3367, b = 0.1288, the first epoch has the
training loss 1.2738 and the validation loss 0.1739. After 100 epochs a = 1.0204, b = 1.9673,
the training loss is 0.0081, the validation loss 0.0083.
"""

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


def fit(
    model: nn.Module,
    loss_fn,
    optimizer: Optimizer,
    train_loader: DataLoader,
    val_loader: DataLoader,
    n_epochs: int,
    device,
) -> dict:
    """Train a model in place and note the losses of every epoch.

    An epoch takes one optimizer step for each batch of the training loader, in training
    mode, and then measures the loss on the validation loader, in eval mode. The validation
    points change nothing in the model.

    Args:
        model: any model, already on `device`, in any mode.
        loss_fn: called as `loss_fn(yhat, y)`; returns the mean loss of a batch, a tensor of
            shape ().
        optimizer: any optimizer for the parameters of the model, which needs no closure.
        train_loader: gives the training batches `(x, y)`, at least one, of any dtype. Each epoch
            walks through it anew. Points of its dataset that it leaves out do not count.
        val_loader: gives the validation batches `(x, y)`, at least one, in the same way.
        n_epochs: number of epochs.
        device: where the model is, a str such as "cpu" or a `torch.device`; every batch is moved
            there.

    Returns:
        A dict with two lists, tuples, arrays or tensors of `n_epochs` scalars:
        `train_losses`: mean per point of the losses seen by the steps of this epoch, each
        before its update; `val_losses`: mean loss per point of the validation part after
        the epoch. A point in a smaller batch counts as much as any other.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> model = nn.Linear(1, 1, bias=False)
        >>> model.weight.data.fill_(0.0)
        tensor([[0.]])
        >>> sgd = torch.optim.SGD(model.parameters(), lr=0.25)
        >>> points = TensorDataset(torch.tensor([[1.0]]), torch.tensor([[4.0]]))
        >>> loader = DataLoader(points, batch_size=1)
        >>> history = fit(model, nn.MSELoss(), sgd, loader, loader, 2, "cpu")
        >>> history["train_losses"], history["val_losses"]
        ([16.0, 4.0], [4.0, 1.0])
    """
    history = {"train_losses": [], "val_losses": []}
    for _ in range(n_epochs):
        train_loss = _train_epoch(model, loss_fn, optimizer, train_loader, device)
        history["train_losses"].append(train_loss)
        history["val_losses"].append(_evaluate(model, loss_fn, val_loader, device))
    return history
