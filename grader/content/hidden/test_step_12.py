"""Step 12, hidden: train steps for any model, loss and optimizer, compared with formulas in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import TRAINING, check_points_stay, descend, line_gradients
from grader.content.shared_probes import line, points_after, points_laid_out, small_network
from grader.testing.probes import probe
from grader.testing.strategies import arrays, exact_rates, numbers, sizes, tensor_points, tensors

rates = exact_rates()
layouts = st.sampled_from(["plain", "columns of a table"])
batches = st.lists(tensor_points(1, 5), min_size=1, max_size=4)


@probe
def numbers_of(model):
    "copies of the parameters, as they are now"
    return [p.detach().clone() for p in model.parameters()]


def is_loss(answer, expected):
    """Demand a Python float close to the expected loss."""
    answer.python_float()
    answer.is_close(float(expected), **TRAINING)


def are_losses(answer, expected):
    """Demand Python floats close to the expected losses."""
    labels = [f"the loss of step {i + 1}" for i in range(len(expected))]
    for loss, value in zip(answer.parts(*labels), expected, strict=True):
        is_loss(loss, value)


def are_close(answer, expected):
    """Demand float32 parameters close to the expected float64 ones."""
    for part, value in zip(answer.each(), expected, strict=True):
        part.is_close(value.detach().float(), **TRAINING)


@probe
def step_by_step(module, a, b, batches, lr, layout):
    """make a train step for an nn.Linear(1, 1), nn.MSELoss and SGD, call it with one batch after another, and
    look at the model after every step"""
    model = line(a, b)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    losses, path, points = [], [[model.bias.item(), model.weight.item()]], []
    for x, y in batches:
        x, y = points_laid_out(x, y, layout)
        losses.append(train_step(x, y))
        path.append([model.bias.item(), model.weight.item()])
        points.append(points_after(x, y))
    learning = model(x).requires_grad
    return {"losses": losses, "path": path, "points": points, "learning": learning}


@pytest.mark.exercise(
    "make_train_step", "one batch after another, each from clean gradients", points=3
)
@given(a=numbers(), b=numbers(), batches=batches, lr=rates, layout=layouts)
def test_batch_after_batch(learner, a, b, batches, lr, layout):
    answer = learner.run(step_by_step, a=a, b=b, batches=batches, lr=lr, layout=layout)
    losses, path = [], [[a, b]]
    for x, y in batches:
        loss, a_grad, b_grad = line_gradients(a, b, x, y)
        a, b = a - lr * a_grad, b - lr * b_grad
        losses.append(loss)
        path.append([a, b])
    are_losses(answer.key("losses"), losses)
    # All of the first loss but its mean is exact in float32, so the loss must keep all its digits.
    answer.key("losses").each()[0].is_close(losses[0], rtol=1e-6)
    for part, expected in zip(answer.key("path").each(), path, strict=True):
        part.is_close(expected, **TRAINING)
    answer.check(
        answer.key("learning").value is True,
        "After the train step, gradients are no longer computed. Leave them switched on for the caller.",
    )
    for part, (x, y) in zip(answer.key("points").each(), batches, strict=True):
        check_points_stay(part, x, y)


@probe
def step_with_hook(module, a, b, x, y, lr):
    """make a train step for an nn.Linear(1, 1) with a hook that doubles its input, which works when the model is
    called as model(x)"""
    model = line(a, b)
    model.register_forward_pre_hook(lambda layer, inputs: (2 * inputs[0],))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    return train_step(x, y)


@pytest.mark.exercise("make_train_step", "the model is called, so that its hooks work")
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=rates)
def test_step_with_hook(learner, a, b, data, lr):
    x, y = data
    answer = learner.run(step_with_hook, a=a, b=b, x=x, y=y, lr=lr)
    answer.is_close(line_gradients(a, b, 2 * x, y)[0], **TRAINING)


@probe
def momentum_and_schedule(module, a, b, data, lrs, momentum, decay):
    """make a train step for a line and SGD with momentum and weight decay, and call it several times, with
    another learning rate set before every call"""
    model = line(a, b)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=lrs[0], momentum=momentum, weight_decay=decay
    )
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    losses = []
    for lr in lrs:
        optimizer.param_groups[0]["lr"] = lr
        losses.append(train_step(*data))
    return {"losses": losses, "line": [model.bias.item(), model.weight.item()]}


@pytest.mark.exercise("make_train_step", "momentum, and a learning rate that changes", points=3)
@given(
    a=numbers(), b=numbers(), data=tensor_points(), lrs=st.lists(rates, min_size=2, max_size=4),
    momentum=st.sampled_from([0.0, 0.5, 0.75]), decay=st.sampled_from([0.0, 0.125, 0.5]),
)  # fmt: skip
def test_momentum(learner, a, b, data, lrs, momentum, decay):
    answer = learner.run(
        momentum_and_schedule, a=a, b=b, data=data, lrs=lrs, momentum=momentum, decay=decay
    )
    losses, a_speed, b_speed = [], 0.0, 0.0
    for lr in lrs:
        loss, a_grad, b_grad = line_gradients(a, b, *data)
        a_speed = momentum * a_speed + a_grad + decay * a
        b_speed = momentum * b_speed + b_grad + decay * b
        a, b = a - lr * a_speed, b - lr * b_speed
        losses.append(loss)
    are_losses(answer.key("losses"), losses)
    answer.key("line").is_close([a, b], **TRAINING)


def network(weights, x):
    """Return the prediction of the small network."""
    return torch.tanh(x @ weights[0].T + weights[1]) @ weights[2].T + weights[3]


@probe
def train_with_adam(module, weights, x, y, lr, n_steps):
    "make a train step for a network, nn.MSELoss and Adam, and call it several times"
    model = small_network(weights)
    # A large eps: where a gradient is nearly 0, its sign is no longer all that counts.
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, eps=0.125)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    losses = [train_step(x, y) for _ in range(n_steps)]
    return {"losses": losses, "parameters": numbers_of(model)}


weights = st.tuples(tensors((3, 2)), tensors((3,)), tensors((4, 3)), tensors((4,)))


@pytest.mark.exercise("make_train_step", "a network and Adam", points=3)
@settings(max_examples=8)
@given(
    weights=weights, x=tensors((5, 2)), y=tensors((5, 4)), n_steps=sizes(1, 4),
    lr=st.sampled_from([0.0625, 0.125, 0.25]),
)  # fmt: skip
def test_adam(learner, weights, x, y, n_steps, lr):
    answer = learner.run(train_with_adam, weights=weights, x=x, y=y, lr=lr, n_steps=n_steps)
    params, losses = [weight.double() for weight in weights], []
    means, squares = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    for t in range(1, n_steps + 1):
        params = [p.detach().requires_grad_() for p in params]
        loss = ((network(params, x.double()) - y.double()) ** 2).mean()
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, params)
        means = [0.9 * m + 0.1 * g for m, g in zip(means, grads, strict=True)]
        squares = [0.999 * s + 0.001 * g**2 for s, g in zip(squares, grads, strict=True)]
        params = [
            p.detach() - lr * (m / (1 - 0.9**t)) / ((s / (1 - 0.999**t)) ** 0.5 + 0.125)
            for p, m, s in zip(params, means, squares, strict=True)
        ]
    are_losses(answer.key("losses"), losses)
    are_close(answer.key("parameters"), params)


@probe
def lopsided_steps(module, a, b, batches, lr, factors, form, double):
    """make a train step whose loss is the mean of f * yhat ** 2 + g * yhat * y + h * y, of shape (1,), and
    call it with each batch, in this form and dtype; the loss function also records what it gets"""
    f, g, h = factors
    dtype = torch.float64 if double else torch.float32
    model = line(a, b).to(dtype)
    got = []

    def loss_fn(first, second):
        got.append([tuple(first.shape), tuple(second.shape), str(first.dtype), str(second.dtype)])
        first, second = first.reshape(-1), second.reshape(-1)
        return (f * first**2 + g * first * second + h * second).mean().reshape(1)

    train_step = module.make_train_step(
        model=model, loss_fn=loss_fn, optimizer=torch.optim.SGD(model.parameters(), lr=lr)
    )
    losses, untouched = [], True
    for x, y in batches:
        x, y = x.to(dtype), y.to(dtype)
        if form == "deep":
            x, y = x[:, None], y[:, None]
        elif form == "flat y":
            y = y[:, 0]
        losses.append(train_step(x, y))
        # A linear layer with one input and one output keeps the shape.
        kept = [tuple(x.shape), tuple(y.shape), str(x.dtype), str(y.dtype)]
        untouched = untouched and got == [kept] * len(got)
        got.clear()
    return {
        "losses": losses,
        "line": [model.bias.item(), model.weight.item()],
        "untouched": untouched,
    }


@pytest.mark.exercise(
    "make_train_step", "a loss that is not symmetric, and tensors of any shape", points=3
)
@given(
    a=numbers(), b=numbers(), batches=batches, lr=rates,
    factors=st.tuples(st.sampled_from([0.25, 0.5, 1.0]), numbers(), numbers()),
    form=st.sampled_from(["deep", "flat y", "columns"]),
    double=st.booleans(),
)  # fmt: skip
def test_lopsided_loss(learner, a, b, batches, lr, factors, form, double):
    answer = learner.run(
        lopsided_steps, a=a, b=b, batches=batches, lr=lr, factors=factors, form=form, double=double
    )
    (f, g, h), losses = factors, []
    for x, y in batches:
        x, y = x.double(), y.double()
        yhat = a + b * x
        losses.append((f * yhat**2 + g * yhat * y + h * y).mean().item())
        slope = 2 * f * yhat + g * y
        a, b = a - lr * slope.mean().item(), b - lr * (slope * x).mean().item()
    answer.check(
        answer.key("untouched").value is True,
        "Expected the loss function to get yhat = model(x) and y. Do not change the shape or the dtype of x, "
        "yhat or y.",
    )
    are_losses(answer.key("losses"), losses)
    answer.key("line").is_close([a, b], **TRAINING)


@probe
def normalized_steps(module, batches, modes, lr, momentum):
    """make a train step for BatchNorm and a linear layer; before every call put the model in eval mode or in
    train mode"""
    model = nn.Sequential(nn.BatchNorm1d(1, momentum=momentum), nn.Linear(1, 1))
    for p, value in zip(model.parameters(), (1.0, 0.5, 2.0, -1.0), strict=True):
        p.data.fill_(value)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    model.train(modes[0])
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    losses = []
    for (x, y), mode in zip(batches, modes, strict=True):
        model.train(mode)
        losses.append(train_step(x, y))
    return {
        "losses": losses,
        "running mean": model[0].running_mean,
        "running variance": model[0].running_var,
        "parameters": numbers_of(model),
    }


@st.composite
def spread_batches(draw):
    """Batches whose x are far apart (BatchNorm divides by their spread), and a mode for each."""
    count = draw(st.integers(1, 4))
    found = []
    for _ in range(count):
        x, y = draw(tensor_points(2, 5))
        found.append((x + 8 * torch.arange(float(len(x))).reshape(-1, 1), y))
    return found, draw(st.lists(st.booleans(), min_size=count, max_size=count))


@pytest.mark.exercise("make_train_step", "BatchNorm, with evaluations in between", points=3)
@given(both=spread_batches(), lr=rates, momentum=st.sampled_from([0.25, 0.5]))
def test_train_mode_in_every_step(learner, both, lr, momentum):
    data, modes = both
    answer = learner.run(normalized_steps, batches=data, modes=modes, lr=lr, momentum=momentum)
    params = [torch.tensor([v], dtype=torch.float64) for v in (1.0, 0.5, 2.0, -1.0)]
    losses, mean, variance = [], 0.0, 1.0
    for x, y in data:
        x, y = x.double(), y.double()
        params = [p.detach().requires_grad_() for p in params]
        center, spread = x.mean(), ((x - x.mean()) ** 2).mean()
        z = (x - center) / (spread + 1e-5) ** 0.5 * params[0] + params[1]
        loss = ((z * params[2] + params[3] - y) ** 2).mean()
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, params)
        params = [p - lr * g for p, g in zip(params, grads, strict=True)]
        mean += momentum * (center.item() - mean)
        variance += momentum * (spread.item() * len(x) / (len(x) - 1) - variance)
    running_mean = answer.key("running mean").tensor(shape=(1,)).item()
    answer.check(
        abs(running_mean - mean) <= 1e-4 * (1 + abs(mean)),
        f"Expected the running mean of BatchNorm to be {mean:.6g} after {len(data)} steps, got "
        f"{running_mean:.6g}. It changes only in train mode, once in every step: does each step put "
        "the model in train mode, even if it was in eval mode before?",
    )
    answer.key("running variance").is_close(variance, **TRAINING)
    are_losses(answer.key("losses"), losses)
    params[2] = params[2].reshape(1, 1)
    are_close(answer.key("parameters"), params)


@probe
def dropped_steps(module, a, b, x, y, lr, n_steps):
    """make a train step for a linear layer, a Dropout that hides everything in train mode, and another linear
    layer; put the model in eval mode before every call"""
    model = nn.Sequential(nn.Linear(1, 2), nn.Dropout(p=1.0), nn.Linear(2, 1))
    for p in model.parameters():
        p.data.fill_(b)
    model[2].bias.data.fill_(a)
    before = numbers_of(model)
    train_step = module.make_train_step(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
    )
    losses = []
    for _ in range(n_steps):
        model.eval()
        losses.append(train_step(x, y))
    return {"losses": losses, "before": before, "after": numbers_of(model)}


@pytest.mark.exercise("make_train_step", "Dropout hides numbers in every step", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=rates, n_steps=sizes(1, 3))
def test_dropout(learner, a, b, data, lr, n_steps):
    x, y = data
    answer = learner.run(dropped_steps, a=a, b=b, x=x, y=y, lr=lr, n_steps=n_steps)
    # Everything is hidden, so the model predicts its last bias, and nothing else learns.
    losses, value = [], a
    for _ in range(n_steps):
        error = value - y.double()
        losses.append((error**2).mean().item())
        value -= lr * 2 * error.mean().item()
    are_losses(answer.key("losses"), losses)
    expected = [torch.full(shape, b) for shape in ((2, 1), (2,), (1, 2))] + [torch.tensor([value])]
    are_close(answer.key("after"), expected)


@probe
def steps_in_turn(module, lines, lrs, kinds, turns, x, y):
    """make a train step for each of several lines, each with its own loss and learning rate, and call them in the
    given order"""
    models = [line(a, b) for a, b in lines]
    steps = [
        module.make_train_step(
            model=model,
            loss_fn=nn.MSELoss(reduction=kind),
            optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        )
        for model, lr, kind in zip(models, lrs, kinds, strict=True)
    ]
    losses = [steps[turn](x, y) for turn in turns]
    return {"losses": losses, "lines": [[m.bias.item(), m.weight.item()] for m in models]}


@pytest.mark.exercise("make_train_step", "three train steps, called in any order", points=3)
@given(
    lines=arrays((3, 2)), lrs=st.tuples(*[st.sampled_from([0.0078125, 0.015625])] * 3),
    kinds=st.tuples(*[st.sampled_from(["mean", "sum"])] * 3), data=tensor_points(1, 4),
    turns=st.lists(st.integers(0, 2), min_size=2, max_size=7),
)  # fmt: skip
def test_several_train_steps(learner, lines, lrs, kinds, data, turns):
    x, y = data
    lines = [[float(a), float(b)] for a, b in lines]
    answer = learner.run(steps_in_turn, lines=lines, lrs=lrs, kinds=kinds, turns=turns, x=x, y=y)
    expected, losses = [list(pair) for pair in lines], []
    for turn in turns:
        scale = len(x) if kinds[turn] == "sum" else 1
        a, b = expected[turn]
        loss, a_grad, b_grad = line_gradients(a, b, x, y)
        losses.append(scale * loss)
        expected[turn] = [a - lrs[turn] * scale * a_grad, b - lrs[turn] * scale * b_grad]
    are_losses(answer.key("losses"), losses)
    for part, pair in zip(answer.key("lines").each(), expected, strict=True):
        part.is_close(pair, **TRAINING)


@probe
def factory_alone(module, a, b, data, lr):
    """make a train step for a line, and look at the line; then change the line by hand, and call the train
    step"""
    model = line(a, b)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    made = [model.bias.item(), model.weight.item()]
    model.bias.data.add_(1.0)
    model.weight.data.mul_(0.5)
    loss = train_step(*data)
    return {"made": made, "loss": loss, "line": [model.bias.item(), model.weight.item()]}


@pytest.mark.exercise(
    "make_train_step", "the factory does not train, each step uses the current model", points=2
)
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=rates)
def test_factory_does_not_train(learner, a, b, data, lr):
    answer = learner.run(factory_alone, a=a, b=b, data=data, lr=lr)
    answer.key("made").is_close([a, b], **TRAINING)
    loss, a_grad, b_grad = line_gradients(a + 1, b * 0.5, *data)
    is_loss(answer.key("loss"), loss)
    answer.key("line").is_close([a + 1 - lr * a_grad, b * 0.5 - lr * b_grad], **TRAINING)


@probe
def groups_and_frozen(module, weights, x, y, lrs, frozen, n_steps):
    """make a train step for a network of which one layer is frozen, with a learning rate for each layer, and
    call it several times"""
    model = small_network(weights)
    model[frozen].requires_grad_(False)
    optimizer = torch.optim.SGD(
        [
            {"params": list(model[0].parameters()), "lr": lrs[0]},
            {"params": list(model[2].parameters()), "lr": lrs[1]},
        ],
        lr=1.0,
    )
    train_step = module.make_train_step(model=model, loss_fn=nn.L1Loss(), optimizer=optimizer)
    losses = [train_step(x, y) for _ in range(n_steps)]
    return {"losses": losses, "parameters": numbers_of(model)}


@pytest.mark.exercise(
    "make_train_step", "a frozen layer, and a learning rate for each layer", points=2
)
@settings(max_examples=8)
@given(
    weights=weights, x=tensors((5, 2)), y=tensors((5, 4)), n_steps=sizes(1, 3),
    lrs=st.permutations([0.03125, 0.125]), frozen=st.sampled_from([0, 2]),
)  # fmt: skip
def test_groups_and_frozen(learner, weights, x, y, n_steps, lrs, frozen):
    # The absolute error has a corner at 0; with y this far away, no prediction is near it.
    y = y + 40
    answer = learner.run(
        groups_and_frozen, weights=weights, x=x, y=y, lrs=lrs, frozen=frozen, n_steps=n_steps
    )
    params, losses = [weight.double() for weight in weights], []
    for _ in range(n_steps):
        params = [p.detach().requires_grad_() for p in params]
        loss = (network(params, x.double()) - y.double()).abs().mean()
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, params)
        speeds = [0.0 if k // 2 * 2 == frozen else lrs[k // 2] for k in range(4)]
        params = [p - lr * g for p, g, lr in zip(params, grads, speeds, strict=True)]
    are_losses(answer.key("losses"), losses)
    are_close(answer.key("parameters"), params)


@probe
def one_class_at_a_time(module, weights, x, labels, lr):
    """make a train step for a classifier, nn.CrossEntropyLoss and SGD, and call it with one point at a
    time"""
    model = small_network(weights)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_step = module.make_train_step(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer
    )
    losses = [train_step(x[i : i + 1], labels[i : i + 1]) for i in range(len(x))]
    return {"losses": losses, "parameters": numbers_of(model)}


@pytest.mark.exercise("make_train_step", "labels that are integers, one point at a time", points=2)
@settings(max_examples=8)
@given(
    weights=weights, x=tensors((3, 2)), lr=st.sampled_from([0.125, 0.25]),
    labels=st.lists(st.integers(0, 3), min_size=3, max_size=3).map(torch.tensor),
)  # fmt: skip
def test_classifier(learner, weights, x, labels, lr):
    answer = learner.run(one_class_at_a_time, weights=weights, x=x, labels=labels, lr=lr)
    params, losses = [weight.double() for weight in weights], []
    for point, label in zip(x.double(), labels.tolist(), strict=True):
        params = [p.detach().requires_grad_() for p in params]
        scores = network(params, point)
        loss = torch.logsumexp(scores, 0) - scores[label]
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, params)
        params = [p - lr * g for p, g in zip(params, grads, strict=True)]
    are_losses(answer.key("losses"), losses)
    are_close(answer.key("parameters"), params)


@pytest.mark.exercise(
    "make_train_step", "many steps, large errors, nothing clipped or rounded", points=2
)
@settings(max_examples=8)
@given(
    a=numbers(), b=numbers(), data=tensor_points(2, 6), lr=rates, scale=st.sampled_from([0.25, 64.0]),
    n_steps=sizes(8, 20),
)  # fmt: skip
def test_many_steps(learner, a, b, data, lr, scale, n_steps):
    x, y = data[0], scale * data[1]
    batches = [(x, y)] * n_steps
    answer = learner.run(step_by_step, a=a, b=b, batches=batches, lr=lr, layout="plain")
    losses, path = descend(a, b, x, y, lr, n_steps)
    are_losses(answer.key("losses"), losses)
    for part, expected in zip(answer.key("path").each(), [(a, b), *path], strict=True):
        # The numbers reach some hundreds on the way, of which float32 keeps seven digits.
        part.is_close(list(expected), rtol=1e-4, atol=1e-4 * max(1.0, scale))
