"""Whole trainings, for the tests of steps 16 and 17: models, batches, and the same by formulas in float64.

With BatchNorm and Dropout(1.0), which gives zeros in training mode, every number of a case shows which mode its
model was in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from grader.content.references import TRAINING
from grader.content.shared_probes import noted_on_meta
from grader.testing.answers import Answer
from grader.testing.probes import probe
from grader.testing.strategies import exact_rates, sizes, tensors

# Of BatchNorm and of Adam, so large that rounding never decides where a step goes.
EPS = 0.5

# The lists that `devices_in_training` and `devices_of` note.
PARTS = ("training x", "training y", "validation x", "validation y")


# A line and a small network


@probe
def batches(x: Any, y: Any, batch_size: int) -> DataLoader[Any]:
    """Return a loader of points, as float32 and in their order.

    Args:
        x: array, tensor or nested list of shape (n, …).
        y: likewise.
        batch_size: the number of points in every batch but the last.
    """
    x, y = torch.as_tensor(x).float(), torch.as_tensor(y).float()
    return DataLoader(TensorDataset(x, y), batch_size=batch_size)


@probe
def network(*layers: nn.Module) -> nn.Sequential:
    """Return a network of these layers, whose numbers are always the same, and not all alike."""
    model = nn.Sequential(*layers)
    for p in model.parameters():
        p.data.copy_(torch.linspace(-0.9, 0.8, p.numel()).reshape(p.shape))
    return model


def fit_in_numpy(
    a: float,
    b: float,
    data: Sequence[Any],
    val: Sequence[Any],
    lr: float,
    n_epochs: int,
    batch_size: int,
) -> dict[str, Any]:
    """Run mini-batch gradient descent on a line, in float64.

    Args:
        a: the intercept at the start.
        b: the slope at the start.
        data: x and y of the training points, arrays of shape (n, 1).
        val: x and y of the validation points, likewise.
        lr: the learning rate.
        n_epochs: the number of epochs.
        batch_size: the number of points in every batch but the last.

    Returns:
        A dictionary with "train_losses" and "val_losses", which are means per point; "means of batch
        means", which are the wrong training losses; and "a" and "b" at the end.
    """
    (x, y), (x_val, y_val) = data, val
    train_losses, val_losses, means_of_means = [], [], []
    for _ in range(n_epochs):
        total, batch_means = 0.0, []
        for i in range(0, len(x), batch_size):
            xb, yb = x[i : i + batch_size], y[i : i + batch_size]
            error = a + b * xb - yb
            total += (error**2).sum()
            batch_means.append((error**2).mean())
            a, b = a - lr * 2 * error.mean(), b - lr * 2 * (error * xb).mean()
        train_losses.append(float(total / len(x)))
        means_of_means.append(float(np.mean(batch_means)))
        val_losses.append(float(((a + b * x_val - y_val) ** 2).mean()))
    return {
        "train_losses": train_losses,
        "means of batch means": means_of_means,
        "val_losses": val_losses,
        "a": float(a),
        "b": float(b),
    }


def train_network_by_hand(
    x: NDArray[Any], y: NDArray[Any], hidden: int, n_steps: int, momentum: float | None = None
) -> list[torch.Tensor]:
    """Train Linear, Tanh, Linear for some steps on all points, with lr 0.1 and the mean squared error.

    Args:
        x: float64, of shape (n, 1).
        y: likewise.
        hidden: the number of hidden units.
        n_steps: the number of steps.
        momentum: that of SGD; without it, the optimizer is Adam.

    Returns:
        The parameters of the network in float32, which started as `network` makes them.
    """
    model = network(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1)).double()
    params = list(model.parameters())
    means = [torch.zeros_like(p) for p in params]
    squares = [torch.zeros_like(p) for p in params]
    for t in range(1, n_steps + 1):
        loss = ((model(torch.tensor(x)) - torch.tensor(y)) ** 2).mean()
        grads = torch.autograd.grad(loss, params)
        for p, grad, mean, square in zip(params, grads, means, squares, strict=True):
            if momentum is None:
                mean += 0.1 * (grad - mean)
                square += 0.001 * (grad**2 - square)
                scale = (square / (1 - 0.999**t)).sqrt() + 1e-8
                p.data -= 0.1 * mean / (1 - 0.9**t) / scale
            else:
                mean.mul_(momentum).add_(grad)
                p.data -= 0.1 * mean
    return [p.detach().float() for p in params]


def check_batches_counted(answer: Answer, n_epochs: int) -> None:
    """Check how many batches BatchNorm saw in training mode, in epochs of three training batches."""
    counted, expected = answer.scalar(), 3 * n_epochs
    sentence = (
        f"In {n_epochs} epochs of 3 training batches, expected BatchNorm to see {expected} batches "
        f"in training mode, got {counted:g}. "
    )
    if counted < expected:
        sentence += "Is the model still in eval mode after a validation?"
    else:
        sentence += "Does the validation run in training mode?"
    answer.check(counted == expected, sentence)


# Devices


@probe
def devices_in_training(train: Any) -> dict[str, Any]:
    """Note on which device each batch is when it is used, in a training with the device "meta".

    Args:
        train: a function of all arguments of `fit` except for the number of epochs, by name.

    Returns:
        What `noted_on_meta` returns, with one list for each of PARTS. The mode of the model, and whether its
        prediction requires a gradient, tell training from validation.
    """
    devices: dict[str, list[str]] = {
        "training x": [], "training y": [], "validation x": [], "validation y": []
    }  # fmt: skip

    class Model(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            devices["training x" if self.training else "validation x"].append(x.device.type)
            return super().forward(torch.ones(len(x), 1))

    def loss_fn(yhat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        devices["training y" if yhat.requires_grad else "validation y"].append(y.device.type)
        return yhat.mean()

    def train_on(device: Any) -> None:
        model = Model(1, 1)
        points = TensorDataset(torch.ones(4, 1), torch.ones(4, 1))
        train(
            model=model,
            loss_fn=loss_fn,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            train_loader=DataLoader(points, batch_size=2),
            val_loader=DataLoader(points, batch_size=2),
            device=device,
        )

    train_on(torch.device("cpu"))
    seen: dict[str, Any] = noted_on_meta(devices, train_on, "meta")
    return seen


@probe
def devices_of(train: Any, n: int, size: int) -> dict[str, Any]:
    """Note on which device each batch is when it is used, in a training with `torch.device("meta")`.

    Args:
        train: a function of all arguments of `fit` except for the number of epochs, by name.
        n: the number of points.
        size: the number of points in every batch but the last.

    Returns:
        What `noted_on_meta` returns, with one list for each of PARTS. The shape of a batch tells training from
        validation, whatever the modes are.
    """
    noted: dict[str, list[str]] = {
        "training x": [], "training y": [], "validation x": [], "validation y": []
    }  # fmt: skip

    class Model(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            noted["validation x" if x.dim() == 3 else "training x"].append(x.device.type)
            return super().forward(torch.ones(len(x), 1))

    def loss_fn(yhat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        noted["validation y" if y.dim() == 3 else "training y"].append(y.device.type)
        return yhat.mean()

    def use_on(device: Any) -> None:
        model = Model(1, 1)
        points, val_points = (
            TensorDataset(torch.ones(shape), torch.ones(shape)) for shape in ((n, 1), (n, 1, 1))
        )
        train(
            model=model,
            loss_fn=loss_fn,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.5),
            train_loader=DataLoader(points, batch_size=size),
            val_loader=DataLoader(val_points, batch_size=size),
            device=device,
        )

    seen: dict[str, Any] = noted_on_meta(noted, use_on, torch.device("meta"))
    return seen


# Random cases


@probe
def model_of(kind: str, weight: torch.Tensor, bias: torch.Tensor, training: bool) -> nn.Sequential:
    """Return a linear layer, after BatchNorm, after Dropout(1.0), or after both.

    Args:
        kind: "plain", "norm", "dropout" or "norm and dropout".
        weight: that of the layer, of shape (n_out, n_in) and a float dtype.
        bias: that of the layer, of shape (n_out,) and the same dtype.
        training: the mode.
    """
    n_out, n_in = weight.shape
    batch_norm = nn.BatchNorm1d(n_in, eps=EPS) if "norm" in kind else nn.Identity()
    dropout = nn.Dropout(1.0) if "dropout" in kind else nn.Identity()
    linear = nn.Linear(n_in, n_out)
    model = nn.Sequential(batch_norm, dropout, linear).to(weight.dtype)
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return model.train(training)


@probe
def optimizer_of(model: nn.Module, name: str, lr: float) -> torch.optim.Optimizer:
    """Return an optimizer for all parameters: "SGD", "momentum" (SGD with 0.5) or "Adam"."""
    if name == "Adam":
        return torch.optim.Adam(model.parameters(), lr=lr, eps=EPS)
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.0 if name == "SGD" else 0.5)


@probe
def lopsided(yhat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return a loss that tells the prediction from y; both have two dimensions."""
    # The mean over each row comes first, which needs both dimensions.
    return ((yhat - y) ** 2 + 0.25 * yhat - 0.5 * y).mean(dim=1).mean()


