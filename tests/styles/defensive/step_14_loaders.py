"""Splits and loaders, with every argument checked and all global generators untouched."""

import logging
import operator

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler, random_split

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def split(dataset, n_train, seed):
    n, n_train = len(dataset), operator.index(n_train)
    if not 1 <= n_train < n:
        raise ValueError(f"n_train must be in 1 ... {n - 1}, but it is {n_train}")
    before = torch.get_rng_state().clone()
    try:
        torch.manual_seed(operator.index(seed))
        train, val = random_split(dataset, [n_train, n - n_train])
    finally:
        torch.set_rng_state(before)
    if set(train.indices) & set(val.indices) or len(train) + len(val) != n:
        raise RuntimeError("the split went wrong")
    return train, val


class _EpochBatches(Sampler):
    """Lists of numbers: a new order every epoch, from a generator of its own."""

    def __init__(self, n, batch_size, seed):
        self._n = n
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def __len__(self):
        return -(-self._n // self._batch_size)

    def __iter__(self):
        generator = np.random.default_rng([self._seed % 2**63, self._epoch])
        self._epoch += 1
        order = generator.permutation(self._n).tolist()
        for start in range(0, self._n, self._batch_size):
            yield order[start : start + self._batch_size]


def make_loaders(train, val, batch_size, seed, *, num_workers=0):
    batch_size = operator.index(batch_size)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    batches = _EpochBatches(len(train), batch_size, operator.index(seed))
    own = torch.Generator().manual_seed(operator.index(seed))
    common = {"num_workers": num_workers, "pin_memory": False}
    train_loader = DataLoader(train, batch_sampler=batches, generator=own, **common)
    val_loader = DataLoader(
        val, batch_size=batch_size, shuffle=False, drop_last=False, generator=own, **common
    )
    return train_loader, val_loader


def standardize(x_train, x_val):
    for name, value in (("x_train", x_train), ("x_val", x_val)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
        if value.dim() != 2 or not value.is_floating_point():
            raise ValueError(f"{name} must hold floats in the shape (n, k)")
    if x_train.size(1) != x_val.size(1):
        raise ValueError("different numbers of columns")
    exact = x_train.detach().to(torch.float64)
    variance, mean = torch.var_mean(exact, dim=0, correction=0)
    std = variance.sqrt()
    # In float64 the rounding of a constant column stays far below this.
    constant = std <= 1e-14 * mean.abs()
    std = std.masked_fill(constant, 1.0)
    if constant.any():
        LOG.warning("constant columns: %s", constant.nonzero().flatten().tolist())

    def scale(x):
        return ((x.detach().to(torch.float64) - mean) / std).to(x.dtype)

    return scale(x_train), scale(x_val)
