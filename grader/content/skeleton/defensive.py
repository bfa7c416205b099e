"""TITLE, with every argument checked."""

# TODO: write the step as somebody does who trusts no caller: checks, logs, copies, further parameters.
import math

import torch


def scale(x, factor, *, strict=True):
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor, not {type(x).__name__}")
    if strict and not math.isfinite(factor):
        raise ValueError(f"factor must be finite, not {factor}")
    result = x.clone()
    result *= factor
    return result
