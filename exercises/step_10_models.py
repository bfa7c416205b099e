"""Step 10: models.

Time: 50 minutes. Difficulty: 2 of 5. You need: steps 06 and 08, classes in Python.

## Why

Two parameters `a` and `b` fit into two variables. A network has millions. A *model* is the
object that holds the parameters and knows how to predict. In PyTorch a model is a class
that is built on `nn.Module`. It has two methods:

    __init__    makes the parameters
    forward     makes the prediction from x

## Parameters that are found

A tensor becomes a parameter when you wrap it in `nn.Parameter`. Then the model finds it: it
is in `model.parameters()`, and the optimizer can move it. A plain tensor stays hidden: it
can predict, but it never learns.

Try it, with a model of one number:

    >>> import torch
    >>> from torch import nn
    >>> class Shift(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.seen = nn.Parameter(torch.zeros(1))
    ...         self.hidden = torch.ones(1)
    ...     def forward(self, x):
    ...         return x + self.seen + self.hidden
    >>> model = Shift()
    >>> [name for name, parameter in model.named_parameters()]
    ['seen']
    >>> model(torch.tensor([2.0]))
    tensor([3.], grad_fn=<AddBackward0>)

Without `super().__init__()` the model has no place for parameters, and PyTorch says "cannot
assign parameters before Module.__init__() call".

You call the model like a function: `model(x)`. PyTorch then runs `forward` and a few more
things, for example *hooks*: small functions that others attached to the model, which want
to see what goes in and out. So we write `model(x)`, never `model.forward(x)`. The same is
true for a layer inside a model.

    >>> def watch(module, args, result):
    ...     print("hook:", result.item())
    >>> handle = model.register_forward_hook(watch)
    >>> y = model(torch.tensor([2.0]))
    hook: 3.0
    >>> y = model.forward(torch.tensor([2.0]))

`model.train()` does not train. It sets the model's mode, which some layers look at;
`model.eval()` sets the other one (step 12). `model.to(device)` changes the model itself:
its parameters move, and a plain tensor such as `hidden` stays behind. `tensor.to(device)`
gives a new tensor. (Older texts call `net.cuda()`, which needs a card.)

    >>> model.train().training, model.eval().training
    (True, False)

## Layers

Our line `a + b * x` is also a layer: `nn.Linear(1, 1)`. Its bias is `a` and its weight is
`b`. A layer is a model itself, and models can be nested: the parameters of the inner one
are found, with its name before theirs. Layers that `forward` never uses are found, too:

    >>> class Nested(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.inner = nn.Linear(1, 1)
    ...         self.unused = nn.Linear(1, 1)
    ...     def forward(self, x):
    ...         return self.inner(x)
    >>> [name for name, parameter in Nested().named_parameters()]
    ['inner.weight', 'inner.bias', 'unused.weight', 'unused.bias']
    >>> print(nn.Linear(1, 1))
    Linear(in_features=1, out_features=1, bias=True)

`nn.Linear` looks only at the last dimension; all dimensions before it count points. So (n,
1) and (1, 1, 1) both fit, and (1, 2) does not:

    >>> layer = nn.Linear(1, 1)
    >>> layer(torch.zeros(5, 1)).shape, layer(torch.zeros(1, 1, 1)).shape
    (torch.Size([5, 1]), torch.Size([1, 1, 1]))
    >>> layer(torch.zeros(1, 2))
    Traceback (most recent call last):
    RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x2 and 1x1)

A new layer starts with random numbers. After `torch.manual_seed(42)`:

    >>> g = torch.manual_seed(42)
    >>> layer = nn.Linear(1, 1)
    >>> print(f"weight {layer.weight.item():.4f} bias {layer.bias.item():.4f}")
    weight 0.7645 bias 0.8300

## A bend

`nn.Sequential` calls layers one after the other. Two linear layers in a row are only one
straight line again: 3 * (2 * x + 1) + 4 is 6 * x + 7. A "network" of linear layers alone,
as some texts show it, can do no more than one layer. So a network puts a bend between them:

    Linear  ->  ReLU  ->  Linear          ReLU(z) = z where z > 0, else 0

    z       -2   -1    0    1    2
    ReLU     0    0    0    1    2

Such a network is called *multi-layer perceptron*, MLP. The bend is a layer, too:
`nn.ReLU()`. There is none after the last layer, because the answer may be any number.

    1 - 10 - 1:    x  ->  10 hidden numbers  ->  bend  ->  1 answer

    >>> two = nn.Sequential(nn.Linear(1, 10), nn.Linear(10, 1))
    >>> y = two(torch.tensor([[0.0], [1.0], [2.0]])).flatten()
    >>> torch.allclose(y[1] - y[0], y[2] - y[1], atol=1e-6)
    True

The steps from one answer to the next are equal: that is a straight line.

## Counting

A layer from 2 numbers to 3 has 2 * 3 weights and 3 biases. So a network with 2 inputs, 3
hidden units and 1 output has (2 * 3 + 3) + (3 * 1 + 1) = 13 numbers to train.

    >>> [tuple(p.shape) for p in nn.Linear(2, 3).parameters()]
    [(3, 2), (3,)]

A model may also hold *buffers*. These are tensors that are no parameters, but belong to the
model: a BatchNorm layer keeps a running mean. No optimizer moves them, and they do not
count here.

## Recap

Parameters, `forward`, and a call: every model is built like this, from two numbers to
billions. Step 11 copies and freezes its weights; step 12 trains it.

In PyTorch's documentation: "torch.nn.Module", "torch.nn.Linear", "torch.nn.Sequential",
"Modules" (notes).
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
    """Return the same line as a chain of layers, which has one link only.

    Returns:
        An `nn.Sequential` of length 1. Its layer takes one number and gives one number, and has
        one weight and one bias.

    Example:
        >>> model = make_sequential()
        >>> model(torch.zeros(5, 1)).shape
        torch.Size([5, 1])
    """
    # TODO: Return the same line as a chain of layers, which has one link only.
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
