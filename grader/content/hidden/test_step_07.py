"""Step 07, hidden: random graphs, and what is left of them afterwards.

The judge grows the same graphs with the same probes and walks through them itself. It recognises a leaf by the
number that was written into it, and a clean graph by the gradients that arrive later.
"""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.shared_probes import tensor_laid_out
from grader.testing.probes import probe
from grader.testing.strategies import fractions, numbers, place, shapes, sizes, tensors

layouts = st.sampled_from(["plain", "turned", "every second"])
# "leaf" comes first, so that every first example has it.
kinds = st.sampled_from(["leaf", "result", "plain"])
factors = st.sampled_from([-2.0, -0.5, 0.5, 1.5, 3.0])


@st.composite
def small_tensors(draw, dims=0):
    """Tensors of both float dtypes, with `dims` dimensions or more."""
    shape, dtype = draw(shapes(dims, 3)), draw(st.sampled_from([torch.float64, torch.float32]))
    return draw(tensors((1, *shape), dtype))[0].clone()


# gradient_of


@probe
def gradient_of_polynomial(module, x, kind, layout, coefficients, factor):
    """make x a plain tensor, a leaf that requires a gradient, or the result w * factor of a leaf w; call
    `gradient_of(f, x)` with the polynomial f(v) = c0 + c1 * v + c2 * v ** 2 + c3 * v ** 3; then see what
    `(x * p).sum().backward()` leaves in x or w, where p is another leaf"""
    c0, c1, c2, c3 = coefficients
    w = x = tensor_laid_out(x, layout).detach()
    if kind != "plain":
        w.requires_grad_()
    if kind == "result":
        x = w * factor
    gradient = module.gradient_of(f=lambda v: c0 + c1 * v + c2 * v**2 + c3 * v**3, x=x)
    p = torch.full(x.shape, factor, dtype=x.dtype, requires_grad=True)
    left = w.grad
    (x * p).sum().backward()
    return {"gradient": gradient, "left": left, "later": w.grad, "x": x.detach()}


@pytest.mark.exercise("gradient_of", "any polynomial, any x, and nothing is left behind", points=3)
@given(
    x=small_tensors(),
    kind=kinds, layout=layouts, factor=factors, coefficients=st.tuples(*[numbers()] * 4),
)  # fmt: skip
def test_gradient_of_polynomials(learner, x, kind, layout, coefficients, factor):
    answer = learner.run(
        gradient_of_polynomial, x=x, kind=kind, layout=layout, coefficients=coefficients, factor=factor
    )  # fmt: skip
    _, c1, c2, c3 = coefficients
    v = x * factor if kind == "result" else x
    # The numbers reach 500, of which float32 keeps seven digits.
    answer.key("gradient").is_close(c1 + 2 * c2 * v + 3 * c3 * v**2, atol=1e-4)
    answer.key("x").is_close(v)
    answer.check(
        answer.key("left").value is None,
        "gradient_of left a gradient in x, or in a leaf behind x. The caller's next backward() would add "
        "to it.",
    )
    later = answer.key("later")
    if kind == "plain":
        answer.check(
            later.value is None,
            "x was a plain tensor, but after gradient_of it receives gradients. Do not change the caller's x.",
        )
        return
    answer.check(
        later.value is not None,
        "x required a gradient, but after gradient_of it no longer receives one.",
    )
    later.is_close(torch.full_like(x, factor**2 if kind == "result" else factor))


@probe
def gradient_of_product(module, x):
    """call `gradient_of(f, x)` with f(v) = v.T @ v, whose result has a different shape than v"""
    return module.gradient_of(f=lambda v: v.T @ v, x=x)


@pytest.mark.exercise("gradient_of", "a result of a different shape", points=2)
@given(x=tensors(shapes(2, 2)))
def test_gradient_of_product(learner, x):
    # The sum of v.T @ v is the sum of the squared sums of the rows.
    expected = 2 * x.sum(dim=1, keepdim=True).expand_as(x)
    learner.run(gradient_of_product, x=x).is_close(expected)


@probe
def gradient_of_part(module, x, start, weight, kind):
    """call `gradient_of(f, x)` with an f that uses only the rows from `start` on, or none of them"""
    x = x.clone().requires_grad_(kind == "leaf")
    if start < len(x):
        return module.gradient_of(f=lambda v: v[start:] * weight, x=x)
    return module.gradient_of(f=lambda v: torch.full((start,), weight), x=x)


