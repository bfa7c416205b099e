"""Probes for the tests of several steps: memory layouts, small models, loaders, random numbers.

A test file imports them by name and calls them in its own probes. Like every probe, they hold no
expected value. The few that a test runs directly have a docstring of one clause, because learners
read all of it after "The test did this: ". They are one list, of over 300 lines, because they share no
state and most of them serve several steps.
"""

from __future__ import annotations

import contextlib
import pathlib
import random
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import sgd
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader, Dataset, TensorDataset

from grader.content.array_probes import array_laid_out, noted
from grader.testing.probes import probe

__all__ = ["array_laid_out", "noted"]

# Memory layouts


@probe
def tensor_laid_out(t: torch.Tensor, layout: str) -> torch.Tensor:
    """Return a tensor with the same numbers in another memory layout.

    Args:
        t: of any shape and dtype.
        layout: "turned" or "Fortran order", "every second" or "every second entry" (in each
            dimension), "every second row", or "behind others" (two more rows come first); any
            other word gives a contiguous copy.

    Returns:
        A tensor of the same shape and dtype, which shares no memory with the given one.
    """
    shape = tuple(t.shape)
    if layout in ("turned", "Fortran order"):
        view = t.new_empty(shape[::-1]).permute(list(reversed(range(t.dim()))))
    elif layout in ("every second", "every second entry"):
        room = t.new_full([2 * size for size in shape], 99)
        view = room[tuple(slice(None, None, 2) for _ in shape)]
    elif layout == "every second row":
        view = t.new_full((2 * shape[0], *shape[1:]), 99)[::2]
    elif layout == "behind others":
        view = t.new_full((shape[0] + 2, *shape[1:]), 99)[2:]
    else:
        view = t.new_empty(shape)
    return view.copy_(t)


