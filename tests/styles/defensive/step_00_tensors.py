"""Tensors, with every argument checked."""

import logging
import math
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


def one_hot(labels, n):
    _tensor(labels, "labels")
    n = operator.index(n)
    if labels.dim() != 1 or labels.is_floating_point():
        raise ValueError("labels must be whole numbers in one row")
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < n:
        raise ValueError(f"labels must be from 0 to {n - 1}")
    result = torch.nn.functional.one_hot(labels.to(torch.int64), num_classes=n).to(torch.float32)
    assert bool((result.sum(dim=1) == 1).all())
    return result


def broadcast_shape(p, q):
    p, q = (tuple(operator.index(size) for size in shape) for shape in (p, q))
    if min((*p, *q), default=0) < 0:
        raise ValueError(f"a size cannot be negative: {p}, {q}")
    # NumPy has the same rules, and raises a ValueError itself.
    return tuple(int(size) for size in np.broadcast_shapes(p, q))


def column(t, j):
    _tensor(t, "t")
    if t.dim() != 2:
        raise ValueError("t must be a matrix")
    j = operator.index(j)
    if not -t.size(1) <= j < t.size(1):
        raise IndexError(f"there is no column {j}")
    result = t.select(dim=1, index=j)
    assert result.untyped_storage().data_ptr() == t.untyped_storage().data_ptr()
    return result


def mean_of(t, *, default=None):
    _tensor(t, "t")
    if t.numel() == 0:
        if default is None:
            raise ValueError("t holds no numbers")
        return float(default)
    with torch.no_grad():
        return float(math.fsum(t.detach().cpu().reshape(-1).tolist()) / t.numel())
