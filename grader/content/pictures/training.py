"""What the pictures of training share (steps 15 to 17): a wave, a network, curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import Floats
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def noisy_wave() -> Mapping[str, Any]:
    """Return few noisy points of a wave, so that a network can learn their noise, and more to validate with."""
    generator = np.random.RandomState(1)
    train = np.linspace(-3, 3, 14) + 0.1 * generator.randn(14)
    x = np.concatenate([train, generator.uniform(-3, 3, 30)]).reshape(-1, 1)
    y = np.sin(1.5 * x) + 0.45 * generator.randn(44, 1)
    return {"x": x, "y": y, "n_train": 14}


@probe
def wave_loaders(x, y, n_train, batch_size):  # type: ignore[no-untyped-def]
    """Return loaders of both parts, in order."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    parts = TensorDataset(x[:n_train], y[:n_train]), TensorDataset(x[n_train:], y[n_train:])
    return [DataLoader(part, batch_size=batch_size) for part in parts]


@probe
def wave_network(dropout):  # type: ignore[no-untyped-def]
    """Return a network of two layers with 40 hidden units each, and its optimizer."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    layers = [nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1)]
    if dropout:
        layers.insert(4, nn.Dropout(0.2))
    model = nn.Sequential(*layers)
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def draw_history(axes: Axes, train: Floats, val: Floats) -> None:
    """Draw the losses of both parts, epoch by epoch."""
    style.yours(axes, np.arange(len(train)), train, "training", color=style.TRAIN)
    style.yours(axes, np.arange(len(val)), val, "validation", color=style.VALIDATION)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    if min(train.min(), val.min()) > 0:
        style.log_axis(axes)
