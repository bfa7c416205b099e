"""Chapter 14. Data loaders."""

from typing import Iterator, Tuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, Subset, random_split


def split(dataset: Dataset, n_train: int, seed: int) -> Tuple[Subset, Subset]:
    generator = torch.Generator()
    generator.manual_seed(seed)
    n_val = len(dataset) - n_train
    subsets = random_split(dataset, lengths=[n_train, n_val], generator=generator)
    train_subset = subsets[0]
    val_subset = subsets[1]
    return train_subset, val_subset


class ShuffledOrder(Sampler):
    """Gives the numbers 0 to n - 1 in a new random order every time."""

    def __init__(self, n_points: int, seed: int) -> None:
        self.n_points = n_points
        self.generator = torch.Generator()
        self.generator.manual_seed(seed)

    def __len__(self) -> int:
        return self.n_points

    def __iter__(self) -> Iterator[int]:
        keys = torch.rand(self.n_points, generator=self.generator, dtype=torch.float64)
        order = torch.argsort(keys)
        return iter(order.tolist())


def make_loaders(
    train: Dataset, val: Dataset, batch_size: int, seed: int
) -> Tuple[DataLoader, DataLoader]:
    order = ShuffledOrder(len(train), seed)
    train_loader = DataLoader(dataset=train, batch_size=batch_size, sampler=order)
    val_loader = DataLoader(dataset=val, batch_size=batch_size)
    return train_loader, val_loader


def standardize(x_train: Tensor, x_val: Tensor) -> Tuple[Tensor, Tensor]:
    n = x_train.shape[0]
    # mu = 1/n sum_i x_i
    mu = torch.sum(x_train, dim=0, keepdim=True) / n
    # sigma^2 = 1/n sum_i (x_i - mu)^2
    variance = torch.sum((x_train - mu) ** 2, dim=0, keepdim=True) / n
    sigma = torch.sqrt(variance)
    # A constant column is only shifted.
    sigma[(x_train == x_train[0]).all(dim=0, keepdim=True)] = 1.0
    z_train = (x_train - mu) / sigma
    z_val = (x_val - mu) / sigma
    return z_train, z_val
