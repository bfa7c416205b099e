"""Step 11: a model's weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import check_on_meta, check_train_mode
from grader.content.shared_probes import line, noted_on_meta, on_card, write_line
from grader.testing.probes import probe
from grader.testing.strategies import sizes, tensors


@probe
def copied_line(module, a, b, then):
    "make two nn.Linear(1, 1), write numbers into the source, copy_weights(source, target)"
    source, target = nn.Linear(1, 1), nn.Linear(1, 1)
    write_line(source, a, b)
    returned = module.copy_weights(source=source, target=target)
    if then == "add 10 to the source":
        source.bias.data.add_(10)
        source.weight.data.add_(10)
    if then == "add 10 to the target":
        target.bias.data.add_(10)
        target.weight.data.add_(10)
    return {
        "returned": returned,
        "source": [source.bias, source.weight],
        "target": [target.bias, target.weight],
    }


@probe
def copied_batchnorm(module, mean, variance):
    "make two nn.BatchNorm1d, write buffers of the source, call copy_weights(source, target)"
    source, target = nn.BatchNorm1d(len(mean)), nn.BatchNorm1d(len(mean))
    source.running_mean.copy_(mean)
    source.running_var.copy_(variance)
    module.copy_weights(source=source, target=target)
    return {"target.running_mean": target.running_mean, "target.running_var": target.running_var}


@probe
def copied_state(module, state, n_in, n_out):
    """make two models of a linear and a BatchNorm layer, fill the source, freeze its linear layer and the
    target's BatchNorm, call copy_weights"""
    source = nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out))
    target = nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out))
    source.load_state_dict(state)
    source[0].requires_grad_(False)
    target[1].requires_grad_(False)
    module.copy_weights(source=source, target=target)
    frozen = {
        name: [k for k, p in model.named_parameters() if not p.requires_grad]
        for name, model in (("source", source), ("target", target))
    }
    return dict(target.state_dict()) | {"frozen": frozen}


def holds_line(answer, a, b):
    """Demand that a list of a bias and a weight holds the line a + b * x."""
    bias, weight = answer.parts(".bias", ".weight")
    bias.is_close(torch.tensor([a]))
    weight.is_close(torch.tensor([[b]]))


@pytest.mark.exercise("copy_weights", "the target gets the numbers of the source")
def test_copy_by_hand(learner):
    answer = learner.run(copied_line, a=1.0, b=2.0, then="nothing")
    holds_line(answer.key("target"), 1.0, 2.0)
    holds_line(answer.key("source"), 1.0, 2.0)
    answer.key("returned").is_none()


@pytest.mark.exercise("copy_weights", "later changes do not reach the other model", points=2)
def test_copy_is_independent(learner):
    answer = learner.run(copied_line, a=1.0, b=2.0, then="add 10 to the source")
    holds_line(answer.key("target"), 1.0, 2.0)
    answer = learner.run(copied_line, a=1.0, b=2.0, then="add 10 to the target")
    holds_line(answer.key("target"), 11.0, 12.0)
    holds_line(answer.key("source"), 1.0, 2.0)


@pytest.mark.exercise("copy_weights", "buffers are copied too")
def test_copy_takes_buffers(learner):
    mean, variance = torch.tensor([5.0, -6.0]), torch.tensor([2.0, 3.0])
    answer = learner.run(copied_batchnorm, mean=mean, variance=variance)
    answer.key("target.running_mean").is_close(mean)
    answer.key("target.running_var").is_close(variance)


@st.composite
def states(draw):
    """Return the state dict of a linear layer (2 inputs, 3 outputs) and a BatchNorm layer."""
    shapes = {"0.weight": (3, 2), "0.bias": (3,)}
    shapes |= {f"1.{name}": (3,) for name in ("weight", "bias", "running_mean", "running_var")}
    state = {name: draw(tensors(shape)) for name, shape in shapes.items()}
    return state | {"1.num_batches_tracked": torch.tensor(draw(sizes(1, 9)))}


@pytest.mark.exercise(
    "copy_weights", "parameters, frozen ones too, and buffers are copied", points=2
)
@settings(max_examples=5)
@given(state=states())
def test_copy_is_complete(learner, state):
    answer = learner.run(copied_state, state=state, n_in=2, n_out=3)
    for name, value in state.items():
        answer.key(name).is_close(value)
    linear, norm = ["0.weight", "0.bias"], ["1.weight", "1.bias"]
    answer.check(
        answer.key("frozen").value == {"source": linear, "target": norm},
        "copy_weights changed which parameters are frozen. Copy the numbers, and nothing else.",
    )


