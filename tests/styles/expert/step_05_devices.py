from __future__ import annotations

import contextlib
from timeit import default_timer

import numpy as np
import torch
from torch import nn


def pick_device():
    return torch.device("cuda") if torch.cuda.device_count() else torch.device("cpu")


def to_tensor(array, device="cpu", *, dtype=torch.float32):
    return torch.tensor(np.asarray(array, dtype=np.float64), dtype=dtype, device=torch.device(device))


def to_numpy(t):
    if not isinstance(t, torch.Tensor):
        raise TypeError("no tensor")
    return t.numpy(force=True).astype(np.float64)


def beside(t, other, *, non_blocking=False):
    return t.to(other.device, non_blocking=non_blocking)


def make_parameters(device, seed):
    g = torch.Generator().manual_seed(seed)
    return tuple(nn.Parameter(torch.randn(1, generator=g).to(device)) for _ in "ab")


def timed(work, synchronize):
    @contextlib.contextmanager
    def clock():
        span = []
        synchronize()
        begin = default_timer()
        yield span
        synchronize()
        span.append(default_timer() - begin)

    with clock() as span:
        result = work()
    return result, np.float64(span[0])
