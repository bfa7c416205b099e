"""Step 08, hidden: optimizers against the formula, on random parameters, gradients and settings.

The reference computes in float64 by the formula of the lesson, which is that of `torch.optim.SGD`.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.references import (
    TRAINING,
    check_fit,
    check_points_stay,
    check_python_floats,
    check_uses_torchs_sgd,
    line_gradients,
)
from grader.content.shared_probes import (
    leaf,
    parameters_of,
    points_after,
    points_laid_out,
    sgd_is_torchs,
    small_network,
    torchs_sgd_refused,
)
from grader.testing.probes import probe
from grader.testing.strategies import exact_rates, numbers, shapes, sizes, tensor_points, tensors

rates = exact_rates()
steps = st.sampled_from([0.01, 0.125, 0.5, 1.5])
momenta = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
factors = st.sampled_from([-2.0, -0.5, 0.25, 1.0, 3.0])
layouts = st.sampled_from(["plain", "columns of a table"])


# fit_with_sgd


@probe
def fit_on_view(module, a, b, x, y, lr, n_epochs, layout):
    """make leaves of `a` and `b`, call `fit_with_sgd`, and look at the same leaves again"""
    a, b = leaf(a), leaf(b)
    x, y = points_laid_out(x, y, layout)
    losses = module.fit_with_sgd(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)
    return {"losses": losses, "a": a.detach(), "b": b.detach(), "points": points_after(x, y)}


@pytest.mark.exercise("fit_with_sgd", "any points, any number of epochs", points=3)
@given(
    a=numbers(), b=numbers(), data=tensor_points(), lr=rates, n_epochs=sizes(1, 7), layout=layouts
)
def test_fit_on_any_points(learner, a, b, data, lr, n_epochs, layout):
    x, y = data
    answer = learner.run(fit_on_view, a=a, b=b, x=x, y=y, lr=lr, n_epochs=n_epochs, layout=layout)
    check_fit(answer, a, b, x, y, lr, n_epochs)
    check_python_floats(answer.key("losses"))
    # All of the first loss but its mean is exact in float32, so the loss must keep all its digits.
    first = answer.key("losses").numbers()[0]
    answer.check(
        math.isclose(first, line_gradients(a, b, x, y)[0], rel_tol=1e-6, abs_tol=1e-9),
        f"Expected the first loss with all its digits, got {first!r}. Do not round it.",
    )
    check_points_stay(answer.key("points"), x, y)


@pytest.mark.exercise("fit_with_sgd", "many epochs, even when little is left to learn", points=2)
@settings(max_examples=6)
@given(
    a=numbers(), b=numbers(), x=tensors(st.tuples(sizes(2, 6), st.just(1))), lr=rates,
    off=st.sampled_from([0.0, 0.125, 0.5]), n_epochs=sizes(20, 50),
)  # fmt: skip
def test_fit_for_many_epochs(learner, a, b, x, lr, off, n_epochs):
    # The start is near the line of the points, or on it, but all epochs should run.
    y = a + b * x
    answer = learner.run(
        fit_on_view, a=a + off, b=b, x=x, y=y, lr=lr, n_epochs=n_epochs, layout="plain"
    )
    check_fit(answer, a + off, b, x, y, lr, n_epochs)
    check_uses_torchs_sgd(learner.run(sgd_is_torchs, x=x, y=y))


@probe
def fit_twice(module, a, b, first, second, epochs):
    """make leaves of `a` and `b`, call `fit_with_sgd` with the first points, empty the gradients, and call it
    with the second points"""
    a, b = leaf(a), leaf(b)
    seen = {}
    for name, (x, y, lr), n_epochs in zip(
        ("first", "second"), (first, second), epochs, strict=True
    ):
        losses = module.fit_with_sgd(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)
        seen[name] = {"losses": losses, "a": a.detach().clone(), "b": b.detach().clone()}
        a.grad = b.grad = None
    return seen


@pytest.mark.exercise(
    "fit_with_sgd", "a second training goes on where the first one ended", points=3
)
@given(
    a=numbers(), b=numbers(), first=tensor_points(), second=tensor_points(), lr=rates, other_lr=rates,
    epochs=st.tuples(sizes(1, 3), sizes(1, 3)),
)  # fmt: skip
def test_fit_goes_on(learner, a, b, first, second, lr, other_lr, epochs):
    answer = learner.run(
        fit_twice, a=a, b=b, first=(*first, lr), second=(*second, other_lr), epochs=epochs
    )
    check_fit(answer.key("first"), a, b, *first, lr, epochs[0])
    a, b = (answer.key("first").key(name).scalar() for name in "ab")
    check_fit(answer.key("second"), a, b, *second, other_lr, epochs[1])


# SGD


def sgd_path(values, rounds, lr, momentum):
    """Where the parameters are after each round, in the dtypes of the values."""
    params = [value.double() for value in values]
    velocities = [None] * len(params)
    path = []
    for grads in rounds:
        for k, grad in enumerate(grads):
            if grad is not None:
                v = velocities[k]
                velocities[k] = grad.double() if v is None else momentum * v + grad.double()
                params[k] = params[k] - lr * velocities[k]
        path.append([p.to(value.dtype) for p, value in zip(params, values, strict=True)])
    return path


def check_path(answer, values, rounds, lr, momentum):
    """Check every parameter after every step."""
    path = sgd_path(values, rounds, lr, momentum)
    for part, expected in zip(answer.each(), path, strict=True):
        for got, p in zip(part.each(), expected, strict=True):
            # Velocities are up to 15 and steps up to 25; float32 keeps seven digits of them.
            got.is_close(p, rtol=1e-4, atol=1e-4)


@st.composite
def runs(draw, low=1, high=3, none=True):
    """Values of some parameters of one dtype, and gradients for one to four rounds, some of them None."""
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    count = draw(st.integers(1, 4))
    values, columns = [], []
    for _ in range(draw(st.integers(low, high))):
        shape = draw(shapes(0, 2))
        stack = draw(tensors((count + 1, *shape), dtype))
        values.append(stack[0].clone())
        there = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
        columns.append(
            [g.clone() if t or not none else None for g, t in zip(stack[1:], there, strict=True)]
        )
    return values, [list(grads) for grads in zip(*columns, strict=True)]


@probe
def run_sgd(module, values, rounds, lr, momentum, turned, kind):
    """make a parameter of each of `values`, build `SGD` with a list or a generator of them, set the gradients
    and call `step()` in each round, and look at the parameters and at the gradients"""
    with torchs_sgd_refused():
        params = parameters_of(values, turned)
        given = iter(params) if kind == "generator" else list(params)
        optimizer = module.SGD(params=given, lr=lr, momentum=momentum)
        path, gradients = [], []
        for grads in rounds:
            for p, grad in zip(params, grads, strict=True):
                p.grad = None if grad is None else grad.clone()
            optimizer.step()
            path.append([p.detach().clone() for p in params])
            gradients.append([None if p.grad is None else p.grad.clone() for p in params])
        return {"path": path, "gradients": gradients}


@pytest.mark.exercise("SGD", "any parameters, any gradients, some of them None", points=3)
@given(
    run=runs(), lr=steps, momentum=momenta, turned=st.booleans(),
    kind=st.sampled_from(["list", "generator"]),
)  # fmt: skip
def test_sgd_on_any_parameters(learner, run, lr, momentum, turned, kind):
    values, rounds = run
    answer = learner.run(
        run_sgd, values=values, rounds=rounds, lr=lr, momentum=momentum, turned=turned, kind=kind
    )
    check_path(answer.key("path"), values, rounds, lr, momentum)


@pytest.mark.exercise("SGD", "the gradients are only read", points=2)
@given(run=runs(), lr=steps, momentum=momenta)
def test_sgd_only_reads_gradients(learner, run, lr, momentum):
    values, rounds = run
    answer = learner.run(
        run_sgd, values=values, rounds=rounds, lr=lr, momentum=momentum, turned=False, kind="list"
    )
    check_path(answer.key("path"), values, rounds, lr, momentum)
    for part, grads in zip(answer.key("gradients").each(), rounds, strict=True):
        for got, grad in zip(part.each(), grads, strict=True):
            got.check(
                (got.value is None) == (grad is None),
                "step() made or removed a gradient. Only read the gradients.",
            )
            if grad is not None:
                got.check(
                    torch.equal(got.tensor(shape=tuple(grad.shape), dtype=grad.dtype), grad),
                    "step() changed a gradient. Only read the gradients, and keep the velocity in a separate "
                    "tensor.",
                )


@probe
def run_sgd_with_one_gradient_tensor(module, values, rounds, lr, momentum):
    """make a parameter of each of `values` and build `SGD`; in each round write the new gradients into the same
    tensors p.grad, and call `step()`"""
    with torchs_sgd_refused():
        params = parameters_of(values, False)
        tensors = [torch.zeros_like(p) for p in params]
        optimizer = module.SGD(params=list(params), lr=lr, momentum=momentum)
        path = []
        for grads in rounds:
            for p, t, grad in zip(params, tensors, grads, strict=True):
                with torch.no_grad():
                    t.copy_(grad)
                p.grad = t
            optimizer.step()
            path.append([p.detach().clone() for p in params])
        return path


@pytest.mark.exercise("SGD", "the velocity is not the gradient's tensor", points=2)
@given(run=runs(none=False), lr=steps, momentum=momenta)
def test_sgd_keeps_its_own_velocity(learner, run, lr, momentum):
    values, rounds = run
    answer = learner.run(
        run_sgd_with_one_gradient_tensor, values=values, rounds=rounds, lr=lr, momentum=momentum
    )
    check_path(answer, values, rounds, lr, momentum)


@probe
def run_two_sgd(module, values, rounds, settings):
    """build two optimizers with different settings, one for the first parameter and one for the others, and let
    them take their steps in turn; then let a new optimizer for all parameters use the same gradients"""
    with torchs_sgd_refused():
        params = parameters_of(values, False)
        groups = params[:1], params[1:]
        optimizers = [
            module.SGD(list(group), lr, momentum)
            for group, (lr, momentum) in zip(groups, settings, strict=True)
        ]
        path = []
        for number in range(2):
            if number:
                optimizers = [module.SGD(params=(p for p in params), lr=settings[0][0])]
            for grads in rounds:
                for p, grad in zip(params, grads, strict=True):
                    p.grad = grad.clone()
                for optimizer in optimizers:
                    optimizer.step()
                path.append([p.detach().clone() for p in params])
        return path


@pytest.mark.exercise(
    "SGD", "optimizers with different settings do not disturb each other", points=2
)
@given(run=runs(low=2, none=False), settings_=st.tuples(*[st.tuples(steps, momenta)] * 2))
def test_sgd_optimizers_do_not_meet(learner, run, settings_):
    values, rounds = run
    answer = learner.run(run_two_sgd, values=values, rounds=rounds, settings=settings_)
    first = sgd_path(values[:1], [grads[:1] for grads in rounds], *settings_[0])
    others = sgd_path(values[1:], [grads[1:] for grads in rounds], *settings_[1])
    path = [one + rest for one, rest in zip(first, others, strict=True)]
    # The second half uses no momentum, which is the default.
    path += sgd_path(path[-1], rounds, settings_[0][0], 0.0)
    for part, expected in zip(answer.each(), path, strict=True):
        for got, p in zip(part.each(), expected, strict=True):
            got.is_close(p, rtol=1e-4, atol=2e-4)


@probe
def clear_between(module, values, rounds, lr, momentum):
    """make a parameter of each of `values`, build `SGD` with a generator, and in each round set the gradients,
    call `step()`, then `zero_grad()`, and look at everything"""
    with torchs_sgd_refused():
        params = parameters_of(values, False)
        optimizer = module.SGD((p for p in params), lr=lr, momentum=momentum)
        path, cleared = [], []
        for grads in rounds:
            for p, grad in zip(params, grads, strict=True):
                p.grad = None if grad is None else grad.clone()
            optimizer.step()
            optimizer.zero_grad()
            path.append([p.detach().clone() for p in params])
            cleared.append([p.grad for p in params])
        return {"path": path, "cleared": cleared}


@pytest.mark.exercise("SGD", "zero_grad clears the gradients and nothing else", points=3)
@given(run=runs(), lr=steps, momentum=momenta)
def test_sgd_zero_grad_only_clears(learner, run, lr, momentum):
    values, rounds = run
    answer = learner.run(clear_between, values=values, rounds=rounds, lr=lr, momentum=momentum)
    for part in answer.key("cleared").each():
        for grad in part.each():
            if grad.value is not None:
                grad.check(
                    not grad.tensor(finite=False).count_nonzero(),
                    "After zero_grad(), a gradient is still there: the next backward() would add to it.",
                )
    check_path(answer.key("path"), values, rounds, lr, momentum)


@probe
def train_network(module, weights, x, y, lr, momentum):
    """build a small network with the given weights, train it for three rounds with `zero_grad()`, `backward()`
    and `step()`, always without a gradient for the last bias, and look at its parameters"""
    with torchs_sgd_refused():
        model = small_network(weights)
        optimizer = module.SGD(params=model.parameters(), lr=lr, momentum=momentum)
        for _ in range(3):
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            model[2].bias.grad = None
            optimizer.step()
        return [p.detach() for p in model.parameters()]


networks = st.tuples(tensors((3, 2)), tensors((3,)), tensors((1, 3)), tensors((1,)))


@pytest.mark.exercise("SGD", "trains a network, one parameter without a gradient", points=3)
@settings(max_examples=8)
@given(weights=networks, data=tensor_points(2, 5), lr=rates, momentum=st.sampled_from([0.0, 0.5]))
def test_sgd_trains_a_network(learner, weights, data, lr, momentum):
    x, y = torch.cat([data[0], data[1].flip(0)], dim=1), data[1]
    answer = learner.run(train_network, weights=weights, x=x, y=y, lr=lr, momentum=momentum)
    params = [weight.double() for weight in weights]
    velocities = [0.0] * 4
    for _ in range(3):
        leaves = [p.detach().requires_grad_() for p in params]
        hidden = torch.tanh(x.double() @ leaves[0].T + leaves[1])
        loss = ((hidden @ leaves[2].T + leaves[3] - y.double()) ** 2).mean()
        grads = torch.autograd.grad(loss, leaves[:3])
        for k, grad in enumerate(grads):
            velocities[k] = momentum * velocities[k] + grad
            params[k] = params[k] - lr * velocities[k]
    for part, p in zip(answer.each(), params, strict=True):
        part.is_close(p.float(), **TRAINING)


@probe
def build(module, lr, momentum, named, step=True):
    """make one parameter of ones with a gradient of ones, build `SGD`, and take one step if it could be built"""
    with torchs_sgd_refused():
        p = torch.ones(2, requires_grad=True)
        p.grad = torch.ones(2)
        optimizer = (
            module.SGD([p], lr=lr, momentum=momentum) if named else module.SGD([p], lr, momentum)
        )
        if step:
            optimizer.step()
        return p.detach()


@pytest.mark.exercise("SGD", "a negative setting is an error, even a tiny one", points=2)
@given(
    lr=st.sampled_from([0.0, 1e-9, 0.5]), momentum=st.sampled_from([0.0, 1e-9, 0.75]),
    negative=st.sampled_from(["lr", "momentum", "both"]), tiny=st.sampled_from([-1e-9, -0.25, -3.0]),
    named=st.booleans(),
)  # fmt: skip
def test_sgd_refuses_negative_settings(learner, lr, momentum, negative, tiny, named):
    learner.run(build, lr=lr, momentum=momentum, named=named)
    lr = lr if negative == "momentum" else tiny
    momentum = momentum if negative == "lr" else tiny
    with learner.raises(ValueError, f"lr={lr} and momentum={momentum} are not both at least 0"):
        learner.run(build, lr=lr, momentum=momentum, named=named, step=False)


@pytest.mark.exercise("SGD", "zero is not an error", points=2)
@given(lr=st.sampled_from([0.0, 0.25, 3.0]), momentum=st.sampled_from([0.0, 0.5, 1.25]))
def test_sgd_takes_zero_and_large_settings(learner, lr, momentum):
    answer = learner.run(build, lr=lr, momentum=momentum, named=True)
    answer.is_close(torch.full((2,), 1 - lr))
