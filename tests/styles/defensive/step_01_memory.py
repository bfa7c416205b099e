"""Memory, with every argument checked."""

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


def _array(value, name):
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a numpy.ndarray, not {type(value).__name__}")
    return value


def rows_of(t, width):
    _tensor(t, "t")
    width = operator.index(width)
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width}")
    if not t.is_contiguous():
        raise ValueError("t must be contiguous")
    count, left_over = divmod(t.numel(), width)
    if left_over:
        raise ValueError(f"{t.numel()} numbers cannot stand in rows of {width}")
    result = t.flatten().unflatten(0, (count, width))
    if result.data_ptr() != t.data_ptr():
        raise RuntimeError("the memory is not shared")
    return result


def add_(t, other):
    _tensor(t, "t")
    other = torch.as_tensor(other, dtype=t.dtype, device=t.device)
    before = t.data_ptr()
    with torch.no_grad():
        total = torch.add(t, other)
        if total.shape != t.shape:
            raise ValueError("other does not fit")
        t.copy_(total)
    assert t.data_ptr() == before
    return t


def shared(array):
    _array(array, "array")
    result = torch.from_numpy(array)
    if array.size and not np.shares_memory(array, result.numpy()):
        raise RuntimeError("the memory is not shared")
    return result


def copied(array):
    _array(array, "array")
    own = np.array(array, copy=True, order="C")
    result = torch.from_numpy(own)
    if array.size and np.shares_memory(array, own):
        raise RuntimeError("the memory is shared")
    return result


def flat(t):
    _tensor(t, "t")
    result = t.contiguous().view(-1)
    assert result.shape == (t.numel(),) and result.dtype == t.dtype
    return result


def shares_memory(t, u):
    first, second = (_tensor(value, name).detach() for value, name in ((t, "t"), (u, "u")))
    if first.device != second.device:
        return False
    if 0 in (first.numel(), second.numel()):
        return False
    return first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()
