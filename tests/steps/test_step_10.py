"""Step 10: models."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader.content.references import check_start_values, trained_line
from grader.content.shared_probes import start_values, with_parameters, write_line, write_network
from grader.testing.probes import probe
from grader.testing.strategies import learning_rates, numbers, sizes, tensor_points, tensors

X = torch.tensor([[0.0], [1.0], [3.0]])
Y = torch.tensor([[1.0], [2.0], [5.0]])

# A network with 2 inputs, 3 hidden units and 1 output. For the point (1, 2) the hidden units
# are 4, -1 and 0 before the ReLU; for (2, -1) they are 0, 3 and -3.
MLP_X = torch.tensor([[1.0, 2.0], [2.0, -1.0]])
MLP = {
    "weight_1": torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]]),
    "bias_1": torch.tensor([1.0, 0.0, -1.0]),
    "weight_2": torch.tensor([[1.0, -2.0, 4.0]]),
    "bias_2": torch.tensor([0.5]),
}


@probe
def shapes_of(model):
    return {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}


@probe
def manual_line(module, a, b):
    model = module.ManualLinearRegression()
    model.a.data.fill_(a)
    model.b.data.fill_(b)
    return model


@probe
def manual_parameters(module):
    "make a ManualLinearRegression and look at its parameters"
    return shapes_of(module.ManualLinearRegression())


@probe
def manual_prediction(module, a, b, x):
    "make a ManualLinearRegression, write numbers into its a and b, call it twice"
    model = manual_line(module, a, b)
    return {"the first prediction": model(x), "the second prediction": model(x)}


@probe
def manual_training(module, a, b, x, y, lr):
    "make a ManualLinearRegression, write numbers into a and b, train it for two steps with SGD"
    model = manual_line(module, a, b)
    loss = ((model(x) - y) ** 2).mean()
    if not loss.requires_grad or not list(model.parameters()):
        return {"can_learn": False}
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    ((model(x) - y) ** 2).mean().backward()
    optimizer.step()
    return {"can_learn": True, "a": model.a, "b": model.b, "the prediction": model(x)}


@probe
def layer_parameters(module):
    "make a LayerLinearRegression and look at its layer and its parameters"
    model = with_parameters(module.LayerLinearRegression(), 1)
    linear = getattr(model, "linear", None)
    return {"is linear": isinstance(linear, nn.Linear), "parameters": shapes_of(model)}


@probe
def layer_prediction(module, a, b, x):
    "make a LayerLinearRegression, write numbers into model.linear, call the model"
    model = with_parameters(module.LayerLinearRegression(), 1)
    write_line(model.linear, a, b)
    return model(x)


@probe
def layer_with_hook(module, a, b, x, extra):
    "make a LayerLinearRegression, add a hook to model.linear that adds a number, call the model"
    model = with_parameters(module.LayerLinearRegression(), 1)
    write_line(model.linear, a, b)
    model.linear.register_forward_hook(lambda layer, inputs, output: output + extra)
    return model(x)


@probe
def sequential_parts(module):
    "call make_sequential and look at what it returned"
    model = module.make_sequential()
    if not isinstance(model, nn.Sequential):
        return {"is_sequential": False, "layers": None, "shapes": None}
    model = with_parameters(model, 1)
    shapes = sorted(tuple(parameter.shape) for parameter in model.parameters())
    return {
        "is_sequential": True,
        "layers": [
            "Linear" if isinstance(layer, nn.Linear) else type(layer).__name__ for layer in model
        ],
        "shapes": shapes,
    }


@probe
def sequential_prediction(module, a, b, x):
    "call make_sequential, write numbers into the bias and the weight of its layer, call the model"
    model = with_parameters(module.make_sequential(), 1)
    write_line(model, a, b)
    return model(x)


@probe
def mlp_shapes(module, n_in, n_hidden, n_out):
    "call make_mlp and collect the sizes of all parameters, sorted"
    model = with_parameters(module.make_mlp(n_in=n_in, n_hidden=n_hidden, n_out=n_out), n_in)
    return sorted(tuple(sorted(parameter.shape)) for parameter in model.parameters())


@probe
def mlp_prediction(module, x, weight_1, bias_1, weight_2, bias_2):
    "call make_mlp, write numbers into its two linear layers, call the model"
    n_hidden, n_in = weight_1.shape
    model = module.make_mlp(n_in=n_in, n_hidden=n_hidden, n_out=len(bias_2))
    weights = (weight_1, bias_1, weight_2, bias_2)
    return write_network(with_parameters(model, n_in), weights)(x)


@probe
def count_of_layer(module, n_in, n_out):
    "count_trainable of nn.Linear(n_in, n_out)"
    return module.count_trainable(model=nn.Linear(n_in, n_out))


@probe
def count_of_network(module, sizes, frozen):
    "count_trainable of two linear layers; frozen says which of their four parameters are frozen"
    n_in, n_hidden, n_out = sizes
    model = nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))
    for parameter, is_frozen in zip(model.parameters(), frozen, strict=True):
        parameter.requires_grad_(not is_frozen)
    return module.count_trainable(model=model)


@probe
def count_with_batchnorm(module, n):
    "count_trainable of nn.BatchNorm1d(n), which has parameters and buffers"
    return module.count_trainable(model=nn.BatchNorm1d(n))


@probe
def count_tied(module, n):
    "count_trainable of two linear layers in a row that share their weight"
    model = nn.Sequential(nn.Linear(n, n), nn.Linear(n, n))
    model[1].weight = model[0].weight
    return module.count_trainable(model=model)


def are_parameters(answer, expected):
    """Demand these names and shapes of parameters."""
    wanted = " and ".join(f"{name} of shape {shape}" for name, shape in expected.items())
    answer.check(
        answer.value != {},
        f"The model has no parameters. Expected {wanted}, as soon as the model is made. A plain "
        "tensor is not a parameter: in __init__, give self an nn.Parameter or a layer.",
    )
    answer.check(
        answer.value == expected,
        f"Expected the parameters of the model to be {wanted}, and nothing else, got "
        f"{answer.value}. A plain tensor is not a parameter and does not count.",
    )


def learned(answer):
    """Return the answer of a probe, after checking that the model can be trained at all."""
    answer.check(
        answer.key("can_learn").value is True,
        "This model cannot learn: the loss is not connected to parameters of the model. "
        "Make a and b as nn.Parameter in __init__, and use them in forward as they are.",
    )
    return answer


@pytest.mark.exercise("ManualLinearRegression", "the parameters are a and b")
def test_manual_has_two_parameters(learner):
    are_parameters(learner.run(manual_parameters), {"a": (1,), "b": (1,)})


@pytest.mark.exercise("ManualLinearRegression", "three points on a line, by hand")
def test_manual_three_points(learner):
    answer = learner.run(manual_prediction, a=1.0, b=2.0, x=X)
    answer.key("the first prediction").is_close(torch.tensor([[1.0], [3.0], [7.0]]))
    answer.key("the second prediction").is_close(torch.tensor([[1.0], [3.0], [7.0]]))


@pytest.mark.exercise("ManualLinearRegression", "any line on any points")
@given(a=numbers(), b=numbers(), data=tensor_points())
def test_manual_is_the_line(learner, a, b, data):
    x, _ = data
    answer = learner.run(manual_prediction, a=a, b=b, x=x)
    answer.key("the first prediction").is_close(a + b * x)


@pytest.mark.exercise("ManualLinearRegression", "an optimizer trains it", points=2)
def test_manual_learns_by_hand(learner):
    answer = learned(learner.run(manual_training, a=0.0, b=1.0, x=X, y=Y, lr=0.125))
    a, b, _ = trained_line(0.0, 1.0, X, Y, 0.125, 2)
    answer.key("a").is_close(torch.tensor([a]))
    answer.key("b").is_close(torch.tensor([b]))
    answer.key("the prediction").is_close(a + b * X)


@pytest.mark.exercise("ManualLinearRegression", "an optimizer trains it on any points")
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=learning_rates())
def test_manual_learns(learner, a, b, data, lr):
    x, y = data
    answer = learned(learner.run(manual_training, a=a, b=b, x=x, y=y, lr=lr))
    a, b, _ = trained_line(a, b, x, y, lr, 2)
    answer.key("a").is_close(torch.tensor([a]))
    answer.key("b").is_close(torch.tensor([b]))


@pytest.mark.exercise("ManualLinearRegression", "random start values")
def test_manual_starts_at_random(learner):
    check_start_values(learner.run(start_values, seeds=[1, 2, 3]))


@pytest.mark.exercise("LayerLinearRegression", "one layer, with the name linear")
def test_layer_has_one_layer(learner):
    expected = {"linear.weight": (1, 1), "linear.bias": (1,)}
    answer = learner.run(layer_parameters)
    answer.check(answer.key("is linear").value is True, "Expected `linear` to be an nn.Linear.")
    are_parameters(answer.key("parameters"), expected)


@pytest.mark.exercise("LayerLinearRegression", "three points on a line, by hand")
def test_layer_three_points(learner):
    answer = learner.run(layer_prediction, a=1.0, b=2.0, x=X)
    answer.is_close(torch.tensor([[1.0], [3.0], [7.0]]))


@pytest.mark.exercise("LayerLinearRegression", "any line on any points")
@given(a=numbers(), b=numbers(), data=tensor_points())
def test_layer_is_the_line(learner, a, b, data):
    x, _ = data
    learner.run(layer_prediction, a=a, b=b, x=x).is_close(a + b * x)


@pytest.mark.exercise("LayerLinearRegression", "the hooks of the layer run", points=2)
def test_layer_runs_hooks(learner):
    answer = learner.run(layer_with_hook, a=1.0, b=2.0, x=X, extra=10.0)
    got = answer.tensor(shape=(3, 1), dtype=torch.float32)
    answer.check(
        not torch.allclose(got, 1.0 + 2.0 * X),
        "The hook on model.linear did not run: expected the prediction to be 10 larger. Call the "
        "layer itself; its .forward method, or a formula with its weight, does not run the hooks.",
    )
    answer.is_close(torch.tensor([[11.0], [13.0], [17.0]]))


@pytest.mark.exercise("make_sequential", "an nn.Sequential of one nn.Linear(1, 1)")
def test_sequential_holds_one_layer(learner):
    answer = learner.run(sequential_parts)
    answer.key("is_sequential").check(
        answer.key("is_sequential").value is True,
        "Expected make_sequential to return an nn.Sequential.",
    )
    answer.key("layers").equals(["Linear"])
    answer.key("shapes").equals([(1,), (1, 1)])


@pytest.mark.exercise("make_sequential", "three points on a line, by hand")
def test_sequential_three_points(learner):
    answer = learner.run(sequential_prediction, a=1.0, b=2.0, x=X)
    answer.is_close(torch.tensor([[1.0], [3.0], [7.0]]))


@pytest.mark.exercise("make_sequential", "any line on any points")
@given(a=numbers(), b=numbers(), data=tensor_points())
def test_sequential_is_the_line(learner, a, b, data):
    x, _ = data
    learner.run(sequential_prediction, a=a, b=b, x=x).is_close(a + b * x)


@pytest.mark.exercise("make_mlp", "two weights and two biases")
def test_mlp_shapes(learner):
    answer = learner.run(mlp_shapes, n_in=2, n_hidden=4, n_out=3)
    answer.check(
        answer.value == [(2, 4), (3,), (3, 4), (4,)],
        "For 2 inputs, 4 hidden units and 3 outputs, expected a weight of 2 times 4 numbers and a bias of 4 "
        "in the first linear layer, and a weight of 4 times 3 numbers and a bias of 3 in the second, got "
        f"parameters of the sizes {answer.value}.",
    )


@pytest.mark.exercise("make_mlp", "two points, by hand", points=2)
def test_mlp_by_hand(learner):
    answer = learner.run(mlp_prediction, x=MLP_X, **MLP)
    # 4 * 1 + 0.5; the other hidden units are cut to 0. Then 2 * 1 + 3 * (-2) + 0.5.
    answer.is_close(torch.tensor([[4.5], [-3.5]]))


@st.composite
def networks(draw):
    """Return x and the four parameters of a network whose sizes are all different."""
    n_in, n_hidden, n_out, n = draw(st.permutations([1, 2, 3, 4, 5]))[:4]
    values = {
        "x": (n, n_in),
        "weight_1": (n_hidden, n_in),
        "bias_1": (n_hidden,),
        "weight_2": (n_out, n_hidden),
        "bias_2": (n_out,),
    }
    return {name: draw(tensors(shape)) for name, shape in values.items()}


@pytest.mark.exercise("make_mlp", "any sizes, any numbers", points=2)
@given(network=networks())
def test_mlp_is_linear_relu_linear(learner, network):
    answer = learner.run(mlp_prediction, **network)
    hidden = (network["x"] @ network["weight_1"].T + network["bias_1"]).clamp(min=0)
    answer.is_close(hidden @ network["weight_2"].T + network["bias_2"])


@pytest.mark.exercise("count_trainable", "one layer: 3 * 2 weights and 2 biases")
def test_count_one_layer(learner):
    learner.run(count_of_layer, n_in=3, n_out=2).equals(8)


@pytest.mark.exercise("count_trainable", "frozen parameters do not count")
def test_count_skips_frozen(learner):
    frozen = [True, True, False, False]
    learner.run(count_of_network, sizes=(2, 5, 3), frozen=frozen).equals(18)
    learner.run(count_of_network, sizes=(2, 5, 3), frozen=[True] * 4).equals(0)


@pytest.mark.exercise("count_trainable", "buffers do not count")
def test_count_skips_buffers(learner):
    learner.run(count_with_batchnorm, n=4).equals(8)


@pytest.mark.exercise("count_trainable", "a weight in two places counts once")
def test_count_takes_tied_once(learner):
    # A weight of 3 * 3, which both layers use, and two biases.
    learner.run(count_tied, n=3).equals(15)


@pytest.mark.exercise("count_trainable", "any sizes, any of them frozen", points=2)
@given(
    sizes=st.tuples(sizes(1, 6), sizes(1, 6), sizes(1, 6)),
    frozen=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_count_is_the_sum_of_sizes(learner, sizes, frozen):
    n_in, n_hidden, n_out = sizes
    counts = [n_in * n_hidden, n_hidden, n_hidden * n_out, n_out]
    expected = sum(count for count, is_frozen in zip(counts, frozen, strict=True) if not is_frozen)
    learner.run(count_of_network, sizes=sizes, frozen=frozen).equals(expected)
