"""Step 08: optimizers.

Time: 75 minutes. Difficulty: 4 of 5. You need: step 06, classes in Python.

## Why

In step 06 you moved each parameter yourself. With a hundred parameters, and with better
rules than "a small step downhill", that is work for an object. First you use PyTorch's own
optimizer. Then you write one, and it must give the same numbers.

## What an optimizer does

It keeps a list of parameters, and it offers two methods. `step()` moves every parameter.
`zero_grad()` clears every gradient. A training loop then always has the same form:

    loss = ...               1. the prediction and its loss
    loss.backward()          2. the gradients
    optimizer.step()         3. move the parameters
    optimizer.zero_grad()    4. clear the gradients for the next round

(The clearing may also come first. It must not stand between 2 and 3.)

The simplest optimizer is SGD, *stochastic gradient descent*. It is the update that you
know: each parameter moves against its gradient, by `lr` times the gradient.

## Momentum

Think of a ball that rolls down into a valley. When the gradients agree, the ball gets
faster. When they change their sign, they cancel each other out. So the optimizer remembers
where it was going. For every parameter it keeps a velocity `v` of the same shape. Here the
gradient is always 1, lr = 0.1 and momentum = 0.9:

    step    velocity              the parameter moves by
      1     1                     0.1
      2     0.9 * 1   + 1 = 1.9   0.19
      3     0.9 * 1.9 + 1 = 2.71  0.271
      ...   close to 10           close to 1              10 is 1 / (1 - 0.9)

In symbols, with g for the gradient of this step. The first velocity is a copy of the first
gradient:

    later velocity = momentum * earlier velocity + g
    new parameter = old parameter - lr * velocity

Try it with PyTorch's own. The parameter starts at 0 and its gradient is always 1:

    >>> import torch
    >>> p = torch.zeros(1, requires_grad=True)
    >>> optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9)
    >>> for step in range(3):
    ...     p.grad = torch.ones(1)
    ...     optimizer.step()
    ...     print(f"{p.item():.3f}")
    -0.100
    -0.290
    -0.561

There are other forms of momentum, such as Nesterov's. PyTorch uses the one in the table
unless you ask for another, and yours should, too. Why a copy of the gradient? The tensor
`p.grad` is not yours: `backward()` goes on adding to it, and `zero_()` fills it with zeros.
A velocity that *is* this tensor changes with it (step 01).

## Details that are easy to miss

`model.parameters()`, which you will meet in step 10, is a *generator*: it gives its tensors
once, and then it is empty. If you need them in every step, keep them:

    >>> tensors = (torch.zeros(size) for size in (1, 2))
    >>> len(list(tensors)), len(list(tensors))
    (2, 0)

And a parameter without a gradient (`.grad` is None) is left alone: neither the parameter
nor its velocity changes. That is why None and zero are not the same after `zero_grad()`:
with zeros, and momentum, the ball rolls on.

    >>> optimizer.zero_grad()
    >>> print(p.grad)
    None
    >>> optimizer.step()
    >>> print(f"{p.item():.3f}")
    -0.561
    >>> p.grad = torch.zeros(1)
    >>> optimizer.step()
    >>> print(f"{p.item():.3f}")
    -0.805

## Is it worth it?

The tutorial's points, from the start of step 05. PyTorch's SGD gives the line of step 06,
and with momentum it gets there much sooner:

    >>> from tutorial_data import x_train, y_train
    >>> from step_08_optimizer import SGD, fit_with_sgd
    >>> x, y = torch.tensor(x_train).float(), torch.tensor(y_train).float()
    >>> a = torch.tensor([0.3367], requires_grad=True)
    >>> b = torch.tensor([0.1288], requires_grad=True)
    >>> losses = fit_with_sgd(x, y, a, b, lr=0.1, n_epochs=1000)
    >>> print(f"{a.item():.4f} {b.item():.4f}, loss in epoch 99: {losses[99]:.4f}")
    1.0235 1.9690, loss in epoch 99: 0.0146
    >>> a = torch.tensor([0.3367], requires_grad=True)
    >>> b = torch.tensor([0.1288], requires_grad=True)
    >>> optimizer = SGD([a, b], lr=0.1, momentum=0.9)
    >>> for epoch in range(100):
    ...     optimizer.zero_grad()
    ...     error = a + b * x - y
    ...     error.square().mean().backward()
    ...     optimizer.step()
    >>> print(f"{error.square().mean().item():.4f}")
    0.0081

## Recap

An optimizer is a list of parameters, a rule, and a memory for each parameter. That memory
must be saved with the model if training is to be resumed later: step 17. Step 12 takes any
optimizer.

In PyTorch's documentation: "torch.optim", "torch.optim.SGD" (the box "algorithm" has the
formula).
"""

