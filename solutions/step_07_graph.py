"""Step 07: the dynamic computation graph.

Time: 75 minutes. Difficulty: 4 of 5. You need: step 06, recursion or a loop with a stack.

## Why

Where does PyTorch write down the operations that it needs for `backward()`? In this step
you read its notes. Then error messages about "grad_fn" will no longer be a riddle.

## The notes

PyTorch writes them in the tensors themselves. Every result of a computation has a
`grad_fn`: a *node* that knows how to go one step back. A node knows its own inputs, the
next nodes on the way back, in `next_functions`. Together they are the *computation graph*.
PyTorch builds it while your code runs, so a loop or an `if` in your code gives a new graph
every time: it is *dynamic*.

An example. `x` is a tensor of ones of shape (3, 2) that requires a gradient:

    t = ((x + 5) ** 2 + 1).sum()

    t    SumBackward0        the root: t.grad_fn
          |
         AddBackward0        ... + 1
          |
         PowBackward0        ... ** 2
          |
         AddBackward0        x + 5
          |
    x    AccumulateGrad      puts the gradient into x.grad

Try it. (The tutorial draws such pictures with `make_dot` of the package torchviz.)

    >>> import torch
    >>> x = torch.ones(3, 2, requires_grad=True)
    >>> t = ((x + 5) ** 2 + 1).sum()
    >>> t.item(), type(t.grad_fn).__name__
    (222.0, 'SumBackward0')
    >>> [type(node).__name__ for node, _ in t.grad_fn.next_functions]
    ['AddBackward0']

Each tensor shows four facts: `data` (its numbers), `grad`, `grad_fn` and `requires_grad`.
`x` is a *leaf*: nobody computed it. A leaf has no `grad_fn`. At its place in the graph
stands an AccumulateGrad node, and this node knows the leaf: its `variable`.

    >>> print(x.grad, x.grad_fn, x.requires_grad)
    None None True
    >>> (x + 5).grad_fn.next_functions
    ((<AccumulateGrad object at 0x...>, 0), (None, 0))

Each entry is a pair: a node, and the number of one of its outputs, which is nearly always 0
and does not matter here. An addition has two inputs. The 5 needs no gradient, so its place
holds None. A power is different: the exponent 2 is not an input for autograd, and there is
no entry for it.

    >>> len(((x + 5) ** 2).grad_fn.next_functions)
    1

## One node, two ways

A result can be used twice, as in `u * u`. Then two ways lead to the same node. It is still
one node. If you walk through a graph, remember where you have been:

    u * u      MulBackward0
                |        |
                |        |         two ways
               AddBackward0        one node: u
                    |
               AccumulateGrad

    >>> u = x + 5
    >>> left, right = (u * u).grad_fn.next_functions
    >>> left[0] is right[0], left[0] is u.grad_fn
    (True, True)

The second way adds its gradient to that of the first: the derivative of u * u is 2 * u.

## Leaving the graph

A tensor can leave the graph: a *detached* tensor has the same values in the same memory,
and no history. It is no copy.

A tensor that has no graph cannot go back. `backward()` says "element 0 of tensors does not
require grad and does not have a grad_fn"; usually something was detached by accident:

    >>> x.detach().sum().backward()
    Traceback (most recent call last):
    RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn

After `backward()` the graph has done its work, and PyTorch throws away the numbers that it
kept for it. A second `backward()` on the same graph is usually an error:

    >>> t.backward()
    >>> t.backward()
    Traceback (most recent call last):
    RuntimeError: Trying to backward through the graph a second time...

The cure is to compute the loss again. (`retain_graph=True` only keeps the old notes; few
programs need it.)

## A gradient as an answer

A gradient is also useful without training. For any function `f`, autograd can tell how fast
sum(f(x)) grows when one element of `x` grows. Then `x` is only a question. It should look
the same afterwards. `torch.autograd.grad` gives a gradient as a result, and leaves every
`.grad` alone. Look at its options in the documentation: what happens when f does not use x
at all? In the example above, the gradient of each element of x is 2 * (1 + 5) = 12:

    >>> x.grad
    tensor([[12., 12.],
            [12., 12.],
            [12., 12.]])

And a second one, to predict first. `a` is four ones, b = a + 2, c = b * b * 4, d is the
mean of c. The mean divides by 4, so each gradient is 8 * b / 4:

    >>> a = torch.ones(2, 2, requires_grad=True)
    >>> b = a + 2
    >>> c = b * b * 4
    >>> d = c.mean()
    >>> d.backward()
    >>> d.item(), a.grad
    (36.0, tensor([[6., 6.],
            [6., 6.]]))
    >>> print(b.is_leaf, b.requires_grad)
    False True

`b` is no leaf, so `b.grad` stays None. PyTorch fills it only if you ask beforehand:
`b.retain_grad()`.

## Recap

The graph is made of nodes, from the loss back to the leaves; each run builds a new one. In
step 11 a frozen layer has no leaves to reach; in steps 15 and 17 losses without a graph
save memory.

In PyTorch's documentation: "How autograd encodes the history", "torch.Tensor.detach",
"torch.autograd.grad".
"""