@probe
def freeze(module, sizes, prefix):
    """build a model of the linear layers "body", "head", "header" and "my_head", call
    `freeze_all_but`, and look at all parameters"""
    torch.manual_seed(0)
    n_in, n_hidden, n_out = sizes
    layers = {
        "body": nn.Linear(n_in, n_hidden),
        "head": nn.Linear(n_hidden, n_out),
        "header": nn.Linear(n_out, 1),
        "my_head": nn.Linear(1, 2),
    }
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    before = [p.detach().clone() for p in model.parameters()]
    count = module.freeze_all_but(model=model, prefix=prefix)
    after = [p.detach() for p in model.parameters()]
    return {
        "count": count,
        "is in train mode": all(part.training for part in model.modules()),
        "trainable": [name for name, p in model.named_parameters() if p.requires_grad],
        "changed": [
            i for i, (p, q) in enumerate(zip(before, after, strict=True)) if not torch.equal(p, q)
        ],
    }


@probe
def train_frozen(module, prefix):
    """build a model of the linear layers "body" and "head", call `freeze_all_but`, make one step of
    gradient descent, and list the parameters that changed"""
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("body", nn.Linear(3, 4))
    model.add_module("head", nn.Linear(4, 2))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    module.freeze_all_but(model=model, prefix=prefix)
    loss = model(torch.ones(5, 3)).square().sum()
    if loss.requires_grad:
        loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            if p.grad is not None:
                p.sub_(0.1 * p.grad)
    return [name for name, p in model.named_parameters() if not torch.equal(before[name], p)]


HEAD = 10
NAMES = [
    f"{layer}.{p}" for layer in ("body", "head", "header", "my_head") for p in ("weight", "bias")
]


def check_trainable(answer, expected):
    """Check the names of the parameters that still require a gradient."""
    trainable = answer.key("trainable")
    names = [name.value for name in trainable.each()]
    trainable.check(
        names != NAMES,
        "Nothing was frozen: every parameter still requires a gradient. (`model.eval()` freezes "
        "nothing.)",
    )
    trainable.check(
        not expected or names != [name for name in NAMES if name not in expected],
        "It is the wrong way round: the parameters with the prefix were frozen, and the others were "
        "not.",
    )
    trainable.equals(expected)


@pytest.mark.exercise("freeze_all_but", "only the head can be trained", points=2)
def test_freeze_keeps_names_with_prefix(learner):
    answer = learner.run(freeze, sizes=(3, 4, 2), prefix="head.")
    check_trainable(answer, ["head.weight", "head.bias"])
    check_train_mode(answer)


@pytest.mark.exercise("freeze_all_but", "counts numbers: the head has 4 * 2 + 2")
def test_freeze_counts_numbers(learner):
    answer = learner.run(freeze, sizes=(3, 4, 2), prefix="head.")
    count = answer.key("count").integer()
    hint = {
        2: "Count the numbers in each parameter, not the parameters.",
        33: "Do not count what is frozen.",
    }.get(count, "Add up the sizes of the parameters that still require a gradient.")
    answer.check(
        count == HEAD,
        f"The head has 4 * 2 weights and 2 biases: expected {HEAD} trainable numbers, got {count}. "
        f"{hint}",
    )


@pytest.mark.exercise("freeze_all_but", "a prefix is the beginning of the name")
def test_freeze_prefix_is_the_beginning(learner):
    answer = learner.run(freeze, sizes=(3, 4, 2), prefix="head")
    check_trainable(answer, ["head.weight", "head.bias", "header.weight", "header.bias"])
    answer = learner.run(freeze, sizes=(3, 4, 2), prefix="body.w")
    check_trainable(answer, ["body.weight"])
    answer.key("count").equals(12)


@pytest.mark.exercise("freeze_all_but", "a prefix that no name has")
@pytest.mark.parametrize("prefix", ["tail", "Head"])
def test_freeze_everything(learner, prefix):
    answer = learner.run(freeze, sizes=(3, 4, 2), prefix=prefix)
    check_trainable(answer, [])
    answer.key("count").equals(0)


@pytest.mark.exercise("freeze_all_but", "training changes the head and nothing else")
def test_freeze_in_training(learner):
    learner.run(train_frozen, prefix="head").equals(["head.weight", "head.bias"])


@pytest.mark.exercise("freeze_all_but", "layers of any size")
@settings(max_examples=5)
@given(n_in=sizes(), n_hidden=sizes(), n_out=sizes())
def test_freeze_counts_any_layer(learner, n_in, n_hidden, n_out):
    answer = learner.run(freeze, sizes=(n_in, n_hidden, n_out), prefix="body")
    answer.key("count").equals(n_in * n_hidden + n_hidden)
    check_trainable(answer, ["body.weight", "body.bias"])
    answer.key("changed").equals([])


