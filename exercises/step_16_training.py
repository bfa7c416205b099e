"""Step 16: the whole pipeline.

Time: 30 minutes. Difficulty: 3 of 5. You need: steps 12, 14 and 15.

## Why

Now we put the pieces together. After this step you have the tutorial's whole program, made
of your own functions, and `make run` (or `torchsteps run`) runs it.

## The plan

Every training in PyTorch has the same three parts:

    1. design the model                        step 10
    2. choose a loss and an optimizer          steps 08, 09
    3. the loop: forward, backward, update     step 12, over the batches of step 14

One *epoch* of the loop has two halves:

    training      for every batch of the training loader, one step
    validation    the loss on the validation loader. Here nothing is learned.

After each epoch we note two numbers, both as a mean per point. The training loss is the
mean of the losses that the steps saw, each before its update. The validation loss is
measured after the epoch, with the new parameters. So in a fast first epoch the training
loss can be the larger one. The model must be in training mode in the first half and in eval
mode in the second half, in *every* epoch.

    mode     train    eval    train    eval    train    eval   ...
             |___ epoch 0 __| |___ epoch 1 __| |___ epoch 2 __|

The dataset stays on the CPU. Each batch moves to the device of the model when its turn
comes. (You may import what you wrote: `from step_12_train_step import make_train_step`. If
it is wrong there, it is wrong here, too.) So the card holds the model and one batch, and
never all the data.

Try it, before you write: how many updates are 150 epochs over 80 points, in batches of 16?

    >>> import torch
    >>> from torch import nn
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from tutorial_data import x_train, x_val, y_train, y_val
    >>> train = TensorDataset(torch.tensor(x_train).float(), torch.tensor(y_train).float())
    >>> val = TensorDataset(torch.tensor(x_val).float(), torch.tensor(y_val).float())
    >>> train_loader, val_loader = DataLoader(train, batch_size=16), DataLoader(val, batch_size=16)
    >>> 150 * len(train_loader)
    750

When `fit` is written: batches in their order, lr 0.1, and the start of step 05:

    >>> from step_16_training import fit
    >>> model = nn.Linear(1, 1)
    >>> model.load_state_dict({"weight": torch.tensor([[0.1288]]), "bias": torch.tensor([0.3367])})
    <All keys matched successfully>
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, nn.MSELoss(), optimizer, train_loader, val_loader, 100, "cpu")
    >>> for losses in (history["train_losses"], history["val_losses"]):
    ...     print(f"{losses[0]:.4f} ... {losses[-1]:.4f}")
    1.2738 ... 0.0081
    0.1739 ... 0.0083
    >>> print(f"{model.bias.item():.4f} {model.weight.item():.4f}")
    1.0204 1.9673

In the first epoch the training loss is the larger one, as promised. In the end both are
near 0.01, the square of the noise. Had the model learned the noise of the training points,
the training loss would fall below the validation loss, further and further. A line cannot
learn much noise; a network can, and step 17 stops it.

## Recap

Two halves per epoch, two modes, two lists. With shuffled batches the numbers change from
run to run, unless the loader has a generator with a seed. Run your program now, with `make
run`, and look at the curve. Step 17 adds a file to save it in, and a reason to stop.

In PyTorch's documentation: "Optimizing Model Parameters" (tutorial), "Training with
PyTorch" (tutorial).
"""

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader


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
        optimizer: any optimizer for the parameters of the model, whose `step()` needs no
            arguments.
        train_loader: gives the training batches `(x, y)`, at least one, of any dtype. Each
            epoch iterates over it again. Points of its dataset that it leaves out do not count.
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
    # TODO: Train a model in place and note the losses of every epoch.
    raise NotImplementedError("`fit` is not written yet.")