@pytest.mark.exercise("gradient_of", "a function of a part of x, or of nothing in x", points=2)
@given(
    x=small_tensors(dims=1),
    start=st.integers(0, 6),
    weight=factors,
    kind=st.sampled_from(["plain", "leaf"]),
)
def test_gradient_of_a_part(learner, x, start, weight, kind):
    expected = torch.zeros_like(x)
    expected[start:] = weight
    learner.run(gradient_of_part, x=x, start=start, weight=weight, kind=kind).is_close(expected)


@probe
def gradient_of_twice(module, w, factor, powers):
    """let w be a leaf and x = (w * factor).sin(), call `gradient_of(f, x)` with f(v) = v ** 2 or v ** 3, once
    for each of `powers`, then call `x.sum().backward()`, and look at w"""
    w = w.clone().requires_grad_()
    x = (w * factor).sin()
    gradients = [module.gradient_of(f=lambda v, n=power: v**n, x=x) for power in powers]
    x.sum().backward()
    return {"gradients": gradients, "w.grad": w.grad}


@pytest.mark.exercise("gradient_of", "the graph behind x can be used again", points=3)
@given(
    w=tensors(shapes()), factor=factors, powers=st.lists(st.integers(2, 3), min_size=2, max_size=3)
)
def test_gradient_of_keeps_the_graph(learner, w, factor, powers):
    answer = learner.run(gradient_of_twice, w=w, factor=factor, powers=powers)
    x = torch.sin(w * factor)
    for part, power in zip(answer.key("gradients").each(), powers, strict=True):
        part.is_close(power * x ** (power - 1))
    left = answer.key("w.grad").tensor(shape=tuple(w.shape))
    answer.check(
        torch.allclose(left, factor * torch.cos(w * factor), rtol=1e-4, atol=1e-5),
        "w.grad does not hold what x.sum().backward() should leave there. Stop at x: only its gradient is "
        "asked for, and nothing behind x may receive a gradient.",
    )


# graphs


@probe
def grow(leaf_count, steps):
    """grow a graph: some leaves, a plain tensor, some operations on the latest results, and one that stacks the
    last three of all these tensors"""
    leaves = [torch.ones(2, requires_grad=True) for _ in range(leaf_count)]
    values = [torch.ones(2), *leaves]
    for operation, first, second in steps:
        u, v = values[-1 - first % len(values)], values[-1 - second % len(values)]
        if operation == "sin":
            result = u.sin()
        elif operation == "add":
            result = u + v
        elif operation == "mul":
            result = u * v
        elif operation == "swap halves":
            left, right = u.chunk(2)
            result = torch.cat([right, left])
        else:
            result = u.detach()
        values.append(result)
    if steps:
        values.append(torch.stack(values[-3:]))
    return leaves, values[-1]


@probe
def grow_chain(count):
    "grow a long chain with one leaf"
    p = torch.ones(2, requires_grad=True)
    t = p
    for _ in range(count):
        t = t.sin() * p
    return t


