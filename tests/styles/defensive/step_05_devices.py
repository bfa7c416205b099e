"""Devices, with every argument checked."""

import logging
import operator
import time

import numpy as np
import torch

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def pick_device(prefer="cuda"):
    try:
        found = prefer == "cuda" and bool(torch.cuda.is_available())
    except Exception:
        LOG.exception("cannot ask for CUDA")
        found = False
    name = "cuda" if found else "cpu"
    LOG.info("working on %s", name)
    return name


def to_tensor(array, device):
    device = torch.device(device)
    if isinstance(array, torch.Tensor):
        array = array.detach().cpu().numpy()
    with np.errstate(all="ignore"):
        own = np.array(array, dtype=np.float32, copy=True, order="C")
    result = torch.from_numpy(own).to(device=device)
    if result.dtype != torch.float32 or tuple(result.shape) != np.shape(array):
        raise RuntimeError("the tensor came out wrong")
    return result


def to_numpy(t):
    if not isinstance(t, torch.Tensor):
        raise TypeError(f"t must be a tensor, not {type(t).__name__}")
    required = t.requires_grad
    with torch.no_grad():
        result = np.array(t.detach().to(device="cpu", copy=True).numpy(), copy=True)
    assert t.requires_grad == required and result.shape == tuple(t.shape)
    return result


def beside(t, other):
    for name, value in (("t", t), ("other", other)):
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
    if t.device == other.device:
        return t
    LOG.debug("moving a tensor from %s to %s", t.device, other.device)
    result = t.to(device=other.device, dtype=t.dtype, copy=True)
    if tuple(result.shape) != tuple(t.shape) or result.dtype != t.dtype:
        raise RuntimeError("the tensor came out wrong")
    return result


def make_parameters(device, seed):
    device = torch.device(device)
    generator = torch.Generator(device="cpu")
    generator.manual_seed(operator.index(seed))
    parameters = []
    for name in ("a", "b"):
        # The move comes first, then the demand for a gradient: so it is a leaf.
        number = torch.randn(1, generator=generator, dtype=torch.float32)
        parameter = number.to(device).detach().requires_grad_(True)
        if not parameter.is_leaf:
            raise RuntimeError(f"{name} is no leaf")
        parameters.append(parameter)
    a, b = parameters
    return a, b


def timed(work, synchronize):
    for name, value in (("work", work), ("synchronize", synchronize)):
        if not callable(value):
            raise TypeError(f"{name} must be a function")
    synchronize()
    start = time.perf_counter_ns()
    try:
        result = work()
    finally:
        synchronize()
        seconds = (time.perf_counter_ns() - start) / 1e9
        LOG.info("took %g seconds", seconds)
    return result, max(0.0, seconds)
