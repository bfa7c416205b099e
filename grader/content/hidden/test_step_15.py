"""Step 15, hidden: evaluation of models with Dropout and BatchNorm, on any batches, against the formulas.

The mode of a model shows in what BatchNorm does next, and a change of its gradients shows in the gradients
that are added next.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from grader.content.references import check_on_meta
from grader.content.shared_probes import loader_of, noted_on_meta
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import arrays, numbers, sizes, tensors

EPS = 0.5  # of BatchNorm, so large that no number becomes very large
batch_sizes = st.lists(sizes(1, 4), min_size=1, max_size=4)


@probe
def model_of(weight, bias, mean, variance, training):
    "Dropout, BatchNorm with these running numbers, and a linear layer"
    n_out, n_in = weight.shape
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(n_in, eps=EPS), nn.Linear(n_in, n_out))
    model.to(weight.dtype)
    with torch.no_grad():
        model[1].running_mean.copy_(mean)
        model[1].running_var.copy_(variance)
        model[2].weight.copy_(weight)
        model[2].bias.copy_(bias)
    return model.train(training)


@probe
def state_of(model, rows):
    "what the model holds, and what its BatchNorm makes of some rows"
    norm = model[1]
    state = {
        "parameters": [p.detach().clone() for p in model.parameters()],
        "running mean": norm.running_mean.clone(),
        "running variance": norm.running_var.clone(),
        "batches counted": norm.num_batches_tracked.clone(),
        "training": model.training,
    }
    with torch.no_grad():
        state["rows"] = norm(rows)
    return state


@probe
def lopsided(yhat, y):
    "a loss that tells the prediction from y"
    return (yhat * (yhat - 2 * y) + 3 * y).mean(dim=1).mean()


@st.composite
def cases(draw, n_min=1):
    """A model with all its numbers, points, the sizes of the batches, and the mode."""
    n_in, n_out = draw(st.permutations([1, 2, 3, 4]))[:2]
    batches = draw(batch_sizes.filter(lambda batches: sum(batches) >= n_min))
    n, dtype = sum(batches), draw(st.sampled_from([torch.float32, torch.float32, torch.float64]))
    training = draw(st.booleans())
    model = {
        "weight": draw(tensors((n_out, n_in), dtype)),
        "bias": draw(tensors((n_out,), dtype)),
        "mean": draw(tensors((n_in,), dtype)),
        "variance": draw(tensors((n_in,), dtype)).abs() + 0.25,
        "training": training,
    }
    x, y = draw(tensors((n, n_in), dtype)), draw(tensors((n, n_out), dtype))
    rows = draw(tensors((3, n_in), dtype))
    data = {"x": x, "y": y, "sizes": batches, "turned": draw(st.booleans())}
    return {"model": model, "data": data, "rows": rows}


def predicted(model, x):
    """Return the predictions in eval mode, as a float64 array."""
    number = {name: value.double().numpy() for name, value in model.items() if name != "training"}
    scaled = (x.double().numpy() - number["mean"]) / np.sqrt(number["variance"] + EPS)
    return scaled @ number["weight"].T + number["bias"]


def lopsided_of(yhat, y):
    y = y.double().numpy()
    return float((yhat * (yhat - 2 * y) + 3 * y).mean())


def r2_of(yhat, y):
    """Return the mean of the R2 of all columns."""
    y = y.double().numpy()
    left = ((y - yhat) ** 2).sum(axis=0)
    return float((1 - left / ((y - y.mean(axis=0)) ** 2).sum(axis=0)).mean())


def check_state(answer, model, rows):
    """Check that the model has its old numbers and its old mode."""
    n_in = len(model["mean"])
    answer.key("batches counted").check(
        answer.key("batches counted").scalar() == 0,
        "BatchNorm counted batches: the model was in training mode when it was used.",
    )
    answer.key("running mean").is_close(model["mean"])
    answer.key("running variance").is_close(model["variance"])
    dtype = model["weight"].dtype
    expected = [torch.ones(n_in, dtype=dtype), torch.zeros(n_in, dtype=dtype)]
    expected += [model["weight"], model["bias"]]
    for part, value in zip(answer.key("parameters").each(), expected, strict=True):
        part.is_close(value)
    name = "training" if model["training"] else "eval"
    sentence = f"The model was in {name} mode before, and should be in {name} mode afterwards."
    answer.check(answer.key("training").value is model["training"], sentence)
    rows = rows.double()
    mean, variance = model["mean"].double(), model["variance"].double()
    if model["training"]:
        mean, variance = rows.mean(dim=0), rows.var(dim=0, correction=0)
    expected = (rows - mean) / (variance + EPS).sqrt()
    normalized = answer.key("rows").tensor(tuple(rows.shape)).double()
    answer.check(
        torch.allclose(normalized, expected, **FLOAT32),
        f"{sentence} But BatchNorm then gives different numbers, as in the other mode.",
    )


# evaluate


@probe
def evaluate_model(module, model, data, rows):
    """evaluate a model with Dropout and BatchNorm, with the loss mean(yhat * (yhat - 2 * y) + 3 * y), and
    look at the model again"""
    model = model_of(**model)
    loader = loader_of(**data)
    loss = module.evaluate(model=model, loss_fn=lopsided, loader=loader, device="cpu")
    return {"loss": loss, **state_of(model, rows)}


@pytest.mark.exercise("evaluate", "any model, any batches", points=3)
@given(case=cases())
def test_evaluate_any_model(learner, case):
    answer = learner.run(evaluate_model, **case)
    expected = lopsided_of(predicted(case["model"], case["data"]["x"]), case["data"]["y"])
    answer.key("loss").is_close(expected, **FLOAT32)


@pytest.mark.exercise("evaluate", "the model is not changed", points=3)
@given(case=cases())
def test_evaluate_changes_nothing(learner, case):
    answer = learner.run(evaluate_model, **case)
    expected = lopsided_of(predicted(case["model"], case["data"]["x"]), case["data"]["y"])
    answer.key("loss").is_close(expected, **FLOAT32)
    check_state(answer, case["model"], case["rows"])


@probe
def evaluate_two(module, model, first, second):
    """evaluate a model on a first loader, on a second one, and on the first one again"""
    model = model_of(**model)
    found = []
    for data in (first, second, first):
        loader = loader_of(**data)
        found.append(
            module.evaluate(
                model=model, loss_fn=nn.MSELoss(), loader=loader, device=torch.device("cpu")
            )
        )
    return found


@pytest.mark.exercise("evaluate", "one loader after another", points=2)
@given(case=cases(), other=batch_sizes, shift=numbers())
def test_evaluate_one_after_the_other(learner, case, other, shift):
    model, first = case["model"], case["data"]
    n_out, n_in = model["weight"].shape
    n, dtype = sum(other), model["weight"].dtype
    x = torch.arange(n * n_in, dtype=dtype).reshape(n, n_in) / 4 - shift
    second = {
        "x": x,
        "y": torch.full((n, n_out), shift, dtype=dtype),
        "sizes": other,
        "turned": False,
    }
    answer = learner.run(evaluate_two, model=model, first=first, second=second)
    losses = [
        float(((predicted(model, data["x"]) - data["y"].double().numpy()) ** 2).mean())
        for data in (first, second, first)
    ]
    answer.is_close(losses, **FLOAT32)


@probe
def layer_of(weight):
    "a linear layer with this weight and a bias of zeros"
    model = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        model.weight.copy_(weight)
        model.bias.zero_()
    return model


@probe
def gradients_after(module, weight, old, factor, x, y, sizes):
    """make a linear layer whose gradients are all `old`, evaluate it, and call `backward()` on `factor` times
    the sum of its parameters"""
    model = layer_of(weight)
    for p in model.parameters():
        p.grad = torch.full_like(p, old)
    loader = loader_of(x, y, sizes)
    loss = module.evaluate(model=model, loss_fn=nn.MSELoss(), loader=loader, device="cpu")
    later = factor * (model.weight.sum() + model.bias.sum())
    if later.requires_grad:
        later.backward()
    return {"loss": loss, "gradients": [p.grad for p in model.parameters()]}


@pytest.mark.exercise("evaluate", "the next gradients are added to the old ones", points=3)
@given(case=cases(), old=numbers(), factor=st.sampled_from([-2.0, 0.5, 3.0]))
def test_evaluate_leaves_gradients_alone(learner, case, old, factor):
    weight, data = case["model"]["weight"].float(), case["data"]
    x, y = data["x"].float(), data["y"].float()
    answer = learner.run(
        gradients_after, weight=weight, old=old, factor=factor, x=x, y=y, sizes=data["sizes"]
    )
    answer.key("loss").is_close(float(((x @ weight.T - y).double() ** 2).mean()), **FLOAT32)
    shapes = (weight.shape, weight.shape[:1])
    for part, shape in zip(answer.key("gradients").each(), shapes, strict=True):
        gradient = part.tensor(tuple(shape)) if part.value is not None else None
        part.check(
            gradient is not None
            and torch.allclose(gradient, torch.full_like(gradient, old + factor)),
            f"Before evaluate, all gradients were {old:g}, and afterwards {factor:g} was added: expected "
            f"{old + factor:g}, got {'None' if gradient is None else gradient.tolist()}.",
        )


@probe
def graphs_of(use, x, y, sizes):
    "note whether what the model computes belongs to a graph"
    noted = []

    class Model(nn.Linear):
        def forward(self, x):
            yhat = super().forward(x)
            noted.append([yhat.requires_grad, (2 * self.weight).grad_fn is not None])
            return yhat

    use(Model(x.shape[1], y.shape[1]), loader_of(x, y, sizes))
    return noted


@probe
def graphs_in_evaluate(module, x, y, sizes):
    "evaluate a linear layer, and note for each batch whether its prediction belongs to a graph"
    torch.set_grad_enabled(True)
    noted = graphs_of(
        lambda model, loader: module.evaluate(
            model=model, loss_fn=nn.MSELoss(), loader=loader, device="cpu"
        ),
        x, y, sizes,
    )  # fmt: skip
    return {"noted": noted, "afterwards": (2 * torch.ones(1, requires_grad=True)).requires_grad}


@probe
def graphs_in_r2_score(module, x, y, sizes):
    "compute R2 of a linear layer, and note for each batch whether its prediction belongs to a graph"
    torch.set_grad_enabled(True)
    noted = graphs_of(
        lambda model, loader: module.r2_score(model=model, loader=loader, device="cpu"), x, y, sizes
    )
    return {"noted": noted, "afterwards": (2 * torch.ones(1, requires_grad=True)).requires_grad}


def check_graphs(answer):
    answer.check(answer.key("noted").each(), "The model was not used.")
    for batch in answer.key("noted").each():
        batch.check(
            batch.value == [False, False],
            "During the evaluation, PyTorch built a graph. Nothing is learned here, so no gradients are "
            "needed.",
        )
    answer.check(
        answer.key("afterwards").value is True,
        "After the call, gradients are still switched off for the whole program.",
    )


@pytest.mark.exercise("evaluate", "no graph is built for any batch", points=2)
@given(case=cases())
def test_evaluate_builds_no_graph(learner, case):
    data = case["data"]
    x, y = data["x"].float(), data["y"].float()
    check_graphs(learner.run(graphs_in_evaluate, x=x, y=y, sizes=data["sizes"]))


@probe
def devices_of(use, x, y, sizes):
    "note on which device each batch is, for the device meta"
    noted = {"x": [], "y": []}

    class Model(nn.Module):
        def forward(self, x):
            noted["x"].append(x.device.type)
            return x

    def loss_fn(yhat, y):
        noted["y"].append(y.device.type)
        return torch.ones(())

    def use_on(device):
        use(Model(), loss_fn, loader_of(x, y, sizes), device)

    return noted_on_meta(noted, use_on, torch.device("meta"))


@probe
def devices_in_evaluate(module, x, y, sizes):
    'evaluate with torch.device("meta"), and note on which device each batch is when it is used'

    def use(model, loss_fn, loader, device):
        module.evaluate(model=model, loss_fn=loss_fn, loader=loader, device=device)

    return devices_of(use, x, y, sizes)


@probe
def devices_in_r2_score(module, x, y, sizes):
    'compute R2 with torch.device("meta"), and note on which device each batch is when it is used'

    def use(model, loss_fn, loader, device):
        module.r2_score(model=model, loader=loader, device=device)

    return devices_of(use, x, y, sizes)


@pytest.mark.exercise("evaluate", "batches are moved to the device", points=2)
@given(case=cases())
def test_evaluate_moves_batches(learner, case):
    data = case["data"]
    answer = learner.run(devices_in_evaluate, x=data["x"], y=data["y"], sizes=data["sizes"])
    for name in ("x", "y"):
        check_on_meta(answer, name)


@probe
def evaluate_numbered(module, n, batch_size, columns, drop_last):
    """evaluate a model that returns x, with the losses 0, 1, … of the points, on a loader that has `n` points
    and, if `drop_last`, drops a batch with fewer than `batch_size` points"""
    losses = torch.arange(float(n))[:, None].expand(n, columns)
    points = TensorDataset(torch.zeros(n, columns), losses)
    loader = DataLoader(points, batch_size=batch_size, drop_last=drop_last)
    return module.evaluate(model=nn.Identity(), loss_fn=nn.L1Loss(), loader=loader, device="cpu")


@pytest.mark.exercise("evaluate", "all points count, but not those that the loader drops")
@given(full=sizes(1, 3), batch_size=sizes(2, 5), part=st.integers(0, 3))
def test_evaluate_dropped_points(learner, full, batch_size, part):
    n = full * batch_size + 1 + part % (batch_size - 1)
    for drop_last, count in ((True, full * batch_size), (False, n)):
        answer = learner.run(
            evaluate_numbered, n=n, batch_size=batch_size, columns=1, drop_last=drop_last
        )
        answer.is_close((count - 1) / 2, **FLOAT32)


@probe
def evaluate_classes(module, weight, x, labels, sizes):
    """evaluate a linear layer with CrossEntropyLoss on labels that are integers; the bias is frozen, and the
    weight is not"""
    model = layer_of(weight)
    model.bias.requires_grad_(False)
    loader = loader_of(x, labels, sizes)
    loss = module.evaluate(model=model, loss_fn=nn.CrossEntropyLoss(), loader=loader, device="cpu")
    return {"loss": loss, "trainable": [model.weight.requires_grad, model.bias.requires_grad]}


@pytest.mark.exercise("evaluate", "labels that are integers, and a frozen parameter", points=2)
@given(
    weight=tensors((3, 2)), x=tensors((8, 2)), labels=st.lists(st.integers(0, 2), min_size=8, max_size=8),
    sizes=st.sampled_from([[8], [7, 1], [3, 4, 1], [1, 2, 5]]),
)  # fmt: skip
def test_evaluate_classes(learner, weight, x, labels, sizes):
    labels = torch.tensor(labels)
    answer = learner.run(evaluate_classes, weight=weight, x=x, labels=labels, sizes=sizes)
    expected = nn.functional.cross_entropy(x.double() @ weight.double().T, labels)
    answer.key("loss").is_close(float(expected), **FLOAT32)
    answer.check(
        answer.key("trainable").value == [True, False],
        "Before evaluate, the weight required gradients and the bias did not. Afterwards, this has changed.",
    )


@pytest.mark.exercise("evaluate", "a loader without a batch is an error", points=2)
@given(n=sizes(0, 3), more=sizes(1, 4), columns=sizes(1, 3))
def test_evaluate_no_batch(learner, n, more, columns):
    inputs = {"batch_size": n + more, "columns": columns, "drop_last": True}
    learner.run(evaluate_numbered, n=n + more, **inputs)
    with learner.raises(ValueError, "the loader gives no batch"):
        learner.run(evaluate_numbered, n=n, **inputs)


# r2_score


def with_ramp(case, ramp):
    """Return the case with y that grow from row to row: no two are equal in a column."""
    data = case["data"]
    y = data["y"] + ramp * torch.arange(len(data["y"]), dtype=data["y"].dtype)[:, None]
    return {**case, "data": {**data, "y": y}}


@probe
def r2_of_model(module, model, data, rows):
    "compute R2 of a model with Dropout and BatchNorm, and look at the model again"
    model = model_of(**model)
    score = module.r2_score(model=model, loader=loader_of(**data), device="cpu")
    return {"r2": score, **state_of(model, rows)}


@pytest.mark.exercise("r2_score", "any model, any batches, any columns", points=3)
@given(case=cases(n_min=2), ramp=st.sampled_from([-8.0, 7.0]))
def test_r2_of_any_model(learner, case, ramp):
    case = with_ramp(case, ramp)
    answer = learner.run(r2_of_model, **case)
    expected = r2_of(predicted(case["model"], case["data"]["x"]), case["data"]["y"])
    answer.key("r2").is_close(expected, **FLOAT32)


@pytest.mark.exercise("r2_score", "the model is not changed", points=3)
@given(case=cases(n_min=2))
def test_r2_changes_nothing(learner, case):
    case = with_ramp(case, 8.0)
    answer = learner.run(r2_of_model, **case)
    expected = r2_of(predicted(case["model"], case["data"]["x"]), case["data"]["y"])
    answer.key("r2").is_close(expected, **FLOAT32)
    check_state(answer, case["model"], case["rows"])


@probe
def r2_of_good_model(module, y, noise, sizes):
    "compute R2 of a model that returns x, where x is y with a small error"
    loader = loader_of(y + noise, y, sizes)
    return module.r2_score(model=nn.Identity(), loader=loader, device=torch.device("cpu"))


@pytest.mark.exercise(
    "r2_score", "good models, columns of different scales, near 0 and far from it", points=3
)
@given(
    n=sizes(2, 7), first=sizes(1, 6), noise=arrays((7, 3)), factor=st.sampled_from([0.1, 0.5]),
    far=st.sampled_from([9973.25, -20011.0]),
)  # fmt: skip
def test_r2_of_good_model(learner, n, first, noise, factor, far):
    # The columns differ in the spread of their y. Far from 0, float32 rounds the squares of y too much.
    y = torch.arange(n).float()[:, None] * torch.tensor([1.0, -10.0, 40.0])
    y = y + torch.tensor([far, 2.0, 2.0])
    noise = torch.tensor(noise[:n] * factor).float()
    first = min(first, n)
    answer = learner.run(r2_of_good_model, y=y, noise=noise, sizes=[first, *[1] * (n - first)])
    answer.is_close(r2_of((y + noise).double().numpy(), y), **FLOAT32)


@pytest.mark.exercise("r2_score", "no graph is built for any batch", points=2)
@given(case=cases(n_min=2))
def test_r2_builds_no_graph(learner, case):
    data = with_ramp(case, 8.0)["data"]
    x, y = data["x"].float(), data["y"].float()
    check_graphs(learner.run(graphs_in_r2_score, x=x, y=y, sizes=data["sizes"]))


@pytest.mark.exercise("r2_score", "batches are moved to the device", points=2)
@given(n=sizes(2, 5), first=sizes(1, 4), columns=sizes(1, 3))
def test_r2_moves_batches(learner, n, first, columns):
    x = torch.arange(float(n * columns)).reshape(n, columns)
    first = min(first, n)
    batches = [first, n - first] if first < n else [n]
    check_on_meta(learner.run(devices_in_r2_score, x=x, y=2 * x, sizes=batches), "x")
