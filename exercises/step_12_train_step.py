"""Step 12: the train-step factory.

Every training loop does the same things for every batch:

    1. put the model in train mode
    2. predict: yhat = model(x)
    3. compute the loss from yhat and y
    4. walk back from the loss: now every parameter has a gradient
    5. let the optimizer make one step
    6. clear the gradients, so that the next step starts with empty ones

Only three things change from one project to the next: the model, the loss function and
the optimizer. So we write the steps once. A *factory* is a function that makes a function.
Our factory takes the three things and returns a new function `train_step(x, y)`. The
new function remembers the three things, so two factories never disturb each other.

Why train mode? Some layers behave differently while they learn. Dropout hides numbers,
and BatchNorm uses the mean of the batch. Somebody may have put the model in eval mode
to look at its predictions. So every train step says again: train mode.

Why a Python float as the result? The loss tensor remembers the whole graph of its step. Who
keeps a list of such tensors keeps all the graphs too, and the memory fills up. We only want
the number. It is the loss *before* the update, because it was computed from the old parameters.

Numbers to expect: with the 80 training points of the tutorial as one batch, an
`nn.Linear(1, 1)` made after `torch.manual_seed(42)`, `nn.MSELoss()` and SGD with lr = 0.1,
the first three losses are 0.7256, 0.4432 and 0.2827. After 1000 steps the bias is
1.0235 and the weight is 1.9690.
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
        update from the gradients of this batch alone. It returns the loss of the batch
        before the update, as a Python float. Factories that are made for different models do not
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
