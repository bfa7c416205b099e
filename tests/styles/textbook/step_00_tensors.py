"""Chapter 0. Tensors."""

from typing import Any, Dict, List, Tuple, Union

import torch
from torch import Tensor


def describe(t: Tensor) -> Dict[str, Any]:
    # The shape as a tuple of plain integers.
    dimensions: List[int] = [int(size) for size in t.shape]
    shape: Tuple[int, ...] = tuple(dimensions)
    # The number of elements is the product of all sizes (the empty product is 1).
    number_of_elements: int = 1
    for size in shape:
        number_of_elements *= size
    description: Dict[str, Any] = dict()
    description["numel"] = number_of_elements
    description["shape"] = shape
    description["ndim"] = len(shape)
    description["dtype"] = str(t.dtype)
    return description


def checkerboard(n: int) -> Tensor:
    indices: Tensor = torch.arange(0, n, dtype=torch.int64)
    rows, columns = torch.meshgrid(indices, indices, indexing="ij")
    sums: Tensor = rows + columns
    board: Tensor = torch.remainder(sums, 2)
    return board


def uniform_like(t: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    result: Tensor = torch.empty(t.shape, dtype=torch.float32)
    result.uniform_(0.0, 1.0)
    return result


def corner(t: Tensor) -> Union[int, float]:
    n_rows, n_columns = t.shape
    element: Tensor = t[n_rows - 1, n_columns - 1]
    return element.item()


def matmul(p: Tensor, q: Tensor) -> Tensor:
    # result[i, j] = sum_k p[i, k] * q[k, j]
    left: Tensor = p.unsqueeze(2)  # (n, k, 1)
    right: Tensor = q.unsqueeze(0)  # (1, k, m)
    products: Tensor = left * right  # (n, k, m)
    result: Tensor = torch.sum(products, dim=1)  # (n, m)
    return result


def one_hot(labels: Tensor, n: int) -> Tensor:
    number_of_labels: int = labels.shape[0]
    result: Tensor = torch.zeros(number_of_labels, n)
    result.scatter_(1, labels.unsqueeze(1), 1.0)
    return result


def broadcast_shape(p: Tuple[int, ...], q: Tuple[int, ...]) -> Tuple[int, ...]:
    # 1. Both shapes get the same length: ones are put before the shorter one.
    length: int = max(len(p), len(q))
    left: Tuple[int, ...] = (1,) * (length - len(p)) + tuple(p)
    right: Tuple[int, ...] = (1,) * (length - len(q)) + tuple(q)
    # 2. The sizes are compared one by one.
    result: List[int] = []
    for m, n in zip(left, right):
        if m == 1:
            result.append(n)
        elif n == 1 or m == n:
            result.append(m)
        else:
            raise ValueError("Sizes %d and %d cannot be broadcast." % (m, n))
    return tuple(result)


def column(t: Tensor, j: int) -> Tensor:
    columns: Tuple[Tensor, ...] = torch.unbind(t, dim=1)
    return columns[j]


def mean_of(t: Tensor) -> float:
    total: Tensor = torch.sum(t, dtype=torch.float64)
    count: int = t.numel()
    return float(total / count)
