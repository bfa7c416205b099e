from __future__ import annotations

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, Subset, random_split


def split(dataset: Dataset, n_train: int, seed: int, *, verbose: bool = False):
    if not 0 < n_train <= len(dataset):
        raise ValueError(f"n_train={n_train} does not fit {len(dataset)} points")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return tuple(random_split(dataset, (n_train, len(dataset) - n_train)))


def make_loaders(train, val, batch_size=16, seed=0, num_workers=0):
    g = torch.Generator()
    g.manual_seed(seed)
    batches = BatchSampler(RandomSampler(train, generator=g), batch_size, drop_last=False)
    return (
        DataLoader(train, batch_sampler=batches, num_workers=num_workers, generator=g),
        DataLoader(val, batch_size=batch_size, num_workers=num_workers, drop_last=False),
    )


def standardize(x_train: torch.Tensor, x_val: torch.Tensor, eps: float = 1e-12):
    scaler = StandardScaler().fit(x_train.detach().cpu().double().numpy())
    return tuple(
        torch.as_tensor(scaler.transform(x.detach().cpu().double().numpy())).to(x) for x in (x_train, x_val)
    )
