"""Diabetes patients, with every argument checked and all global generators untouched."""

import logging
import math
import operator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from torch import nn
from torch.utils.data import Dataset

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())

FEATURES = 10


@dataclass(frozen=True)
class _Scale:
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, values):
        std = values.std(axis=0, ddof=1)
        if not np.all(std > 0):
            raise ValueError("a column is constant")
        return cls(values.mean(axis=0), std)

    def standardized(self, values):
        return (values - self.mean) / self.std


class _Patients(Dataset):
    def __init__(self, features, targets, target_scale=None, training=None):
        if len(features) != len(targets):
            raise ValueError("different lengths")
        self._features = torch.as_tensor(np.array(features), dtype=torch.float32)
        self._targets = torch.as_tensor(np.array(targets), dtype=torch.float32).reshape(-1, 1)
        self.target_scale = target_scale
        self.training = training

    def __len__(self):
        return len(self._targets)

    def __getitem__(self, index):
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        return self._features[i].clone(), self._targets[i].clone()


def load_data(seed, *, shares=(0.6, 0.2, 0.2)):
    if not math.isclose(sum(shares), 1.0):
        raise ValueError("the shares must add up to 1")
    features, targets = load_diabetes(return_X_y=True, scaled=False)
    generator = np.random.default_rng(operator.index(seed))
    order = generator.permutation(len(targets))
    n_train, n_val = (round(share * len(order)) for share in shares[:2])
    rows = np.split(order, [n_train, n_train + n_val])
    if sorted(np.concatenate(rows).tolist()) != list(range(len(targets))):
        raise RuntimeError("the split went wrong")
    x_scale, y_scale = _Scale.of(features[rows[0]]), _Scale.of(targets[rows[0]])
    parts = []
    for part in rows:
        parts.append(
            _Patients(
                x_scale.standardized(features[part]),
                y_scale.standardized(targets[part]),
                target_scale=y_scale,
                training=parts[0] if parts else None,
            )
        )
    return tuple(parts)


class _Model(nn.Module):
    def __init__(self, n_hidden, generator):
        super().__init__()
        self.first = nn.Linear(FEATURES, n_hidden)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Linear(n_hidden, 1)
        if generator is not None:
            with torch.no_grad():
                for p in (self.first.weight, self.last.weight):
                    bound = p.size(1) ** -0.5
                    p.copy_((2 * torch.rand(p.shape, generator=generator) - 1) * bound)
                self.first.bias.zero_()
                self.last.bias.zero_()

    def forward(self, x):
        if not isinstance(x, torch.Tensor) or x.dim() != 2 or x.size(1) != FEATURES:
            raise ValueError("x must be a tensor of shape (n, 10)")
        return self.last(self.drop(torch.tanh(self.first(x))))


def build_model(n_hidden=24, *, generator=None):
    return _Model(n_hidden, generator)


def _stacked(dataset):
    if len(dataset) < 1:
        raise ValueError("the dataset is empty")
    items = [dataset[i] for i in range(len(dataset))]
    return torch.stack([x for x, _ in items]), torch.stack([y for _, y in items])


def train(train_set, val_set, seed, *, n_epochs=80, batch_size=32, patience=25):
    generator = torch.Generator().manual_seed(operator.index(seed))
    before = torch.get_rng_state()
    try:
        torch.manual_seed(operator.index(seed))  # for Dropout
        model = build_model(generator=generator)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.1)
        (x, y), (x_val, y_val) = _stacked(train_set), _stacked(val_set)
        history = {"train_losses": [], "val_losses": []}
        best, best_state, waited = math.inf, None, 0
        for epoch in range(n_epochs):
            model.train()
            total = 0.0
            for rows in torch.randperm(len(x), generator=generator).split(batch_size):
                optimizer.zero_grad(set_to_none=True)
                loss = nn.functional.mse_loss(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
                total += float(loss.item()) * len(rows)
            model.eval()
            with torch.no_grad():
                val_loss = float(nn.functional.mse_loss(model(x_val), y_val).item())
            history["train_losses"].append(total / len(x))
            history["val_losses"].append(val_loss)
            LOG.info("epoch %d: %g", epoch, val_loss)
            if val_loss < best:
                best, waited = val_loss, 0
                best_state = {k: v.clone() for k, v in model.state_dict().items()}
            else:
                waited += 1
                if waited >= patience:
                    break
    finally:
        torch.set_rng_state(before)
    model.load_state_dict(best_state)
    return model.eval(), history


def _r2(true, predicted):
    spread = float(((true - true.mean()) ** 2).sum())
    if spread == 0:
        raise ValueError("all targets are equal")
    return 1.0 - float(((true - predicted) ** 2).sum()) / spread


def report(model, test):
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    if getattr(test, "training", None) is None:
        raise ValueError("test must be the third dataset of load_data")
    modes = [(module, module.training) for module in model.modules()]
    x, y = _stacked(test)
    try:
        model.eval()
        with torch.no_grad():
            predicted = model(x)
    finally:
        for module, mode in modes:
            module.training = mode
    if predicted.shape != y.shape:
        raise ValueError("the model must give one number for each patient")
    true, predicted = y.to(torch.float64).numpy(), predicted.to(torch.float64).numpy()
    x_train, y_train = _stacked(test.training)
    line = LinearRegression().fit(x_train.numpy(), y_train.numpy())
    scale = test.target_scale
    in_units = [values * scale.std + scale.mean for values in (true, predicted)]
    return {
        "r2": _r2(true, predicted),
        "rmse": float(np.sqrt(np.mean(np.square(in_units[0] - in_units[1])))),
        "baseline_r2": _r2(true, line.predict(x.numpy())),
        "n": len(y),
    }