@probe
def state_of(model: nn.Sequential) -> list[torch.Tensor]:
    """Return the numbers of a model of `model_of`: parameters first, then buffers."""
    first: Any = model[0]
    buffers = [] if isinstance(first, nn.Identity) else [first.running_mean, first.running_var]
    return [v.detach().clone() for v in (*model.parameters(), *buffers)]


class Reference:
    """A model of `model_of` and its optimizer of `optimizer_of`, in float64 and by formulas."""

    def __init__(self, kind: str, weight: torch.Tensor, bias: torch.Tensor, name: str, lr: float):
        self.kind, self.name, self.lr, self.t = kind, name, lr, 0
        n_in = weight.shape[1]
        self.params = [weight.double(), bias.double()]
        self.buffers: list[torch.Tensor] = []
        if "norm" in kind:
            self.params = [torch.ones(n_in).double(), torch.zeros(n_in).double(), *self.params]
            self.buffers = [torch.zeros(n_in).double(), torch.ones(n_in).double()]
        self.means = [torch.zeros_like(p) for p in self.params]
        self.squares = [torch.zeros_like(p) for p in self.params]

    def state(self) -> list[torch.Tensor]:
        """Return the numbers as `state_of` does."""
        return [v.clone() for v in (*self.params, *self.buffers)]

    def loss(
        self, x: torch.Tensor, y: torch.Tensor, params: Sequence[torch.Tensor], training: bool
    ) -> torch.Tensor:
        """Return the loss of a batch; training moves the buffers of BatchNorm."""
        x, y = x.double(), y.double()
        if "norm" in self.kind:
            mean, variance = self.buffers
            if training:
                mean, variance = x.mean(dim=0), x.var(dim=0, correction=0)
                unbiased = x.var(dim=0, correction=1)
                self.buffers = [
                    0.9 * old + 0.1 * new
                    for old, new in zip(self.buffers, (mean, unbiased), strict=True)
                ]
            x = (x - mean) / (variance + EPS).sqrt() * params[0] + params[1]
        if "dropout" in self.kind and training:
            x = x * 0
        loss: torch.Tensor = lopsided(x @ params[-2].T + params[-1], y)
        return loss

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Take one step on a batch and return its loss before the step."""
        params = [p.clone().requires_grad_() for p in self.params]
        loss = self.loss(x, y, params, True)
        self.t += 1
        for k, grad in enumerate(torch.autograd.grad(loss, params)):
            if self.name == "Adam":
                self.means[k] = 0.9 * self.means[k] + 0.1 * grad
                self.squares[k] = 0.999 * self.squares[k] + 0.001 * grad**2
                scale = (self.squares[k] / (1 - 0.999**self.t)).sqrt() + EPS
                move = self.means[k] / (1 - 0.9**self.t) / scale
            else:
                momentum = 0.0 if self.name == "SGD" else 0.5
                self.means[k] = move = momentum * self.means[k] + grad
            self.params[k] = self.params[k] - self.lr * move
        return loss.item()

    def epoch(self, data: dict[str, Any], training: bool) -> float:
        """Return the mean loss per point of one walk through the batches."""
        total, start = 0.0, 0
        for size in data["sizes"]:
            x, y = (data[name][start : start + size] for name in "xy")
            loss = self.step(x, y) if training else self.loss(x, y, self.params, False).item()
            total, start = total + size * loss, start + size
        return total / start

    def fit(
        self, train: dict[str, Any], val: dict[str, Any], n_epochs: int
    ) -> tuple[list[float], list[float], list[list[torch.Tensor]]]:
        """Return the training losses, the validation losses and the states after the epochs."""
        losses, val_losses, states = [], [], []
        for _ in range(n_epochs):
            losses.append(self.epoch(train, True))
            val_losses.append(self.epoch(val, False))
            states.append(self.state())
        return losses, val_losses, states


def check_values(answer: Answer, expected: Sequence[torch.Tensor]) -> None:
    """Check the numbers of a model, in the order of `state_of`."""
    parts = answer.each()
    answer.check(len(parts) == len(expected), "The model no longer has the same parameters.")
    for part, value in zip(parts, expected, strict=True):
        got = part.tensor(tuple(value.shape))
        part.is_close(value.to(got.dtype), **TRAINING)


def cases() -> st.SearchStrategy[dict[str, Any]]:
    """Draw a model, its training and validation points in batches of several sizes, an optimizer, a mode.

    "model" holds the arguments of `model_of`; "train" and "val" those of the probe `loader_of`; "name" and "lr"
    those of `optimizer_of`.
    """
    return _case()


@st.composite
def _case(draw: Callable[[Any], Any]) -> dict[str, Any]:
    n_in, n_out = draw(st.permutations([1, 2, 3]))[:2]
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    model = {
        "kind": draw(st.sampled_from(["plain", "norm", "dropout", "norm and dropout"])),
        "weight": draw(tensors((n_out, n_in), dtype)),
        "bias": draw(tensors((n_out,), dtype)),
        "training": draw(st.booleans()),
    }
    parts = []
    # BatchNorm cannot train on a batch of one point.
    low = 2 if "norm" in model["kind"] else 1
    for lowest in (low, 1):
        sizes_of_all = draw(st.lists(sizes(lowest, 4), min_size=1, max_size=3))
        # The dataset may have points that the loader leaves out.
        n = sum(sizes_of_all) + draw(sizes(0, 2))
        x, y = draw(tensors((n, n_in), dtype)), draw(tensors((n, n_out), dtype))
        parts.append({"x": x, "y": y, "sizes": sizes_of_all})
    name = draw(st.sampled_from(["SGD", "momentum", "Adam"]))
    return {
        "model": model, "train": parts[0], "val": parts[1], "name": name, "lr": draw(exact_rates())
    }  # fmt: skip


def reference_of(case: dict[str, Any]) -> Reference:
    """Return the reference of one of `cases`."""
    model = case["model"]
    return Reference(model["kind"], model["weight"], model["bias"], case["name"], case["lr"])
