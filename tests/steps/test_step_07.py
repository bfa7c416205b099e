"""Step 07: the dynamic computation graph."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader.testing.probes import probe
from grader.testing.strategies import numbers, shapes, sizes, tensors

ONES = torch.ones(3, 2)
X = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.0]])

dtypes = st.sampled_from([torch.float64, torch.float32])


@probe
def gradient_of_lesson(module, x):
    """call `gradient_of(f, x)` with the f of the lesson: f(v) = ((v + 5) ** 2 + 1).sum()"""
    return module.gradient_of(f=lambda v: ((v + 5) ** 2 + 1).sum(), x=x)


@probe
def gradient_of_square(module, x, c):
    """call `gradient_of(f, x)` with f(v) = c * v ** 2 + v"""
    return module.gradient_of(f=lambda v: c * v**2 + v, x=x)


@probe
def gradient_of_means(module, x, weights):
    """call `gradient_of(f, x)` with f(v) = v.mean(dim=0) * weights"""
    return module.gradient_of(f=lambda v: v.mean(dim=0) * weights, x=x)


@probe
def gradient_of_constant(module, x):
    """call `gradient_of(f, x)` with an f that does not use its argument: f(v) = torch.ones(4)"""
    return module.gradient_of(f=lambda v: torch.ones(4), x=x)


@probe
def ask_plain(module, x):
    """call `gradient_of(f, x)` with f(v) = v ** 3 and a plain x, and look at x afterwards"""
    gradient = module.gradient_of(f=lambda v: v**3, x=x)
    return {"gradient": gradient, "x.grad": x.grad, "x.requires_grad": x.requires_grad}


@probe
def ask_leaf(module, x):
    """make x a leaf that requires a gradient, call `gradient_of(f, x)` with f(v) = v ** 3, and look
    at x afterwards"""
    x = x.clone().requires_grad_()
    gradient = module.gradient_of(f=lambda v: v**3, x=x)
    return {"gradient": gradient, "x.grad": x.grad, "x.requires_grad": x.requires_grad}


@probe
def ask_result(module, w):
    """make w a leaf, compute x = w ** 2, call `gradient_of(f, x)` with f(v) = v ** 3 twice,
    then call `x.sum().backward()`, and look at w"""
    w = w.clone().requires_grad_()
    x = w**2
    first = module.gradient_of(f=lambda v: v**3, x=x)
    second = module.gradient_of(f=lambda v: v**3, x=x)
    x.sum().backward()
    return {"first": first, "second": second, "w.grad": w.grad}


@pytest.mark.exercise("gradient_of", "the example of the lesson: 12 everywhere")
def test_gradient_of_lesson(learner):
    learner.run(gradient_of_lesson, x=ONES).is_close(torch.full((3, 2), 12.0))


@pytest.mark.exercise("gradient_of", "a function with a result of a different shape")
def test_gradient_of_means(learner):
    weights = torch.tensor([4.0, -2.0])
    answer = learner.run(gradient_of_means, x=torch.zeros(4, 2), weights=weights)
    answer.is_close(torch.tensor([[1.0, -0.5]] * 4))


@pytest.mark.exercise("gradient_of", "x is a plain tensor, and stays one")
def test_gradient_of_plain_tensor(learner):
    answer = learner.run(ask_plain, x=X)
    answer.key("gradient").is_close(3 * X**2)
    answer.check(
        answer.key("x.requires_grad").value is False,
        "x did not require a gradient before the call, but now it does. Do not change the caller's "
        "x: ask for the gradient of another tensor with the same values.",
    )
    answer.check(answer.key("x.grad").value is None, "A gradient was left in x.grad.")


@pytest.mark.exercise("gradient_of", "x is a leaf, and its .grad stays empty", points=2)
def test_gradient_of_leaf(learner):
    answer = learner.run(ask_leaf, x=X)
    answer.key("gradient").is_close(3 * X**2)
    answer.check(
        answer.key("x.grad").value is None,
        "A gradient was left in x.grad: the caller's next backward() would add to it.",
    )
    answer.check(
        answer.key("x.requires_grad").value is True,
        "x required a gradient before the call, but now it does not. Do not change the caller's x.",
    )


@pytest.mark.exercise("gradient_of", "x is the result of a computation", points=2)
def test_gradient_of_result(learner):
    answer = learner.run(ask_result, w=X)
    answer.key("first").is_close(3 * X**4)
    answer.key("second").is_close(3 * X**4)
    left = answer.key("w.grad").tensor(shape=(3, 2))
    answer.check(
        torch.allclose(left, 2 * X, rtol=1e-4, atol=1e-5),
        "Expected x.sum().backward() to leave 2 * w in w.grad, but there is more in it. Your code "
        "sent gradients through the graph behind x. Stop at x: only its gradient is asked for.",
    )


@pytest.mark.exercise("gradient_of", "f does not use its argument: zeros")
def test_gradient_of_constant(learner):
    learner.run(gradient_of_constant, x=X).is_close(torch.zeros(3, 2))
    learner.run(gradient_of_constant, x=X.double()).is_close(torch.zeros(3, 2).double())


@pytest.mark.exercise("gradient_of", "any polynomial at any x", points=2)
@given(x=tensors(shapes()), c=numbers(), dtype=dtypes)
def test_gradient_of_square_is_the_derivative(learner, x, c, dtype):
    x = x.to(dtype)
    learner.run(gradient_of_square, x=x, c=c).is_close(2 * c * x + 1)


@probe
def nodes_of_lesson(module, x):
    """make x a leaf and call `graph_nodes(t)` with t = ((x + 5) ** 2 + 1).sum()"""
    x = x.clone().requires_grad_()
    return module.graph_nodes(t=((x + 5) ** 2 + 1).sum())


@probe
def nodes_without_graph(module):
    """call `graph_nodes` with a plain tensor, with a leaf that requires a gradient, and with twice the leaf"""
    leaf = torch.ones(2, requires_grad=True)
    return {
        "plain tensor": module.graph_nodes(t=torch.ones(2) * 3),
        "leaf": module.graph_nodes(t=leaf),
        "twice the leaf": module.graph_nodes(t=2 * leaf),
    }


@probe
def nodes_of_line(module):
    """make leaves a and b and call `graph_nodes(t)` with t = a + b * x"""
    a = torch.tensor([1.0], requires_grad=True)
    b = torch.tensor([2.0], requires_grad=True)
    x = torch.tensor([[1.0], [3.0], [4.0]])
    return module.graph_nodes(t=a + b * x)


@probe
def nodes_of_row(module):
    """make leaves a, b and c and call `graph_nodes(t)` with t = torch.cat([a, b * 2, c])"""
    a, b, c = [torch.tensor([1.0 + k], requires_grad=True) for k in range(3)]
    return module.graph_nodes(t=torch.cat([a, b * 2, c]))


@probe
def nodes_of_shared(module):
    """make x a leaf, compute u = x.exp(), and call `graph_nodes(t)` with t = (u * u).sum()"""
    x = torch.ones(2, requires_grad=True)
    u = x.exp()
    return module.graph_nodes(t=(u * u).sum())


@probe
def nodes_of_doublings(module, count):
    """make u a leaf, repeat u = u + u `count` times, and call `graph_nodes(u)`"""
    u = torch.ones(2, requires_grad=True)
    for _ in range(count):
        u = u + u
    return module.graph_nodes(t=u)


@probe
def nodes_of_polynomial(module, count):
    """make x a leaf, start with t = x, repeat t = x * t.sin() `count` times, and call
    `graph_nodes(t)`"""
    x = torch.ones(2, requires_grad=True)
    t = x
    for _ in range(count):
        t = x * t.sin()
    return module.graph_nodes(t=t)


def check_names(answer, **expected):
    """Check how often each name appears in a list of names."""
    names = [name.value for name in answer.each()]
    answer.check(
        all(isinstance(name, str) and name.isidentifier() for name in names),
        'Expected a list of the class names of the nodes, such as "AccumulateGrad", as strings: not '
        "the nodes themselves, no text around a name, and no torch::autograd:: in front of it.",
    )
    counts = Counter(names)
    listed = ", ".join(f"{count} x {name}" for name, count in sorted(counts.items())) or "none"
    for name, count in expected.items():
        if counts[name] > count:
            why = "A node that can be reached in two ways is still one node."
        elif not counts[name]:
            why = "Begin with t.grad_fn itself, and follow every branch to its end."
        else:
            why = "Follow every branch to its end. Different nodes may have the same name."
        answer.check(
            counts[name] == count,
            f"Expected {name} {count} times in the list, got it {counts[name]} times. {why} "
            f"The names in your list: {listed}.",
        )
    others = sorted(counts.keys() - expected.keys())
    answer.check(not others, f"There is no such node in this graph: {', '.join(others)}.")


@pytest.mark.exercise("graph_nodes", "the example of the lesson: five nodes", points=2)
def test_graph_nodes_of_lesson(learner):
    answer = learner.run(nodes_of_lesson, x=ONES)
    check_names(answer, SumBackward0=1, AddBackward0=2, PowBackward0=1, AccumulateGrad=1)


@pytest.mark.exercise("graph_nodes", "tensors without a graph")
def test_graph_nodes_without_graph(learner):
    answer = learner.run(nodes_without_graph)
    check_names(answer.key("plain tensor"))
    check_names(answer.key("leaf"))
    check_names(answer.key("twice the leaf"), MulBackward0=1, AccumulateGrad=1)


@pytest.mark.exercise("graph_nodes", "a line has two branches, a row of three has three", points=2)
def test_graph_nodes_of_line(learner):
    check_names(learner.run(nodes_of_line), AddBackward0=1, MulBackward0=1, AccumulateGrad=2)
    check_names(learner.run(nodes_of_row), CatBackward0=1, MulBackward0=1, AccumulateGrad=3)


@pytest.mark.exercise("graph_nodes", "a node that is used twice counts once", points=2)
def test_graph_nodes_of_shared(learner):
    answer = learner.run(nodes_of_shared)
    check_names(answer, SumBackward0=1, MulBackward0=1, ExpBackward0=1, AccumulateGrad=1)


@pytest.mark.exercise("graph_nodes", "many paths, few nodes")
@given(count=sizes(1, 10))
def test_graph_nodes_of_doublings(learner, count):
    answer = learner.run(nodes_of_doublings, count=count)
    check_names(answer, AddBackward0=count, AccumulateGrad=1)


@pytest.mark.exercise("graph_nodes", "a graph built by a loop")
@given(count=sizes(1, 10))
def test_graph_nodes_of_polynomial(learner, count):
    answer = learner.run(nodes_of_polynomial, count=count)
    check_names(answer, MulBackward0=count, SinBackward0=count, AccumulateGrad=1)


@probe
def names_of(found, known):
    """return the names that the test has for these tensors"""
    if not isinstance(found, (list, tuple)):
        return found
    names = []
    for tensor in found:
        same = [name for name, candidate in known.items() if candidate is tensor]
        names.append(same[0] if same else "another tensor")
    return names


@probe
def leaves_of_line(module):
    """make leaves a and b that require gradients and a plain tensor x, and call `leaves(a + b * x)`"""
    a = torch.tensor([1.0], requires_grad=True)
    b = torch.tensor([2.0], requires_grad=True)
    x = torch.tensor([[1.0], [3.0], [4.0]])
    return names_of(module.leaves(t=a + b * x), {"a": a, "b": b, "x": x})


@probe
def leaves_of_loss(module):
    """make leaves a and b, and call `leaves` with the loss of a line, where u = a + b * x is used
    twice: (u * u - y * u).mean()"""
    a = torch.tensor([1.0], requires_grad=True)
    b = torch.tensor([2.0], requires_grad=True)
    x, y = torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [5.0]])
    u = a + b * x
    found = module.leaves(t=(u * u - y * u).mean())
    return names_of(found, {"a": a, "b": b, "x": x, "y": y, "u": u})


@probe
def leaves_of_leaves(module):
    """make a leaf that requires a gradient and call `leaves` with it; then with a plain tensor, and
    with a result that was computed from plain tensors"""
    a = torch.tensor([1.0], requires_grad=True)
    x = torch.tensor([1.0])
    return {
        "leaf": names_of(module.leaves(t=a), {"leaf": a}),
        "plain tensor": names_of(module.leaves(t=x), {"the plain tensor": x}),
        "result of plain tensors": names_of(module.leaves(t=2 * x), {"the plain tensor": x}),
    }


@probe
def leaves_of_model(module, frozen):
    """build a model of two linear layers, freeze the parameters named in `frozen`, and call
    `leaves` with the model's output"""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    known = dict(model.named_parameters())
    for name in frozen:
        known[name].requires_grad_(False)
    return names_of(module.leaves(t=model(torch.ones(5, 3))), known)


