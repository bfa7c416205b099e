"""Step 11, hidden: what is copied between models, and which of their numbers still learn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import check_train_mode
from grader.testing.probes import probe
from grader.testing.strategies import arrays, numbers, sizes, tensors

# copy_weights


@probe
def normalized_network(n_in, n_out):
    "Linear, BatchNorm, and a nested Dropout (that hides nothing) and Linear"
    inner = nn.Sequential(nn.Dropout(p=0.0), nn.Linear(n_out, 1, bias=False))
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), inner)


@probe
def copy_and_train(module, state, x, who, frozen, modes):
    """fill the source with `state`, freeze a layer in each model, and call copy_weights; then let one of the two
    models predict in train mode and take a step with an SGD that was made before, with a loss that is the sum of
    all its parameters; look at the state of both"""
    n_out, n_in = state["0.weight"].shape
    models = {"source": normalized_network(n_in, n_out), "target": normalized_network(n_in, n_out)}
    models["source"].load_state_dict(state)
    for model, place, mode in zip(models.values(), frozen, modes, strict=True):
        model.train(mode)[place].requires_grad_(False)
    optimizer = torch.optim.SGD(models[who].parameters(), lr=0.5)
    returned = module.copy_weights(source=models["source"], target=models["target"])
    seen = {"returned": returned}
    for name, model in models.items():
        required = [k for k, p in model.named_parameters() if p.requires_grad]
        seen[f"{name} settings"] = [model.training, required]
        seen[f"{name} copied"] = {k: v.detach().clone() for k, v in model.state_dict().items()}
    # In train mode: BatchNorm moves its buffers.
    models[who].train()(x)
    models[who].requires_grad_(True)
    sum([p.sum() for p in models[who].parameters()]).backward()
    optimizer.step()
    for name, model in models.items():
        seen[f"{name} later"] = {k: v.detach().clone() for k, v in model.state_dict().items()}
    return seen


@st.composite
def states(draw):
    """The state dict of the network, with numbers that a new network does not have, and points."""
    n_in, n_out, n = draw(st.permutations([1, 2, 3, 4]))[:3]
    names = ("1.weight", "1.bias", "1.running_mean")
    shapes = {"0.weight": (n_out, n_in), "0.bias": (n_out,), "2.1.weight": (1, n_out)}
    shapes |= dict.fromkeys(names, (n_out,))
    # Odd multiples of 1/8, so that no number is 0 or 1.
    state = {name: draw(tensors(shape)) + 0.125 for name, shape in shapes.items()}
    state["1.running_var"] = draw(tensors((n_out,))).abs() + 0.125
    state["1.num_batches_tracked"] = torch.tensor(draw(sizes(1, 99)))
    return state, draw(tensors((n + 1, n_in)))


def is_state(answer, expected, sentence):
    """Demand exactly the numbers of a state dict."""
    for name, value in expected.items():
        part = answer.key(name)
        got = part.tensor(shape=tuple(value.shape), dtype=value.dtype)
        part.check(
            torch.equal(got, value),
            f"{sentence} Expected {name} to be {value.tolist()}, got {got.tolist()}.",
        )


@pytest.mark.exercise(
    "copy_weights", "everything is copied, then one of the two is trained", points=3
)
@given(
    task=states(), who=st.sampled_from(["source", "target"]), frozen=st.permutations([0, 1, 2]),
    modes=st.permutations([True, False]),
)  # fmt: skip
def test_copy_and_train(learner, task, who, frozen, modes):
    state, x = task
    answer = learner.run(
        copy_and_train, state=state, x=x, who=who, frozen=frozen[:2], modes=list(modes)
    )
    answer.key("returned").is_none()
    learned = [name for name in state if name.endswith(("weight", "bias"))]
    for name, place, mode in zip(("source", "target"), frozen, modes, strict=False):
        mode_part, required = answer.key(f"{name} settings").parts("training", "required")
        answer.check(
            mode_part.value is mode
            and sorted(required.value) == sorted(k for k in learned if int(k[0]) != place),
            f"copy_weights changed the mode of the {name}, or which of its parameters are frozen. Copy the "
            "numbers, and nothing else.",
        )
    for name in ("source", "target"):
        is_state(answer.key(f"{name} copied"), state, f"After copy_weights, the {name} is wrong.")
    other = "target" if who == "source" else "source"
    is_state(
        answer.key(f"{other} later"),
        state,
        f"Training the {who} changed the {other}, too, so they share their numbers.",
    )
    later = answer.key(f"{who} later")
    # Every gradient is 1, and the learning rate is 0.5.
    for name in ("0.weight", "0.bias", "1.weight", "1.bias", "2.1.weight"):
        later.key(name).is_close(state[name] - 0.5)
    # A new batch moves the running mean a tenth of the way.
    batch_mean = (x @ state["0.weight"].T + state["0.bias"]).mean(0)
    later.key("1.running_mean").is_close(0.9 * state["1.running_mean"] + 0.1 * batch_mean)
    later.key("1.num_batches_tracked").equals(state["1.num_batches_tracked"] + 1)


@probe
def copied_in_rounds(module, rounds):
    """make two nn.Linear and an optimizer for the target; in each round write new numbers into the source and
    into the target, copy, and then let the target take a step with known gradients"""
    n_out, n_in = rounds[0].shape
    source, target = nn.Linear(n_in, n_out), nn.Linear(n_in, n_out)
    optimizer = torch.optim.SGD(target.parameters(), lr=0.5)
    seen = []
    for number, values in enumerate(rounds):
        source.weight.data.copy_(values)
        source.bias.data.fill_(number)
        target.weight.data.fill_(77.0)
        module.copy_weights(source=source, target=target)
        optimizer.zero_grad()
        (target.weight.sum() + 2 * target.bias.sum()).backward()
        optimizer.step()
        seen.append([p.detach().clone() for m in (source, target) for p in (m.weight, m.bias)])
    return seen


@pytest.mark.exercise(
    "copy_weights", "the target goes on learning with its own optimizer", points=2
)
@given(
    rounds=st.sampled_from([(1, 2), (3, 1), (2, 3)]).flatmap(
        lambda shape: st.lists(tensors(shape), min_size=1, max_size=3)
    )
)
def test_copy_in_place(learner, rounds):
    answer = learner.run(copied_in_rounds, rounds=rounds)
    for number, (part, values) in enumerate(zip(answer.each(), rounds, strict=True)):
        labels = ("source.weight", "source.bias", "target.weight", "target.bias")
        bias = torch.full((len(values),), float(number))
        for got, expected in zip(
            part.parts(*labels), (values, bias, values - 0.5, bias - 1), strict=True
        ):
            got.is_close(expected)


@probe
def copied_predictions(module, kinds, x):
    "make two networks after different seeds, copy one to the other, and let both predict"
    models = []
    for seed in kinds:
        torch.manual_seed(seed)
        models.append(normalized_network(x.shape[1], 3).eval())
    before = [model(x) for model in models]
    module.copy_weights(source=models[0], target=models[1])
    return {"before": before, "after": [model(x) for model in models]}


@pytest.mark.exercise("copy_weights", "both models predict what the source predicted", points=1)
@settings(max_examples=8)
@given(kinds=st.tuples(st.integers(0, 99), st.integers(100, 199)), x=arrays((4, 2)))
def test_copy_predicts(learner, kinds, x):
    x = torch.from_numpy(x).float()
    answer = learner.run(copied_predictions, kinds=kinds, x=x)
    torch.manual_seed(kinds[0])
    # The last layer is made first, as in the probe.
    last, first = nn.Linear(3, 1, bias=False), nn.Linear(2, 3)
    # A new BatchNorm divides by the root of 1 + 1e-5.
    expected = last(first(x) / (1 + 1e-5) ** 0.5).detach()
    for part in answer.key("after").parts("the source", "the target"):
        part.is_close(expected)


# freeze_all_but


@probe
def freeze_and_learn(module, layers, prefix, value):
    """build a model of the named layers, fill every parameter with `value`, call `freeze_all_but`, compute a loss
    of all parameters, call `backward()`, and see which parameters received a gradient"""
    model = nn.Module()
    for path, kind, n_in, n_out in layers:
        *parents, name = path.split(".")
        place = model
        for parent in parents:
            if not hasattr(place, parent):
                place.add_module(parent, nn.Module())
            place = getattr(place, parent)
        if kind == "linear":
            place.add_module(name, nn.Linear(n_in, n_out))
        elif kind == "norm":
            place.add_module(name, nn.BatchNorm1d(n_in))
        else:
            place.register_parameter(name, nn.Parameter(torch.zeros(())))
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(value)
    count = module.freeze_all_but(model=model, prefix=prefix)
    loss = sum([p.sum() for p in model.parameters()])
    if loss.requires_grad:
        loss.backward()
    named = sorted(model.named_parameters())
    return {
        "count": count,
        "is in train mode": all(part.training for part in model.modules()),
        "trainable": [name for name, p in named if p.grad is not None],
        "values, in the order of the names": torch.cat([p.detach().flatten() for _, p in named]),
    }


def names_and_sizes(layers):
    """The names of all parameters of such a model, and how many numbers each one has."""
    found = {}
    for path, kind, n_in, n_out in layers:
        if kind == "linear":
            found |= {f"{path}.weight": n_in * n_out, f"{path}.bias": n_out}
        elif kind == "norm":
            found |= {f"{path}.weight": n_in, f"{path}.bias": n_in}
        else:
            found[path] = 1
    return found


def check_frozen(answer, layers, prefix, value):
    """Check which parameters can be trained, how many numbers they hold, and that none changed."""
    known = names_and_sizes(layers)
    expected = sorted(name for name in known if name.startswith(prefix))
    trainable = [str(name.value) for name in answer.key("trainable").each()]
    answer.check(
        trainable == expected,
        f'With the prefix "{prefix}", expected these parameters to receive a gradient: '
        f"{', '.join(expected) or 'none'}. These did: {', '.join(trainable) or 'none'}.",
    )
    count = answer.key("count").integer()
    numbers_kept = sum(known[name] for name in expected)
    answer.check(
        count == numbers_kept,
        f'With the prefix "{prefix}", expected {numbers_kept} trainable numbers, got {count}. Count the '
        "numbers in the parameters that are not frozen; a buffer is not a parameter.",
    )
    owners = [name for name in sorted(known) for _ in range(known[name])]
    values = answer.key("values, in the order of the names").tensor(shape=(len(owners),))
    for name, number in zip(owners, values.tolist(), strict=True):
        answer.check(
            number == value, f"The values of {name} changed. Freezing must not change them."
        )
    check_train_mode(answer)


NAMES = ["head", "header", "my_head", "body.head", "body.first", "norm", "h"]
PREFIXES = ["", "h", "he", "head", "head.", "head.w", "header.b", "body", "body.", "body.head.weight",
            "body.f", "my", "norm", "weight", "bias", "tail", "Head"]  # fmt: skip


@st.composite
def named_layers(draw):
    """Two to five layers: a name, a kind, and two sizes that differ."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    return [
        (
            name,
            draw(st.sampled_from(["linear", "linear", "norm", "number"])),
            *draw(st.lists(sizes(1, 6), min_size=2, max_size=2, unique=True)),
        )
        for name in names
    ]


