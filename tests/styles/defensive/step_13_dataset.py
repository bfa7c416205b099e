"""A dataset, with every argument checked and the data copied."""

import logging
import operator

import torch
from torch.utils.data import Dataset

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


class CustomDataset(Dataset):
    def __init__(self, x_tensor, y_tensor, *, copy=True):
        for name, value in (("x_tensor", x_tensor), ("y_tensor", y_tensor)):
            if not isinstance(value, torch.Tensor):
                raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
            if value.dim() == 0:
                raise ValueError(f"{name} must have at least one dimension")
        if x_tensor.size(0) != y_tensor.size(0):
            raise ValueError(f"different lengths: {x_tensor.size(0)} and {y_tensor.size(0)}")
        self._x = x_tensor.detach().clone() if copy else x_tensor
        self._y = y_tensor.detach().clone() if copy else y_tensor
        LOG.debug("%d points", len(self))

    def __repr__(self):
        return f"CustomDataset({len(self)} points)"

    def __len__(self):
        return int(self._x.size(0))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._x[index], self._y[index]
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"no point {i} among {len(self)}")
        i %= len(self)
        return self._x[i].clone(), self._y[i].clone()