@probe
def leaves_of_sum(module, count):
    """make `count` leaves p0, p1, ... and call `leaves` with the sum of their squares"""
    params = {f"p{i}": torch.tensor([1.0 + i], requires_grad=True) for i in range(count)}
    total = torch.zeros(1)
    for p in params.values():
        total = total + p * p
    return names_of(module.leaves(t=total), params)


def check_leaves(answer, *expected):
    """Check which of the test's tensors are in the list, by the names that the test has for them."""
    names = [name.value for name in answer.each()]
    listed = f"Your list holds: {', '.join(map(str, names)) or 'nothing'}."
    answer.check(
        "another tensor" not in names,
        "Your list holds something that is not one of the tensors of the test. Return the leaves "
        "themselves, not copies or nodes.",
    )
    for name in expected:
        answer.check(name in names, f"The leaf `{name}` is missing. Follow every branch. {listed}")
        answer.check(names.count(name) == 1, f"Expected the leaf `{name}` only once. {listed}")
    for name in names:
        answer.check(
            name in expected,
            f"{name} is in the list, but it would not receive a gradient. {listed}",
        )


@pytest.mark.exercise("leaves", "a line has the leaves a and b", points=2)
def test_leaves_of_line(learner):
    check_leaves(learner.run(leaves_of_line), "a", "b")


