"""Step 12: the train-step factory.

Time: 25 minutes. Difficulty: 3 of 5. You need: steps 08 to 10, functions inside functions.

## Why

Every training loop does the same things for every batch. Only three things change from one
project to the next: the model, the loss function and the optimizer. So we write the steps
once, and never again.

## One train step

    1. put the model in train mode
    2. predict from x
    3. compute the loss from the prediction and y
    4. walk back from the loss: now every parameter has a gradient
    5. let the optimizer make one step
    6. clear the gradients, so that the next step starts with empty ones

Why train mode? Some layers behave differently while they learn. Dropout hides numbers, and
BatchNorm uses the mean of the batch. Somebody may have put the model in eval mode to look
at its predictions. So every train step says again: train mode.

Why the prediction first, and then y? Losses of `torch.nn` are called like this, and step 09
says why. (The tutorial writes `loss_fn(y, yhat)`; that works for a squared error only.)

Why a Python float as the result? The loss tensor remembers the whole graph of its step. Who
keeps a list of such tensors keeps all the graphs too, and the memory fills up. We only want
the number. It is the loss *before* the update, because it was computed from the old
parameters.

## A factory

A *factory* is a function that makes a function. Ours takes the three things and returns a
new function `train_step(x, y)`. The new function remembers the three things, so two train
steps that were made for different models never disturb each other. A function that
remembers like this is a *closure*.

Try it, with a smaller factory:

    >>> def make_counter(start):
    ...     count = [start]
    ...     def counter():
    ...         count[0] += 1
    ...         return count[0]
    ...     return counter
    >>> first, second = make_counter(0), make_counter(100)
    >>> first(), first(), second(), first()
    (1, 2, 101, 3)

Two counters, two memories. With one global variable there would be only one.

## Watch it learn

When yours is written: y = 3 * x on six points, one point at a time. The weight should come
near 3, the bias near 0, and the prediction for 1 near 3:

    >>> import torch
    >>> from torch import nn
    >>> from step_12_train_step import make_train_step
    >>> g = torch.manual_seed(42)
    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    >>> train_step = make_train_step(model, nn.MSELoss(), optimizer)
    >>> for epoch in range(100):
    ...     for number in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
    ...         loss = train_step(torch.tensor([[number]]), torch.tensor([[3 * number]]))
    >>> print(f"{model.weight.item():.3f} {model.bias.item():.3f}")
    2.999 0.008
    >>> print(f"{model(torch.ones(1, 1)).item():.3f}")
    3.006

Other starts end a little elsewhere, for example at 3.005 for the prediction. The loss of a
straight line has one valley only, so all ways lead to the same place. That of a network has
many, called *local minima*, so two trainings can end with different models.

And the tutorial's points, all 80 as one batch:

    >>> from tutorial_data import x_train, y_train
    >>> x, y = torch.tensor(x_train).float(), torch.tensor(y_train).float()
    >>> g = torch.manual_seed(42)
    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> train_step = make_train_step(model, nn.MSELoss(), optimizer)
    >>> losses = [train_step(x, y) for epoch in range(1000)]
    >>> print([round(loss, 4) for loss in losses[:3]])
    [0.7256, 0.4432, 0.2827]
    >>> print(f"bias {model.bias.item():.4f} weight {model.weight.item():.4f}")
    bias 1.0235 weight 1.9690

Falling losses do not prove that all is right: without clearing, the loss after ten epochs
is even lower here. So compare your first three losses with the three above.

## Recap

Train mode, predict, loss, backward, step, clear. These six lines are in every PyTorch
program that you will ever read. Steps 16 to 19 use them in loops over batches.

In PyTorch's documentation: "torch.nn.Module.train", "Optimizing Model Parameters"
(tutorial).
"""

from torch import nn, optim


def make_train_step(model: nn.Module, loss_fn, optimizer: optim.Optimizer):
    """Return a function that makes one training step.

    Args:
        model: any model; it is trained in place.
        loss_fn: any loss function. It is called as `loss_fn(yhat, y)`, in this order, with
            yhat as the model gives it and y as it is, and returns a tensor with one number.
        optimizer: any optimizer of `torch.optim` that holds the parameters of the model and
            whose `step()` needs no arguments.

    Returns:
        A function `train_step(x, y)`. Every call puts the model in train mode and makes one
        update from the gradients of this batch alone. It returns the loss of the batch before
        the update, as a Python float. Train steps that are made for different models do not
        disturb each other.

    Example:
        >>> import torch
        >>> model = nn.Linear(1, 1)
        >>> sgd = optim.SGD(model.parameters(), lr=0.1)
        >>> train_step = make_train_step(model, nn.MSELoss(), sgd)
        >>> loss = train_step(torch.zeros(4, 1), torch.ones(4, 1))
        >>> type(loss)
        <class 'float'>
    """
    # TODO: Return a function that makes one training step.
    raise NotImplementedError("`make_train_step` is not written yet.")
