"""The heavy packages: loaded, and run once, before a worker meets a learner's code.

What they would start processes for, which a worker cannot, is done in its own process.
"""

from __future__ import annotations

from typing import Any

from grader.worker.surroundings import ONE_PROCESS, refusing


def load_torch() -> None:
    """Import torch and run it once, with one thread: a process that used several must not fork.

    The threads between operations are left alone: none runs before they are first used, and their number can be
    set only once, which may be in the learner's module.
    """
    import torch

    torch.set_num_threads(1)
    x = torch.ones(3, 1, requires_grad=True)
    torch.autograd.backward(torch.nn.Linear(1, 1)(x).sum())
    # Every worker asks, and the first time that imports a module.
    torch.get_default_device()
    iterate_in_process()
    put_threads_for_processes()


def iterate_in_process() -> None:
    """Let every `DataLoader` read in the process that asks, whatever workers it was given.

    The loader keeps what it was made with, and its subclasses have a part in this.
    """
    from torch.utils.data import DataLoader

    iterate = DataLoader.__iter__

    def iterate_alone(self: DataLoader[Any]) -> Any:
        if not self.num_workers:
            return iterate(self)
        own = vars(self)
        asked = {name: own[name] for name in ("num_workers", "timeout")}
        own.update(num_workers=0, timeout=0)
        try:
            return iterate(self)
        finally:
            own.update(asked)

    DataLoader.__iter__ = iterate_alone  # type: ignore[method-assign]


def put_threads_for_processes() -> None:
    """Make the locks and pools of `multiprocessing` those of threads; a process is refused in a sentence.

    The locks of processes are files with a second name, and pools of threads would use them, too.
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
    """Make a tensor without memory: the first one imports half a second of Python.

    So does the first backward pass that is given a gradient to start with; it imports the same.
    """
    import torch

    torch.randn(1, device="meta", requires_grad=True)


def load_optimizers() -> None:
    """Make optimizers take a step: the first one imports a compiler, which takes a second."""
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


# In the order of the lesson, so that the first steps do not wait for what only later ones need.
GROUPS = {
    "torch": load_torch,
    "sklearn": load_sklearn,
    "meta": load_meta,
    "optimizers": load_optimizers,
}