@pytest.mark.exercise("leaves", "a leaf that can be reached in two ways is listed once", points=2)
def test_leaves_come_once(learner):
    check_leaves(learner.run(leaves_of_loss), "a", "b")


@pytest.mark.exercise("leaves", "a leaf itself, and tensors without a graph")
def test_leaves_of_leaves(learner):
    answer = learner.run(leaves_of_leaves)
    check_leaves(answer.key("leaf"), "leaf")
    check_leaves(answer.key("plain tensor"))
    check_leaves(answer.key("result of plain tensors"))


@pytest.mark.exercise("leaves", "a model with a frozen layer")
def test_leaves_of_model(learner):
    everything = ["0.bias", "0.weight", "2.bias", "2.weight"]
    check_leaves(learner.run(leaves_of_model, frozen=[]), *everything)
    answer = learner.run(leaves_of_model, frozen=["0.weight", "2.bias"])
    check_leaves(answer, "0.bias", "2.weight")


@pytest.mark.exercise("leaves", "any number of leaves")
@given(count=sizes(1, 9))
def test_leaves_finds_all(learner, count):
    check_leaves(learner.run(leaves_of_sum, count=count), *[f"p{i}" for i in range(count)])


@probe
def cut_result(module, values):
    """make w a leaf, compute t = w * 2, call `c = cut(t)`, and look at c and t"""
    w = values.clone().requires_grad_()
    t = w * 2
    c = module.cut(t=t)
    outside = isinstance(c, torch.Tensor) and not c.requires_grad and c.grad_fn is None
    return {"c": c, "c is outside": outside, "t is inside": t.grad_fn is not None}


