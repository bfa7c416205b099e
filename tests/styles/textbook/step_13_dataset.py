"""Chapter 13. Datasets."""

import csv
from typing import List, Tuple

import torch
from torch import Tensor
from torch.utils.data import Dataset


class CustomDataset(Dataset):
    def __init__(self, x_tensor: Tensor, y_tensor: Tensor) -> None:
        super().__init__()
        n_features = x_tensor.size(0)
        n_labels = y_tensor.size(0)
        if n_features != n_labels:
            raise ValueError("There must be one label for each point.")
        self.features = x_tensor
        self.labels = y_tensor
        self.n_points = n_features

    def __getitem__(self, index: int) -> Tuple[Tensor, Tensor]:
        position = index
        if position < 0:
            position = self.n_points + position
        if position < 0 or position >= self.n_points:
            raise IndexError("There is no point with this number.")
        feature = self.features[position]
        label = self.labels[position]
        return (feature, label)

    def __len__(self) -> int:
        return self.n_points


class CsvDataset(Dataset):
    def __init__(self, path: str, target: str) -> None:
        super().__init__()
        features: List[List[float]] = []
        labels: List[List[float]] = []

        with open(path, newline="") as file:
            reader = csv.reader(file)
            header = next(reader)
            if target not in header:
                raise ValueError("The file has no such column.")
            target_column = header.index(target)
            for row in reader:
                values = [float(value) for value in row]
                label = values.pop(target_column)
                features.append(values)
                labels.append([label])

        self.features = torch.tensor(features, dtype=torch.float32)
        self.labels = torch.tensor(labels, dtype=torch.float32)

    def __getitem__(self, index: int) -> Tuple[Tensor, Tensor]:
        return self.features[index], self.labels[index]

    def __len__(self) -> int:
        return self.labels.size(0)
