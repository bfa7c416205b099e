import torch


def gradient_of(f, x):
    if x.requires_grad:
        y = f(x).sum()
        return torch.autograd.grad(y, x, allow_unused=True)[0] if y.requires_grad and _uses(y, x) else torch.zeros_like(x)
    return torch.autograd.functional.jacobian(lambda v: f(v).sum(), x.detach().double(), strict=False).to(x.dtype)


def _uses(y, x):
    return torch.autograd.grad(y, x, allow_unused=True, retain_graph=True)[0] is not None


def _walk(node, seen):
    if node is not None and node not in seen:
        seen[node] = None
        for nxt, _ in node.next_functions:
            _walk(nxt, seen)
    return seen


def graph_nodes(t):
    return tuple(type(n).__name__ for n in _walk(t.grad_fn, {}))


def leaves(t):
    if t.grad_fn is None:
        return (t,) * bool(t.requires_grad)
    return tuple(n.variable for n in _walk(t.grad_fn, {}) if not n.next_functions and hasattr(n, "variable"))


def cut(t):
    return t.detach().view_as(t) if t.requires_grad else t
