"""TITLE, as a textbook has it."""

# TODO: write the step as a textbook does: a line and a name for each part of the formula.
import torch
from torch import Tensor


def scale(x: Tensor, factor: float) -> Tensor:
    product = torch.multiply(x, factor)
    return product