@pytest.mark.exercise("freeze_all_but", "any layers, any prefix", points=3)
@given(layers=named_layers(), prefix=st.sampled_from(PREFIXES), value=numbers(0.25, 3))
def test_freeze_by_any_prefix(learner, layers, prefix, value):
    answer = learner.run(freeze_and_learn, layers=layers, prefix=prefix, value=value)
    check_frozen(answer, layers, prefix, value)


@pytest.mark.exercise("freeze_all_but", "numbered layers: 1, 10 and 11 all begin with 1", points=2)
@settings(max_examples=6)
@given(
    other=sizes(2, 9), n_in=sizes(1, 3), n_out=sizes(4, 6),
    prefix=st.sampled_from(["1.", "1", "10", "0.", "11."]), value=numbers(0.25, 3),
)  # fmt: skip
def test_freeze_numbered_layers(learner, other, n_in, n_out, prefix, value):
    layers = [(str(number), "linear", n_in, n_out) for number in (0, 1, other, 10, 11)]
    answer = learner.run(freeze_and_learn, layers=layers, prefix=prefix, value=value)
    check_frozen(answer, layers, prefix, value)


@pytest.mark.exercise("freeze_all_but", "a prefix that fits keeps something", points=2)
@given(layers=named_layers(), which=st.integers(0, 4), length=st.integers(1, 16))
def test_freeze_by_the_beginning_of_a_name(learner, layers, which, length):
    names = list(names_and_sizes(layers))
    prefix = names[which % len(names)][:length]
    # Capital and small letters differ: with the case swapped, no name that begins with a letter fits.
    for start in (prefix, prefix.swapcase()):
        answer = learner.run(freeze_and_learn, layers=layers, prefix=start, value=1.5)
        check_frozen(answer, layers, start, 1.5)
