import torch
from torch.utils.data import DataLoader, random_split


def split(dataset, n_train, seed):
    g = torch.Generator().manual_seed(seed)
    return random_split(dataset, [n_train, len(dataset) - n_train], generator=g)


def make_loaders(train, val, batch_size, seed):
    g = torch.Generator().manual_seed(seed)
    train_loader = DataLoader(train, batch_size, shuffle=True, generator=g)
    val_loader = DataLoader(val, batch_size, shuffle=True, generator=g)
    return train_loader, val_loader


def standardize(x_train, x_val):
    mean, std = x_train.mean(0), x_train.std(0, unbiased=False)
    std = torch.where((x_train == x_train[0]).all(0), torch.ones_like(std), std)
    return (x_train - mean) / std, (x_val - mean) / std
