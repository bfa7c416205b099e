"""A dataset, with every argument checked and the data copied."""

import csv
import logging
import math
import operator
from pathlib import Path

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


class CsvDataset(Dataset):
    def __init__(self, path, target, *, encoding="utf-8-sig"):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(path)
        with path.open(newline="", encoding=encoding) as file:
            reader = csv.DictReader(file, strict=True)
            names = [name.strip() for name in reader.fieldnames or []]
            if len(set(names)) != len(names):
                raise ValueError(f"a column is there twice: {names}")
            if target not in names:
                raise ValueError(f"there is no column {target!r} in {path}")
            features = [name for name in names if name != target]
            rows, targets = [], []
            for number, row in enumerate(reader, 2):
                try:
                    values = {name: float(row[name]) for name in names}
                except (TypeError, ValueError) as error:
                    raise ValueError(f"line {number} of {path} is not a point") from error
                if not all(map(math.isfinite, values.values())):
                    raise ValueError(f"line {number} of {path} is not finite")
                rows.append([values[name] for name in features])
                targets.append([values[target]])
        self.feature_names = tuple(features)
        self._points = CustomDataset(
            torch.tensor(rows, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
        )
        LOG.debug("%d points from %s", len(self), path)

    def __repr__(self):
        return f"CsvDataset({len(self)} points)"

    def __len__(self):
        return len(self._points)

    def __getitem__(self, index):
        return self._points[index]