def walk(t):
    """All nodes of the graph behind t, each once."""
    found, waiting = [], [t.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.append(node)
            waiting += [following for following, _ in node.next_functions]
    return found


def programs(*operations):
    """Lists of operations, each with two places among the latest results."""
    step = st.tuples(st.sampled_from(operations), st.integers(0, 3), st.integers(0, 3))
    return st.lists(step, max_size=12)


# graph_nodes


@probe
def nodes_of_graph(module, leaf_count, steps):
    """make some leaves and a plain tensor, let each step compute a new tensor from the latest ones, stack the last
    three of all, and call `graph_nodes` with the stack; then look for gradients in the leaves"""
    leaves, t = grow(leaf_count, steps)
    names = module.graph_nodes(t=t)
    return {"names": names, "touched": [leaf.grad is not None for leaf in leaves]}


@probe
def nodes_of_chain(module, count):
    """let p be a leaf, start with t = p, repeat t = t.sin() * p `count` times, and call `graph_nodes(t)`"""
    return module.graph_nodes(t=grow_chain(count))


def check_nodes(answer, t):
    """Check the names of the nodes behind a tensor."""
    expected = Counter(type(node).__name__ for node in walk(t))
    names = [name.value for name in answer.each()]
    answer.check(
        all(isinstance(name, str) and name.isidentifier() for name in names),
        'Expected a list of the class names of the nodes, such as "AccumulateGrad", as strings.',
    )
    counts = Counter(names)
    for name in sorted(expected.keys() | counts.keys()):
        why = "Every node behind t counts, and a node that can be reached in two ways counts once."
        answer.check(
            counts[name] == expected[name],
            f"Expected {name} {expected[name]} times in the list, got it {counts[name]} times. {why}",
        )


@pytest.mark.exercise("graph_nodes", "any graph: each node once", points=3)
@given(leaf_count=st.integers(1, 3), steps=programs("sin", "add", "mul"))
def test_graph_nodes_of_any_graph(learner, leaf_count, steps):
    answer = learner.run(nodes_of_graph, leaf_count=leaf_count, steps=steps)
    check_nodes(answer.key("names"), grow(leaf_count, steps)[1])
    answer.check(
        not any(answer.key("touched").value),
        "graph_nodes left a gradient in a leaf. Only look at the graph; no backward pass is needed.",
    )


@pytest.mark.exercise("graph_nodes", "nodes with two results, and detached tensors", points=2)
@given(leaf_count=st.integers(1, 2), steps=programs("swap halves", "mul", "swap halves", "detach"))
def test_graph_nodes_of_halves(learner, leaf_count, steps):
    answer = learner.run(nodes_of_graph, leaf_count=leaf_count, steps=steps)
    check_nodes(answer.key("names"), grow(leaf_count, steps)[1])
    answer.check(
        not any(answer.key("touched").value),
        "graph_nodes left a gradient in a leaf. Only look at the graph; no backward pass is needed.",
    )


@pytest.mark.exercise("graph_nodes", "a long chain", points=2)
@settings(max_examples=4)
@given(count=st.integers(20, 120))
def test_graph_nodes_of_a_chain(learner, count):
    check_nodes(learner.run(nodes_of_chain, count=count), grow_chain(count))


@probe
def nodes_of_nothing(module, t, kind):
    """call `graph_nodes` with a tensor that has no graph, and with twice a leaf"""
    if kind == "leaf":
        t = t.clone().requires_grad_()
    elif kind == "without notes":
        with torch.no_grad():
            t = t.clone().requires_grad_() * 2
    elif kind == "detached":
        t = (t.clone().requires_grad_() * 2).detach()
    twice = 2 * torch.ones(2, requires_grad=True)
    return {"without": module.graph_nodes(t=t), "with": module.graph_nodes(t=twice)}


@pytest.mark.exercise("graph_nodes", "no graph, no nodes", points=2)
@given(t=tensors(shapes()), kind=st.sampled_from(["plain", "leaf", "without notes", "detached"]))
def test_graph_nodes_of_nothing(learner, t, kind):
    answer = learner.run(nodes_of_nothing, t=t, kind=kind)
    answer.check(
        answer.key("with").each(), "Twice a leaf has a graph: expected its nodes, got none."
    )
    names = answer.key("without").each()
    learner_names = [name.value for name in names]
    if names:
        names[0].check(False, f"This tensor has no graph: expected no nodes, got {learner_names}.")


# leaves


@probe
def mark(found, known):
    """write the number of its place into each tensor of the list and into its gradient, and look at the tensors
    of the test"""
    touched = [t.grad is not None for t in known.values()]
    required = [name for name, t in known.items() if t.requires_grad]
    count = len(found)
    with torch.no_grad():
        for place, t in enumerate(found, 1):
            if isinstance(t, torch.Tensor):
                t.fill_(100.0 * place)
                t.grad = torch.full_like(t, 100.0 * place)
    return {
        "count": count,
        "touched": touched,
        "required": required,
        "values": {name: t.detach().clone() for name, t in known.items()},
        "gradients": {name: t.grad for name, t in known.items()},
    }


@probe
def leaves_of_graph(module, leaf_count, steps):
    """make some leaves and a plain tensor, let each step compute a new tensor from the latest ones, stack the last
    three of all, call `leaves` with the stack, and write into the tensors of the list"""
    leaves, t = grow(leaf_count, steps)
    found = module.leaves(t=t)
    if not isinstance(found, (list, tuple)):
        return found
    return mark(found, {f"leaf {k}": leaf for k, leaf in enumerate(leaves, 1)})


@probe
def small_model(sizes, kind):
    "a small model"
    n_in, n_hidden, n_out = sizes
    middle = {"norm": nn.BatchNorm1d(n_hidden), "dropout": nn.Dropout(), "tanh": nn.Tanh()}[kind]
    return nn.Sequential(nn.Linear(n_in, n_hidden), middle, nn.Linear(n_hidden, n_out))


@probe
def leaves_of_model(module, sizes, kind, frozen):
    """build a small model, freeze some parameters, call `leaves` with its output, and write into the tensors
    of the list"""
    model = small_model(sizes, kind)
    known = dict(model.named_parameters())
    for name in frozen:
        if name in known:
            known[name].requires_grad_(False)
    found = module.leaves(t=model(torch.ones(7, sizes[0])))
    if not isinstance(found, (list, tuple)):
        return found
    return mark(found, known)


def check_leaves(answer, names, expected, required):
    """Check that the list held the expected leaves, by what was written into its tensors.

    Args:
        answer: what `mark` returned.
        names: the names of all leaves that the test knows.
        expected: the names of those that `leaves` should find.
        required: the names of those that require a gradient.
    """
    if isinstance(answer.value, (list, tuple)) or not isinstance(answer.value, dict):
        # `leaves` did not return a list of tensors.
        answer.each()
    values, gradients = answer.key("values"), answer.key("gradients")
    answer.check(
        not any(answer.key("touched").value),
        "leaves left a gradient in a leaf. Only look at the graph; no backward pass is needed.",
    )
    answer.check(
        answer.key("required").value == required,
        "The call of leaves changed which leaves require a gradient. Only look at the graph.",
    )
    places = []
    for name in names:
        value = values.key(name).tensor()
        gradient = gradients.key(name).value
        place = float(value.max())
        written = place >= 100 and bool((value == place).all())
        if name in expected:
            answer.check(
                written and gradient is not None,
                f"{name} would receive a gradient, but it is not in the list. Return the leaves of every "
                "branch: the leaves themselves, not copies.",
            )
            gradients.key(name).is_close(torch.full_like(value, place))
            places.append(place)
        else:
            answer.check(
                not written and gradient is None,
                f"{name} is in the list, but it would not receive a gradient.",
            )
    count = answer.key("count").integer()
    answer.check(
        count == len(expected),
        f"Expected {len(expected)} leaves, each once, got {count}.",
    )
    answer.check(len(set(places)) == len(places), "A leaf is in the list twice.")


@pytest.mark.exercise("leaves", "any graph: the leaves themselves, each once", points=3)
@given(leaf_count=st.integers(1, 4), steps=programs("sin", "add", "mul", "add", "mul"))
def test_leaves_of_any_graph(learner, leaf_count, steps):
    answer = learner.run(leaves_of_graph, leaf_count=leaf_count, steps=steps)
    check_graph_leaves(answer, leaf_count, steps)


def check_graph_leaves(answer, leaf_count, steps):
    """Check the leaves of a graph that `grow` made."""
    grown, t = grow(leaf_count, steps)
    if t.is_leaf:
        reached = [t] if t.requires_grad else []
    else:
        reached = [node.variable for node in walk(t) if hasattr(node, "variable")]
    expected = [
        f"leaf {k}"
        for k, leaf in enumerate(grown, 1)
        if any(leaf is variable for variable in reached)
    ]
    names = [f"leaf {k}" for k in range(1, leaf_count + 1)]
    check_leaves(answer, names, expected, names)


@pytest.mark.exercise("leaves", "parts of the graph are detached", points=2)
@given(leaf_count=st.integers(2, 4), steps=programs("detach", "add", "mul", "swap halves"))
def test_leaves_of_cut_graphs(learner, leaf_count, steps):
    answer = learner.run(leaves_of_graph, leaf_count=leaf_count, steps=steps)
    check_graph_leaves(answer, leaf_count, steps)


FROZEN = ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]


