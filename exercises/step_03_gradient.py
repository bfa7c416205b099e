"""Step 03: the gradient formula.

We have points `(x, y)` and a straight line: `yhat = a + b * x`. Here `a` is the
intercept and `b` is the slope. How good is the line? The *error* of one point is
`yhat - y`. We square every error and take the mean. This is the mean squared
error, the *loss*:

    loss = mean((a + b * x - y) ** 2)

We want a small loss. So we ask: if `a` grows a little, how fast does the loss
grow? This number is the partial derivative of the loss with respect to `a`. It is
the *gradient* of `a`. There is one for `b` too. The chain rule gives both:

    a_grad = mean(2 * (yhat - y))
    b_grad = mean(2 * (yhat - y) * x)

A gradient points uphill. To make the loss smaller, we walk a small step downhill.
The learning rate `lr` says how small:

    a = a - lr * a_grad

A formula can be wrong. So we check it with a second way, which only needs the loss:
move one parameter by a tiny `eps` to both sides and look how the loss changes. This
is the central difference.

Numbers to expect: with the 80 training points of the tutorial (100 points, a = 1,
b = 2, noise 0.1, seed 42) and the start a = 0.49671415, b = -0.1382643, the loss is
2.74215777, and the gradients are -3.04481138 and -1.83375372.
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
    # TODO: Return the prediction of the line for every point.
    raise NotImplementedError("`predict` is not written yet.")


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
    # TODO: Return the mean squared error of a prediction.
    raise NotImplementedError("`mse` is not written yet.")


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
    # TODO: Return the two partial derivatives of the mean squared error, by formula.
    raise NotImplementedError("`gradients` is not written yet.")


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
    # TODO: Return the two partial derivatives of the mean squared error, by central differences.
    raise NotImplementedError("`numerical_gradients` is not written yet.")


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
    # TODO: Return the parameters after one step of gradient descent.
    raise NotImplementedError("`update` is not written yet.")
