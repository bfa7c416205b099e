"""Step 08: optimizers.

An *optimizer* does the update for you. It keeps a list of parameters, and it offers two
methods. `step()` moves every parameter. `zero_grad()` clears every gradient. A training
loop then always has the same form:

    loss = ...               1. the prediction and its loss
    loss.backward()          2. the gradients
    optimizer.step()         3. move the parameters
    optimizer.zero_grad()    4. clear the gradients for the next round

The simplest optimizer is SGD, *stochastic gradient descent*. It is the update that you know:

    p = p - lr * grad

With *momentum* the optimizer also remembers where it was going. For every parameter it
keeps a velocity `v` of the same shape:

    first step:      v = grad
    later steps:     v = momentum * v + grad
    every step:      p = p - lr * v

Think of a ball that rolls down into a valley. When the gradients agree, the ball gets
faster. When they change their sign, they cancel each other out.

An example: the gradient is always 1, lr = 0.1 and momentum = 0.9. The velocity is 1, then
1.9, then 2.71. So the parameter moves by 0.1, then by 0.19, then by 0.271. After many
steps the velocity comes close to 10, which is 1 / (1 - 0.9).

First you use PyTorch's own optimizer. Then you write one, and it must give the same
numbers. Two details are easy to miss. `model.parameters()` is a *generator*: it gives its
tensors once, and then it is empty. And a parameter without a gradient (`.grad` is None) is
left alone: neither the parameter nor its velocity changes.

Numbers to expect: with the 80 training points of the tutorial, the start a = 0.3367,
b = 0.1288 and lr = 0.1, SGD gives a = 1.0235, b = 1.9690 after 1000 epochs, as in step 06.
After 100 epochs the loss is 0.0146; with momentum 0.9 it would already be 0.0081.
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

    The class does its own work: PyTorch's SGD, class or function, is not used.

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
