"""Step 06: autograd.

Time: 75 minutes. Difficulty: 4 of 5. You need: steps 03 and 05.

## Why

In step 03 you found the gradients by hand. For a big model nobody wants to do that. PyTorch
does it for you. This is *autograd*. It is the heart of PyTorch, and beginners make the same
few mistakes here. You will make them now, on purpose.

## Three moves

1. Compute the loss from the parameters. PyTorch writes down every operation.
2. Call `loss.backward()`. PyTorch goes back through its notes, with the chain rule.
3. Read the gradient of each parameter in its `.grad`.

Try it. With a = 0, b = 1 and the three points of step 03:

    >>> import torch
    >>> x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[1.0], [3.0], [5.0]])
    >>> b = torch.tensor([1.0], requires_grad=True)
    >>> print(b.grad)
    None
    >>> loss = ((b * x - y) ** 2).mean()
    >>> loss.backward()
    >>> b.grad
    tensor([-5.3333])

By hand: the three errors -1, -2, -3 give 2 * (-1 * 0 - 2 * 1 - 3 * 2) / 3 = -5.3333. Three
rules: before the first `backward()` the gradient is None. Only floats can have gradients
(and complex numbers, which this course does not use). And `backward()` wants a scalar, one
number such as a mean:

    >>> (b * x).backward()
    Traceback (most recent call last):
    RuntimeError: grad can be implicitly created only for scalar outputs
    >>> torch.tensor([1], requires_grad=True)
    Traceback (most recent call last):
    RuntimeError: Only Tensors of floating point and complex dtype can require gradients

## Gradients add up

*Gradients add up.* `backward()` adds to what is already in `.grad`. It does not replace it.
So old gradients must be cleared before the next ones come. The gradient of sum(3 * w) is 3,
and look what becomes of it:

    >>> w = torch.ones(4, requires_grad=True)
    >>> for epoch in range(3):
    ...     (w * 3).sum().backward()
    ...     print(w.grad)
    tensor([3., 3., 3., 3.])
    tensor([6., 6., 6., 6.])
    tensor([9., 9., 9., 9.])
    >>> w.grad.zero_()
    tensor([0., 0., 0., 0.])

Setting `.grad` to None does the same job.

## Three attempts at an update

Now the step against the gradient. Predict what each attempt does, before you read on.

First attempt: an assignment. It makes a new tensor and gives it the old name. The new one
is the result of a computation: no leaf, no gradient (PyTorch warns about that, too). The
parameter that the caller holds stays as it was.

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> (p * 2).sum().backward()
    >>> p = p - 0.1 * p.grad
    >>> p.is_leaf
    False
    >>> p.grad.zero_()
    Traceback (most recent call last):
    AttributeError: 'NoneType' object has no attribute 'zero_'

Second attempt: in place. *An update must happen in place.* In place means: the same tensor,
with new numbers. But PyTorch takes notes: with this change in them, p would be the result
of a computation, and no leaf any more. So PyTorch refuses ("Variable" is an old word for
tensor):

    >>> p = torch.tensor([1.0], requires_grad=True)
    >>> (p * 2).sum().backward()
    >>> p -= 0.1 * p.grad
    Traceback (most recent call last):
    RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.

Third attempt: in place, where nobody takes notes. *An update must not be written down.* It
is not a part of the model. Do it where PyTorch takes no notes: inside `with
torch.no_grad():`. Afterwards the parameter is the same leaf, with a new value. Your
`update_` is this third attempt, for a list of parameters.

There are three ways to stop tracking. They are for different jobs:

    with torch.no_grad():     no notes inside this block           updates, predictions
    t.detach()                the same numbers, no history         to keep or plot a result
    t.requires_grad_(False)   from now on, this leaf is fixed      freezing (step 11)

    >>> with torch.no_grad():
    ...     print((p * 2).requires_grad)
    False
    >>> (p * 2).requires_grad, (p * 2).detach().requires_grad, p.requires_grad_(False).requires_grad
    (True, False, False)

## Numbers to keep

A loss that you keep should be a plain Python number. A loss tensor holds on to all the
notes behind it, and a list of such losses fills the memory bit by bit. `loss.item()` gives
the number. (Older texts write `loss.data[0]`. That raises an error today.)

When `fit` is written, it gives what NumPy gave in step 04, from the start of step 05:

    >>> from tutorial_data import x_train, y_train
    >>> from step_06_autograd import fit
    >>> x, y = torch.tensor(x_train).float(), torch.tensor(y_train).float()
    >>> a = torch.tensor([0.3367], requires_grad=True)
    >>> b = torch.tensor([0.1288], requires_grad=True)
    >>> losses = fit(x, y, a, b, lr=0.1, n_epochs=1000)
    >>> print(f"{losses[0]:.4f} {a.item():.4f} {b.item():.4f}")
    2.7475 1.0235 1.9690

## Many features

So far a point had one number in x. A house has many: its size, its rooms, its age. Such
numbers are the *features* of a point. Each feature j has a slope of its own, and `w` holds
all slopes. Four points with two features, and w = (2, -3), b = 1:

    point        2 * x0 - 3 * x1 + 1      yhat
    (0, 0)            0 +  0 + 1            1
    (1, 0)            2 +  0 + 1            3
    (0, 1)            0 -  3 + 1           -2
    (1, 1)            2 -  3 + 1            0

A matrix product (`@`, step 00) does all points at once: it multiplies each row of x with w,
number by number, and adds up. Then b is added to each result. The shapes: (n, k) and (k,)
give (n,).

What would you do by hand for k slopes? k gradients. Autograd does not care: one
`backward()` fills all of `w.grad`. The loss is still the mean over the *points*.

Look at the shapes here. `y` has shape (n,), so `yhat` must have it, too. If `yhat` is a
column of shape (n, 1), PyTorch compares every prediction with every y, and nobody warns
you:

    >>> y = torch.tensor([1.0, 3.0, -2.0, 0.0])
    >>> (y.reshape(4, 1) - y).shape
    torch.Size([4, 4])

A larger example: ten weights that are all 3, and a bias of -2, learned from fresh random
points in each epoch. `fit_many` makes one epoch at a time, and goes on from the current
values:

    >>> from step_06_autograd import fit_many
    >>> generator = torch.Generator().manual_seed(42)
    >>> w, b = torch.zeros(10, requires_grad=True), torch.zeros(1, requires_grad=True)
    >>> for epoch in range(500):
    ...     x = torch.randn(32, 10, generator=generator)
    ...     losses = fit_many(x, x @ torch.full((10,), 3.0) - 2, w, b, lr=0.1, n_epochs=1)
    >>> print(f"{w.min().item():.4f} {w.max().item():.4f} {b.item():.4f}")
    3.0000 3.0000 -2.0000

## Recap

Compute, go back, update without notes, clear. (Or clear first: what matters is that no old
gradient is there when `backward()` comes.) In step 07 you look at the notes themselves. In
step 08 an optimizer does the update, with these same rules inside.

In PyTorch's documentation: "Autograd mechanics", "torch.Tensor.backward", "torch.no_grad".
"""

