"""Chapter 13. Datasets."""

from typing import Tuple

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
