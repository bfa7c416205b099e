"""The computation graph, with every argument checked."""

import logging

import torch

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def _tensor(value, name):
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, not {type(value).__name__}")
    return value


def gradient_of(f, x, *, create_graph=False):
    if not callable(f):
        raise TypeError("f must be a function")
    _tensor(x, "x")
    if not x.is_floating_point():
        raise ValueError(f"x must hold floats, not {x.dtype}")
    with torch.enable_grad():
        probe = x.detach().clone().requires_grad_(True)
        answer = _tensor(f(probe), "f(x)")
        if not answer.requires_grad:
            LOG.info("f does not use its argument")
            return torch.zeros_like(x, requires_grad=False).detach()
        found = torch.autograd.grad(
            outputs=answer,
            inputs=[probe],
            grad_outputs=torch.ones_like(answer),
            allow_unused=True,
            create_graph=create_graph,
        )[0]
    if found is None:
        found = torch.zeros_like(probe).detach()
    assert found.shape == x.shape and found.dtype == x.dtype
    return found


def _walk(t):
    """Depth first; each node once, known by itself."""
    seen, stack = {}, []
    if _tensor(t, "t").grad_fn is not None:
        stack.append(t.grad_fn)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen[node] = type(node).__name__
        stack.extend(pair[0] for pair in node.next_functions if pair[0] is not None)
    return seen


def graph_nodes(t):
    return sorted(_walk(t).values())


def leaves(t):
    if _tensor(t, "t").grad_fn is None:
        return [t] if t.requires_grad else []
    found = []
    for node in _walk(t):
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, torch.Tensor) and all(leaf is not other for other in found):
            found.append(leaf)
    found.reverse()
    return found


def cut(t):
    result = _tensor(t, "t").detach()
    if result.requires_grad or result.grad_fn is not None:
        raise RuntimeError("still in the graph")
    if result.data_ptr() != t.data_ptr():
        raise RuntimeError("the memory is not shared")
    return result