import torch


def loss_gradients(
    a: torch.Tensor, b: torch.Tensor, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of the mean squared error of a line, found by `backward()`.

    A second call with the same arguments gives the same numbers. The values of `a` and
    `b` do not change, and `x` and `y` stay as they are.

    Args:
        a: intercept, a leaf tensor of shape (1,), float32, that requires a gradient.
        b: slope, a leaf tensor of shape (1,), float32, that requires a gradient.
        x: tensor of shape (n, 1), float32.
        y: the true values, tensor of shape (n, 1), float32.

    Returns:
        A pair `(a_grad, b_grad)` of scalars, tensors or numbers: the derivative of
        mean((a + b * x - y) ** 2) with respect to `a`, then with respect to `b`.

    Example:
        >>> a = torch.tensor([0.0], requires_grad=True)
        >>> b = torch.tensor([1.0], requires_grad=True)
        >>> a_grad, b_grad = loss_gradients(a, b, x=torch.tensor([[3.0]]), y=torch.tensor([[1.0]]))
        >>> float(a_grad), float(b_grad)
        (4.0, 12.0)
    """
    # A gradient that is left from an earlier call would be added to the new one.
    a.grad = None
    b.grad = None
    loss = ((a + b * x - y) ** 2).mean()
    loss.backward()
    return a.grad, b.grad


def update_(params: list[torch.Tensor], lr: float) -> None:
    """Take one step of gradient descent in place, then clear the gradients.

    Each parameter stays the same tensor: a leaf that requires a gradient. Its new value
    is the old value minus `lr` times its gradient.

    Args:
        params: a list of one or more leaf tensors of any shapes, float32 or float64, that require
            gradients. Where `.grad` is None, the parameter keeps its value. The list itself
            stays as it is.
        lr: learning rate, a positive number.

    Returns:
        None. Afterwards every `.grad` is None or full of zeros.

    Example:
        >>> p = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> p.grad = torch.tensor([10.0, -10.0])
        >>> update_([p], lr=0.1)
        >>> p
        tensor([0., 3.], requires_grad=True)
    """
    # The update is not a part of the model, so it must not get into the graph.
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.sub_(lr * p.grad)
                p.grad = None


def fit(
    x: torch.Tensor, y: torch.Tensor, a: torch.Tensor, b: torch.Tensor, lr: float, n_epochs: int
) -> list[float]:
    """Train a line with gradient descent on all points; change the parameters in place.

    In each epoch: one loss, one backward pass, one update of both parameters.

    Args:
        x: tensor of shape (n, 1), float32. It stays as it is, and so does `y`.
        y: the true values, tensor of shape (n, 1), float32.
        a: intercept, a leaf tensor of shape (1,) that requires a gradient. It is trained.
        b: slope, a leaf tensor of shape (1,) that requires a gradient. It is trained.
        lr: learning rate, a positive number.
        n_epochs: how many epochs, at least 1.

    Returns:
        List of `n_epochs` Python floats (or one array of plain numbers): the mean squared error
        of each epoch, before the update of that epoch.

    Example:
        >>> a = torch.tensor([0.0], requires_grad=True)
        >>> b = torch.tensor([1.0], requires_grad=True)
        >>> fit(torch.tensor([[3.0]]), torch.tensor([[1.0]]), a, b, lr=0.25, n_epochs=1)
        [4.0]
        >>> a, b
        (tensor([-1.], requires_grad=True), tensor([-2.], requires_grad=True))
    """
    losses = []
    for _ in range(n_epochs):
        loss = ((a + b * x - y) ** 2).mean()
        loss.backward()
        update_([a, b], lr)
        # item() gives a plain number, so the graph behind the loss can be forgotten.
        losses.append(loss.item())
    return losses


def fit_many(
    x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, b: torch.Tensor, lr: float, n_epochs: int
) -> list[float]:
    """Train a model with several features on all points; change the parameters in place.

    The model is `yhat = x @ w + b`. In each epoch: one loss, one backward pass, and
    one update of `w` and of `b`.

    Args:
        x: n points with k features each, tensor of shape (n, k), float32. It stays as it is,
            and so does `y`.
        y: the true values, tensor of shape (n,), float32.
        w: one slope for every feature, a leaf tensor of shape (k,), float32, that requires a
            gradient. All its numbers are trained.
        b: intercept, a leaf tensor of shape (1,), float32, that requires a gradient. It is
            trained, too.
        lr: learning rate, a positive number.
        n_epochs: the number of epochs, at least 1.

    Returns:
        List of `n_epochs` Python floats (or one array of plain numbers). Each is the mean squared
        error of its epoch, before the update.

    Example:
        >>> w, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
        >>> x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([4.0, -2.0])
        >>> fit_many(x, y, w, b, lr=0.5, n_epochs=1)
        [10.0]
        >>> w.tolist(), b.tolist()
        ([2.0, -1.0], [1.0])
    """
    losses = []
    for _ in range(n_epochs):
        loss = ((x @ w + b - y) ** 2).mean()
        loss.backward()
        update_([w, b], lr)
        losses.append(loss.item())
    return losses
