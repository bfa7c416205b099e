"""What arrived over the wire: which values are tensors, and the numbers in them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor, without loading torch: before it is loaded, there is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def float64(value: Any) -> NDArray[Any]:
    """Return the numbers in any container as a float64 array, or as complex128 if they are complex.

    Raises:
        OverflowError: an integer is too large for float64.
    """
    if is_tensor(value):
        value = value.detach()
        value = (value.cdouble() if value.is_complex() else value.double()).numpy()
    array = np.asarray(value)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)