from collections.abc import Callable

import torch


def gradient_of(f: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return the derivative of sum(f(x)) with respect to every element of x.

    Nothing changes for the caller: `x.grad` stays empty, `x` requires a gradient
    afterwards if and only if it did before, and a graph behind `x` can still be used,
    without any gradient in its leaves.

    Args:
        f: a function that takes one tensor and returns a tensor of any shape.
        x: tensor of floats of any shape. It may be a plain tensor, a leaf that requires a
            gradient, or the result of a computation.

    Returns:
        Tensor of the shape and dtype of x; zeros when f does not use its argument.

    Example:
        >>> gradient_of(lambda v: v**2, torch.tensor([1.0, -3.0]))
        tensor([ 2., -6.])
    """
    # A new leaf with the same values takes the gradient, so the caller's x stays clean.
    leaf = x.detach().clone().requires_grad_()
    total = f(leaf).sum()
    if not total.requires_grad:
        return torch.zeros_like(leaf, requires_grad=False)
    (gradient,) = torch.autograd.grad(total, leaf, materialize_grads=True)
    return gradient


def graph_nodes(t: torch.Tensor) -> list[str]:
    """Return the names of all nodes of the graph behind a tensor.

    Args:
        t: any tensor.

    Returns:
        One name for each node that can be reached from `t.grad_fn`, which is a node
        itself, in any order. A node that can be reached in two ways counts once. Two nodes
        may have the same name; then the name stands in the list twice. The name of a node
        is the name of its class, for example "AddBackward0" or "AccumulateGrad". The list is
        empty for a tensor without a `grad_fn`.

    Example:
        >>> x = torch.ones(3, 2, requires_grad=True)
        >>> sorted(graph_nodes((x + 5).sum()))
        ['AccumulateGrad', 'AddBackward0', 'SumBackward0']
        >>> graph_nodes(x)
        []
    """
    return [type(node).__name__ for node in _nodes(t)]


def leaves(t: torch.Tensor) -> list[torch.Tensor]:
    """Return the leaf tensors that would receive a gradient from a tensor.

    Args:
        t: any tensor.

    Returns:
        The leaves at the ends of the graph behind `t`, the tensors themselves and no
        copies, each once, in any order. For a `t` that is such a leaf itself: `[t]`. For a
        tensor that does not require a gradient: an empty list.

    Example:
        >>> a = torch.tensor([2.0], requires_grad=True)
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> found = leaves(a * x + a)
        >>> len(found), found[0] is a
        (1, True)
    """
    if t.is_leaf:
        return [t] if t.requires_grad else []
    return [node.variable for node in _nodes(t) if hasattr(node, "variable")]


def cut(t: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the same values and the same memory, outside the graph.

    Args:
        t: any tensor. It keeps its own place in the graph.

    Returns:
        Tensor of the same shape and dtype that requires no gradient. Writing into it changes
        the values of `t`, too.

    Example:
        >>> a = torch.tensor([2.0], requires_grad=True)
        >>> cut(a * 3)
        tensor([6.])
    """
    return t.detach()


def _nodes(t):
    """All nodes of the graph behind t, each once, from the root to the leaves."""
    # The nodes themselves are remembered, not their ids: an id is used again after its
    # object is gone.
    found = []
    waiting = [t.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.append(node)
            waiting.extend(following for following, _ in node.next_functions)
    return found
