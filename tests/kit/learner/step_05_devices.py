from __future__ import annotations

import time
from typing import Any, Callable

import numpy as np
import torch


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_tensor(array: np.ndarray, device: torch.device | str) -> torch.Tensor:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected an array, got {type(array)}")
    return torch.as_tensor(array, dtype=torch.float32, device=device)


def to_numpy(t: torch.Tensor) -> np.ndarray:
    return t.numpy()


def beside(t: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    if t.device == other.device:
        return t
    return t.to(other.device)


def make_parameters(device: torch.device | str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    a = torch.randn(1, requires_grad=True, dtype=torch.float).to(device)
    b = torch.randn(1, requires_grad=True, dtype=torch.float).to(device)
    return a, b


def timed(work: Callable[[], Any], synchronize: Callable[[], None]) -> tuple[Any, float]:
    synchronize()
    start = time.perf_counter()
    result = work()
    synchronize()
    return result, time.perf_counter() - start
