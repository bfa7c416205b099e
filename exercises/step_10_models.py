"""Step 10: models.

A *model* holds the parameters and knows how to predict. In PyTorch a model is a class
that is built on `nn.Module`. It has two methods:

    __init__    makes the parameters
    forward     makes the prediction from x

You call the model like a function: `model(x)`. PyTorch then runs `forward` and a few
more things, for example *hooks*: small functions that others attached to the model. So
we write `model(x)`, never `model.forward(x)`. The same is true for a layer inside a model.

A tensor becomes a parameter when you wrap it in `nn.Parameter`. Then the model finds it:
it is in `model.parameters()`, and the optimizer can move it. A plain tensor stays hidden: it can
predict, but it never learns.

Our line `a + b * x` is also a layer: `nn.Linear(1, 1)`. Its bias is `a` and its weight is
`b`. `nn.Sequential` calls layers one after the other. Two linear layers in a row are only
one straight line again. So a network puts a bend between them:

    Linear  ->  ReLU  ->  Linear          ReLU(z) = z where z > 0, else 0

A model may also hold *buffers*. These are tensors that are no parameters, but belong to
the model: a BatchNorm layer keeps a running mean.

Numbers to expect: after `torch.manual_seed(42)`, two draws of `randn(1)` give
a = 0.3367, b = 0.1288, and a new `nn.Linear(1, 1)` has weight 0.7645 and bias 0.8300.
A network with 2 inputs, 3 hidden units and 1 output has 13 numbers to train:
2 * 3 + 3 in the first layer and 3 * 1 + 1 in the second.
"""

import torch
from torch import nn


class ManualLinearRegression(nn.Module):
    """The line `a + b * x`, with two parameters of our own.

    Attributes:
        a: the intercept, a parameter of shape (1,), float32.
        b: the slope, a parameter of shape (1,), float32.

    Example:
        >>> model = ManualLinearRegression()
        >>> sorted(name for name, _ in model.named_parameters())
        ['a', 'b']
    """

    def __init__(self):
        """Make the parameters `a` and `b` and give each a random start value."""
        # TODO: Make the parameters `a` and `b` and give each a random start value.
        raise NotImplementedError("`ManualLinearRegression.__init__` is not written yet.")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the prediction of the line for every point.

        Args:
            x: tensor of shape (n, 1), float32.

        Returns:
            `a + b * x`, tensor of shape (n, 1), float32.
        """
        # TODO: Return the prediction of the line for every point.
        raise NotImplementedError("`ManualLinearRegression.forward` is not written yet.")


class LayerLinearRegression(nn.Module):
    """The same line, made of one layer. It has no other parameters.

    Attributes:
        linear: the layer, an `nn.Linear` with 1 input and 1 output.

    Example:
        >>> model = LayerLinearRegression()
        >>> sorted(name for name, _ in model.named_parameters())
        ['linear.bias', 'linear.weight']
    """

    def __init__(self):
        """Make the layer `linear`."""
        # TODO: Make the layer `linear`.
        raise NotImplementedError("`LayerLinearRegression.__init__` is not written yet.")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the prediction of the layer for every point. Hooks of the layer run too.

        Args:
            x: tensor of shape (n, 1), float32.

        Returns:
            What `linear` gives for x, tensor of shape (n, 1), float32.
        """
        # TODO: Return the prediction of the layer for every point. Hooks of the layer run too.
        raise NotImplementedError("`LayerLinearRegression.forward` is not written yet.")


def make_sequential() -> nn.Sequential:
    """Return the same line as an `nn.Sequential` that holds one `nn.Linear(1, 1)`.

    Returns:
        An `nn.Sequential` of length 1.

    Example:
        >>> model = make_sequential()
        >>> model(torch.zeros(5, 1)).shape
        torch.Size([5, 1])
    """
    # TODO: Return the same line as an `nn.Sequential` that holds one `nn.Linear(1, 1)`.
    raise NotImplementedError("`make_sequential` is not written yet.")


def make_mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Module:
    """Return a network with one hidden layer: linear, ReLU, linear.

    Args:
        n_in: how many numbers one point has.
        n_hidden: how many hidden units there are.
        n_out: how many numbers the network gives for one point.

    Returns:
        A model that takes x of shape (n, n_in) and returns a tensor of shape (n, n_out).
        Both linear layers have a weight (a matrix, either way round) and a bias (a vector).
        Nothing comes after the second one.

    Example:
        >>> model = make_mlp(2, 3, 1)
        >>> model(torch.zeros(5, 2)).shape
        torch.Size([5, 1])
    """
    # TODO: Return a network with one hidden layer: linear, ReLU, linear.
    raise NotImplementedError("`make_mlp` is not written yet.")


def count_trainable(model: nn.Module) -> int:
    """Return how many numbers of a model are trained.

    Args:
        model: any model. Some of its parameters may be frozen: they require no gradient.

    Returns:
        The count of single numbers in all parameters that require a gradient, an int; 0
        when there are none. Buffers do not count. A parameter in two places counts once.

    Example:
        >>> count_trainable(nn.Linear(3, 2))
        8
    """
    # TODO: Return how many numbers of a model are trained.
    raise NotImplementedError("`count_trainable` is not written yet.")
