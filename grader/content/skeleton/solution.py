"""Step XX: TITLE.

To *scale* a tensor is to multiply each of its numbers by the same factor:

    y = factor * x

The shape and the dtype stay as they are.

Numbers to expect: 3 times [1, -2] is [3, -6].
"""

# TODO: write the lesson above for a beginner: what, why, the formula, the numbers to expect.
import torch


# TODO: write your functions instead of `scale`. A docstring says what to achieve, never how, with shapes, dtypes,
# errors and one example. Comments in the code say why.
def scale(x: torch.Tensor, factor: float) -> torch.Tensor:
    """Return every number of `x` times `factor`.

    `x` itself does not change.

    Args:
        x: a tensor of any shape, float32.
        factor: the number to multiply by.

    Returns:
        A tensor, float32, of the shape of `x`.

    Example:
        >>> scale(torch.tensor([1.0, -2.0]), 3.0).tolist()
        [3.0, -6.0]
    """
    return factor * x