@pytest.mark.exercise("leaves", "models with frozen parameters", points=3)
@given(
    sizes=st.lists(sizes(1, 6), min_size=3, max_size=3, unique=True).map(tuple),
    kind=st.sampled_from(["norm", "dropout", "tanh"]),
    frozen=st.lists(st.sampled_from(FROZEN), max_size=6, unique=True),
)
def test_leaves_of_models(learner, sizes, kind, frozen):
    answer = learner.run(leaves_of_model, sizes=sizes, kind=kind, frozen=frozen)
    names = FROZEN if kind == "norm" else [name for name in FROZEN if name[0] != "1"]
    trained = [name for name in names if name not in frozen]
    check_leaves(answer, names, trained, trained)


# cut


@probe
def cut_and_write(module, values, kind, layout, factor, places, written):
    """make t a plain tensor, a leaf that requires a gradient, or the result w * factor of a leaf w; call
    `c = cut(t)`; use both in a loss; then write a number into c at one place and into t at another"""
    w = t = tensor_laid_out(values, layout).detach()
    if kind != "plain":
        w.requires_grad_()
    if kind == "result":
        t = w * factor
    c = module.cut(t=t)
    if not isinstance(c, torch.Tensor):
        return {"c": c}
    seen = {"c": c.detach().clone(), "t": t.detach().clone(), "required": c.requires_grad}
    p = torch.full(t.shape, factor, dtype=t.dtype, requires_grad=True)
    (c * p).sum().backward()
    seen["through c"], seen["beside c"] = w.grad, p.grad
    if t.requires_grad:
        t.sum().backward()
    seen["through t"] = w.grad
    with torch.no_grad():
        c[tuple(places[0])] = written[0]
        t[tuple(places[1])] = written[1]
    return {**seen, "c at the end": c.detach().clone(), "t at the end": t.detach().clone()}


