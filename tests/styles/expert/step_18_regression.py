from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset


def load_data(seed: int = 0):
    table = np.column_stack(load_diabetes(return_X_y=True))
    rows = np.random.default_rng(seed).permutation(len(table))
    parts = np.split(rows, [265, 353])
    mean, std = (f(table[parts[0]], axis=0) for f in (np.mean, np.std))
    z = torch.from_numpy((table - mean) / std).float()
    full = TensorDataset(z[:, :10], z[:, 10:])
    full.y_std, full.fitted = std[10], parts[0]  # every part is a view of all, and knows them
    return tuple(Subset(full, part.tolist()) for part in parts)


def build_model(width: int = 32) -> nn.Module:
    model = nn.Sequential(nn.Linear(10, width), nn.SiLU(), nn.Linear(width, 1))
    nn.init.zeros_(model[2].weight)
    return model


def train(train_set, val_set, seed, epochs=60):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model()
        opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
        g = torch.Generator().manual_seed(seed)
        loader = DataLoader(train_set, batch_size=32, shuffle=True, generator=g)
        ((xv, yv),) = DataLoader(val_set, batch_size=len(val_set))
        best, history = (float("inf"), None), []
        for _ in range(epochs):
            for x, y in loader:
                opt.zero_grad(set_to_none=True)
                nn.functional.mse_loss(model(x), y).backward()
                opt.step()
            sched.step()
            with torch.inference_mode():
                history.append(nn.functional.mse_loss(model(xv), yv).item())
            best = min(best, (history[-1], copy.deepcopy(model.state_dict())), key=lambda b: b[0])
        model.load_state_dict(best[1])
    return model, history


@torch.inference_mode()
def report(model, test):
    x, y = test.dataset.tensors
    held, fitted = test.indices, test.dataset.fitted
    yhat = model.eval()(x[held])
    ols = LinearRegression().fit(x[fitted].numpy(), y[fitted].numpy())
    return {"r2": 1 - (yhat - y[held]).square().sum() / (y[held] - y[held].mean()).square().sum(), "rmse": nn.functional.mse_loss(yhat, y[held]).sqrt() * test.dataset.y_std, "baseline_r2": r2_score(y[held], ols.predict(x[held]))}
