import torch
from torch.utils.data import Dataset


class CustomDataset(Dataset):
    def __init__(self, x_tensor, y_tensor):
        assert len(x_tensor) == len(y_tensor)
        self.x = x_tensor
        self.y = y_tensor

    def __getitem__(self, index):
        return (self.x[index], self.y[index])

    def __len__(self):
        return len(self.x)


class CsvDataset(Dataset):
    def __init__(self, path, target):
        with open(path) as file:
            names = file.readline().strip().split(",")
            rows = [[float(v) for v in line.split(",")] for line in file]
        i = names.index(target)
        self.x = [torch.tensor(row[:i] + row[i + 1 :]) for row in rows]
        self.y = [torch.tensor(row[i]) for row in rows]

    def __getitem__(self, index):
        return self.x[index], self.y[index]

    def __len__(self):
        return len(self.x)