from collections.abc import Iterable

import torch


def fit_with_sgd(
    x: torch.Tensor, y: torch.Tensor, a: torch.Tensor, b: torch.Tensor, lr: float, n_epochs: int
) -> list[float]:
    """Train a line on all points with `torch.optim.SGD`; change the parameters in place.

    In each epoch: one loss, one backward pass, one step of the optimizer.

    Args:
        x: tensor of shape (n, 1), float32.
        y: the true values, tensor of shape (n, 1), float32.
        a: intercept, a leaf tensor of shape (1,) that requires a gradient. It is trained.
        b: slope, a leaf tensor of shape (1,) that requires a gradient. It is trained.
        lr: learning rate, a positive number. There is no momentum.
        n_epochs: how many epochs, at least 1.

    Returns:
        List of `n_epochs` Python floats: the mean squared error of each epoch, before
        the update of that epoch. One array of plain numbers, or one tensor without a
        graph, is as good.

    Example:
        >>> a = torch.tensor([0.0], requires_grad=True)
        >>> b = torch.tensor([1.0], requires_grad=True)
        >>> x, y = torch.tensor([[3.0]]), torch.tensor([[1.0]])
        >>> fit_with_sgd(x, y, a, b, lr=0.25, n_epochs=1)
        [4.0]
        >>> a, b
        (tensor([-1.], requires_grad=True), tensor([-2.], requires_grad=True))
    """
    # TODO: Train a line on all points with `torch.optim.SGD`; change the parameters in place.
    raise NotImplementedError("`fit_with_sgd` is not written yet.")


class SGD:
    """Gradient descent with momentum, from scratch; the same numbers as `torch.optim.SGD`.

    The class does its own work: do not use PyTorch's SGD in it.

    Args:
        params: the leaf tensors to train, of any shapes; a list or a generator.
        lr: learning rate, not negative.
        momentum: how much of the velocity stays from one step to the next, not negative;
            0 means plain gradient descent.

    Raises:
        ValueError: if `lr` or `momentum` is negative.

    Example:
        >>> p = torch.tensor([1.0], requires_grad=True)
        >>> optimizer = SGD([p], lr=0.1)
        >>> p.grad = torch.tensor([5.0])
        >>> optimizer.step()
        >>> p
        tensor([0.5000], requires_grad=True)
    """

    def __init__(self, params: Iterable[torch.Tensor], lr: float, momentum: float = 0.0):
        """Keep the parameters and the settings; nothing moves yet.

        Args:
            params: the leaf tensors to train, of any shapes; a list or a generator.
            lr: learning rate, not negative.
            momentum: how much of the velocity stays, not negative.

        Raises:
            ValueError: if `lr` or `momentum` is negative.

        Example:
            >>> optimizer = SGD(torch.nn.Linear(2, 1).parameters(), lr=0.1, momentum=0.9)
        """
        # TODO: Keep the parameters and the settings; nothing moves yet.
        raise NotImplementedError("`SGD.__init__` is not written yet.")

    def step(self) -> None:
        """Move every parameter once, in place, as `torch.optim.SGD` does.

        A parameter whose `.grad` is None is left alone, and so is its velocity. The
        gradients themselves are not changed.

        Example:
            >>> p = torch.tensor([0.0], requires_grad=True)
            >>> optimizer = SGD([p], lr=0.5, momentum=0.5)
            >>> p.grad = torch.tensor([1.0])
            >>> optimizer.step()
            >>> optimizer.step()
            >>> p
            tensor([-1.2500], requires_grad=True)
        """
        # TODO: Move every parameter once, in place, as `torch.optim.SGD` does.
        raise NotImplementedError("`SGD.step` is not written yet.")

    def zero_grad(self) -> None:
        """Clear the gradient of every parameter; the parameters do not move.

        Afterwards every `.grad` is None or full of zeros. The velocities stay.

        Example:
            >>> p = torch.tensor([0.0], requires_grad=True)
            >>> p.grad = torch.tensor([1.0])
            >>> SGD([p], lr=0.1).zero_grad()
            >>> p.grad is None or p.grad.item() == 0.0
            True
        """
        # TODO: Clear the gradient of every parameter; the parameters do not move.
        raise NotImplementedError("`SGD.zero_grad` is not written yet.")
