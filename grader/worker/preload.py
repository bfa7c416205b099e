"""Loads the heavy packages and uses each once, before a worker sees the learner's code.

A worker cannot start processes, so it does in its own process what the packages would start others for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grader.worker.surroundings import ONE_PROCESS, refusing


def load_numpy() -> None:
    """Import NumPy, which every worker needs for what it sends, and its generators, which every worker seeds.

    NumPy imports `numpy.random` on first use, which takes 10 ms.
    """
    import numpy as np

    np.random.default_rng(0).permutation(np.random.RandomState(0).normal(size=2))


def load_torch() -> None:
    """Import torch and use it once, with one thread, because a process that has used several must not fork.

    The pool of inter-op threads is left alone: it starts on first use, and its size can be set only once, perhaps
    by the learner's module.
    """
    import torch

    torch.set_num_threads(1)
    # Otherwise it tells some warnings once per process: which test shows them would depend on the tests before it.
    torch.set_warn_always(True)
    x = torch.ones(3, 1, requires_grad=True)
    torch.autograd.backward(torch.nn.Linear(1, 1)(x).sum())
    # Every worker calls this, and the first call imports a module.
    torch.get_default_device()
    seed_no_cards()
    record_nothing()
    iterate_in_process()
    put_threads_for_processes()


def seed_no_cards() -> None:
    """Let `torch.manual_seed` leave out the cards, which are hidden.

    It would write down the call stack for each kind of card, which takes longer than many a learner's function.
    """
    import torch

    for cards in (torch.cuda, torch.xpu, torch.mtia):
        setattr(cards, "manual_seed_all", int)  # noqa: B010 - a stub of torch may lack it


def record_nothing() -> None:
    """Let optimizers and loaders leave out their marks for a profiler, which take an eighth of a training."""
    import contextlib

    import torch

    torch.autograd.profiler.record_function = contextlib.nullcontext  # type: ignore[assignment,misc]


def iterate_in_process() -> None:
    """Make every `DataLoader` read in the calling process, whatever its `num_workers`.

    The loader keeps the attributes that it was created with. Subclasses inherit the change.
    """
    from torch.utils.data import DataLoader

    iterate = DataLoader.__iter__

    def iterate_alone(self: DataLoader[Any]) -> Any:
        if not self.num_workers:
            return iterate(self)
        attributes = vars(self)
        original = {name: attributes[name] for name in ("num_workers", "timeout")}
        attributes.update(num_workers=0, timeout=0)
        try:
            return iterate(self)
        finally:
            attributes.update(original)

    DataLoader.__iter__ = iterate_alone  # type: ignore[method-assign]


def put_threads_for_processes() -> None:
    """Replace the locks and pools of `multiprocessing` by those for threads, and refuse processes with a sentence.

    Locks between processes are files that are created through hard links, which the sandbox refuses. Thread pools
    would use such locks, too.
    """
    import multiprocessing
    from multiprocessing import dummy, process
    from multiprocessing.context import BaseContext

    import torch.multiprocessing

    def pool(
        processes: int | None = None,
        initializer: Any = None,
        initargs: Any = (),
        maxtasksperchild: int | None = None,
    ) -> Any:
        return dummy.Pool(processes, initializer, initargs)

    locks = ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier")
    kinds = {"Pool": pool} | {name: getattr(dummy, name) for name in locks}
    for name, kind in kinds.items():
        setattr(BaseContext, name, staticmethod(kind))
        for module in (multiprocessing, torch.multiprocessing):
            setattr(module, name, kind)
    start = process.BaseProcess.start
    process.BaseProcess.start = refusing(start, ONE_PROCESS)  # type: ignore[method-assign]


def load_meta() -> None:
    """Create a tensor on the meta device: the first one spends half a second on imports, and so does `normal_`.

    The first backward pass with an explicit initial gradient needs the same imports.
    """
    import torch

    torch.randn(1, device="meta", requires_grad=True)
    torch.empty(1, device="meta").normal_()


def load_optimizers() -> None:
    """Let optimizers take a step: the first step imports a compiler, which takes a second."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    for kind in (torch.optim.SGD, torch.optim.Adam):
        parameter = torch.ones(1, requires_grad=True)
        torch.autograd.backward(parameter.sum())
        kind([parameter], lr=0.1).step()
    list(DataLoader(TensorDataset(torch.zeros(2, 1)), batch_size=1))


def load_sklearn() -> None:
    """Import the parts of scikit-learn that the steps use, and fit once."""
    import numpy as np
    import sklearn.datasets
    import sklearn.metrics
    import sklearn.model_selection
    from sklearn.linear_model import LinearRegression

    LinearRegression().fit(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]]))
    sklearn.metrics.r2_score([0.0, 1.0], [0.0, 1.0])


# In the order of loading. Stages of the zygote share what comes first, so the optimizers, the slowest, come before
# scikit-learn.
GROUPS = {
    "numpy": load_numpy,
    "torch": load_torch,
    "meta": load_meta,
    "optimizers": load_optimizers,
    "sklearn": load_sklearn,
}


def to_load(groups: Iterable[str]) -> list[str]:
    """Return all that a worker with these package groups loads, in the order of loading.

    Torch is loaded unless the groups include "numpy". The optimizers import what "meta" does and more.

    Raises:
        ValueError: there is no such group.
    """
    wanted = set(groups)
    if unknown := wanted - GROUPS.keys():
        raise ValueError(f"there is no package group {min(unknown)}")
    if "numpy" not in wanted:
        wanted |= {"numpy", "torch"}
    if "optimizers" in wanted:
        wanted.add("meta")
    return [name for name in GROUPS if name in wanted]


def warm_up(groups: Iterable[str]) -> None:
    """Train a small network in a fork, so that the memory that this touches is copied before anybody waits.

    The first training after a fork takes up to twice as long, because each page that it writes to is copied then.
    What this leaves behind is reset before the learner's module is loaded.

    Args:
        groups: the groups that are loaded.
    """
    if "optimizers" not in groups:
        return
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset, random_split

    model = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 1)
    )
    points = TensorDataset(torch.randn(20, 3), torch.randn(20, 1))
    parts = random_split(points, [12, 8], generator=torch.Generator().manual_seed(0))
    for kind in (torch.optim.SGD, torch.optim.Adam):
        optimizer = kind(model.parameters(), lr=0.1)
        for part in parts:
            for x, y in DataLoader(part, batch_size=4, shuffle=True):
                loss = nn.functional.mse_loss(model.train()(x), y)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        with torch.no_grad():
            model.eval()(points.tensors[0]).tolist()
    model.load_state_dict(model.state_dict())
