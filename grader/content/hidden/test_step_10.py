"""Step 10, hidden: models judged by what they predict and how they train."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import TRAINING, check_start_values, line_gradients
from grader.content.shared_probes import start_values, with_parameters, write_line, write_network
from grader.testing.probes import probe
from grader.testing.strategies import exact_rates, numbers, sizes, tensor_points, tensors

rates = exact_rates()
factors = st.sampled_from([-2.0, -0.5, 0.5, 1.0, 3.0])
lines = st.tuples(numbers(), numbers())
columns = st.tuples(sizes(1, 6), st.just(1)).flatmap(tensors)


@probe
def line_of(module, kind, a, b):
    "the learner's model of that kind, with the numbers of a line"
    if kind == "make_sequential":
        return write_line(with_parameters(module.make_sequential(), 1), a, b)
    model = with_parameters(getattr(module, kind)(), 1)
    if kind == "ManualLinearRegression":
        model.a.data.fill_(a)
        model.b.data.fill_(b)
    else:
        write_line(model.linear, a, b)
    return model


@probe
def train_lines(module, kind, lines, data, lr, turns):
    """make several models and write the numbers of a line into each; then train them in turn with
    torch.optim.SGD, and let each predict"""
    x, y = data
    models = [line_of(module, kind, a, b) for a, b in lines]
    if not all(len(list(model.parameters())) for model in models):
        return {"can_learn": False}
    optimizers = [torch.optim.SGD(model.parameters(), lr=lr) for model in models]
    for turn in turns:
        optimizers[turn].zero_grad()
        loss = ((models[turn](x) - y) ** 2).mean()
        if not loss.requires_grad:
            return {"can_learn": False}
        loss.backward()
        optimizers[turn].step()
    return {"can_learn": True, "predictions": [model(x) for model in models]}


def check_lines(learner, kind, lines, data, lr, turns):
    """Check where the training of several lines ends."""
    answer = learner.run(train_lines, kind=kind, lines=lines, data=data, lr=lr, turns=turns)
    answer.check(
        answer.key("can_learn").value is True,
        "This model cannot learn: the loss is not connected to parameters of the model. Make them "
        "in __init__, as nn.Parameter or in a layer, and use them in forward as they are.",
    )
    expected, (x, y) = [list(line) for line in lines], data
    for turn in turns:
        a, b = expected[turn]
        _, a_grad, b_grad = line_gradients(a, b, x, y)
        expected[turn] = [a - lr * a_grad, b - lr * b_grad]
    for part, (a, b) in zip(answer.key("predictions").each(), expected, strict=True):
        part.is_close((a + b * x.double()).float(), **TRAINING)


turns = st.lists(st.integers(0, 1), min_size=1, max_size=5)


@probe
def state_round_trip(module, kind, a, b, x):
    """write the numbers of a line into a model, load its state dict into a new model of the same kind, change the
    first one, and let both predict"""
    first = line_of(module, kind, a, b)
    state = {name: value.clone() for name, value in first.state_dict().items()}
    second = line_of(module, kind, 0.0, 0.0)
    second.load_state_dict(state)
    for p in first.parameters():
        p.data.add_(1.0)
    names = {name: list(value.shape) for name, value in state.items()}
    return {
        "state": names,
        "dtypes": [str(value.dtype) for value in state.values()],
        "is linear": kind != "LayerLinearRegression" or isinstance(first.linear, nn.Linear),
        "first": first(x),
        "second": second(x),
    }


def check_state(learner, kind, a, b, x, shapes):
    """Check that a state dict holds a whole line."""
    answer = learner.run(state_round_trip, kind=kind, a=a, b=b, x=x)
    state = answer.key("state")
    wanted = " and ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
    state.check(
        state.value == shapes,
        f"Expected the state dict to hold {wanted}, and nothing else, got {state.value}. It only "
        "holds parameters (and buffers): a plain tensor is not saved.",
    )
    answer.check(
        set(answer.key("dtypes").value) == {"torch.float32"}, "Expected float32 parameters."
    )
    answer.check(answer.key("is linear").value is True, "Expected `linear` to be an nn.Linear.")
    answer.key("first").is_close(a + 1 + (b + 1) * x)
    answer.key("second").is_close(a + b * x)


# ManualLinearRegression


@pytest.mark.exercise("ManualLinearRegression", "two models, trained in turn", points=3)
@given(lines=st.tuples(lines, lines), data=tensor_points(), lr=rates, turns=turns)
def test_manual_learns(learner, lines, data, lr, turns):
    check_lines(learner, "ManualLinearRegression", lines, data, lr, turns)


@pytest.mark.exercise("ManualLinearRegression", "the state dict holds a and b", points=2)
@given(line=lines, x=columns)
def test_manual_state(learner, line, x):
    check_state(learner, "ManualLinearRegression", *line, x, {"a": [1], "b": [1]})


@probe
def stacked(module, kind, first, second, x, layout):
    """put two models with the numbers of a line one after the other into an nn.Sequential, predict, and call
    backward() on the sum"""
    model = nn.Sequential(line_of(module, kind, *first), line_of(module, kind, *second))
    if layout == "column of a table":
        x = torch.cat([torch.full_like(x, 99.0), x], dim=1)[:, 1:]
    yhat = model(x)
    if yhat.requires_grad:
        yhat.sum().backward()
    grads = [[p.grad for p in part.parameters()] for part in model]
    parts = [[None if g is None else g.sum() for g in part] for part in grads]
    names = [[name for name, _ in part.named_parameters()] for part in model]
    return {"yhat": yhat, "gradients": parts, "names": names}


@pytest.mark.exercise("ManualLinearRegression", "as a part of a larger model", points=2)
@given(first=lines, second=lines, x=columns, layout=st.sampled_from(["plain", "column of a table"]))
def test_manual_in_a_larger_model(learner, first, second, x, layout):
    answer = learner.run(
        stacked, kind="ManualLinearRegression", first=first, second=second, x=x, layout=layout
    )
    (a, b), (c, d) = first, second
    inner = a + b * x
    answer.key("yhat").is_close(c + d * inner, **TRAINING)
    n = len(x)
    expected = [
        {"a": d * n, "b": d * float(x.sum())},
        {"a": float(n), "b": float(inner.sum())},
    ]
    parts = zip(answer.key("gradients").each(), answer.key("names").each(), expected, strict=True)
    for part, names, wanted in parts:
        names.check(
            isinstance(names.value, list) and sorted(names.value) == ["a", "b"],
            f"Expected parameters with the names a and b, got {names.value}.",
        )
        for grad, name in zip(part.each(), names.value, strict=True):
            grad.check(grad.value is not None, f"Expected a gradient for {name}, got None.")
            grad.is_close(wanted[name], **TRAINING)


@pytest.mark.exercise("ManualLinearRegression", "random start values")
@settings(max_examples=4)
@given(seeds=st.lists(st.integers(0, 10**6), min_size=3, max_size=3, unique=True))
def test_manual_starts_at_random(learner, seeds):
    check_start_values(learner.run(start_values, seeds=seeds))


# LayerLinearRegression


@pytest.mark.exercise("LayerLinearRegression", "two models, trained in turn", points=2)
@given(lines=st.tuples(lines, lines), data=tensor_points(), lr=rates, turns=turns)
def test_layer_learns(learner, lines, data, lr, turns):
    check_lines(learner, "LayerLinearRegression", lines, data, lr, turns)


@pytest.mark.exercise("LayerLinearRegression", "the state dict holds the layer", points=2)
@given(line=lines, x=columns)
def test_layer_state(learner, line, x):
    shapes = {"linear.weight": [1, 1], "linear.bias": [1]}
    # Any order of the parameters will do: two dictionaries are equal in any order.
    check_state(learner, "LayerLinearRegression", *line, x, shapes)


@probe
def hooked(module, kind, a, b, x, scale, extra):
    """write the numbers of a line into the model, and add two hooks to its layer: one multiplies the input of the
    layer by scale, one adds extra to its output"""
    model = line_of(module, kind, a, b)
    layer = model.linear if kind == "LayerLinearRegression" else model[0]
    layer.register_forward_pre_hook(lambda layer, inputs: (inputs[0] * scale,))
    layer.register_forward_hook(lambda layer, inputs, output: output + extra)
    return model(x)


def check_hooks(learner, kind, line, x, scale, extra):
    """Check the prediction of a layer with two hooks."""
    a, b = line
    answer = learner.run(hooked, kind=kind, a=a, b=b, x=x, scale=scale, extra=extra)
    prediction = answer.tensor(shape=tuple(x.shape), dtype=torch.float32)
    # The hooks change far more than rounding does.
    answer.check(
        not torch.allclose(prediction, a + b * x),
        "The hooks on the layer did not run. Call the layer itself; its .forward method, or a "
        "formula with its weight, does not run the hooks.",
    )
    answer.is_close(extra + a + b * scale * x)


# So large that no scale cancels them: the hooks always make a difference.
extras = st.sampled_from([100.0, 64.5, -80.25])


@pytest.mark.exercise("LayerLinearRegression", "hooks before and after the layer run", points=3)
@given(line=lines, x=columns, scale=factors, extra=extras)
def test_layer_hooks(learner, line, x, scale, extra):
    check_hooks(learner, "LayerLinearRegression", line, x, scale, extra)


# make_sequential


@pytest.mark.exercise("make_sequential", "two models, trained in turn", points=3)
@given(lines=st.tuples(lines, lines), data=tensor_points(), lr=rates, turns=turns)
def test_sequential_learns(learner, lines, data, lr, turns):
    check_lines(learner, "make_sequential", lines, data, lr, turns)


@pytest.mark.exercise("make_sequential", "its only layer is called", points=2)
@given(line=lines, x=columns, scale=factors, extra=extras)
def test_sequential_layer(learner, line, x, scale, extra):
    check_hooks(learner, "make_sequential", line, x, scale, extra)


@probe
def sequential_length(module):
    "call make_sequential, and look at what it is and how many layers it has"
    model = module.make_sequential()
    if not isinstance(model, nn.Sequential):
        return [False, None, None]
    count = sum([p.numel() for p in with_parameters(model, 1).parameters()])
    return [isinstance(model[0], nn.Linear), len(model), count]


@pytest.mark.exercise("make_sequential", "one layer, two numbers", points=1)
def test_sequential_has_one_layer(learner):
    answer = learner.run(sequential_length)
    answer.check(
        answer.value == [True, 1, 2],
        "Expected make_sequential to return an nn.Sequential that holds one nn.Linear(1, 1), which has "
        "two numbers to learn: a weight and a bias.",
    )


# make_mlp


@st.composite
def networks(draw):
    """Four parameters of a network whose sizes are all different."""
    n_in, n_hidden, n_out = draw(st.permutations([1, 2, 3, 4, 5]))[:3]
    shapes = [(n_hidden, n_in), (n_hidden,), (n_out, n_hidden), (n_out,)]
    return [draw(tensors(shape)) for shape in shapes]


@probe
def network_of(module, weights):
    "the learner's network, with these numbers"
    n_hidden, n_in = weights[0].shape
    model = module.make_mlp(n_in=n_in, n_hidden=n_hidden, n_out=len(weights[3]))
    return write_network(with_parameters(model, n_in), weights)


@probe
def train_networks(module, first, second, x, y, lr, mode):
    """make two networks, write numbers into both, train the first one for one step of SGD, and let both
    predict"""
    models = [network_of(module, weights).train(mode) for weights in (first, second)]
    optimizer = torch.optim.SGD(models[0].parameters(), lr=lr)
    loss = ((models[0](x) - y) ** 2).mean()
    if loss.requires_grad:
        loss.backward()
    optimizer.step()
    return [model(x) for model in models]


def predicted(weights, x):
    """Return the prediction of Linear, ReLU, Linear."""
    return (x @ weights[0].T + weights[1]).clamp(min=0) @ weights[2].T + weights[3]


@st.composite
def network_tasks(draw):
    """Two networks of the same sizes, x and y."""
    first = draw(networks())
    second = [draw(tensors(tuple(weight.shape))) for weight in first]
    # No hidden unit of the trained network is at the bend of ReLU, where the slope is a convention.
    first[1] = first[1] + 0.03125
    n = draw(sizes(1, 4))
    return first, second, draw(tensors((n, first[0].shape[1]))), draw(tensors((n, len(first[3]))))


@pytest.mark.exercise(
    "make_mlp", "one network of any sizes is trained, the other one is not", points=3
)
@given(task=network_tasks(), lr=rates, mode=st.booleans())
def test_mlp_learns(learner, task, lr, mode):
    first, second, x, y = task
    answer = learner.run(train_networks, first=first, second=second, x=x, y=y, lr=lr, mode=mode)
    params = [weight.double().requires_grad_() for weight in first]
    loss = ((predicted(params, x.double()) - y.double()) ** 2).mean()
    params = [p - lr * g for p, g in zip(params, torch.autograd.grad(loss, params), strict=True)]
    trained, other = answer.parts("the trained network", "the other network")
    # One step may be large: the predictions after it are in the thousands.
    trained.is_close(predicted(params, x.double()).detach().float(), rtol=1e-3, atol=1e-3)
    other.is_close(predicted(second, x), **TRAINING)


@probe
def even_network(module, n_in, n_hidden, n_out, weight, bias, x):
    """make a network, write weight into every weight and bias into every bias, count its numbers, and let it
    predict"""
    model = module.make_mlp(n_in=n_in, n_hidden=n_hidden, n_out=n_out)
    write_line(with_parameters(model, n_in), bias, weight)
    return {"count": sum([p.numel() for p in model.parameters()]), "yhat": model(x)}


@pytest.mark.exercise("make_mlp", "any sizes, even equal or large ones", points=3)
@given(
    n_in=sizes(1, 4), n_hidden=st.sampled_from([1, 2, 3, 4, 17, 40]), n_out=sizes(1, 4),
    weight=numbers(), bias=numbers(), rows=sizes(1, 5), start=numbers(),
)  # fmt: skip
def test_mlp_of_any_sizes(learner, n_in, n_hidden, n_out, weight, bias, rows, start):
    x = start + torch.arange(float(rows * n_in)).reshape(rows, n_in) / 4
    answer = learner.run(
        even_network, n_in=n_in, n_hidden=n_hidden, n_out=n_out, weight=weight, bias=bias, x=x
    )
    answer.key("count").equals(n_in * n_hidden + n_hidden + n_hidden * n_out + n_out)
    hidden = (bias + weight * x.sum(dim=1, keepdim=True)).clamp(min=0)
    answer.key("yhat").is_close((bias + n_hidden * weight * hidden).repeat(1, n_out), **TRAINING)


# count_trainable


@probe
def counted(module, shapes, frozen, depth, buffers, later):
    """build a nested model with parameters of these shapes, some of them used in two places, some frozen, and
    with buffers; count its numbers, change which parameters are frozen, and count again"""
    model = place = nn.Module()
    for i, shape in enumerate(shapes):
        parameter = nn.Parameter(torch.ones(shape))
        place.register_parameter(f"p{i}", parameter)
        if buffers:
            place.register_buffer(f"b{i}", torch.ones(7))
        if i % depth == 0:
            place.add_module("inner", nn.Module())
            place = place.inner
            if i:
                # The same parameter in two places: its numbers are there once.
                place.register_parameter("tied", parameter)
    params = list(model.parameters())
    counts = []
    for flags in (frozen, later):
        for p, is_frozen in zip(params, flags, strict=True):
            p.requires_grad_(not is_frozen)
        counts.append(module.count_trainable(model=model))
    if params:
        sum([p.sum() for p in params], start=torch.zeros((), requires_grad=True)).backward()
    return {"counts": counts, "with gradients": [p.grad is not None for p in params]}


@st.composite
def models(draw):
    """Shapes of parameters, 0 to 3 dimensions, and twice which of them are frozen."""
    count = draw(st.integers(0, 5))
    shape = st.lists(st.integers(1, 5), max_size=3).map(tuple)
    flags = st.lists(st.booleans(), min_size=count, max_size=count)
    return draw(st.lists(shape, min_size=count, max_size=count)), draw(flags), draw(flags)


@pytest.mark.exercise("count_trainable", "any nested model, frozen in any way", points=3)
@given(model=models(), depth=sizes(1, 3), buffers=st.booleans())
def test_count_of_any_model(learner, model, depth, buffers):
    shapes, frozen, later = model
    answer = learner.run(
        counted, shapes=shapes, frozen=frozen, depth=depth, buffers=buffers, later=later
    )
    sizes_of_all = [torch.Size(shape).numel() for shape in shapes]
    for part, flags in zip(
        answer.key("counts").parts("first", "second"), (frozen, later), strict=True
    ):
        part.equals(sum(n for n, fixed in zip(sizes_of_all, flags, strict=True) if not fixed))
    answer.key("with gradients").check(
        answer.key("with gradients").value == [not fixed for fixed in later],
        "count_trainable changed which parameters are frozen. Only count them.",
    )


@probe
def counted_layers(module, n_in, n_hidden, kernel, frozen, meta):
    """count the numbers of a model of a convolution, BatchNorm, Dropout and a linear layer, one of which is
    frozen"""
    model = nn.Sequential(
        nn.Conv1d(n_in, n_hidden, kernel), nn.BatchNorm1d(n_hidden),
        nn.Sequential(nn.Dropout(), nn.Linear(n_hidden, 3, bias=False)),
    )  # fmt: skip
    if frozen is not None:
        model[frozen].requires_grad_(False)
    return module.count_trainable(model=model.to("meta") if meta else model)


@pytest.mark.exercise(
    "count_trainable", "convolution, BatchNorm, Dropout and a layer without bias", points=2
)
@given(
    n_in=sizes(1, 5), n_hidden=sizes(1, 6), kernel=sizes(1, 4),
    frozen=st.sampled_from([None, 0, 1, 2]), meta=st.booleans(),
)  # fmt: skip
def test_count_of_layers(learner, n_in, n_hidden, kernel, frozen, meta):
    counts = [n_in * n_hidden * kernel + n_hidden, 2 * n_hidden, 3 * n_hidden]
    answer = learner.run(
        counted_layers, n_in=n_in, n_hidden=n_hidden, kernel=kernel, frozen=frozen, meta=meta
    )
    answer.equals(sum(count for i, count in enumerate(counts) if i != frozen))
