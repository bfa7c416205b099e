"""Step 09: losses.

A loss is one number that says how bad a prediction is. Until now we wrote it by hand
for arrays. Here we write it for tensors, and then we take the one that PyTorch has.

For every point there is a squared error:

    (yhat - y) ** 2

A *reduction* says how many squared errors become one number:

    "mean"   add them all and divide by how many there are
    "sum"    add them all
    "none"   do nothing: keep one squared error for every entry

PyTorch's own loss is `nn.MSELoss`. It works in two moves. First you make the loss function
and choose the reduction. Later you call it with a prediction and the true values.

The loss must stay a tensor. Autograd walks back from the loss to the parameters. A Python
float has forgotten the way, and so has a detached tensor. Then there is no gradient.

There is one trap. `yhat` has shape (n, 1) and `y` has shape (n,). PyTorch does not
complain. It compares every prediction with every true value, and you get n * n errors. The
loss is a number, but it is the wrong one. So our `mse` looks at the shapes first.

Squares have a weakness. Think of one wrong measurement, far away from all the others. Its
error is 10 and its square is 100, so this one point pulls harder than many good ones. The
*Huber loss* stays calm. For a small error it is half the square. For a large one it goes
on as a straight line. A number *delta* says where the line begins:

    error e    0.5 * e ** 2    Huber loss, delta = 1
      0.5          0.125              0.125
     -1.0          0.5                0.5
      3.0          4.5                2.5
    -10.0         50.0                9.5

For one error e, where |e| is its size without the sign:

    0.5 * e ** 2                    where |e| <= delta
    delta * (|e| - 0.5 * delta)     elsewhere

Why does the line have this `- 0.5 * delta`? Put |e| = delta into both formulas: each gives
0.5 * delta ** 2. So the curve has no jump where one formula takes over from the other. And the
gradient of one error is never larger than delta, however far away the point is.

Each entry has its own formula. So one `if` cannot decide for a whole tensor:
`torch.where(condition, p, q)` takes each entry from p where the condition holds, and from q
elsewhere. The mean over all entries comes last.

Try it. PyTorch has this loss, too. (0.125 + 0.5 + 2.5 + 9.5) / 4 is 3.15625:

    >>> e = torch.tensor([0.5, -1.0, 3.0, -10.0])
    >>> torch.where(e > 0, e, torch.zeros(4))
    tensor([0.5000, 0.0000, 3.0000, 0.0000])
    >>> nn.HuberLoss(delta=1.0)(e, torch.zeros(4)).item()
    3.15625

Numbers to expect: with the 80 training points of the tutorial and the PyTorch start
a = 0.3367, b = 0.1288, the mean is 2.7475 and the sum is 219.80. That is 80 times
the mean. With `y` of shape (80,) the trap gives 6400 errors and a mean of 2.7951.
It looks right, and it is wrong.
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
    # TODO: Return the mean squared error of a prediction, from scratch.
    raise NotImplementedError("`mse` is not written yet.")


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
    # TODO: Return the Huber loss of a prediction, from scratch: the mean over all entries.
    raise NotImplementedError("`huber` is not written yet.")


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
    # TODO: Return PyTorch's own mean squared error, ready to be called.
    raise NotImplementedError("`make_loss` is not written yet.")
