"""Step 06: autograd.

In step 03 you found the gradients by hand. For a big model nobody wants to do that.
PyTorch does it for you. This is *autograd*. It works in three moves:

1. Compute the loss from the parameters. PyTorch writes down every operation.
2. Call `loss.backward()`. PyTorch goes back through its notes, with the chain rule.
3. Read the gradient of each parameter in its `.grad`.

The line and the loss are the old ones:

    yhat = a + b * x
    loss = mean((yhat - y) ** 2)

There are three traps, and everyone falls into them once.

*Gradients add up.* `backward()` adds to what is already in `.grad`. It does not replace
it. So old gradients must be cleared before the next ones come.

*An update must not be written down.* The update `p = p - lr * grad` is not a part of
the model. Do it where PyTorch takes no notes: inside `with torch.no_grad():`.

*An update must happen in place.* `p = p - ...` makes a new tensor and gives it the old
name. The parameter that the caller holds stays as it was. In place means: the same
tensor, with new numbers.

A loss that you keep should be a plain Python number. A loss tensor holds on to all the
notes behind it, and a list of such losses fills the memory bit by bit.

So far a point had one number in x. A house has many: its size, its rooms, its age. Such
numbers are the *features* of a point. Each feature j has a slope of its own, and `w`
holds all slopes. Four points with two features, and w = (2, -3), b = 1:

    point        2 * x0 - 3 * x1 + 1      yhat
    (0, 0)            0 +  0 + 1            1
    (1, 0)            2 +  0 + 1            3
    (0, 1)            0 -  3 + 1           -2
    (1, 1)            2 -  3 + 1            0

One product does all points at once: `x @ w` multiplies each row of x with w, number by
number, and adds the results. Then b is added to each row:

    yhat = x @ w + b          shapes: (n, k) @ (k,) + (1,)  ->  (n,)

What would you do by hand for k slopes? k gradients. Autograd does not care: one
`backward()` fills all of `w.grad`. The loss is still the mean over the *points*.

Look at the shapes here. `y` has shape (n,), so `yhat` must have it, too. If `yhat` is a
column of shape (n, 1), PyTorch compares every prediction with every y, and nobody warns you.

Try it. The four points give the four numbers of the table, and the trap has 16 entries:

    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> y = x @ torch.tensor([2.0, -3.0]) + 1
    >>> y
    tensor([ 1.,  3., -2.,  0.])
    >>> (y.reshape(4, 1) - y).shape
    torch.Size([4, 4])

With these points and the start w = (0, 0), b = 0, the first loss is 3.5, the mean of 1, 9, 4
and 0. After 1000 epochs with lr = 0.1: w = (2, -3), b = 1.

Numbers to expect: with the 80 training points of the tutorial and the start a = 0.3367,
b = 0.1288 (step 05, seed 42), the first loss is 2.7475, and the first gradients are
-3.1125 and -1.8156. After 1000 epochs with lr = 0.1: a = 1.0235, b = 1.9690.
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
