"""Step 03: the gradient formula.

Time: 50 minutes. Difficulty: 3 of 5. You need: step 02, and what a derivative is.

## Why

We have points, and a line `yhat = a + b * x` that does not fit them yet. Which way must `a`
and `b` move? The answer is the *gradient*. PyTorch will compute it for you from step 06 on.
Here you do it yourself, just this once, so that you know what PyTorch does.

## How wrong is the line?

`a` is the intercept and `b` is the slope. Take a = 0, b = 1 and three points:

    x     y     yhat     error yhat - y     error ** 2
    0     1      0            -1                 1
    1     3      1            -2                 4
    2     5      2            -3                 9        mean: 14 / 3 = 4.67

The *error* of one point is `yhat - y`. We square every error and take the mean. This is the
mean squared error, the *loss* of the line:

    loss = mean((a + b * x - y) ** 2)

Squares are never negative, so errors above and below the line do not cancel each other. And
one error of 2 counts more than two errors of 1.

## Which way is down?

We want a small loss. So we ask: if `a` grows a little, how fast does the loss grow? That is
all a derivative says: how much does this change when I change that slightly?

    a        -0.1     0        0.1       0.2
    loss     5.077    4.667    4.277     3.907      (b = 1, the three points above)

From a = 0 to a = 0.1, the loss falls by 0.39. So near a = 0 its slope is about -4 per unit
of `a`. This number is the *partial derivative* of the loss with respect to `a`: partial,
because `b` is held fixed. There is one for `b` too. The two together are the *gradient* of
the loss; for short, people call each of them a gradient, "the gradient of `a`", and so do
we.

The chain rule gives both. Look at one point alone, where the loss is `error ** 2`. First:
how fast does the square grow with the error? At the rate `2 * error`. Second: how fast does
the error, a + b * x - y, change when `a` grows by 1? And when `b` grows by 1? Multiply the
two answers:

    for the point x = 2, y = 5 at a = 0, b = 1:      error = -3
    with respect to a:      2 * (-3) * 1 = -6
    with respect to b:      2 * (-3) * 2 = -12

A point far from x = 0 says more about `b` than one near it. The loss is a mean over all
points. So each gradient is a mean, too: the mean of the gradients of the single points.

## The step

A gradient points uphill. To make the loss smaller, we walk a small step downhill: against
its sign. The learning rate `lr` says how small (books also write the Greek letter eta).
With a gradient of -4 and lr = 0.1, `a` goes from 0 to 0.4. `b` moves in the same way.

## Is the formula right?

A formula can be wrong. So we check it with a second way, which only needs the loss: move
one parameter by a tiny `eps` to both sides and see how the loss changes. For a function f
of one number:

    (f(a + eps) - f(a - eps)) / (2 * eps)

This is the *central difference*. Try it with a function whose derivative you know. That of
a ** 3 at 2 is 3 * 2 ** 2 = 12:

    >>> eps = 1e-6
    >>> central = ((2 + eps) ** 3 - (2 - eps) ** 3) / (2 * eps)
    >>> one_sided = ((2 + eps) ** 3 - 2 ** 3) / eps
    >>> print(f"{central:.6f} {one_sided:.6f}")
    12.000000 12.000006

It is slow, because each parameter needs two losses of its own. For a million parameters
that is too much. To check a formula it is just right.

When your functions are written, try them on the tutorial's points. (Restart Python whenever
you change your file; otherwise it keeps the old functions.) The loss and the two gradients
at the start of the tutorial's training:

    >>> from tutorial_data import x_train, y_train
    >>> from step_03_gradient import predict, mse, gradients
    >>> a, b = 0.49671415, -0.1382643
    >>> print(f"{mse(y_train, predict(a, b, x_train)):.6f}")
    2.742158
    >>> a_grad, b_grad = gradients(a, b, x_train, y_train)
    >>> print(f"{a_grad.item():.6f} {b_grad.item():.6f}")
    -3.044811 -1.833754

And the table above, computed:

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])
    >>> [round(float(mse(y, predict(a, 1.0, x))), 3) for a in (-0.1, 0.0, 0.1, 0.2)]
    [5.077, 4.667, 4.277, 3.907]

Beware of shapes: all arrays here have the shape (n, 1). With `y` of shape (n,), `yhat - y`
has the shape (n, n), every prediction against every true value. Step 00 calls that
broadcasting.

## Recap

Loss, gradient, a step against the gradient: all of deep learning is this, with more
parameters. In step 04 you repeat the step a thousand times. In step 06 PyTorch finds the
gradients. (Here `mse` takes y first, as in the tutorial. From step 09 on the prediction
comes first, as in PyTorch.)

Further: "Chain rule" in any book on calculus; in PyTorch's documentation
"torch.autograd.gradcheck", which compares with central differences as you do.
"""

