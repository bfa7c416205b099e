"""Chapter 5. Devices."""

import time
from typing import Any, Callable, Tuple, Union

import numpy as np
import torch
from torch import Tensor

Device = Union[str, torch.device]


def pick_device() -> torch.device:
    if torch.cuda.is_available():
        name = "cuda"
    else:
        name = "cpu"
    device = torch.device(name)
    return device


def to_tensor(array: np.ndarray, device: Device) -> Tensor:
    tensor_on_cpu = torch.tensor(array, dtype=torch.float32)
    tensor = tensor_on_cpu.to(device)
    return tensor


def to_numpy(t: Tensor) -> np.ndarray:
    without_history = t.detach()
    on_cpu = torch.as_tensor(without_history, device="cpu")
    array = on_cpu.numpy()
    return array.copy()


def beside(t: Tensor, other: Tensor) -> Tensor:
    target_device = other.device
    if t.device == target_device:
        return t
    moved_tensor = t.to(target_device)
    return moved_tensor


def make_parameters(device: Device, seed: int) -> Tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    a = torch.empty(1, dtype=torch.float32, device=device)
    b = torch.empty(1, dtype=torch.float32, device=device)
    a.normal_(mean=0.0, std=1.0)
    b.normal_(mean=0.0, std=1.0)
    a.requires_grad_(True)
    b.requires_grad_(True)
    return a, b


def timed(work: Callable[[], Any], synchronize: Callable[[], Any]) -> Tuple[Any, float]:
    synchronize()
    start_time = time.monotonic()
    result = work()
    synchronize()
    end_time = time.monotonic()
    elapsed = end_time - start_time
    return result, elapsed
