"""Tensors, with every argument checked."""

import logging
import operator

import numpy as np
import torch

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _tensor(value, name):
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, not {type(value).__name__}")
    return value


def describe(t, *, with_device=True):
    _tensor(t, "t")
    facts = {
        "shape": torch.Size(t.shape),
        "dtype": str(t.dtype),
        "ndim": int(t.ndim),
        "numel": int(t.numel()),
    }
    if with_device:
        facts["device"] = str(t.device)
    assert len(facts["shape"]) == facts["ndim"]
    LOG.debug("described %s", facts)
    return facts


def checkerboard(n):
    n = operator.index(n)
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    rows, columns = np.indices((n, n), dtype=np.int64)
    board = torch.from_numpy(np.where((rows + columns) % 2 == 0, 0, 1).astype(np.int64))
    assert board.shape == (n, n) and board.dtype == torch.int64
    return board


def uniform_like(t, seed, *, low=0.0, high=1.0):
    _tensor(t, "t")
    generator = torch.Generator(device="cpu")
    generator.manual_seed(operator.index(seed))
    result = torch.rand(t.size(), generator=generator, dtype=torch.float32, device="cpu")
    if (low, high) != (0.0, 1.0):
        result = low + (high - low) * result
    return result


def corner(t):
    _tensor(t, "t")
    if t.dim() != 2 or 0 in t.shape:
        raise ValueError("t must be a matrix with at least one number")
    number = t.detach().select(0, -1).select(0, -1).item()
    if t.is_floating_point():
        return float(number)
    return int(number)


def matmul(p, q):
    _tensor(p, "p")
    _tensor(q, "q")
    if p.dim() == 2 and q.dim() == 2 and p.size(1) != q.size(0):
        raise ValueError(f"cannot multiply {tuple(p.shape)} and {tuple(q.shape)}")
    product = torch.matmul(p.to(torch.float64), q.to(torch.float64))
    return product.to(torch.promote_types(p.dtype, q.dtype))
