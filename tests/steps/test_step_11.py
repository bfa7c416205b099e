"""Step 11: a model's weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from grader.content.references import check_train_mode
from grader.content.shared_probes import write_line
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
@given(n_in=sizes(), n_hidden=sizes(), n_out=sizes())
def test_freeze_counts_any_layer(learner, n_in, n_hidden, n_out):
    answer = learner.run(freeze, sizes=(n_in, n_hidden, n_out), prefix="body")
    answer.key("count").equals(n_in * n_hidden + n_hidden)
    check_trainable(answer, ["body.weight", "body.bias"])
    answer.key("changed").equals([])
