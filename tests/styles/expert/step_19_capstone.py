from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import minmax_scale
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset


def load_data(seed: int = 0):
    x, y = load_digits(return_X_y=True)
    full = TensorDataset(
        torch.from_numpy((x - x.min()) / (x.max() - x.min())).float(), torch.from_numpy(y).long()
    )
    # Ten stratified folds: two of them are the test part, one is for validation.
    folds = [part for _, part in StratifiedKFold(10, shuffle=True, random_state=seed).split(x, y)]
    return tuple(
        Subset(full, np.concatenate(part).tolist()) for part in (folds[3:], folds[2:3], folds[:2])
    )


def build_model(width: int = 32) -> nn.Module:
    model = nn.Sequential(
        nn.Linear(64, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 10), nn.LogSoftmax(dim=1)
    )
    nn.init.zeros_(model[3].weight)
    return model


def cross_entropy(logits, labels):
    return -logits.log_softmax(-1).gather(-1, labels[:, None]).mean()


def train(train_set, val_set, seed, epochs=40):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model()
        opt = torch.optim.AdamW(model.parameters(), lr=5e-3)
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
        g = torch.Generator().manual_seed(seed)
        loader = DataLoader(train_set, batch_size=64, shuffle=True, generator=g)
        best, history = (-1.0, None), []
        for _ in range(epochs):
            model.train()
            for x, y in loader:
                opt.zero_grad(set_to_none=True)
                nn.functional.nll_loss(model(x), y).backward()
                opt.step()
            sched.step()
            score = accuracy(model, val_set)
            history.append(score)
            if score >= best[0]:
                best = score, copy.deepcopy(model.state_dict())
        model.load_state_dict(best[1])
    return model, history


@torch.inference_mode()
def _logits(model, x):
    device = next(iter(model.parameters())).device
    return model.eval()(x.to(device)).cpu()


def predict(model, x):
    return _logits(model, x).argmax(-1).clone()


def _pairs(model, dataset):
    with torch.random.fork_rng(devices=[]):
        got = [(y, predict(model, x)) for x, y in DataLoader(dataset, batch_size=128)]
    return map(torch.cat, zip(*got))


def accuracy(model, dataset):
    y, p = _pairs(model, dataset)
    return y.eq(p).double().mean()


def confusion(model, dataset):
    y, p = _pairs(model, dataset)
    return torch.zeros(10, 10, dtype=torch.int64).index_put_((y, p), torch.ones_like(y), accumulate=True)
