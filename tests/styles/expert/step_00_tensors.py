from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "describe",
    "checkerboard",
    "one_hot",
    "broadcast_shape",
    "column",
    "corner",
    "mean_of",
    "uniform_like",
    "matmul",
]


def describe(t: Tensor, *, layout: bool = False) -> dict[str, Any]:
    d = {"numel": t.numel(), "ndim": t.dim(), "dtype": str(t.dtype), "shape": (*t.shape,)}
    return d | ({"stride": t.stride()} if layout else {})


def checkerboard(n: int, *, dtype: torch.dtype = torch.int64) -> Tensor:
    if n < 1:
        raise ValueError(n)
    return torch.from_numpy(np.add.outer(np.arange(n), np.arange(n)) & 1).to(dtype)


def uniform_like(t: Tensor, seed: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.rand(t.shape, dtype=torch.float32, device="cpu")


def corner(t: Tensor) -> float | int:
    return t.tolist()[-1][-1]


def matmul(p: Tensor, q: Tensor) -> Tensor:
    return torch.einsum("ik,kj->ij", p.double(), q.double()).to(p.dtype)


def one_hot(labels: Tensor, n: int, *, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.eye(n, dtype=dtype)[labels]


def broadcast_shape(p: tuple[int, ...], q: tuple[int, ...]) -> torch.Size:
    try:
        return torch.broadcast_shapes(p, q)
    except RuntimeError as e:
        raise ValueError(*e.args) from e


def column(t: Tensor, j: int) -> Tensor:
    return t.mT[j]


def mean_of(t: Tensor) -> float:
    return torch.mean(t, dtype=torch.float64).item()
