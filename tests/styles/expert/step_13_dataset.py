from __future__ import annotations

import operator
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset


class CustomDataset(TensorDataset):
    __slots__ = ()

    def __init__(self, x_tensor: Tensor, y_tensor: Tensor) -> None:
        if x_tensor.size(0) != y_tensor.size(0):
            raise ValueError("size mismatch between tensors")
        super().__init__(x_tensor.clone(), y_tensor.clone())

    def __getitem__(self, index: int) -> list[Tensor]:
        i = operator.index(index)
        if i < 0:
            i += len(self)
        if not 0 <= i < len(self):
            raise IndexError(index)
        return [t.select(0, i) for t in self.tensors]

    def __iter__(self) -> Iterator[list[Tensor]]:
        return (self[i] for i in range(len(self)))

    def __getitems__(self, indices):
        return [self[i] for i in indices]


class CsvDataset(CustomDataset):
    def __init__(self, path, target: str) -> None:
        table = np.genfromtxt(path, delimiter=",", names=True)
        if target not in table.dtype.names:
            raise ValueError(target)
        features = [name for name in table.dtype.names if name != target]
        x = np.stack([table[name] for name in features], axis=-1)
        super().__init__(torch.from_numpy(x).float(), torch.from_numpy(table[target]).float()[:, None])
