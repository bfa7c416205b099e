"""Chapter 7. The dynamic computation graph."""

from collections import deque
from typing import Any, Callable, Deque, List, Set

import torch
from torch import Tensor


def gradient_of(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    variable = x.clone().detach()
    variable.requires_grad_(True)
    value = torch.sum(f(variable))
    if value.requires_grad:
        value.backward()
    if variable.grad is None:
        return torch.zeros_like(x.detach())
    return variable.grad


def _breadth_first(root: Any) -> List[Any]:
    """Visit all nodes of the graph, level by level."""
    visited: Set[Any] = set()
    order: List[Any] = []
    queue: Deque[Any] = deque()
    if root is not None:
        queue.append(root)
        visited.add(root)
    while queue:
        node = queue.popleft()
        order.append(node)
        for next_node, _index in node.next_functions:
            if next_node is None:
                continue
            if next_node not in visited:
                visited.add(next_node)
                queue.append(next_node)
    return order


def graph_nodes(t: Tensor) -> List[str]:
    names: List[str] = []
    for node in _breadth_first(t.grad_fn):
        # name() may give "torch::autograd::AccumulateGrad"
        full_name: str = node.name()
        short_name: str = full_name.split("::")[-1]
        names.append(short_name)
    return names


def leaves(t: Tensor) -> List[Tensor]:
    if not t.requires_grad:
        return []
    if t.is_leaf:
        return [t]
    result: List[Tensor] = []
    for node in _breadth_first(t.grad_fn):
        if node.__class__.__name__ == "AccumulateGrad":
            result.append(node.variable)
    return result


def cut(t: Tensor) -> Tensor:
    outside: Tensor = torch.detach(t)
    return outside
