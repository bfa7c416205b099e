"""Step 17: checkpoints and early stopping.

Time: 60 minutes. Difficulty: 4 of 5. You need: steps 11 and 16.

## Why

Training can take days, and computers crash. And a training that goes on for too long can
make a model worse. In this step you learn to save everything that a training needs, and to
stop in time.

## Checkpoints

A *checkpoint* is a file from which training can be resumed as if nothing had happened (but
for random numbers, such as the order of a shuffled loader). The model alone is not enough.
The optimizer has a memory too: its learning rate, and the velocities of momentum. Some,
such as the widely used Adam, also count their steps. All of this is in the two state dicts.

Try it. An optimizer has a state dict, like a model. After one step with momentum there is
the velocity of step 08 in it:

    >>> import torch
    >>> from torch import nn
    >>> layer = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    >>> len(optimizer.state_dict()["state"])
    0
    >>> layer(torch.ones(1, 1)).sum().backward()
    >>> optimizer.step()
    >>> optimizer.state_dict()["state"][0]
    {'momentum_buffer': tensor([[1.]])}

A file that holds only tensors and plain data can be loaded with `weights_only=True`, which
is the default since PyTorch 2.6. Then loading runs no code from the file. A whole model or
optimizer, saved as an object, cannot be loaded like this:

    >>> import io
    >>> file = io.BytesIO()
    >>> torch.save(layer, file)
    >>> position = file.seek(0)
    >>> torch.load(file, weights_only=True)
    Traceback (most recent call last):
    _pickle.UnpicklingError: Weights only load failed...

So save dicts, lists, numbers and tensors, and nothing else.

## Early stopping

Long training can make a model worse: the training loss still falls, but the validation loss
rises. The model learns the noise (it *overfits*). With *early stopping* we watch the
validation loss. After `patience` epochs without a better one, we stop and go back to the
best weights:

    epoch             0     1     2     3     4
    validation loss   5.0   3.0   4.0   3.0   3.5      patience 3: stop after epoch 4
    best so far       yes   yes   no    no    no       best epoch: 1 (equal is not better)

A trap: `state_dict()` gives the tensors themselves, not a copy. The next step changes them,
and your "best" weights are the last ones:

    >>> best = layer.state_dict()
    >>> with torch.no_grad():
    ...     layer.weight.fill_(5)
    Parameter containing:
    tensor([[5.]], requires_grad=True)
    >>> best["weight"]
    tensor([[5.]])

A loss can also be nan ("not a number", step 04). It is never the best. And if the best so
far were nan, no later loss would ever be smaller.

An epoch is the same as in step 16 (you may import what you wrote there): first the steps in
training mode, then the validation in eval mode, and both losses are means per point.

When `fit_early` is written: the training of step 16 with patience 5, instead of 100 epochs,
stops after 40. The best epoch is number 34, counted from 0, and its validation loss is
smaller than that after 100 epochs, 0.0083:

    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from tutorial_data import x_train, x_val, y_train, y_val
    >>> from step_17_checkpoints import fit_early
    >>> train = TensorDataset(torch.tensor(x_train).float(), torch.tensor(y_train).float())
    >>> val = TensorDataset(torch.tensor(x_val).float(), torch.tensor(y_val).float())
    >>> loaders = DataLoader(train, batch_size=16), DataLoader(val, batch_size=16)
    >>> model = nn.Linear(1, 1)
    >>> model.load_state_dict({"weight": torch.tensor([[0.1288]]), "bias": torch.tensor([0.3367])})
    <All keys matched successfully>
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit_early(model, nn.MSELoss(), optimizer, *loaders, 100, 5, "cpu")
    >>> len(history["val_losses"]), history["best_epoch"], f"{history['val_losses'][34]:.4f}"
    (40, 34, '0.0079')
    >>> print(f"{model.bias.item():.4f} {model.weight.item():.4f}")
    1.0610 1.8863

The line itself is further from a = 1, b = 2 than before. Twenty validation points are few:
they have noise, too, and early stopping listens to it. It is made for models that overfit,
and a line hardly does.

## Recap

Two state dicts and a number make a checkpoint; copies of the best weights make early
stopping work. You will use both in the capstones, steps 18 and 19.

In PyTorch's documentation: "Saving and Loading a General Checkpoint" (recipe),
"torch.load", "torch.optim.Optimizer.state_dict".
"""

import copy
import math
from os import PathLike

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader


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
    # TODO: Write a file from which training can go on.
    raise NotImplementedError("`save_checkpoint` is not written yet.")


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
    # TODO: Bring a model and an optimizer into the state that a checkpoint holds.
    raise NotImplementedError("`load_checkpoint` is not written yet.")


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

    Training stops after `patience` epochs in a row without a validation loss that is smaller
    than the best one so far. An equal loss is not better. A loss that is not a number (NaN) is
    never better, and never the best one, also when it is the first. When training ends, for
    this reason or because of `max_epochs`, the model has the weights and buffers that it had
    after its best epoch. If all of the first `patience` losses are infinite or NaN, there is no
    best epoch, and what happens is up to you.

    Args:
        model: any model, already on `device`, in any mode; trained in place.
        loss_fn: called as `loss_fn(yhat, y)`; returns the mean loss of a batch.
        optimizer: any optimizer for the parameters of the model, whose `step()` needs no
            arguments.
        train_loader: gives the training batches `(x, y)`, at least one, of any dtype. Each
            epoch iterates over it again. Points of its dataset that it leaves out do not count.
        val_loader: gives the validation batches `(x, y)`, at least one, in the same way.
        max_epochs: the largest number of epochs, at least 1.
        patience: stop after this many epochs in a row without a better loss, at least 1.
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
    # TODO: Train a model, stop when the validation loss gets no better, keep the best weights.
    raise NotImplementedError("`fit_early` is not written yet.")
