"""Step 08: optimizers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import (
    check_fit,
    check_losses,
    check_python_floats,
    check_uses_torchs_sgd,
    tutorial_points,
)
from grader.content.shared_probes import sgd_is_torchs, torchs_sgd_refused
from grader.testing.probes import probe
from grader.testing.strategies import (
    exact_rates,
    learning_rates,
    numbers,
    seeds,
    shapes,
    sizes,
    tensor_points,
    tensors,
)

X = torch.tensor([[0.0], [1.0], [3.0]])
Y = torch.tensor([[1.0], [2.0], [5.0]])

# For numbers by hand, with three digits after the point.
CLOSE = 1e-4

rates = exact_rates()

momenta = st.sampled_from([0.0, 0.25, 0.5, 0.9])


@probe
def call_fit(module, a, b, x, y, lr, n_epochs):
    """make leaves of `a` and `b`, call `fit_with_sgd`, and look at the same leaves again"""
    a = torch.tensor([a], requires_grad=True)
    b = torch.tensor([b], requires_grad=True)
    losses = module.fit_with_sgd(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)
    return {"losses": losses, "a": a.detach(), "b": b.detach()}


@pytest.mark.exercise("fit_with_sgd", "one epoch on one point, by hand")
def test_fit_one_epoch(learner):
    one, three = torch.tensor([[1.0]]), torch.tensor([[3.0]])
    answer = learner.run(call_fit, a=0.0, b=1.0, x=three, y=one, lr=0.25, n_epochs=1)
    check_losses(answer.key("losses"), [4.0])
    answer.key("a").is_close(torch.tensor([-1.0]))
    answer.key("b").is_close(torch.tensor([-2.0]))


@pytest.mark.exercise("fit_with_sgd", "each loss is a Python float")
def test_fit_gives_python_floats(learner):
    answer = learner.run(call_fit, a=0.5, b=-1.0, x=X, y=Y, lr=0.0625, n_epochs=1)
    losses = answer.key("losses")
    # The errors are -0.5, -2.5 and -7.5.
    check_losses(losses, [62.75 / 3])
    check_python_floats(losses)
    loss = losses.numbers()[0]
    losses.check(
        abs(loss - 62.75 / 3) < 1e-5,
        f"Expected the loss with all its digits, got {loss!r}. Do not round it.",
    )


@pytest.mark.exercise("fit_with_sgd", "trains the leaves of the caller")
def test_fit_trains_given_leaves(learner):
    answer = learner.run(call_fit, a=0.5, b=-1.0, x=X, y=Y, lr=0.0625, n_epochs=2)
    for name, start in (("a", 0.5), ("b", -1.0)):
        p = answer.key(name)
        p.check(
            p.scalar() != start,
            f"After fit_with_sgd, the caller's {name} still has its old value {start}. Give the optimizer "
            "the tensors that were passed in, and take its step after the gradients are computed.",
        )
    check_fit(answer, 0.5, -1.0, X, Y, 0.0625, 2)
    check_uses_torchs_sgd(learner.run(sgd_is_torchs, x=X, y=Y))


@pytest.mark.exercise("fit_with_sgd", "any line on any points: four epochs", points=3)
@settings(max_examples=5)
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=rates)
def test_fit_is_gradient_descent(learner, a, b, data, lr):
    x, y = data
    answer = learner.run(call_fit, a=a, b=b, x=x, y=y, lr=lr, n_epochs=4)
    check_fit(answer, a, b, x, y, lr, 4)


@pytest.mark.exercise("fit_with_sgd", "the start of the tutorial: 20 epochs")
def test_fit_tutorial(learner):
    x, y = tutorial_points()
    answer = learner.run(call_fit, a=0.3367, b=0.1288, x=x, y=y, lr=0.1, n_epochs=20)
    check_fit(answer, 0.3367, 0.1288, x, y, 0.1, 20)


@probe
def run_sgd(module, values, rounds, lr, **momentum):
    """make a parameter of each of `values`, build `SGD(params, lr, momentum)`, and in each round
    set the gradients and call `step()`"""
    with torchs_sgd_refused():
        params = [value.clone().requires_grad_() for value in values]
        optimizer = module.SGD(params=params, lr=lr, **momentum)
        path = {}
        for i, grads in enumerate(rounds, 1):
            for p, grad in zip(params, grads, strict=True):
                p.grad = None if grad is None else grad.clone()
            optimizer.step()
            for k, p in enumerate(params):
                path[f"parameter {k} after step {i}"] = p.detach().clone()
        return path


@probe
def run_sgd_on_generator(module, values, rounds, lr, momentum):
    """make a parameter of each of `values`, build `SGD` with a generator of them, and in each round
    call `zero_grad()`, set the gradients and call `step()`; at the end call `zero_grad()` again"""
    with torchs_sgd_refused():
        params = [value.clone().requires_grad_() for value in values]
        optimizer = module.SGD((p for p in params), lr, momentum)
        path = {}
        for i, grads in enumerate(rounds, 1):
            optimizer.zero_grad()
            for p, grad in zip(params, grads, strict=True):
                p.grad = grad.clone()
            optimizer.step()
            for k, p in enumerate(params):
                path[f"parameter {k} after step {i}"] = p.detach().clone()
        optimizer.zero_grad()
        grads = {f"gradient {k}": p.grad for k, p in enumerate(params)}
        return path | grads


@probe
def run_sgd_in_place(module, value, rounds, lr, momentum):
    """make one parameter, build `SGD([p], lr, momentum)`, write every new gradient into the same
    tensor p.grad, call `step()`, and look at p and p.grad"""
    with torchs_sgd_refused():
        p = value.clone().requires_grad_()
        p.grad = torch.zeros_like(p)
        optimizer = module.SGD(params=[p], lr=lr, momentum=momentum)
        path = {}
        for i, grad in enumerate(rounds, 1):
            if p.grad is None:
                break
            p.grad.copy_(grad)
            optimizer.step()
            path[f"p after step {i}"] = p.detach().clone()
            path[f"p.grad after step {i}"] = None if p.grad is None else p.grad.clone()
        return path


@probe
def run_two(module, grads, lrs, momenta):
    """build two optimizers, each for one parameter that starts at 0, and let them take their
    steps in turn"""
    with torchs_sgd_refused():
        params = [torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)]
        optimizers = [
            module.SGD(params=[p], lr=lr, momentum=momentum)
            for p, lr, momentum in zip(params, lrs, momenta, strict=True)
        ]
        for pair in grads:
            for p, optimizer, grad in zip(params, optimizers, pair, strict=True):
                p.grad = torch.tensor([grad])
                optimizer.step()
        return {"first": params[0].detach(), "second": params[1].detach()}


@probe
def train_model(module, seed, x, lr, momentum):
    """build a small network, train it for three rounds with `backward()`, `step()` and
    `zero_grad()`, and look at its parameters"""
    with torchs_sgd_refused():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        start = [p.detach().clone() for p in model.parameters()]
        optimizer = module.SGD(params=model.parameters(), lr=lr, momentum=momentum)
        for _ in range(3):
            model(x).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
        names = [name for name, _ in model.named_parameters()]
        return {
            "start": dict(zip(names, start, strict=True)),
            "end": {name: p.detach() for name, p in model.named_parameters()},
        }


@probe
def clear(module, values):
    """make a parameter of each of `values` with a gradient of ones, except the first one, which has
    none; build `SGD(params, lr=0.1)`, call `zero_grad()`, and look at the parameters"""
    with torchs_sgd_refused():
        params = [value.clone().requires_grad_() for value in values]
        for p in params[1:]:
            p.grad = torch.ones_like(p)
        module.SGD(params=params, lr=0.1).zero_grad()
        values = {f"parameter {k}": p.detach() for k, p in enumerate(params)}
        return values | {f"gradient {k}": p.grad for k, p in enumerate(params)}


@probe
def build(module, lr, momentum):
    """make one parameter and build `SGD([p], lr, momentum)`"""
    with torchs_sgd_refused():
        module.SGD(params=[torch.ones(2, requires_grad=True)], lr=lr, momentum=momentum)
        return "built"


def move(params, velocities, lr, momentum):
    """Take one step by the formula of the lesson, as `torch.optim.SGD` does."""
    with torch.no_grad():
        for k, p in enumerate(params):
            if p.grad is not None:
                v = velocities[k]
                velocities[k] = p.grad.clone() if v is None else momentum * v + p.grad
                p.sub_(lr * velocities[k])


def sgd_path(values, rounds, lr, momentum):
    """Return where the parameters are after each round."""
    params = [value.clone().requires_grad_() for value in values]
    velocities = [None] * len(params)
    path = []
    for grads in rounds:
        for p, grad in zip(params, grads, strict=True):
            p.grad = grad
        move(params, velocities, lr, momentum)
        path.append([p.detach().clone() for p in params])
    return path


def check_path(answer, path):
    """Check every parameter after every step."""
    for i, expected in enumerate(path, 1):
        for k, value in enumerate(expected):
            answer.key(f"parameter {k} after step {i}").is_close(value)


def check_cleared(answer):
    """Check that a gradient is None or full of zeros."""
    if answer.value is not None:
        left = answer.tensor(finite=False).count_nonzero()
        answer.check(
            not left,
            "After zero_grad(), a gradient is still there: the next backward() would add to it.",
        )


@st.composite
def runs(draw):
    """Values of one to three parameters, and gradients for four rounds."""
    values = draw(
        st.lists(shapes(), min_size=1, max_size=3).map(lambda all_: [*map(tensors, all_)])
    )
    values = [draw(value) for value in values]
    rounds = [[draw(tensors(tuple(value.shape))) for value in values] for _ in range(4)]
    return values, rounds


ONE = [torch.tensor([1.0])]
FIVE = [torch.tensor([5.0])]


@pytest.mark.exercise("SGD", "plain steps, by hand")
def test_sgd_plain_steps(learner):
    answer = learner.run(run_sgd, values=[torch.zeros(1)], rounds=[ONE, ONE], lr=0.5, momentum=0.0)
    answer.key("parameter 0 after step 1").is_close(torch.tensor([-0.5]))
    answer.key("parameter 0 after step 2").is_close(torch.tensor([-1.0]))
    # Without `momentum`, which is 0 by default.
    answer = learner.run(run_sgd, values=[torch.ones(1)], rounds=[FIVE, FIVE], lr=0.1)
    answer.key("parameter 0 after step 1").is_close(torch.tensor([0.5]))
    answer.key("parameter 0 after step 2").is_close(torch.tensor([0.0]))


@pytest.mark.exercise("SGD", "momentum, by hand: 0.1, then 0.19, then 0.271", points=2)
def test_sgd_momentum_by_hand(learner):
    rounds = [ONE, ONE, ONE]
    answer = learner.run(run_sgd, values=[torch.zeros(1)], rounds=rounds, lr=0.1, momentum=0.9)
    for i, expected in enumerate((-0.1, -0.29, -0.561), 1):
        p = answer.key(f"parameter 0 after step {i}")
        value = p.scalar()
        p.check(
            abs(value - expected) < CLOSE,
            f"Expected the parameter to be {expected} after step {i}, got {value:.7g}. The gradient is "
            "always 1, so the velocity is 1, then 1.9, then 2.71, and each step is lr * velocity.",
        )


@pytest.mark.exercise("SGD", "each parameter has its own velocity")
def test_sgd_velocity_of_its_own(learner):
    values = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]
    rounds = [
        [torch.tensor([1.0, 0.0]), torch.tensor([0.0, -2.0])],
        [torch.tensor([0.5, 1.0]), torch.tensor([1.0, 1.0])],
        [torch.tensor([0.0, 0.0]), torch.tensor([4.0, 0.0])],
    ]
    answer = learner.run(run_sgd, values=values, rounds=rounds, lr=0.5, momentum=0.5)
    check_path(answer, sgd_path(values, rounds, 0.5, 0.5))


@pytest.mark.exercise("SGD", "two optimizers do not disturb each other")
def test_sgd_two_optimizers(learner):
    grads = [(1.0, -2.0), (0.0, 3.0), (2.0, 0.0)]
    lrs, momenta = (0.5, 0.25), (0.5, 0.75)
    answer = learner.run(run_two, grads=grads, lrs=lrs, momenta=momenta)
    for k, name in enumerate(("first", "second")):
        rounds = [[torch.tensor([pair[k]])] for pair in grads]
        expected = sgd_path([torch.zeros(1)], rounds, lrs[k], momenta[k])[-1][0]
        answer.key(name).is_close(expected)


@pytest.mark.exercise("SGD", "a parameter without a gradient is left alone", points=2)
def test_sgd_skips_missing_gradient(learner):
    values = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
    g, h = torch.tensor([1.0, -1.0]), torch.tensor([2.0])
    rounds = [[None, h], [g, h], [g, None], [g, h]]
    answer = learner.run(run_sgd, values=values, rounds=rounds, lr=0.5, momentum=0.5)
    check_path(answer, sgd_path(values, rounds, 0.5, 0.5))


@pytest.mark.exercise("SGD", "the gradients are only read", points=2)
def test_sgd_does_not_change_gradients(learner):
    rounds = [torch.tensor([1.0, -2.0]), torch.tensor([0.5, 4.0]), torch.tensor([3.0, 0.0])]
    value = torch.tensor([10.0, 20.0])
    answer = learner.run(run_sgd_in_place, value=value, rounds=rounds, lr=0.5, momentum=0.25)
    path = sgd_path([value], [[grad] for grad in rounds], 0.5, 0.25)
    for i, (grad, expected) in enumerate(zip(rounds, path, strict=True), 1):
        left = answer.key(f"p.grad after step {i}")
        left.check(
            left.value is not None and torch.equal(left.tensor(shape=(2,)), grad),
            f"Step {i} changed p.grad. Only read the gradients: do not scale or clear them, and keep "
            "the velocity in a separate tensor.",
        )
        answer.key(f"p after step {i}").is_close(expected[0])


@pytest.mark.exercise("SGD", "params may be a generator", points=2)
def test_sgd_takes_generator(learner):
    values = [torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])]
    rounds = [[torch.tensor([1.0, -1.0]), torch.tensor([[2.0]])]] * 3
    answer = learner.run(run_sgd_on_generator, values=values, rounds=rounds, lr=0.5, momentum=0.5)
    first = answer.key("parameter 0 after step 1")
    first.check(
        not torch.equal(first.tensor(shape=(2,)), values[0]),
        "The parameters did not change. If they do with a list: a generator gives its tensors only "
        "once, and a second loop over it finds nothing.",
    )
    check_path(answer, sgd_path(values, rounds, 0.5, 0.5))
    check_cleared(answer.key("gradient 0"))
    check_cleared(answer.key("gradient 1"))


@pytest.mark.exercise("SGD", "the same numbers as torch.optim.SGD, for any shapes", points=3)
@given(run=runs(), lr=learning_rates(), momentum=momenta)
def test_sgd_follows_torch(learner, run, lr, momentum):
    values, rounds = run
    answer = learner.run(run_sgd, values=values, rounds=rounds, lr=lr, momentum=momentum)
    check_path(answer, sgd_path(values, rounds, lr, momentum))


@pytest.mark.exercise("SGD", "trains a network as torch.optim.SGD does")
@given(seed=seeds(), n=sizes(), momentum=momenta)
def test_sgd_trains_a_network(learner, seed, n, momentum):
    x = torch.linspace(-1, 1, 2 * n).reshape(n, 2)
    answer = learner.run(train_model, seed=seed, x=x, lr=0.1, momentum=momentum)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(answer.key("start").key(name).tensor(shape=tuple(p.shape)))
    params = list(model.parameters())
    velocities = [None] * len(params)
    for _ in range(3):
        model.zero_grad()
        model(x).square().mean().backward()
        move(params, velocities, 0.1, momentum)
    for name, p in model.named_parameters():
        answer.key("end").key(name).is_close(p.detach())


@pytest.mark.exercise("SGD", "zero_grad clears every gradient and nothing else")
def test_sgd_zero_grad(learner):
    values = [torch.tensor([1.0, 2.0]), torch.tensor([[3.0]]), torch.tensor([4.0])]
    answer = learner.run(clear, values=values)
    for k, value in enumerate(values):
        check_cleared(answer.key(f"gradient {k}"))
        answer.key(f"parameter {k}").is_close(value)


@pytest.mark.exercise("SGD", "a negative learning rate is an error")
def test_sgd_negative_lr(learner):
    learner.run(build, lr=0.0, momentum=0.5)
    with learner.raises(ValueError, "lr is negative"):
        learner.run(build, lr=-0.1, momentum=0.5)


@pytest.mark.exercise("SGD", "a negative momentum is an error")
def test_sgd_negative_momentum(learner):
    learner.run(build, lr=0.1, momentum=0.0)
    with learner.raises(ValueError, "momentum is negative"):
        learner.run(build, lr=0.1, momentum=-0.5)


@pytest.mark.exercise("SGD", "only negative settings are errors")
@given(lr=numbers(), momentum=numbers())
def test_sgd_refuses_negative_settings(learner, lr, momentum):
    if lr < 0 or momentum < 0:
        with learner.raises(ValueError, "a setting is negative"):
            learner.run(build, lr=lr, momentum=momentum)
    else:
        learner.run(build, lr=lr, momentum=momentum).equals("built")
