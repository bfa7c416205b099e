"""Step 15: evaluation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from sklearn import metrics
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from grader.content.references import check_on_meta
from grader.content.shared_probes import noted_on_meta
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import numbers, points, sizes, tensor_points, tensors

X = torch.tensor([[1.0], [2.0], [5.0]])
Y = torch.tensor([[1.0], [3.0], [5.0]])


@probe
def batches(x, y, batch_size):
    return DataLoader(TensorDataset(x, y), batch_size=batch_size)


@probe
def loss_of_identity(module, x, y, batch_size):
    "evaluate a model that returns x itself, with the mean of |yhat - y| as its loss"
    loader = batches(x, y, batch_size)
    return module.evaluate(model=nn.Identity(), loss_fn=nn.L1Loss(), loader=loader, device="cpu")


@probe
def losses_on_cpu(module, x, y):
    'evaluate a model that returns x, first with the device "cpu" and then with torch.device("cpu")'
    return [
        module.evaluate(
            model=nn.Identity(), loss_fn=nn.L1Loss(), loader=batches(x, y, 3), device=device
        )
        for device in ("cpu", torch.device("cpu"))
    ]


@probe
def loss_of_line(module, a, b, x, y, batch_size):
    "evaluate the line a + b * x, a Linear(1, 1), with MSELoss"
    model = nn.Linear(1, 1)
    model.bias.data.fill_(a)
    model.weight.data.fill_(b)
    loader = batches(x, y, batch_size)
    return module.evaluate(model=model, loss_fn=nn.MSELoss(), loader=loader, device="cpu")


@probe
def loss_of_whole_batches(module, x, y, batch_size):
    "evaluate a model that returns x, with L1Loss, on a loader with drop_last=True"
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, drop_last=True)
    return module.evaluate(model=nn.Identity(), loss_fn=nn.L1Loss(), loader=loader, device="cpu")


@probe
def loss_of_classes(module, logits, labels, batch_size):
    "evaluate a model that returns x, with CrossEntropyLoss on labels that are integers"
    loader = batches(logits, labels, batch_size)
    loss_fn = nn.CrossEntropyLoss()
    return module.evaluate(model=nn.Identity(), loss_fn=loss_fn, loader=loader, device="cpu")


@probe
def lopsided_loss(module, x, y):
    "evaluate a model that returns x, with the mean of 2 * yhat - y over each row and then over all rows"
    return module.evaluate(
        model=nn.Identity(),
        loss_fn=lambda yhat, y: (2 * yhat - y).mean(dim=1).mean(),
        loader=batches(x, y, 2),
        device="cpu",
    )


@probe
def loss_with_dropout(module, x, y, training):
    "put a model with Dropout in training mode (True) or eval mode (False), and evaluate it"
    return module.evaluate(
        model=nn.Sequential(nn.Dropout(0.5)).train(training),
        loss_fn=nn.L1Loss(),
        loader=batches(x, y, 2),
        device="cpu",
    )


@probe
def batch_norm_state(module, x, y):
    "evaluate a BatchNorm layer with the running mean 2 and the running variance 4, in training mode"
    model = nn.BatchNorm1d(1)
    model.running_mean.fill_(2.0)
    model.running_var.fill_(4.0)
    loss = module.evaluate(model=model, loss_fn=nn.L1Loss(), loader=batches(x, y, 2), device="cpu")
    return {
        "loss": loss,
        "running mean": model.running_mean,
        "running variance": model.running_var,
        "batches counted": model.num_batches_tracked,
    }


@probe
def mode_after_evaluate(module, training):
    "put the model in training mode (True) or eval mode (False), evaluate it, and look at its mode"
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)).train(training)
    # With these, Dropout changes nothing.
    for p in model.parameters():
        p.data.zero_()
    loss = module.evaluate(model=model, loss_fn=nn.MSELoss(), loader=batches(X, Y, 3), device="cpu")
    return {"modes": [model.training, model[0].training, model[1].training], "loss": loss}


def check_modes(answer, expected, sentence):
    """Check the mode of the model and of its layers, and that it was evaluated at all."""
    # The model predicts 0, so the loss is the mean of 1, 9 and 25.
    answer.key("loss").is_close(35 / 3, **FLOAT32)
    answer.check(answer.key("modes").value == [expected] * 3, sentence)


@probe
def state_after_evaluate(module, x, y):
    "evaluate a Linear(1, 1) whose parameters are 0.5 and whose gradients are 3"
    torch.set_grad_enabled(True)
    model = nn.Linear(1, 1)
    for p in model.parameters():
        p.data.fill_(0.5)
        p.grad = torch.full_like(p, 3.0)
    loader = batches(x, y, len(x))
    loss = module.evaluate(model=model, loss_fn=nn.MSELoss(), loader=loader, device="cpu")
    return {
        "loss": loss,
        "parameters": [p.detach() for p in model.parameters()],
        "gradients": [p.grad for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "grad enabled": torch.is_grad_enabled(),
    }


@probe
def graphs_during_evaluate(module, x, y):
    "evaluate a Linear(1, 1), and note for each batch whether the prediction requires a gradient"
    graphs = []

    def loss_fn(yhat, y):
        graphs.append(yhat.requires_grad)
        return ((yhat - y) ** 2).mean()

    module.evaluate(model=nn.Linear(1, 1), loss_fn=loss_fn, loader=batches(x, y, 2), device="cpu")
    return graphs


@probe
def devices_in_evaluate(module, x, y):
    'evaluate with the device "meta", and note on which device each batch is when it is used'
    devices = {"x": [], "y": []}

    class Model(nn.Module):
        def forward(self, x):
            devices["x"].append(x.device.type)
            return x

    def loss_fn(yhat, y):
        devices["y"].append(y.device.type)
        return torch.ones(())

    def evaluate_on(device):
        loader = batches(x, y, 2)
        module.evaluate(model=Model(), loss_fn=loss_fn, loader=loader, device=device)

    return noted_on_meta(devices, evaluate_on, "meta")


@probe
def evaluate_nothing(module, shape, batch_size):
    "evaluate on a loader without points"
    loader = batches(torch.zeros(0, *shape), torch.zeros(0, *shape), batch_size)
    return module.evaluate(model=nn.Identity(), loss_fn=nn.MSELoss(), loader=loader, device="cpu")


@pytest.mark.exercise("evaluate", "batches of 4 and 1 points with losses 1 and 6 give 2", points=2)
def test_evaluate_lesson(learner):
    y = torch.tensor([[1.0], [1.0], [1.0], [1.0], [6.0]])
    answer = learner.run(loss_of_identity, x=torch.zeros(5, 1), y=y, batch_size=4)
    loss = answer.scalar()
    answer.check(
        abs(loss - 3.5) > 1e-4,
        "Expected 2, got 3.5, the mean of the batch losses 1 and 6. The mean per point is "
        "(4 * 1 + 1 * 6) / 5 = 2: a batch of 1 point counts less than a batch of 4 points.",
    )
    answer.is_close(2.0, **FLOAT32)


@pytest.mark.exercise("evaluate", "batches of the same size: all of them count")
def test_evaluate_equal_batches(learner):
    x, y = torch.zeros(6, 1), torch.tensor([[1.0], [3.0], [5.0], [7.0], [2.0], [0.0]])
    learner.run(loss_of_identity, x=x, y=y, batch_size=2).is_close(3.0, **FLOAT32)


@pytest.mark.exercise("evaluate", "a point that the loader leaves out does not count")
def test_evaluate_dropped_point(learner):
    # The loader drops the last batch, which has only the point with the loss 9.
    x, y = torch.zeros(5, 1), torch.tensor([[1.0], [3.0], [5.0], [7.0], [9.0]])
    learner.run(loss_of_whole_batches, x=x, y=y, batch_size=2).is_close(4.0, **FLOAT32)


@pytest.mark.exercise("evaluate", "labels that are integers, and numbers in float64")
def test_evaluate_dtypes(learner):
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]]), torch.tensor([0, 1, 1])
    for x in (logits, logits.double()):
        answer = learner.run(loss_of_classes, logits=x, labels=labels, batch_size=2)
        answer.is_close(float(nn.functional.cross_entropy(logits.double(), labels)), **FLOAT32)
    # float32 cannot tell 1, x and y apart.
    x = torch.full((3, 1), 1.0 + 3e-9, dtype=torch.float64)
    y = torch.full((3, 1), 1.0 + 1e-9, dtype=torch.float64)
    learner.run(loss_of_identity, x=x, y=y, batch_size=2).is_close(2e-9, rtol=1e-3, atol=0.0)


@pytest.mark.exercise("evaluate", "any line, any points, any batches", points=2)
@settings(max_examples=5)
@given(a=numbers(), b=numbers(), data=points(), batch_size=sizes(1, 5))
def test_evaluate_any_line(learner, a, b, data, batch_size):
    x, y = data
    expected = float(((a + b * x - y) ** 2).mean())
    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    answer = learner.run(loss_of_line, a=a, b=b, x=x, y=y, batch_size=batch_size)
    answer.is_close(expected, **FLOAT32)


@pytest.mark.exercise("evaluate", "the loss function gets the prediction first, then y")
@settings(max_examples=5)
@given(data=tensor_points())
def test_evaluate_calls_loss_of_yhat_and_y(learner, data):
    x, y = data
    answer = learner.run(lopsided_loss, x=x, y=y)
    answer.is_close(float((2 * x - y).double().mean()), **FLOAT32)


@pytest.mark.exercise("evaluate", "Dropout is switched off")
def test_evaluate_switches_dropout_off(learner):
    x = torch.arange(1.0, 13.0).reshape(6, 2)
    for training in (True, False):
        answer = learner.run(loss_with_dropout, x=x, y=torch.zeros(6, 2), training=training)
        loss = answer.scalar()
        answer.check(
            abs(loss - 6.5) < 1e-3,
            f"Expected a loss of 6.5, got {loss:.6g}. Was Dropout active? Eval mode switches it off.",
        )


@pytest.mark.exercise(
    "evaluate", "BatchNorm uses its running mean and does not change it", points=2
)
def test_evaluate_leaves_batch_norm_alone(learner):
    x = torch.tensor([[4.0], [8.0], [0.0], [-2.0]])
    answer = learner.run(batch_norm_state, x=x, y=torch.zeros(4, 1))
    answer.key("batches counted").check(
        answer.key("batches counted").scalar() == 0,
        "BatchNorm counted batches and changed its running mean: the model was in training mode.",
    )
    answer.key("running mean").is_close(torch.tensor([2.0]))
    answer.key("running variance").is_close(torch.tensor([4.0]))
    # (x - 2) / 2 is 1, 3, -1, -2: the mean of the absolute values is 7 / 4.
    answer.key("loss").is_close(7 / 4, **FLOAT32)


@pytest.mark.exercise("evaluate", "a model in training mode is put back in training mode")
def test_evaluate_restores_training_mode(learner):
    answer = learner.run(mode_after_evaluate, training=True)
    check_modes(
        answer,
        True,
        "The model was in training mode before, but is in eval mode afterwards. Put back the mode "
        "that it was in.",
    )


@pytest.mark.exercise("evaluate", "a model in eval mode stays in eval mode")
def test_evaluate_restores_eval_mode(learner):
    answer = learner.run(mode_after_evaluate, training=False)
    check_modes(
        answer,
        False,
        "The model was in eval mode before, but is in training mode afterwards. Put back the mode "
        "that it was in.",
    )


@pytest.mark.exercise("evaluate", "parameters and gradients do not change")
@settings(max_examples=5)
@given(data=tensor_points())
def test_evaluate_leaves_parameters_and_gradients_alone(learner, data):
    x, y = data
    answer = learner.run(state_after_evaluate, x=x, y=y)
    expected = float(((0.5 + 0.5 * x - y).double() ** 2).mean())
    answer.key("loss").is_close(expected, **FLOAT32)
    for parameter in answer.key("parameters").each():
        parameter.check(
            bool((parameter.tensor() == 0.5).all()), "evaluate changed a parameter of the model."
        )
    for gradient in answer.key("gradients").each():
        gradient.check(
            gradient.value is not None and bool((gradient.tensor() == 3.0).all()),
            "The stored gradients were 3, and evaluate changed or cleared them.",
        )
    answer.check(
        answer.key("requires_grad").value == [True, True],
        "After evaluate, the parameters of the model no longer require gradients, so it can no longer "
        "be trained. Use torch.no_grad() instead.",
    )
    answer.check(
        answer.key("grad enabled").value is True,
        "After evaluate, gradients are still switched off for the whole program. Use `with "
        "torch.no_grad():`, which ends with its block.",
    )


@pytest.mark.exercise("evaluate", "no graph is built")
def test_evaluate_builds_no_graph(learner):
    answer = learner.run(graphs_during_evaluate, x=X, y=Y)
    check_no_graphs(answer)


def check_no_graphs(answer):
    answer.check(
        answer.each(), "There was no prediction: is the model used, and is loss_fn called?"
    )
    for graph in answer.each():
        answer.check(
            graph.value is False,
            "During the evaluation, PyTorch built a graph: the predictions require a gradient. "
            "Nothing is learned here, so no gradients are needed.",
        )


@pytest.mark.exercise("evaluate", "every batch is moved to the device")
def test_evaluate_moves_batches(learner):
    answer = learner.run(devices_in_evaluate, x=X, y=Y)
    for name in ("x", "y"):
        check_on_meta(answer, name)


@pytest.mark.exercise("evaluate", 'the device can be "cpu" or torch.device("cpu")')
def test_evaluate_takes_any_form_of_device(learner):
    learner.run(losses_on_cpu, x=X, y=Y).is_close([1 / 3, 1 / 3], **FLOAT32)


@pytest.mark.exercise("evaluate", "an empty loader is an error")
def test_evaluate_empty_loader(learner):
    learner.run(losses_on_cpu, x=X, y=Y)
    with learner.raises(ValueError, "the loader gives no batch"):
        learner.run(evaluate_nothing, shape=(1,), batch_size=16)
    with learner.raises(
        ValueError, "the loader drops its only batch, which has 3 points instead of 4"
    ):
        learner.run(loss_of_whole_batches, x=X, y=Y, batch_size=4)


@pytest.mark.exercise("evaluate", "an empty loader is an error, for any shape of points")
@settings(max_examples=5)
@given(n_columns=sizes(1, 4), batch_size=sizes())
def test_evaluate_empty_loader_of_any_shape(learner, n_columns, batch_size):
    learner.run(loss_of_identity, x=X, y=Y, batch_size=batch_size)
    with learner.raises(ValueError, "the loader gives no batch"):
        learner.run(evaluate_nothing, shape=(n_columns,), batch_size=batch_size)


@probe
def r2_of_identity(module, x, y, batch_size):
    "compute R2 of a model that returns x itself"
    return module.r2_score(model=nn.Identity(), loader=batches(x, y, batch_size), device="cpu")


@probe
def r2_with_dropout(module, x, y, training):
    "put a model with Dropout in training mode (True) or eval mode (False), and compute its R2"
    model = nn.Sequential(nn.Dropout(0.5)).train(training)
    score = module.r2_score(model=model, loader=batches(x, y, 2), device="cpu")
    return {"r2": score, "training": model.training}


@probe
def graphs_during_r2_score(module, x, y):
    "compute R2 of a Linear(1, 1), and note for each batch whether the prediction requires a gradient"
    graphs = []

    class Model(nn.Linear):
        def forward(self, x):
            yhat = super().forward(x)
            graphs.append(yhat.requires_grad)
            return yhat

    module.r2_score(model=Model(1, 1), loader=batches(x, y, 2), device="cpu")
    return graphs


@probe
def devices_in_r2_score(module, x, y):
    'compute R2 with the device "meta", and note on which device each batch is when it is used'
    devices = {"x": []}

    class Model(nn.Module):
        def forward(self, x):
            devices["x"].append(x.device.type)
            return x

    def score_on(device):
        module.r2_score(model=Model(), loader=batches(x, y, 2), device=device)

    return noted_on_meta(devices, score_on, "meta")


@probe
def r2_on_cpu(module, x, y):
    'compute R2, first with the device "cpu" and then with torch.device("cpu")'
    return [
        module.r2_score(model=nn.Identity(), loader=batches(x, y, 3), device=device)
        for device in ("cpu", torch.device("cpu"))
    ]


@pytest.mark.exercise("r2_score", "three points in two batches give 0.875")
def test_r2_by_hand(learner):
    # The squared errors add up to 1, the squared distances from the mean 3 to 8.
    learner.run(r2_of_identity, x=X, y=Y, batch_size=2).is_close(0.875, **FLOAT32)


@pytest.mark.exercise("r2_score", "a perfect model gives 1")
def test_r2_of_perfect_model(learner):
    learner.run(r2_of_identity, x=Y, y=Y, batch_size=2).is_close(1.0, **FLOAT32)


@pytest.mark.exercise("r2_score", "predicting the mean of all y gives 0, even in batches")
def test_r2_of_mean(learner):
    y = torch.tensor([[0.0], [2.0], [10.0], [12.0]])
    answer = learner.run(r2_of_identity, x=torch.full((4, 1), 6.0), y=y, batch_size=2)
    score = answer.scalar()
    answer.check(
        abs(score) < 1e-4,
        f"The model always predicts 6, the mean of all y: expected an R2 of 0, got {score:.6g}. "
        "R2 compares with the mean of all points, not of one batch.",
    )
    # The squared errors add up to 108, the squared distances from the mean to 104.
    answer = learner.run(r2_of_identity, x=torch.full((4, 1), 5.0), y=y, batch_size=2)
    answer.is_close(1 - 108 / 104, **FLOAT32)


@pytest.mark.exercise("r2_score", "a bad model is below 0")
def test_r2_of_bad_model(learner):
    learner.run(r2_of_identity, x=-Y, y=Y, batch_size=3).is_close(-16.5, **FLOAT32)


@pytest.mark.exercise("r2_score", "y near 10000")
def test_r2_of_large_numbers(learner):
    y = torch.tensor([[9987.0], [10001.0], [10022.0], [10049.0], [10068.0]])
    x = y + torch.tensor([[21.0], [-13.0], [35.0], [-20.0], [7.0]])
    answer = learner.run(r2_of_identity, x=x, y=y, batch_size=2)
    expected, score = metrics.r2_score(y.double().numpy(), x.double().numpy()), answer.scalar()
    answer.check(
        np.isclose(score, expected, **FLOAT32),
        f"Expected an R2 of {expected:.6g}, got {score:.6g}. Numbers near 10000 have squares near 100000000, and "
        "float32 keeps only seven digits of them. Subtract first, then square.",
    )


@pytest.mark.exercise("r2_score", "any points in any batches, as scikit-learn says", points=2)
@settings(max_examples=5)
@given(data=tensor_points(2, 8), batch_size=sizes(1, 5))
def test_r2_any_points(learner, data, batch_size):
    x, y = data
    y = y + 10 * torch.arange(len(y))[:, None]  # no two y are equal
    answer = learner.run(r2_of_identity, x=x, y=y, batch_size=batch_size)
    expected = metrics.r2_score(y.double().numpy(), x.double().numpy())
    answer.is_close(float(expected), **FLOAT32)


@pytest.mark.exercise("r2_score", "two columns: the mean of both R2")
@settings(max_examples=5)
@given(x=tensors((5, 2)))
def test_r2_two_columns(learner, x):
    y = torch.tensor([[0.0, 10.0], [1.0, -20.0], [2.0, 5.0], [1.0, 0.0], [4.0, 15.0]])
    answer = learner.run(r2_of_identity, x=x, y=y, batch_size=2)
    columns = [metrics.r2_score(y[:, i].numpy(), x[:, i].numpy()) for i in (0, 1)]
    expected, score = float(np.mean(columns)), answer.scalar()
    answer.check(
        np.isclose(score, expected, **FLOAT32),
        f"The R2 of the first column is {columns[0]:.6g}, and that of the second {columns[1]:.6g}: "
        f"expected their mean {expected:.6g}, got {score:.6g}.",
    )


@pytest.mark.exercise("r2_score", "Dropout is switched off, and the mode is put back")
def test_r2_in_eval_mode(learner):
    x = torch.arange(1.0, 9.0).reshape(8, 1)
    for training in (True, False):
        answer = learner.run(r2_with_dropout, x=x, y=x, training=training)
        score = answer.key("r2").scalar()
        answer.check(
            abs(score - 1) < 1e-4,
            f"Expected an R2 of 1, got {score:.6g}. Was Dropout active? Eval mode switches it off.",
        )
        answer.check(
            answer.key("training").value is training,
            f"The model was in {'training' if training else 'eval'} mode before, but is in the other "
            "mode afterwards. Put back the mode that it was in.",
        )


@pytest.mark.exercise("r2_score", "no graph is built")
def test_r2_builds_no_graph(learner):
    answer = learner.run(graphs_during_r2_score, x=X, y=Y)
    check_no_graphs(answer)


@pytest.mark.exercise("r2_score", "every batch is moved to the device")
def test_r2_moves_batches(learner):
    check_on_meta(learner.run(devices_in_r2_score, x=X, y=Y), "x")


@pytest.mark.exercise("r2_score", 'the device can be "cpu" or torch.device("cpu")')
def test_r2_takes_any_form_of_device(learner):
    learner.run(r2_on_cpu, x=X, y=Y).is_close([0.875, 0.875], **FLOAT32)
