import torch


def gradient_of(f, x):
    y = torch.zeros(x.shape, dtype=x.dtype)
    y.copy_(x.detach())
    y.requires_grad = True
    out = f(y)
    s = out.sum()
    print("sum is", s)
    if s.grad_fn is None:
        return torch.zeros(x.shape, dtype=x.dtype)
    s.backward()
    print(y.grad)
    return y.grad


def graph_nodes(t):
    seen = []
    names = []

    def visit(node):
        for other in seen:
            if other is node:
                return
        seen.append(node)
        names.append(node.__class__.__name__)
        print(names[-1])
        for pair in node.next_functions:
            if pair[0] is not None:
                visit(pair[0])

    if t.grad_fn is not None:
        visit(t.grad_fn)
    return names


def leaves(t):
    if t.grad_fn is None:
        if t.requires_grad:
            return [t]
        return []
    result = []
    todo = [t.grad_fn]
    done = []
    while len(todo) > 0:
        node = todo[0]
        todo = todo[1:]
        if node in done:
            continue
        done.append(node)
        if type(node).__name__ == "AccumulateGrad":
            new = True
            for r in result:
                if r is node.variable:
                    new = False
            if new:
                result.append(node.variable)
        for n in node.next_functions:
            if n[0] != None:
                todo.append(n[0])
    print(len(result))
    return result


def cut(t):
    return t.data
