import torch
from torch.utils.data import DataLoader, Dataset, Subset, random_split


def split(dataset, n_train, seed):
    old_state = torch.get_rng_state()
    torch.manual_seed(seed)
    n = len(dataset)
    lengths = [n_train, n - n_train]
    parts = random_split(dataset, lengths)
    torch.set_rng_state(old_state)
    print("split into", len(parts[0]), "and", len(parts[1]))
    return parts


class EpochSampler:
    def __init__(self, n, seed):
        self.n = n
        self.seed = seed
        self.epoch = 0

    def __iter__(self):
        state = torch.get_rng_state()
        torch.manual_seed(self.seed + 1000003 * self.epoch)
        self.epoch = self.epoch + 1
        order = torch.randperm(self.n)
        torch.set_rng_state(state)
        for i in order:
            yield int(i)

    def __len__(self):
        return self.n


def make_loaders(train, val, batch_size, seed):
    sampler = EpochSampler(len(train), seed)
    train_loader = DataLoader(train, batch_size, sampler=sampler)
    val_loader = DataLoader(val, batch_size)
    return [train_loader, val_loader]


def standardize(x_train, x_val):
    new_train = torch.zeros_like(x_train)
    new_val = torch.zeros_like(x_val)
    n = x_train.shape[0]
    for j in range(x_train.shape[1]):
        mean = 0.0
        for i in range(n):
            mean = mean + float(x_train[i, j]) / n
        var = 0.0
        for i in range(n):
            var = var + (float(x_train[i, j]) - mean) ** 2 / n
        std = var ** 0.5
        if float(x_train[:, j].max()) == float(x_train[:, j].min()):
            std = 1.0
        for i in range(n):
            new_train[i, j] = (x_train[i, j] - mean) / std
        for i in range(x_val.shape[0]):
            new_val[i, j] = (x_val[i, j] - mean) / std
    print(new_train)
    return new_train, new_val
