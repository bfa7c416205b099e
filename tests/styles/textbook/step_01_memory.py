"""Chapter 1. Memory."""

import numpy as np
import torch
from torch import Tensor


def rows_of(t: Tensor, width: int) -> Tensor:
    number_of_rows: int = t.numel() // width
    table: Tensor = t.view(number_of_rows, width)
    return table


def add_(t: Tensor, other: Tensor) -> Tensor:
    t += other
    return t


def shared(array: np.ndarray) -> Tensor:
    tensor: Tensor = torch.from_numpy(array)
    return tensor


def copied(array: np.ndarray) -> Tensor:
    view: Tensor = torch.from_numpy(array)
    copy: Tensor = view.clone()
    return copy


def flat(t: Tensor) -> Tensor:
    number_of_elements: int = t.numel()
    row: Tensor = torch.empty(number_of_elements, dtype=t.dtype)
    row.view(t.shape).copy_(t)
    return row


def shares_memory(t: Tensor, u: Tensor) -> bool:
    address_of_t: int = t.storage().data_ptr()
    address_of_u: int = u.storage().data_ptr()
    return address_of_t == address_of_u
