"""References that the tests of several steps share: the line of the lessons, trained in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.answers import Answer

# The numbers on the way are up to about 100, and float32 keeps seven digits of them.
TRAINING: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}

HINTS = (
    "Is it the loss before the update?",
    "The first loss is right, so look at the first update: of both parameters, with the gradients of "
    "the same loss.",
    "The first update is right, so something is left over from it. Are the old gradients cleared?",
)


def tutorial_points() -> tuple[Any, Any]:
    """Return the 80 training points of the tutorial, as float32 tensors of shape (80, 1)."""
    import torch

    random = np.random.RandomState(42)
    x = random.rand(100, 1)
    y = 1 + 2 * x + 0.1 * random.randn(100, 1)
    indices = np.arange(100)
    random.shuffle(indices)
    train = indices[:80]
    return torch.tensor(x[train]).float(), torch.tensor(y[train]).float()


def line_gradients(a: float, b: float, x: Any, y: Any) -> tuple[float, float, float]:
    """Return the loss of a line on two tensors, and both gradients, by the formulas of step 02."""
    x, y = x.double().numpy(), y.double().numpy()
    error = a + b * x - y
    return float((error**2).mean()), float(2 * error.mean()), float(2 * (error * x).mean())


def descend(
    a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int
) -> tuple[list[float], list[tuple[float, float]]]:
    """Return the losses of gradient descent, and both parameters after every epoch."""
    losses, path = [], []
    for _ in range(n_epochs):
        loss, a_grad, b_grad = line_gradients(a, b, x, y)
        a, b = a - lr * a_grad, b - lr * b_grad
        losses.append(loss)
        path.append((a, b))
    return losses, path


def check_losses(answer: Answer, expected: list[float]) -> None:
    """Check the losses of a training, and say where they begin to be wrong."""
    came = answer.numbers(len(expected))
    close = np.isclose(came, expected, **TRAINING)
    if not close.all():
        i = int(close.argmin())
        answer.check(
            False,
            f"The loss of epoch {i + 1} should be {expected[i]:.7g}, but {came[i]:.7g} came. "
            f"{HINTS[min(i, 2)]}",
        )


def check_fit(answer: Answer, a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int) -> None:
    """Check the entry "losses", and with "a" and "b" where both parameters ended."""
    losses, path = descend(a, b, x, y, lr, n_epochs)
    check_losses(answer.key("losses"), losses)
    for name, value in zip("ab", path[-1], strict=True):
        answer.key(name).is_close(value, **TRAINING)
