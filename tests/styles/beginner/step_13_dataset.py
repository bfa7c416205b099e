import torch
from torch.utils.data import Dataset, TensorDataset


class CustomDataset(Dataset):
    def __init__(self, x_tensor, y_tensor):
        if x_tensor.shape[0] != y_tensor.shape[0]:
            raise ValueError("x and y must have the same length!")
        self.points = []
        for i in range(x_tensor.shape[0]):
            self.points.append((x_tensor[i], y_tensor[i]))
        print("made a dataset with", len(self.points), "points")

    def __getitem__(self, index):
        print("somebody wants", index)
        return self.points[index]

    def __len__(self):
        count = 0
        for p in self.points:
            count = count + 1
        return count


class CsvDataset(Dataset):
    def __init__(self, path, target):
        f = open(path)
        lines = f.readlines()
        f.close()
        names = lines[0].strip().split(",")
        print("columns", names)
        if target not in names:
            raise ValueError("no column " + target)
        self.points = []
        for line in lines[1:]:
            words = line.strip().split(",")
            features = []
            for i in range(len(words)):
                if names[i] == target:
                    y = torch.tensor([float(words[i])])
                else:
                    features.append(float(words[i]))
            self.points.append((torch.tensor(features), y))

    def __getitem__(self, index):
        return self.points[index]

    def __len__(self):
        return len(self.points)
