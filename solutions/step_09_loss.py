"""Step 09: losses.

Time: 40 minutes. Difficulty: 3 of 5. You need: steps 00 (broadcasting) and 06.

## Why

A loss is one number that says how bad a prediction is. Training makes exactly this number
small, and nothing else. So a wrong loss trains a wrong model, without any error message.
Until now we wrote it by hand for arrays. Here we write it for tensors, and then we take the
one that PyTorch has.

## One number from many

For every point there is a squared error. A *reduction* says how many squared errors become
one number:

    yhat    y     squared error
     0      1          1
     1      3          4
     2      5          9

    "none"   do nothing: keep one for every entry                     1, 4, 9
    "sum"    add them all                                             14
    "mean"   add them all and divide by how many there are            4.67

PyTorch's own loss is `nn.MSELoss`. It works in two moves. First you make the loss function
and choose the reduction. Later you call it with a prediction and the true values.

Try it:

    >>> import torch
    >>> from torch import nn
    >>> yhat, y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0, 5.0])
    >>> loss_fn = nn.MSELoss()
    >>> loss_fn(yhat, y)
    tensor(4.6667)
    >>> nn.MSELoss(yhat, y)
    Traceback (most recent call last):
    RuntimeError: Boolean value of Tensor with more than one value is ambiguous

The last line is a classic mistake: it makes a loss function and takes the tensors for
options.

The prediction comes first: `loss_fn(yhat, y)`. The tutorial has it the other way round,
which does no harm to a squared error. With the loss of step 19 it would be an error: there
the prediction has ten numbers for each image, and the true value is a single class number.

The loss must stay a tensor. Autograd walks back from the loss to the parameters. A Python
float has forgotten the way, and so has a detached tensor. Then there is no gradient.

## The trap of shapes

There is one trap. `yhat` has shape (n, 1) and `y` has shape (n,). PyTorch does not complain
when you subtract. It compares every prediction with every true value, and you get n * n
errors. The loss is a number, but it is the wrong one. So our `mse` looks at the shapes
first. (`nn.MSELoss` prints a warning, and goes on.)

With the tutorial's points and the start a = 0.3367, b = 0.1288 (`squeeze()` drops
dimensions of length 1). The second number looks right, and it is wrong:

    >>> from tutorial_data import x_train, y_train
    >>> x, y = torch.tensor(x_train).float(), torch.tensor(y_train).float()
    >>> yhat = 0.3367 + 0.1288 * x
    >>> error, trap = yhat - y, yhat - y.squeeze()
    >>> error.numel(), trap.numel()
    (80, 6400)
    >>> print(f"{(error**2).mean().item():.4f} {(trap**2).mean().item():.4f}")
    2.7475 2.7950

The sum of the squared errors is 80 times their mean. When you change the reduction from
mean to sum, the gradients grow in the same way, and the learning rate must shrink.

    >>> print(f"{(error**2).sum().item():.2f}")
    219.80

## A calmer loss

Squares have a weakness. Think of one wrong measurement, far away from all the others. Its
error is 10 and its square is 100, so this one point pulls harder than many good ones. The
*Huber loss* stays calm. For a small error it is half the square. For a large one it goes on
as a straight line. A number *delta* says where the line begins:

    error e    0.5 * e ** 2    Huber loss, delta = 1
      0.5          0.125              0.125
     -1.0          0.5                0.5
      3.0          4.5                2.5
    -10.0         50.0                9.5

For one error e, where |e| is its size without the sign:

    0.5 * e ** 2                    where |e| <= delta
    delta * (|e| - 0.5 * delta)     elsewhere

Why does the line have this `- 0.5 * delta`? Put |e| = delta into both formulas: each gives
0.5 * delta ** 2. So the curve has no jump where one formula takes over from the other. And
the gradient of one error is never larger than delta in size, however far away the point is.

Each entry has its own formula. So one `if` cannot decide for a whole tensor:
`torch.where(condition, p, q)` takes each entry from p where the condition holds, and from q
elsewhere. The mean over all entries comes last. PyTorch has this loss, too. (0.125 + 0.5 +
2.5 + 9.5) / 4 is 3.15625:

    >>> e = torch.tensor([0.5, -1.0, 3.0, -10.0])
    >>> torch.where(e > 0, e, torch.zeros(4))
    tensor([0.5000, 0.0000, 3.0000, 0.0000])
    >>> nn.HuberLoss(reduction="none", delta=1.0)(e, torch.zeros(4))
    tensor([0.1250, 0.5000, 2.5000, 9.5000])
    >>> nn.HuberLoss(delta=1.0)(e, torch.zeros(4)).item()
    3.15625

Any function of tensors that gives one number, and that autograd can follow, is a loss. You
may write your own.

## Recap

Look at both shapes before you subtract; keep the loss a tensor; know your reduction. The
mean over a batch returns in step 15, where batches of different sizes meet; another loss
comes in step 19.

In PyTorch's documentation: "Loss Functions", "torch.nn.MSELoss", "torch.nn.HuberLoss".
"""

