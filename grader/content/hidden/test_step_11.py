"""Step 11, hidden: what is copied between models, and which of their numbers still learn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import check_on_meta, check_train_mode
from grader.content.shared_probes import noted_on_meta, on_card
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


# replace_head


@probe
def new_head_in_training(module, widths, between, names, x, n_out, lr):
    """build a model of linear layers of these widths with a layer of another kind after each but the last one, and
    with these names, if there are any; write 7 into every number of the last one and call `replace_head`; then
    let the model predict and take a step of SGD, with a loss that is the sum of all predictions"""
    kinds = {"relu": nn.ReLU, "tanh": nn.Tanh, "dropout": nn.Dropout}
    layers = []
    for n_in, n_now, kind in zip(widths, widths[1:], [*between, None], strict=False):
        layers.append(nn.Linear(n_in, n_now))
        if len(layers) < 2 * len(between) + 1:
            layers.append(nn.BatchNorm1d(n_now) if kind == "norm" else kinds[kind]())
    for number, p in enumerate([p for layer in layers for p in layer.parameters()]):
        p.data.fill_((number + 1) / 8)
    for p in layers[-1].parameters():
        p.data.fill_(7.0)
    model = nn.Sequential()
    for i, layer in enumerate(layers):
        model.add_module(f"{names}{i}", layer)
    module.replace_head(model=model, n_out=n_out)
    model.train()
    yhat = model(x)
    head = [p.detach().clone() for p in model[-1].parameters()]
    if yhat.requires_grad:
        yhat.sum().backward()
    learned = [[p.grad is not None for p in layer.parameters()] for layer in model]
    # Those without a gradient stay as they are.
    torch.optim.SGD(model.parameters(), lr=lr).step()
    return {
        "output": yhat.detach(),
        "layers": len(model),
        "is an nn.Linear": isinstance(model[-1], nn.Linear),
        "learned": [learned[:-1], learned[-1]],
        "body": [p.detach() for layer in list(model)[:-1] for p in layer.parameters()],
        "head": head,
        "head later": [p.detach() for p in model[-1].parameters()],
    }


@st.composite
def stacks(draw):
    """The widths of two to four linear layers, and the kinds of the layers between them."""
    widths = draw(st.lists(sizes(2, 7), min_size=3, max_size=5))
    kinds = st.sampled_from(["relu", "tanh", "norm", "dropout"])
    return widths, draw(st.lists(kinds, min_size=len(widths) - 2, max_size=len(widths) - 2))


@pytest.mark.exercise("replace_head", "any layers: only the fresh head is trained", points=4)
@given(
    stack=stacks(), names=st.sampled_from(["", "layer_"]), n=sizes(2, 5), n_out=sizes(1, 7),
    same=st.booleans(), lr=st.sampled_from([0.125, 0.5]),
)  # fmt: skip
def test_replace_head_and_train(learner, stack, names, n, n_out, same, lr):
    widths, between = stack
    # Now and then, as many outputs as before.
    n_out = widths[-1] if same else n_out
    answer = learner.run(
        new_head_in_training, widths=widths, between=between, names=names, x=torch.ones(n, widths[0]),
        n_out=n_out, lr=lr,
    )  # fmt: skip
    count = 2 * len(widths) - 3
    layers = answer.key("layers").integer()
    answer.check(
        layers == count,
        f"Expected {count} layers as before, got {layers}. The new layer takes the place of the old head.",
    )
    answer.key("is an nn.Linear").equals(True)
    shape = tuple(answer.key("output").tensor(finite=False).shape)
    answer.check(
        shape == (n, n_out),
        f"For {n} points and n_out = {n_out}, expected the model to predict a tensor of shape {(n, n_out)}, got "
        f"{shape}. Has the model of the caller got the new layer?",
    )
    body, head = answer.key("learned").parts("body", "head")
    head.check(head.value == [True, True], "The weight or the bias of the new head does not learn.")
    body.check(
        not any(flag for flags in body.value for flag in flags),
        "A layer before the head still learns. All that was there before is frozen.",
    )
    expected = [
        width
        for place, width in enumerate(widths[1:-1])
        for _ in range(4 if between[place] == "norm" else 2)
    ]
    for number, part in enumerate(answer.key("body").parts(*map(str, range(len(expected))))):
        numbers_now = part.tensor()
        part.check(
            bool((numbers_now == (number + 1) / 8).all()),
            "A number in a layer before the head has changed. Those layers keep their numbers.",
        )
    sizes_of_head = ((n_out, widths[-2]), (n_out,))
    fresh = answer.key("head").parts("weight", "bias")
    for part, size in zip(fresh, sizes_of_head, strict=True):
        part.check(
            not (part.tensor(shape=size) == 7).any(),
            "The new head has numbers of the old one. It should be fresh.",
        )
    # The bias is added to each of n predictions.
    bias = fresh[1].tensor()
    answer.key("head later").parts("weight", "bias")[1].is_close(bias - lr * n)


# predict


@probe
def network_of(state):
    "Linear, BatchNorm, Dropout and Linear with the numbers of a state dict"
    n_out, n_in = state["0.weight"].shape
    model = nn.Sequential(
        nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.Dropout(p=0.5), nn.Linear(n_out, 1)
    )
    model.load_state_dict(state)
    return model


@probe
def predicted_and_trained(module, state, batches, training):
    """build Linear, BatchNorm, Dropout, Linear with these numbers, give every parameter a gradient of 3, put the
    model in train mode or in eval mode, call `predict` for each batch, and look at the results and at the model"""
    model = network_of(state).train(training)
    for p in model.parameters():
        p.grad = torch.full_like(p, 3.0)
    results = [module.predict(model=model, x=x) for x in batches]
    return {
        "results": [y.detach() if isinstance(y, torch.Tensor) else y for y in results],
        "with a graph": [getattr(y, "requires_grad", False) for y in results],
        "modes": [part.training for part in model.modules()],
        "state": dict(model.state_dict()),
        "gradients": [p.grad for p in model.parameters()],
        "learns": [p.requires_grad for p in model.parameters()],
    }


@st.composite
def networks(draw):
    """The state dict of such a network, and one to three batches."""
    n_in, n_out = draw(st.permutations([1, 2, 3, 4]))[:2]
    names = ("1.weight", "1.bias", "1.running_mean")
    shapes = {"0.weight": (n_out, n_in), "0.bias": (n_out,), "3.weight": (1, n_out), "3.bias": (1,)}
    shapes |= dict.fromkeys(names, (n_out,))
    # Odd multiples of 1/8, so that no number is 0, and a hidden one shows.
    state = {name: draw(tensors(shape)) + 0.125 for name, shape in shapes.items()}
    state["1.running_var"] = draw(tensors((n_out,))).abs() + 0.125
    state["1.num_batches_tracked"] = torch.tensor(draw(sizes(1, 99)))
    batches = draw(
        st.lists(sizes(2, 6).flatmap(lambda n: tensors((n, n_in))), min_size=1, max_size=3)
    )
    return state, batches


def expected_of(state, x):
    """What the network predicts in eval mode, in float64."""
    state = {name: value.double() for name, value in state.items()}
    hidden = x.double() @ state["0.weight"].T + state["0.bias"]
    hidden = (hidden - state["1.running_mean"]) / (state["1.running_var"] + 1e-5).sqrt()
    hidden = hidden * state["1.weight"] + state["1.bias"]
    return (hidden @ state["3.weight"].T + state["3.bias"]).float()


@pytest.mark.exercise("predict", "batch after batch, and the model stays as it was", points=4)
@given(task=networks(), training=st.booleans())
def test_predict_of_any_network(learner, task, training):
    state, batches = task
    answer = learner.run(predicted_and_trained, state=state, batches=batches, training=training)
    results = answer.key("results").parts(*(f"batch {i + 1}" for i in range(len(batches))))
    for part, x in zip(results, batches, strict=True):
        # The numbers of four layers reach hundreds.
        part.is_close(expected_of(state, x), rtol=1e-4, atol=1e-3)
    answer.check(
        not any(answer.key("with a graph").value),
        "A prediction requires a gradient, so it keeps its graph in memory. PyTorch should take no notes.",
    )
    answer.check(
        answer.key("modes").value == [training] * 5,
        f"Before predict the model was in {('eval', 'train')[training]} mode, and now it is not.",
    )
    is_state(answer.key("state"), state, "predict has changed the model.")
    answer.check(
        all(answer.key("learns").value),
        "After predict, a parameter of the model no longer requires a gradient.",
    )
    for part in answer.key("gradients").each():
        part.check(
            part.value is not None and bool((part.tensor() == 3).all()),
            "After predict, a gradient of the model has changed. A prediction needs no gradients.",
        )


@probe
def predicted_on_devices(module, weight, bias, x):
    """call `predict` with a linear layer on the CPU and `x` on the CPU, then with
    an `x` that acts like a tensor on a graphics card; then call it with layers on the CPU and on the device "meta"
    and with `x` on the CPU, and note the device on which they use x"""
    model = nn.Linear(*reversed(weight.shape))
    model.weight.data.copy_(weight)
    model.bias.data.copy_(bias)
    found = [module.predict(model=model, x=case) for case in (x, on_card(x))]
    noted = {"x": []}

    class Watched(nn.Linear):
        def forward(self, x):
            noted["x"].append(x.device.type)
            return super().forward(x)

    def use_on(device):
        module.predict(model=Watched(*reversed(weight.shape)).to(device), x=x)

    return {
        # Where x was used shows on the device "meta": not every way to move it passes through `on_card`.
        "yhat": [
            y.detach().cpu().as_subclass(torch.Tensor) if isinstance(y, torch.Tensor) else y
            for y in found
        ],
        "devices": noted_on_meta(noted, use_on, "meta"),
    }


@pytest.mark.exercise("predict", "x comes to the model, and the model stays", points=3)
@given(
    layer=st.permutations([1, 2, 3, 4]).flatmap(
        lambda sizes: st.tuples(
            tensors((sizes[0], sizes[1])), tensors((sizes[0],)), tensors((sizes[2], sizes[1]))
        )
    )
)
def test_predict_on_any_device(learner, layer):
    weight, bias, x = layer
    answer = learner.run(predicted_on_devices, weight=weight, bias=bias, x=x)
    for part in answer.key("yhat").each():
        part.is_close(x @ weight.T + bias)
    check_on_meta(answer.key("devices"), "x")