@probe
def with_new_head(module, body, x, n_out, names):
    """build a model of the layers Linear, ReLU, Linear (with these names, if there are any), write 7 into every
    number of the last one, call `replace_head`, let the model predict, and look at it"""
    n_hidden, n_in = body.shape
    layers = [nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, 2)]
    layers[0].weight.data.copy_(body)
    layers[0].bias.data.fill_(0.5)
    for p in layers[2].parameters():
        p.data.fill_(7.0)
    model = nn.Sequential()
    for i, layer in enumerate(layers):
        model.add_module(names[i] if names else str(i), layer)
    returned = module.replace_head(model=model, n_out=n_out)
    return {
        "output": model(x).detach(),
        "returned": returned,
        "layers": len(model),
        "the last layer is an nn.Linear": isinstance(model[-1], nn.Linear),
        "learns": [[p.requires_grad for p in layer.parameters()] for layer in model],
        "body": [p.detach() for layer in list(model)[:-1] for p in layer.parameters()],
        "head": [p.detach() for p in model[-1].parameters()],
    }


BODY = torch.tensor([[1.0, 0.0], [0.5, -1.0], [-2.0, 1.5]])


def check_new_head(answer, body, n, n_out):
    """Check a model of three layers that has got a new head."""
    layers = answer.key("layers").integer()
    answer.check(
        layers == 3,
        f"Expected 3 layers as before, got {layers}. The new layer takes the place of the old head.",
    )
    answer.key("the last layer is an nn.Linear").equals(True)
    shape = tuple(answer.key("output").tensor().shape)
    answer.check(
        shape == (n, n_out),
        f"For {n} points and n_out = {n_out}, expected the model to predict a tensor of shape {(n, n_out)}, got "
        f"{shape}. Has the model of the caller got the new layer?",
    )
    first, _, head = answer.key("learns").parts("first layer", "ReLU", "head")
    head.check(
        head.value == [True, True],
        "The new head does not learn: its weight and its bias must require gradients.",
    )
    first.check(
        first.value == [False, False],
        "The first layer still requires gradients, its weight or its bias. All that was there before is frozen.",
    )
    for part, expected in zip(
        answer.key("body").each(), (body, torch.full((len(body),), 0.5)), strict=True
    ):
        part.is_close(expected)
    for part, size in zip(
        answer.key("head").parts("weight", "bias"), ((n_out, len(body)), (n_out,)), strict=True
    ):
        part.check(
            not (part.tensor(shape=size) == 7).any(),
            "The new head has numbers of the old one. It should be fresh.",
        )


@pytest.mark.exercise("replace_head", "four outputs in place of two", points=2)
def test_replace_head_by_hand(learner):
    answer = learner.run(with_new_head, body=BODY, x=torch.ones(6, 2), n_out=4, names=None)
    check_new_head(answer, BODY, 6, 4)


@pytest.mark.exercise("replace_head", "in place: nothing is returned")
def test_replace_head_returns_none(learner):
    answer = learner.run(with_new_head, body=BODY, x=torch.ones(6, 2), n_out=1, names=None)
    check_new_head(answer, BODY, 6, 1)
    answer.key("returned").is_none()


@pytest.mark.exercise("replace_head", "as many outputs as before, and still a fresh head")
def test_replace_head_of_the_same_size(learner):
    answer = learner.run(with_new_head, body=BODY, x=torch.ones(6, 2), n_out=2, names=None)
    check_new_head(answer, BODY, 6, 2)


@pytest.mark.exercise("replace_head", "layers with names of their own")
def test_replace_head_of_named_layers(learner):
    names = ["body", "bend", "head"]
    answer = learner.run(with_new_head, body=BODY, x=torch.ones(6, 2), n_out=5, names=names)
    check_new_head(answer, BODY, 6, 5)


@pytest.mark.exercise("replace_head", "layers of any size")
@settings(max_examples=5)
@given(n_in=sizes(1, 5), n_hidden=sizes(3, 6), n_out=sizes(1, 7), n=sizes(1, 4))
def test_replace_head_of_any_size(learner, n_in, n_hidden, n_out, n):
    body = torch.arange(n_in * n_hidden).reshape(n_hidden, n_in) / 4
    answer = learner.run(with_new_head, body=body, x=torch.ones(n, n_in), n_out=n_out, names=None)
    check_new_head(answer, body, n, n_out)


@probe
def predicted_by_line(module, a, b, x, training):
    """build a model of an nn.Linear(1, 1), which computes a + b * x, and a Dropout layer, put it in train mode or
    in eval mode, call `predict`, and look at the result and at the model"""
    model = nn.Sequential(line(a, b), nn.Dropout(p=0.5)).train(training)
    yhat = module.predict(model=model, x=x)
    return {
        "yhat": yhat,
        "yhat requires a gradient": getattr(yhat, "requires_grad", False),
        "modes": [part.training for part in model.modules()],
        "learns": [p.requires_grad for p in model.parameters()],
        "numbers": [p.detach() for p in model.parameters()],
    }