@probe
def cut_leaf(module, values):
    """make t a leaf that requires a gradient, call `c = cut(t)`, and look at c and t"""
    t = values.clone().requires_grad_()
    c = module.cut(t=t)
    outside = isinstance(c, torch.Tensor) and not c.requires_grad and c.grad_fn is None
    return {"c": c, "c is outside": outside, "t is inside": t.requires_grad}


@probe
def write_into_cut(module, values):
    """make w a leaf, compute t = (w * 2).T, call `c = cut(t)`, fill c with 7, and look at t"""
    t = (values.clone().requires_grad_() * 2).T
    c = module.cut(t=t)
    with torch.no_grad():
        c.fill_(7.0)
    return {"t": t.detach(), "c is another tensor": c is not t}


def check_cut(answer, expected):
    """Check the values of c, and on which side of the cut c and t are."""
    answer.key("c").is_close(expected)
    answer.check(
        answer.key("c is outside").value is True,
        "The result of cut(t) still requires a gradient, so it is not outside the graph.",
    )
    answer.check(
        answer.key("t is inside").value is True,
        "After cut(t), the tensor t itself is no longer part of the graph. Return another tensor "
        "that shares its memory, and do not change t.",
    )


@pytest.mark.exercise("cut", "the result of a computation")
def test_cut_result(learner):
    check_cut(learner.run(cut_result, values=X), 2 * X)


@pytest.mark.exercise("cut", "a leaf that requires a gradient")
def test_cut_leaf(learner):
    check_cut(learner.run(cut_leaf, values=X), X)


@pytest.mark.exercise("cut", "shares the memory of t", points=2)
def test_cut_shares_memory(learner):
    answer = learner.run(write_into_cut, values=X)
    seen = answer.key("t").tensor(shape=(2, 3))
    answer.check(
        answer.key("c is another tensor").value is True,
        "cut(t) returned t itself. Return another tensor, outside the graph, that shares its memory.",
    )
    answer.check(
        bool((seen == 7).all()),
        "The test filled c with 7, but t does not show it. cut(t) must share the memory of t; a "
        "copy has its own memory.",
    )


@pytest.mark.exercise("cut", "any tensor")
@given(values=tensors(shapes(0, 3)), dtype=dtypes)
def test_cut_keeps_values(learner, values, dtype):
    values = values.to(dtype)
    check_cut(learner.run(cut_result, values=values), 2 * values)
