from __future__ import annotations

import operator
from collections.abc import Iterator

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
