"""Step 16: the whole pipeline."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from grader.content.references import check_on_meta, check_orders
from grader.content.shared_probes import line, orders_of
from grader.content.trainings import (
    PARTS,
    batches,
    check_batches_counted,
    devices_in_training,
    fit_in_numpy,
    network,
    train_network_by_hand,
)
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import numbers, points, sizes

# Five points in batches of 2, 2 and 1, and two others.
X = np.array([[0.0], [1.0], [3.0], [-1.0], [2.0]])
Y = np.array([[1.0], [2.0], [5.0], [0.0], [-2.0]])
X_VAL = np.array([[0.5], [2.0], [-1.0]])
Y_VAL = np.array([[0.0], [4.0], [3.0]])


@probe
def fit_line(module, a, b, data, val, lr, n_epochs, batch_size, loss="MSELoss"):
    "fit the line a + b * x, a Linear(1, 1), with SGD and a loss function of torch.nn, by default MSELoss"
    model = line(a, b)
    history = module.fit(
        model=model,
        loss_fn=getattr(nn, loss)(),
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        train_loader=batches(data[0], data[1], batch_size),
        val_loader=batches(val[0], val[1], batch_size),
        n_epochs=n_epochs,
        device="cpu",
    )
    return {"history": history, "a": model.bias.detach(), "b": model.weight.detach()}


@probe
def fit_network_with_adam(module, x, y, n_epochs):
    "fit a small network with Adam, on the same points for training and validation"
    model = network(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
    module.fit(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=0.1),
        train_loader=batches(x, y, 5),
        val_loader=batches(x, y, 2),
        n_epochs=n_epochs,
        device="cpu",
    )
    return [p.detach() for p in model.parameters()]


@probe
def fit_batch_norm(module, n_epochs, training):
    "fit a model with BatchNorm (3 training batches, 2 validation batches) and count its training batches"
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1)).train(training)
    module.fit(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01),
        train_loader=batches(torch.arange(6.0).reshape(6, 1), torch.zeros(6, 1), 2),
        val_loader=batches(torch.arange(4.0).reshape(4, 1), torch.zeros(4, 1), 2),
        n_epochs=n_epochs,
        device="cpu",
    )
    return model[0].num_batches_tracked


@probe
def fit_dropout(module, x, y, n_epochs):
    "fit a model with Dropout and a learning rate of 0"
    model = nn.Sequential(nn.Dropout(0.5), line(0.0, 1.0))
    return module.fit(
        model=model,
        loss_fn=nn.L1Loss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0),
        train_loader=batches(x, y, 2),
        val_loader=batches(x, y, 2),
        n_epochs=n_epochs,
        device="cpu",
    )


@probe
def devices_in_fit(module):
    'fit with the devices "cpu", torch.device("cpu") and "meta", and note where the last one uses its batches'
    return devices_in_training(lambda **inputs: module.fit(n_epochs=1, **inputs))


@probe
def orders_in_fit(module, n, batch_size, seed):
    """fit for three epochs with a loader that shuffles, a loss for classes, and labels that are integers, and note
    the order of the training points"""
    return orders_of(lambda **inputs: module.fit(n_epochs=3, **inputs), n, batch_size, seed)


@probe
def fit_left_out(module, x, y):
    "fit a line of the same dtype with lr=0, and with loaders that leave out the last of three points"
    model = line(0.0, 0.0).to(x.dtype)
    loaders = [DataLoader(TensorDataset(x, y), batch_size=2, drop_last=True) for _ in range(2)]
    return module.fit(
        model=model,
        # A loss that needs both dimensions.
        loss_fn=lambda yhat, y: (yhat - y).abs().sum(dim=1).mean(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0),
        train_loader=loaders[0],
        val_loader=loaders[1],
        n_epochs=1,
        device="cpu",
    )


@pytest.mark.exercise("fit", "one point, two epochs, by hand")
def test_fit_by_hand(learner):
    one = np.array([[0.0]])
    data, val = (one, np.array([[8.0]])), (one, np.array([[4.0]]))
    answer = learner.run(
        fit_line, a=0.0, b=0.0, data=data, val=val, lr=0.25, n_epochs=2, batch_size=1
    )
    answer.key("a").check(
        answer.key("a").scalar() != 0,
        "The model has not changed. Train the given model in place.",
    )
    # The gradient of (a - 8) ** 2 is -16, then -8: a goes from 0 to 4 and to 6.
    answer.key("history").key("train_losses").is_close([64.0, 16.0], **FLOAT32)
    answer.key("history").key("val_losses").is_close([0.0, 4.0], **FLOAT32)
    answer.key("a").is_close(6.0, **FLOAT32)


@pytest.mark.exercise("fit", "another loss function, by hand")
def test_fit_with_l1_loss(learner):
    one = np.array([[0.0]])
    answer = learner.run(
        fit_line,
        a=0.0, b=0.0, data=(one, one + 8), val=(one, one + 4), lr=0.25, n_epochs=2, batch_size=1,
        loss="L1Loss",
    )  # fmt: skip
    # The gradient of |a - 8| is -1: a goes from 0 to 0.25 and to 0.5.
    answer.key("history").key("train_losses").is_close([8.0, 7.75], **FLOAT32)
    answer.key("history").key("val_losses").is_close([3.75, 3.5], **FLOAT32)
    answer.key("a").is_close(0.5, **FLOAT32)


@pytest.mark.exercise("fit", "one step for each batch: 2, 2 and 1 points", points=2)
def test_fit_steps_on_every_batch(learner):
    expected = fit_in_numpy(0.5, -1.0, (X, Y), (X_VAL, Y_VAL), 0.05, 1, 2)
    answer = learner.run(
        fit_line,
        a=0.5, b=-1.0, data=(X, Y), val=(X_VAL, Y_VAL), lr=0.05, n_epochs=1, batch_size=2,
    )  # fmt: skip
    answer.key("a").is_close(expected["a"], **FLOAT32)
    answer.key("b").is_close(expected["b"], **FLOAT32)


@pytest.mark.exercise("fit", "the training loss is a mean per point, as the steps saw it", points=2)
def test_fit_train_losses(learner):
    expected = fit_in_numpy(0.5, -1.0, (X, Y), (X_VAL, Y_VAL), 0.05, 3, 2)
    answer = learner.run(
        fit_line,
        a=0.5, b=-1.0, data=(X, Y), val=(X_VAL, Y_VAL), lr=0.05, n_epochs=3, batch_size=2,
    )  # fmt: skip
    losses = answer.key("history").key("train_losses")
    losses.check(
        not np.allclose(losses.numbers(3), expected["means of batch means"], **FLOAT32),
        "These are means of the batch losses, so a point in the last, smaller batch counts too "
        "much: each point should count the same.",
    )
    losses.is_close(expected["train_losses"], **FLOAT32)


@pytest.mark.exercise("fit", "the validation loss is a mean per point, after the epoch", points=2)
def test_fit_val_losses(learner):
    expected = fit_in_numpy(0.5, -1.0, (X, Y), (X_VAL, Y_VAL), 0.05, 3, 2)
    answer = learner.run(
        fit_line,
        a=0.5, b=-1.0, data=(X, Y), val=(X_VAL, Y_VAL), lr=0.05, n_epochs=3, batch_size=2,
    )  # fmt: skip
    answer.key("history").key("val_losses").is_close(expected["val_losses"], **FLOAT32)


@pytest.mark.exercise("fit", "any points, any batches, any number of epochs", points=2)
@settings(max_examples=5)
@given(
    start=st.tuples(numbers(), numbers()),
    data=points(),
    val=points(),
    n_epochs=sizes(1, 4),
    batch_size=sizes(1, 4),
)
def test_fit_any_line(learner, start, data, val, n_epochs, batch_size):
    a, b = start
    expected = fit_in_numpy(a, b, data, val, 0.03125, n_epochs, batch_size)
    answer = learner.run(
        fit_line,
        a=a, b=b, data=data, val=val, lr=0.03125, n_epochs=n_epochs, batch_size=batch_size,
    )  # fmt: skip
    answer.key("a").is_close(expected["a"], **FLOAT32)
    answer.key("b").is_close(expected["b"], **FLOAT32)
    answer.key("history").key("train_losses").is_close(expected["train_losses"], **FLOAT32)
    answer.key("history").key("val_losses").is_close(expected["val_losses"], **FLOAT32)


@pytest.mark.exercise("fit", "nothing is learned from the validation points")
def test_fit_does_not_learn_from_validation(learner):
    expected = fit_in_numpy(0.0, 1.0, (X, Y), (X_VAL, Y_VAL), 0.05, 2, 5)
    answer = learner.run(
        fit_line,
        a=0.0, b=1.0, data=(X, Y), val=(X_VAL, Y_VAL + 1000), lr=0.05, n_epochs=2, batch_size=5,
    )  # fmt: skip
    a = answer.key("a").scalar()
    answer.check(
        abs(a) < 100,
        f"The validation points have a y of about 1000, and the intercept is now {a:.6g}: the "
        "model has learned from them.",
    )
    answer.key("a").is_close(expected["a"], **FLOAT32)


@pytest.mark.exercise("fit", "a network with Adam")
def test_fit_network_with_adam(learner):
    expected = train_network_by_hand(X, Y, 3, 4)
    answer = learner.run(fit_network_with_adam, x=X, y=Y, n_epochs=4)
    for parameter, value in zip(answer.parts("w1", "b1", "w2", "b2"), expected, strict=True):
        parameter.is_close(value, **FLOAT32)


@pytest.mark.exercise("fit", "training mode in every epoch, eval mode for validation", points=2)
def test_fit_switches_modes(learner):
    for training in (True, False):
        answer = learner.run(fit_batch_norm, n_epochs=3, training=training)
        check_batches_counted(answer, 3)


@pytest.mark.exercise("fit", "Dropout is switched off during validation")
def test_fit_validates_without_dropout(learner):
    x = torch.arange(1.0, 8.0).reshape(7, 1)
    answer = learner.run(fit_dropout, x=x, y=torch.zeros(7, 1), n_epochs=2)
    losses = answer.key("val_losses").numbers(2)
    answer.check(
        np.allclose(losses, 4, **FLOAT32),
        f"Nothing is learned here: expected both validation losses to be 4, got {losses}. Was "
        "Dropout active? Eval mode switches it off.",
    )


@pytest.mark.exercise("fit", "points that a loader leaves out do not count; float32 and float64")
def test_fit_leaves_out(learner):
    for dtype in (torch.float32, torch.float64):
        y = torch.tensor([[1.0], [3.0], [50.0]], dtype=dtype)
        history = learner.run(fit_left_out, x=0 * y, y=y)
        history.key("train_losses").is_close([2.0], **FLOAT32)
        history.key("val_losses").is_close([2.0], **FLOAT32)


@pytest.mark.exercise(
    "fit", "a new walk through the loader in every epoch; labels that are integers"
)
def test_fit_walks_anew(learner):
    check_orders(learner.run(orders_in_fit, n=10, batch_size=4, seed=1), 10)


@pytest.mark.exercise("fit", "every batch is moved to the device")
def test_fit_moves_batches(learner):
    check_on_meta(learner.run(devices_in_fit), *PARTS)
