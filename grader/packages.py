"""The heavy packages: loaded, and run once, before a worker meets a learner's code."""

from __future__ import annotations


def load_torch() -> None:
    """Import torch and run it once, with one thread: a process that used several must not fork."""
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    x = torch.ones(3, 1, requires_grad=True)
    torch.autograd.backward(torch.nn.Linear(1, 1)(x).sum())


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