import torch
from torch import nn


def mse(yhat: torch.Tensor, y: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Return the mean squared error of a prediction, from scratch.

    None of PyTorch's own losses is used.

    Args:
        yhat: the predicted values, a tensor of any shape, float32.
        y: the true values, a tensor of the same shape, float32.
        reduction: "mean" for the mean over all entries, "sum" for their sum, "none" for
            the squared error of every entry.

    Returns:
        A tensor, float32: one number for "mean" and "sum", the shape of `yhat` for "none".
        `backward()` can go from it to `yhat` and to `y`.

    Raises:
        ValueError: `yhat` and `y` have different shapes, or `reduction` is none of the three.

    Example:
        >>> yhat, y = torch.tensor([[1.0], [5.0]]), torch.tensor([[1.0], [2.0]])
        >>> mse(yhat, y).item()
        4.5
        >>> mse(yhat, y, "sum").item()
        9.0
        >>> mse(yhat, y, "none").tolist()
        [[0.0], [9.0]]
    """
    # (n, 1) minus (n,) is allowed, but it makes an (n, n) table of errors.
    if yhat.shape != y.shape:
        raise ValueError(f"different shapes: {tuple(yhat.shape)} and {tuple(y.shape)}")
    squared_errors = (yhat - y) ** 2
    if reduction == "mean":
        return squared_errors.mean()
    if reduction == "sum":
        return squared_errors.sum()
    if reduction == "none":
        return squared_errors
    raise ValueError(f"unknown reduction: {reduction!r}")


def huber(yhat: torch.Tensor, y: torch.Tensor, delta: float = 1.0) -> torch.Tensor:
    """Return the Huber loss of a prediction, from scratch: the mean over all entries.

    The losses that PyTorch has are not used.

    Args:
        yhat: the predicted values, a tensor of any shape, float32.
        y: the true values, a tensor of the same shape, float32.
        delta: the size of an error up to which it counts half its square, a positive number.

    Returns:
        A tensor with one number, float32. It is the mean of 0.5 * e ** 2 where the error
        e has at most the size delta, and of delta * (|e| - 0.5 * delta) where it is larger.
        Gradients flow back from it to `yhat` and to `y`.

    Example:
        >>> yhat, y = torch.tensor([[1.5], [5.0]]), torch.tensor([[1.0], [2.0]])
        >>> huber(yhat, y).item()
        1.3125
        >>> huber(yhat, y, delta=2.0).item()
        2.0625
    """
    error = yhat - y
    size = error.abs()
    parabola = 0.5 * error**2
    line = delta * (size - 0.5 * delta)
    return torch.where(size <= delta, parabola, line).mean()


def make_loss(reduction: str):
    """Return PyTorch's own mean squared error, ready to be called.

    It is built on `nn.MSELoss`.

    Args:
        reduction: "mean", "sum" or "none", as in `mse`.

    Returns:
        A loss function. It is called as `loss(yhat, y)` with two tensors of the same
        shape and returns a tensor, as `mse` does.

    Example:
        >>> loss = make_loss("sum")
        >>> loss(torch.tensor([1.0, 5.0]), torch.tensor([1.0, 2.0])).item()
        9.0
    """
    return nn.MSELoss(reduction=reduction)