@pytest.mark.exercise("cut", "any tensor: outside the graph, in the same memory", points=3)
@given(
    values=small_tensors(), kind=kinds, layout=layouts,
    factor=factors, where=st.tuples(fractions(), fractions()),
    written=st.tuples(st.integers(10, 19), st.integers(20, 29)),
)  # fmt: skip
def test_cut_of_any_tensor(learner, values, kind, layout, factor, where, written):
    places = [place(values.shape, fraction) for fraction in where]
    answer = learner.run(
        cut_and_write, values=values, kind=kind, layout=layout, factor=factor, places=places,
        written=written,
    )  # fmt: skip
    t = values * factor if kind == "result" else values
    answer.key("c").is_close(t)
    answer.key("t").is_close(t)
    answer.check(
        answer.key("through c").value is None,
        "A gradient flowed through the result of cut(t), so it is not outside the graph.",
    )
    answer.check(
        answer.key("required").value is False,
        "The result of cut(t) requires a gradient. A tensor outside the graph must not require one.",
    )
    answer.key("beside c").is_close(t)
    if kind != "plain":
        through = answer.key("through t")
        answer.check(
            through.value is not None,
            "After cut(t), no gradient flows through t: t itself is no longer part of the graph.",
        )
        through.is_close(torch.full_like(values, factor if kind == "result" else 1.0))
    expected = t.clone()
    for at, number in zip(places, written, strict=True):
        expected[at] = number
    for name in ("c at the end", "t at the end"):
        end = answer.key(name).tensor(shape=tuple(values.shape))
        answer.check(
            torch.allclose(end, expected, rtol=1e-4, atol=1e-5),
            "The test wrote one number into c and another into t, but c and t do not both show both numbers. "
            "cut(t) must share the memory of t; a copy has its own memory.",
        )


@probe
def cut_in_a_loss(module, values, factor):
    """let w be a leaf and t = w * factor, and call `backward()` for the loss (t ** 2 * cut(t)).sum()"""
    w = values.clone().requires_grad_()
    t = w * factor
    (t**2 * module.cut(t=t)).sum().backward()
    return w.grad


@pytest.mark.exercise("cut", "counts as a constant in a loss", points=2)
@given(values=tensors(shapes()), factor=factors)
def test_cut_is_a_constant(learner, values, factor):
    t = values * factor
    # The numbers reach 500, of which float32 keeps seven digits.
    learner.run(cut_in_a_loss, values=values, factor=factor).is_close(2 * factor * t * t, atol=1e-4)