@probe
def predicted_by_batchnorm(module, mean, variance, x):
    """write the buffers of an nn.BatchNorm1d in train mode, call `predict` with it, and look at the buffers"""
    model = nn.BatchNorm1d(len(mean))
    model.running_mean.copy_(mean)
    model.running_var.copy_(variance)
    yhat = module.predict(model=model, x=x)
    return {"yhat": yhat, "running_mean": model.running_mean, "running_var": model.running_var}


@probe
def predicted_elsewhere(module, a, b, x):
    """call `predict` with a line on the CPU and an `x` that acts like a tensor on a graphics card; then call it
    with lines on the CPU and on the device "meta" and with `x` on the CPU, and note the device on which they
    use x"""
    yhat = module.predict(model=line(a, b), x=on_card(x))
    if isinstance(yhat, torch.Tensor):
        # Where x was used shows on the device "meta": not every way to move it passes through `on_card`.
        yhat = yhat.detach().as_subclass(torch.Tensor)
    noted = {"x": []}

    class Watched(nn.Linear):
        def forward(self, x):
            noted["x"].append(x.device.type)
            return super().forward(x)

    def use_on(device):
        module.predict(model=Watched(1, 1).to(device), x=x)

    return {"yhat": yhat, "devices": noted_on_meta(noted, use_on, "meta")}


POINTS = torch.tensor([[0.0], [1.0], [3.0], [-2.0], [0.5], [4.0]])


@pytest.mark.exercise("predict", "a line, by hand")
def test_predict_by_hand(learner):
    for training in (False, True):
        answer = learner.run(predicted_by_line, a=1.0, b=2.0, x=POINTS[:3], training=training)
        answer.key("yhat").is_close(torch.tensor([[1.0], [3.0], [7.0]]))


@pytest.mark.exercise("predict", "in eval mode: no number is hidden", points=2)
@settings(max_examples=5)
@given(x=tensors(st.tuples(sizes(4, 8), st.just(1))))
def test_predict_in_eval_mode(learner, x):
    # In train mode, each of at least four numbers would be doubled or hidden.
    answer = learner.run(predicted_by_line, a=20.0, b=2.0, x=x, training=True)
    answer.key("yhat").is_close(20 + 2 * x)


@pytest.mark.exercise("predict", "the mode comes back, train or eval", points=2)
@pytest.mark.parametrize("training", [True, False])
def test_predict_brings_the_mode_back(learner, training):
    answer = learner.run(predicted_by_line, a=1.0, b=2.0, x=POINTS, training=training)
    answer.key("yhat").is_close(1 + 2 * POINTS)
    before, after = (("eval", "train")[mode] for mode in (training, not training))
    answer.check(
        answer.key("modes").value == [training] * 3,
        f"Before predict the model was in {before} mode, and now it is in {after} mode. Note the mode first, and "
        "bring it back.",
    )


@pytest.mark.exercise("predict", "the result requires no gradient")
def test_predict_without_gradients(learner):
    answer = learner.run(predicted_by_line, a=1.0, b=2.0, x=POINTS, training=False)
    answer.key("yhat").is_close(1 + 2 * POINTS)
    answer.check(
        answer.key("yhat requires a gradient").value is False,
        "The prediction requires a gradient, so it keeps its graph in memory. PyTorch should take no notes.",
    )


@pytest.mark.exercise("predict", "the model does not change")
def test_predict_leaves_the_model_alone(learner):
    answer = learner.run(predicted_by_line, a=1.0, b=2.0, x=POINTS, training=True)
    answer.key("yhat").is_close(1 + 2 * POINTS)
    weight, bias = answer.key("numbers").parts("weight", "bias")
    weight.is_close(torch.tensor([[2.0]]))
    bias.is_close(torch.tensor([1.0]))
    answer.check(
        answer.key("learns").value == [True, True],
        "After predict, the parameters of the model no longer require gradients, so it cannot be trained further.",
    )
    mean, variance = torch.tensor([1.0, -2.0]), torch.tensor([4.0, 0.25])
    x = torch.tensor([[1.0, -2.0], [3.0, -1.5], [-1.0, 2.0]])
    answer = learner.run(predicted_by_batchnorm, mean=mean, variance=variance, x=x)
    # BatchNorm adds 0.00001 to the variance.
    answer.key("yhat").is_close((x - mean) / (variance + 1e-5).sqrt())
    answer.key("running_mean").is_close(mean)
    answer.key("running_var").is_close(variance)


@pytest.mark.exercise("predict", "x comes to the device of the model", points=2)
def test_predict_moves_x(learner):
    answer = learner.run(predicted_elsewhere, a=1.0, b=2.0, x=POINTS)
    answer.key("yhat").is_close(1 + 2 * POINTS)
    check_on_meta(answer.key("devices"), "x")