import numpy as np


def predict(a, b, x):
    """Return the prediction of the line for every point.

    Args:
        a: intercept, a number or an array of shape (1,), float or integer.
        b: slope, a number or an array of shape (1,), float or integer.
        x: array of shape (n, 1), float64.

    Returns:
        Array of shape (n, 1), float64.

    Example:
        >>> predict(1.0, 2.0, np.array([[0.0], [3.0]]))
        array([[1.],
               [7.]])
    """
    return a + b * x


def mse(y, yhat):
    """Return the mean squared error of a prediction.

    Args:
        y: the true values, array of shape (n, 1), float64.
        yhat: the predicted values, array of shape (n, 1), float64.

    Returns:
        A scalar, never negative; exactly 0 when both arrays are equal.

    Example:
        >>> float(mse(np.array([[1.0], [2.0]]), np.array([[1.0], [5.0]])))
        4.5
    """
    return np.mean((yhat - y) ** 2)


def gradients(a, b, x, y):
    """Return the two partial derivatives of the mean squared error, by formula.

    Args:
        a: intercept, a number or an array of shape (1,), float or integer.
        b: slope, a number or an array of shape (1,), float or integer.
        x: array of shape (n, 1), float64.
        y: the true values, array of shape (n, 1), float64.

    Returns:
        A pair `(a_grad, b_grad)` of scalars: the derivative of the loss with
        respect to `a`, then with respect to `b`.

    Example:
        >>> a_grad, b_grad = gradients(0.0, 1.0, np.array([[3.0]]), np.array([[1.0]]))
        >>> float(a_grad), float(b_grad)
        (4.0, 12.0)
    """
    error = predict(a, b, x) - y
    # Multiply before taking the mean: the mean of a product is not the product of the means.
    return 2 * error.mean(), 2 * (error * x).mean()


def numerical_gradients(a, b, x, y, eps=1e-6):
    """Return the two partial derivatives of the mean squared error, by central differences.

    Args:
        a: intercept, a number or an array of shape (1,), float or integer.
        b: slope, a number or an array of shape (1,), float or integer.
        x: array of shape (n, 1), float64.
        y: the true values, array of shape (n, 1), float64.
        eps: how far a parameter is moved to each side.

    Returns:
        A pair `(a_grad, b_grad)` of scalars, close to what `gradients` returns.

    Example:
        >>> a_grad, b_grad = numerical_gradients(0.0, 1.0, np.array([[3.0]]), np.array([[1.0]]))
        >>> round(float(a_grad), 4), round(float(b_grad), 4)
        (4.0, 12.0)
    """

    def loss(a, b):
        return mse(y, predict(a, b, x))

    # The two points are 2 * eps apart, so that is what we divide by.
    a_grad = (loss(a + eps, b) - loss(a - eps, b)) / (2 * eps)
    b_grad = (loss(a, b + eps) - loss(a, b - eps)) / (2 * eps)
    return a_grad, b_grad


def update(a, b, a_grad, b_grad, lr):
    """Return the parameters after one step of gradient descent.

    Args:
        a: intercept, a number or an array of shape (1,), float or integer.
        b: slope, a number or an array of shape (1,), float or integer.
        a_grad: gradient of `a`, a scalar.
        b_grad: gradient of `b`, a scalar.
        lr: learning rate, a positive number.

    Returns:
        The new pair `(a, b)`, in float64. The arguments are not changed.

    Example:
        >>> update(1.0, 2.0, 10.0, -20.0, 0.1)
        (0.0, 4.0)
    """
    return a - lr * a_grad, b - lr * b_grad