@probe
def points_laid_out(
    x: torch.Tensor, y: torch.Tensor, layout: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the same points, as columns of one table if the layout is "columns of a table".

    Args:
        x: of shape (n, k) and any dtype.
        y: of shape (n, m) and the same dtype.
        layout: "plain" or "columns of a table".

    Returns:
        x and y themselves if the layout is "plain", and otherwise views of a table of k + k + m
        columns, with the shapes and the dtype of x and y.
    """
    if layout == "plain":
        return x, y
    table = torch.cat([x, torch.full_like(x, 99.0), y], dim=1)
    return table[:, : x.shape[1]], table[:, -y.shape[1] :]


@probe
def points_after(x: torch.Tensor, y: torch.Tensor) -> list[Any]:
    """Return x and y, detached, and whether one of them requires a gradient."""
    return [x.detach(), y.detach(), x.requires_grad or y.requires_grad]


@probe
def made_of(t: torch.Tensor, way: str) -> torch.Tensor:
    """Return a tensor that was made of a matrix by views or copies.

    Args:
        t: contiguous, of two or more rows and columns, and of any dtype but float64.
        way: the expression that makes it, one of those below.
    """
    ways: dict[str, Any] = {
        "t": lambda: t,
        "t.detach()": lambda: t.detach(),
        "t.T": lambda: t.T,
        "t[1:]": lambda: t[1:],
        "t[:, -1]": lambda: t[:, -1],
        "t[1:].T": lambda: t[1:].T,
        "t.reshape(-1)[1:]": lambda: t.reshape(-1)[1:],
        "t.unsqueeze(0)": lambda: t.unsqueeze(0),
        "t.clone()": lambda: t.clone(),
        "t + 0": lambda: t + 0,
        "t.double()": lambda: t.double(),
        "t[[0, 1]]": lambda: t[[0, 1]],
        "t.T.reshape(-1)": lambda: t.T.reshape(-1),
        "t.T.contiguous()": lambda: t.T.contiguous(),
        "t.clone()[1:]": lambda: t.clone()[1:],
        "t[1:].clone()": lambda: t[1:].clone(),
    }
    made: torch.Tensor = ways[way]()
    return made


# Parameters


@probe
def leaf(number: float) -> torch.Tensor:
    """Return a number as a float32 leaf of shape (1,) that requires a gradient."""
    return torch.tensor([number], requires_grad=True)


@probe
def parameters_of(values: Sequence[torch.Tensor], turned: bool) -> list[torch.Tensor]:
    """Return for each value a leaf of its shape and dtype, in Fortran order if `turned`."""
    layout = "turned" if turned else "plain"
    return [tensor_laid_out(value, layout).requires_grad_() for value in values]


# Models and loaders


@probe
def line(a: float, b: float) -> nn.Linear:
    """Return an nn.Linear(1, 1) with a as its bias and b as its weight."""
    model = nn.Linear(1, 1)
    model.bias.data.fill_(a)
    model.weight.data.fill_(b)
    return model


@probe
def small_network(weights: Sequence[torch.Tensor]) -> nn.Sequential:
    """Return a model of the layers Linear, Tanh, Linear with these parameters.

    Args:
        weights: float32, of the shapes (hidden, n_in), (hidden,), (n_out, hidden) and (n_out,).
    """
    n_hidden, n_in = weights[0].shape
    model = nn.Sequential(
        nn.Linear(n_in, n_hidden), nn.Tanh(), nn.Linear(n_hidden, len(weights[3]))
    )
    for p, weight in zip(model.parameters(), weights, strict=True):
        p.data.copy_(weight)
    return model


@probe
def with_parameters(model: nn.Module, n_in: int) -> nn.Module:
    """Return a model whose lazy layers, if it has any, have made their parameters.

    Args:
        model: any model.
        n_in: the number of features of a point.
    """
    if any(nn.parameter.is_lazy(p) for p in model.parameters()):
        model(torch.zeros(1, n_in))
    return model


@probe
def write_network(model: nn.Module, weights: Sequence[torch.Tensor]) -> nn.Module:
    """Write numbers into a network of two linear layers, whose weights may be stored transposed.

    Args:
        model: the network; a parameter of any other shape is left alone.
        weights: of the shapes (hidden, n_in), (hidden,), (n_out, hidden) and (n_out,). All sizes
            differ, so that a shape identifies a parameter.

    Returns:
        The same model.
    """
    values = {tuple(sorted(weight.shape)): weight for weight in weights}
    for p in model.parameters():
        value = values.get(tuple(sorted(p.shape)))
        if value is not None:
            p.data.copy_(value if p.shape == value.shape else value.T)
    return model


@probe
def write_line(model: nn.Module, a: float, b: float) -> nn.Module:
    """Write a into every parameter of one dimension and b into every other one; return the model."""
    for p in model.parameters():
        p.data.fill_(a if p.ndim == 1 else b)
    return model


@probe
def start_values(module: Any, seeds: Sequence[int]) -> list[list[float]]:
    """Return a and b of new `ManualLinearRegression` objects, one made after each of these seeds."""
    found, before = [], torch.are_deterministic_algorithms_enabled()
    # In this mode torch fills uninitialized memory with NaN.
    torch.use_deterministic_algorithms(True)
    try:
        for seed in seeds:
            seed_all(seed)
            model = module.ManualLinearRegression()
            found.append([model.a.item(), model.b.item()])
    finally:
        torch.use_deterministic_algorithms(before)
    return found


@probe
def loader_of(
    x: torch.Tensor, y: torch.Tensor, sizes: Sequence[int], turned: bool = False
) -> DataLoader[Any]:
    """Return a loader whose batches have these sizes, in the order of the points.

    Args:
        x: of shape (n, …) and any dtype.
        y: of shape (n, …) and any dtype.
        sizes: the number of points in each batch.
        turned: whether x and y are stored in Fortran order; both then have two dimensions.

    Returns:
        A loader of batches (x, y), which does not shuffle.
    """
    if turned:
        x, y = x.T.contiguous().T, y.T.contiguous().T
    indices, start = [], 0
    for size in sizes:
        indices.append(list(range(start, start + size)))
        start += size
    return DataLoader(TensorDataset(x, y), batch_sampler=indices)


# From scratch


@probe
def torchs_sgd_refused() -> contextlib.ExitStack:
    """Return a context in which torch's own SGD raises an error, however it was imported."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("do not use torch's own SGD here: write the class from scratch")

    context = contextlib.ExitStack()
    context.callback(setattr, torch.optim.SGD, "__init__", torch.optim.SGD.__init__)
    setattr(torch.optim.SGD, "__init__", refuse)  # noqa: B010 - mypy refuses a plain assignment
    for function in (sgd.sgd, sgd._single_tensor_sgd, sgd._multi_tensor_sgd, sgd._fused_sgd):
        # Replacing the code object reaches a function under every name it was imported by.
        context.callback(setattr, function, "__code__", function.__code__)
        function.__code__ = refuse.__code__
    return context


@probe
def sgd_is_torchs(module: Any, x: torch.Tensor, y: torch.Tensor) -> bool:
    """Call `fit_with_sgd` while torch's own SGD raises an error, and see whether that error is raised."""
    # x and y are float32 of shape (n, 1).
    try:
        with torchs_sgd_refused():
            module.fit_with_sgd(x=x, y=y, a=leaf(0.0), b=leaf(1.0), lr=0.125, n_epochs=1)
    except RuntimeError as error:
        return "torch's own SGD" in str(error)
    return False


@probe
def torchs_losses(refused: bool) -> Any:
    """Return a context whose list `called` collects the names of torch's losses as they are called.

    Args:
        refused: whether such a call raises an error.
    """

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            name = getattr(func, "__name__", "").partition(".")[0]
            if name.endswith(("_loss", "cross_entropy")):
                called.append(name)
                if refused:
                    raise RuntimeError(
                        f"do not use torch's own {name} here: write the loss from scratch"
                    )
            return func(*args, **(kwargs or {}))

    called: list[str] = []
    watch: Any = Watch()
    watch.called = called
    return watch


# Capstones


@probe
def items_of(dataset: Any) -> list[torch.Tensor]:
    """Return all items of a dataset, as a DataLoader gives them: a tensor of inputs and one of labels."""
    return list(next(iter(DataLoader(dataset, batch_size=len(dataset)))))


@probe
def pairs(x: torch.Tensor, y: torch.Tensor) -> Any:
    """Return a dataset that has `len(dataset)` and `dataset[i]`, and nothing else."""

    class Pairs(Dataset[Any]):
        def __len__(self) -> int:
            return len(y)

        def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
            if not -len(y) <= i < len(y):
                raise IndexError(i)
            return x[i], y[i]

    return Pairs()


# Random numbers


@probe
def seed_all(seed: int) -> None:
    """Seed the global generators of PyTorch, NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@probe
def draw() -> float:
    """Return the next number of PyTorch's global generator."""
    return float(torch.rand(()))


# Capstones


@probe
def load_often(module: Any, seeds: list[int], before: int) -> Any:
    """Load the data with each seed, after other random numbers, and read inputs of validation and test part."""
    found = []
    for i, seed in enumerate(seeds):
        seed_all(before + i)
        _, val, test = module.load_data(seed=seed)
        found.append([items_of(val)[0], items_of(test)[0]])
    return found


@probe
def learn_by_hand(
    module: Any, loss: str, x: torch.Tensor, y: torch.Tensor, seed: int, lr: float
) -> Any:
    """Build two models, let the first one learn by gradient descent, and look at both before and after."""
    seed_all(seed)
    model, other = module.build_model().eval(), module.build_model().eval()
    before = [model(x).detach().clone(), other(x).detach().clone()]
    for _ in range(8):
        value = getattr(nn.functional, loss)(model(x), y)
        if not value.requires_grad:
            break
        params = [p for p in model.parameters() if p.requires_grad]
        grads = torch.autograd.grad(value, params, allow_unused=True)
        with torch.no_grad():
            for p, grad in zip(params, grads, strict=True):
                if grad is not None:
                    p -= lr * grad
    return {"before": before, "after": [model(x).detach(), other(x).detach()]}


@probe
def train_often(module: Any, train: Any, val: Any, x: torch.Tensor, seeds: list[int]) -> Any:
    """Train a model with each seed, after other random numbers, on plain datasets, and look at what they give."""
    outputs = []
    for i, seed in enumerate(seeds):
        seed_all(sum(seeds) + i)
        model, _ = module.train(train_set=pairs(*train), val_set=pairs(*val), seed=seed)
        model.eval()
        with torch.no_grad():
            outputs.append(model(x))
    return outputs


# Devices


# Graphics cards are hidden from all workers; `on_card` plays one. "meta" has shapes but no numbers, and exists on
# every machine.
DEVICES = ("cpu", "meta")


@probe
def call_with_answers(call: Any, answers: Sequence[tuple[Any, Any]]) -> Any:
    """Return what a function returns while some functions of torch are replaced.

    Their code objects are replaced, so it does not matter how they were imported.

    Args:
        call: the function to call, without arguments.
        answers: pairs of a function and its replacement, which takes the same arguments.
    """
    real = [function.__code__ for function, _ in answers]
    try:
        for function, answer in answers:
            function.__code__ = answer.__code__
        return call()
    finally:
        for (function, _), code in zip(answers, real, strict=True):
            function.__code__ = code


@probe
def noted_on_meta(noted: dict[str, list[str]], use_on: Any, meta: Any) -> dict[str, Any]:
    """Run something on the CPU and then on the meta device, and return the devices noted on meta.

    Every machine has the meta device, but its tensors have no numbers. Reading one raises an error
    there, which proves nothing and is ignored.

    Args:
        noted: lists by name, to which `use_on` appends the device type of each batch that it uses.
        use_on: a function of a device.
        meta: the meta device, or its name.

    Returns:
        The lists as filled on meta, and under "used on the cpu" a dictionary with the length that
        each list had after the CPU.
    """
    use_on("cpu")
    used = {name: len(kinds) for name, kinds in noted.items()}
    for kinds in noted.values():
        kinds.clear()
    with contextlib.suppress(Exception):
        use_on(meta)
    return {**noted, "used on the cpu": used}


@probe
def devices_picked(module: Any, cards: Sequence[int]) -> list[Any]:
    """Return what `pick_device()` returns for each of these numbers of graphics cards.

    Args:
        module: the learner's module, with `pick_device`.
        cards: the number of cards to pretend for each call, from 0 to 2.

    Returns:
        The device type for each call, "cuda" or "cpu", or whatever else was returned.
    """
    numbers: list[Any] = [lambda: 0, lambda: 1, lambda: 2]
    counts: list[Any] = [torch.cuda.device_count, torch.accelerator.device_count]
    without: list[Any] = [
        (torch.cuda.is_available, lambda: False),
        (torch.accelerator.is_available, lambda: False),
        (torch.accelerator.current_accelerator, lambda check_available=False: None),
    ]
    with_cards: list[Any] = [
        (torch.cuda.is_available, lambda: True),
        (torch.accelerator.is_available, lambda: True),
        (
            torch.accelerator.current_accelerator,
            lambda check_available=False: torch.device("cuda"),
        ),
        (torch.cuda.current_device, lambda: 0),
        (torch.cuda.get_device_name, lambda device=None: "a card"),
    ]
    picked = []
    for card in cards:
        answers = [(count, numbers[card]) for count in counts]
        answers += with_cards if card else without
        device = call_with_answers(module.pick_device, answers)
        # "cuda" and "cuda:0" and torch.device("cuda") mean the same.
        device = str(device) if isinstance(device, torch.device) else device
        picked.append(device.split(":")[0] if isinstance(device, str) else device)
    return picked


@probe
def on_card(t: torch.Tensor) -> torch.Tensor:
    """Return a leaf that acts like a tensor on a graphics card, which NumPy cannot read.

    Args:
        t: of any shape and any float dtype.
    """
    plain: Any = torch.Tensor

    class OnCard(torch.Tensor):
        def __deepcopy__(self, memo: Any) -> Any:
            return self.detach().clone().requires_grad_(self.requires_grad)

        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if func == plain.device.__get__:
                return torch.device("cuda", 0)
            if func in (plain.is_cuda.__get__, plain.is_cpu.__get__):
                return func == plain.is_cuda.__get__
            if func == plain.get_device:
                return 0
            if func in (plain.numpy, plain.__array__) and not kwargs.get("force"):
                raise TypeError(
                    "can't convert cuda:0 device type tensor to numpy. "
                    "Use Tensor.cpu() to copy the tensor to host memory first."
                )
            computed: Any = super()
            result = computed.__torch_function__(func, types, args, kwargs)
            named = [v for v in (*args[1:], *kwargs.values()) if isinstance(v, (str, torch.device))]
            # The target of a copy stays on its own device.
            into_cpu = func == plain.copy_ and type(args[0]) is not OnCard
            if func == plain.cpu or "cpu" in map(str, named) or into_cpu:
                result = result.as_subclass(plain)
            return result

    return t.clone().as_subclass(OnCard).requires_grad_()


@probe
def call_for_card(call: Any, t: torch.Tensor) -> Any:
    """Return what a function returns for a tensor of `on_card`.

    `torch.as_tensor` and `torch.asarray` ask no subclass, and would return a tensor that is on the CPU in truth
    as it is. Here they copy.

    Args:
        call: the function to call.
        t: what `on_card` returned, or what was computed with it.
    """

    class Copying(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            result = func(*args, **kwargs)
            if func in (torch.as_tensor, torch.asarray) and str(kwargs.get("device")) == "cpu":
                result = result.as_subclass(torch.Tensor)
            return result

    with Copying():
        return call(t=t)


# Checkpoints


@probe
def file_saved(module: Any, model: nn.Module, optimizer: Any, epoch: int) -> bytes | None:
    """Return the content of the file that `save_checkpoint` writes, or None if there is no file.

    Args:
        module: the learner's module, with `save_checkpoint`.
        model: the model to save.
        optimizer: its optimizer.
        epoch: the number of the epoch.

    Returns:
        At most 1 MiB of the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "checkpoint.pt"
        module.save_checkpoint(path=path, model=model, optimizer=optimizer, epoch=epoch)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            # `references.carried` refuses a file of this size, so the rest need not be read.
            return file.read(1 << 20)


@probe
def epoch_loaded(module: Any, file: bytes, model: nn.Module, optimizer: Any) -> Any:
    """Return what `load_checkpoint` returns for a file with this content and another path.

    Args:
        module: the learner's module, with `load_checkpoint`.
        file: the content, as `file_saved` returned it in another process.
        model: the model to load into.
        optimizer: the optimizer to load into.

    Returns:
        Whatever `load_checkpoint` returned, which should be the number of the epoch.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/carried over"
        pathlib.Path(path).write_bytes(file)
        return module.load_checkpoint(path=path, model=model, optimizer=optimizer)


# Training


@probe
def orders_of(train: Any, n: int, size: int, seed: int) -> list[float]:
    """Train a classifier with a loader that shuffles, and return the order of the points.

    The labels are integers, and the bias of the model is frozen.

    Args:
        train: a function of all arguments of `fit` except for the number of epochs, by name.
        n: the number of points; their x are 0, 1, …, n - 1.
        size: the number of points in a batch.
        seed: the seed of the loader.

    Returns:
        The x of every point that the model saw in training mode, in order.
    """
    noted: list[float] = []

    class Model(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training:
                noted.extend(x.flatten().tolist())
            return super().forward(x)

    model = Model(1, 2)
    model.bias.requires_grad_(False)
    points = TensorDataset(torch.arange(float(n)).reshape(n, 1), torch.arange(n) % 2)
    generator = torch.Generator().manual_seed(seed)
    train(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD([model.weight], lr=0.001),
        train_loader=DataLoader(points, batch_size=size, shuffle=True, generator=generator),
        val_loader=DataLoader(points, batch_size=size),
        device="cpu",
    )
    return noted


@probe
def fit_early_by_script(
    module: Any,
    val_losses: Sequence[float],
    patience: int,
    max_epochs: int,
    sizes: Sequence[int],
    device: Any,
) -> dict[str, Any]:
    """Train a model that counts its epochs, with a loss function that gives these validation losses.

    Args:
        module: the learner's module, with `fit_early`.
        val_losses: the validation loss of each epoch; the last one counts for all later epochs.
        patience: the patience of `fit_early`, in epochs.
        max_epochs: the largest number of epochs.
        sizes: the number of validation points in each batch.
        device: the device, or its name.

    Returns:
        A dictionary with "history", "model" and "optimizer". The model's only weight, float32 of
        shape (1,), is minus the number of epochs after which it was stored.
    """
    n = sum(sizes)

    # The weight falls by 1 in each epoch, so a copy of it shows after how many epochs it was made.
    class Countdown(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.weight + 0 * x

    def loss_fn(yhat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if y.sum() == 0:  # a training batch: the gradient is 1
            return yhat.mean()
        epoch = round(-yhat.mean().item()) - 1
        return 0 * yhat.mean() + val_losses[min(max(epoch, 0), len(val_losses) - 1)]

    model = Countdown()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    history = module.fit_early(
        model=model,
        loss_fn=loss_fn,
        optimizer=optimizer,
        train_loader=loader_of(torch.zeros(2, 1), torch.zeros(2, 1), [2]),
        val_loader=loader_of(torch.zeros(n, 1), torch.ones(n, 1), sizes),
        max_epochs=max_epochs,
        patience=patience,
        device=device,
    )
    return {"history": history, "model": model, "optimizer": optimizer}
