"""Step 17: checkpoints and early stopping."""

import io
import math
import pathlib
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import carried, check_on_meta, check_orders, expected_run
from grader.content.shared_probes import (
    epoch_loaded,
    file_saved,
    fit_early_by_script,
    line,
    orders_of,
)
from grader.content.trainings import (
    PARTS,
    batches,
    check_batches_counted,
    devices_in_training,
    fit_in_numpy,
    network,
    train_network_by_hand,
)
from grader.testing.answers import FLOAT32, Mismatch
from grader.testing.probes import probe
from grader.testing.strategies import numbers, sizes

# Five points in batches of 2, 2 and 1, and two others.
X = np.array([[0.0], [1.0], [3.0], [-1.0], [2.0]])
Y = np.array([[1.0], [2.0], [5.0], [0.0], [-2.0]])
X_VAL = np.array([[0.5], [2.0], [-1.0]])

NO_FILE = "save_checkpoint did not write a file at `path`."


@probe
def train_steps(model, optimizer, x, y, n_steps):
    x, y = torch.as_tensor(x).float(), torch.as_tensor(y).float()
    model.train()
    for _ in range(n_steps):
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


@probe
def devices_in_fit_early(module):
    'train with the devices "cpu", torch.device("cpu") and "meta", and note where the last one uses its batches'
    return devices_in_training(
        lambda **inputs: module.fit_early(max_epochs=1, patience=1, **inputs)
    )


@probe
def orders_in_fit_early(module, n, batch_size, seed):
    """train for three epochs with a loader that shuffles, a loss for classes, and labels that are integers, and
    note the order of the training points"""
    return orders_of(
        lambda **inputs: module.fit_early(max_epochs=3, patience=3, **inputs), n, batch_size, seed
    )


@probe
def network_of(hidden):
    return network(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))


@probe
def optimizer_of(model, kind, lr):
    if kind == "Adam":
        return torch.optim.Adam(model.parameters(), lr=lr)
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


@probe
def save_trained(module, x, y, hidden, kind, lr, n_before):
    "train a small network, and save it"
    model = network_of(hidden)
    optimizer = optimizer_of(model, kind, lr)
    train_steps(model, optimizer, x, y, n_before)
    return file_saved(module, model, optimizer, n_before)


@probe
def load_and_train(module, file, x, y, hidden, kind, lr, n_after):
    "in another process: load the file into a fresh network and a fresh optimizer, and go on training"
    fresh = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))
    optimizer = optimizer_of(fresh, kind, lr)
    epoch_loaded(module, file, fresh, optimizer)
    return train_steps(fresh, optimizer, x, y, n_after)


@probe
def tensors_in(module, file):
    "read a checkpoint with torch.load(path, weights_only=True), and list the tensors in it"
    found, waiting = [], [torch.load(io.BytesIO(file), weights_only=True)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, torch.Tensor):
            found.append(value.detach().flatten().tolist())
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return found


def resumed(learner, hidden, kind, lr, fresh_lr, n_before, n_after):
    """Return the network's parameters after a training that was interrupted and continued in another process."""
    inputs = {"x": X, "y": Y, "hidden": hidden, "kind": kind}
    file = carried(learner.run(save_trained, lr=lr, n_before=n_before, **inputs))
    return learner.elsewhere.run(load_and_train, file, lr=fresh_lr, n_after=n_after, **inputs)


@probe
def trained_on_after_saving(module, x, y):
    "train 3 steps with SGD and momentum, save, and train 2 more steps with the same objects"
    with tempfile.TemporaryDirectory() as folder:
        model = network(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        train_steps(model, optimizer, x, y, 3)
        path = folder + "/checkpoint.pt"
        module.save_checkpoint(path=path, model=model, optimizer=optimizer, epoch=3)
        saved = pathlib.Path(path).is_file()
        return {"saved": saved, "weights": train_steps(model, optimizer, x, y, 2)}


@probe
def save_running_mean(module, mean):
    "save a BatchNorm layer with this running mean"
    model = nn.BatchNorm1d(3)
    model.running_mean.copy_(mean)
    return file_saved(module, model, torch.optim.SGD(model.parameters(), lr=0.1), 1)


@probe
def load_running_mean(module, file):
    "in another process: load the file into a fresh BatchNorm layer, and read its running mean"
    fresh = nn.BatchNorm1d(3)
    epoch_loaded(module, file, fresh, torch.optim.SGD(fresh.parameters(), lr=0.1))
    return fresh.running_mean


@probe
def save_line(module, a, b, epoch):
    "save the line a + b * x with this epoch"
    model = line(a, b)
    return file_saved(module, model, torch.optim.SGD(model.parameters(), lr=0.1), epoch)


@probe
def load_line(module, file):
    "in another process: load the file into a line whose two numbers are 50"
    model = line(50.0, 50.0)
    epoch = epoch_loaded(module, file, model, torch.optim.SGD(model.parameters(), lr=0.1))
    return {"epoch": epoch, "a": model.bias.detach(), "b": model.weight.detach()}


@probe
def read_safely(module, momentum):
    "save a checkpoint after one step with SGD, and read it with torch.load(path, weights_only=True)"
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/checkpoint.pt"
        model = line(1.0, 2.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
        train_steps(model, optimizer, [[1.0]], [[2.0]], 1)
        module.save_checkpoint(path=path, model=model, optimizer=optimizer, epoch=1)
        if not pathlib.Path(path).exists():
            return "no file"
        try:
            torch.load(path, weights_only=True)
        except Exception:
            return "refused"
        return "loaded"


def check_resumed(answer, expected):
    names = ("w1", "b1", "w2", "b2")
    for name, part, value in zip(names, answer.parts(*names), expected, strict=True):
        got = part.tensor(tuple(value.shape))
        part.check(
            torch.allclose(got.float(), value, rtol=1e-4, atol=1e-5),
            f"Training with a break should give the same numbers as training without one. Expected "
            f"{name} to be {rounded(value)}, got {rounded(got)}. Are both states saved and loaded, "
            "that of the model and that of the optimizer?",
        )


def holds_velocities(answer):
    """Return whether the optimizer's velocities after three steps are among the tensors of a file."""
    before, after = (train_network_by_hand(X, Y, 3, n, momentum=0.9) for n in (2, 3))
    velocities = [((p - q) / 0.1).flatten() for p, q in zip(before, after, strict=True)]
    found = [torch.tensor(part.numbers()) for part in answer.each()]
    return all(
        any(
            t.shape == v.shape and torch.allclose(t.float(), v.float(), rtol=1e-2, atol=1e-4)
            for t in found
        )
        for v in velocities
    )


def rounded(tensor):
    return [round(number, 5) for number in tensor.flatten().tolist()]


@pytest.mark.exercise("save_checkpoint", "after a break, SGD with momentum goes on", points=2)
def test_resume_sgd_with_momentum(learner):
    expected = train_network_by_hand(X, Y, 3, 5, momentum=0.9)
    inputs = {"x": X, "y": Y, "hidden": 3, "kind": "SGD", "lr": 0.1}
    file = carried(learner.run(save_trained, n_before=3, **inputs))
    answer = learner.elsewhere.run(load_and_train, file, n_after=2, **inputs)
    try:
        check_resumed(answer, expected)
    except Mismatch:
        # Where the optimizer's state is in the file, it is `load_checkpoint` that does not put it back.
        if not holds_velocities(learner.run(tensors_in, file)):
            raise


@pytest.mark.exercise("load_checkpoint", "after a break at any time, training goes on", points=2)
@given(n_before=sizes(0, 4), n_after=sizes(0, 3))
@settings(max_examples=8)
def test_resume_at_any_time(learner, n_before, n_after):
    expected = train_network_by_hand(X, Y, 3, n_before + n_after, momentum=0.9)
    check_resumed(resumed(learner, 3, "SGD", 0.1, 0.1, n_before, n_after), expected)


@pytest.mark.exercise("load_checkpoint", "after a break, Adam goes on with its old learning rate")
def test_resume_adam(learner):
    expected = train_network_by_hand(X, Y, 2, 5)
    check_resumed(resumed(learner, 2, "Adam", 0.1, 0.5, 3, 2), expected)


@pytest.mark.exercise("load_checkpoint", "the saved epoch is returned")
@given(epoch=st.integers(0, 1000))
@settings(max_examples=8)
def test_checkpoint_epoch(learner, epoch):
    file = carried(learner.run(save_line, a=1.0, b=2.0, epoch=epoch))
    answer = learner.elsewhere.run(load_line, file)
    loaded = answer.key("epoch").integer()
    answer.check(
        loaded == epoch,
        f"The epoch {epoch} was saved: expected {epoch}, got {loaded}.",
    )


@pytest.mark.exercise("load_checkpoint", "the model is changed in place")
@given(a=numbers(), b=numbers())
@settings(max_examples=8)
def test_checkpoint_restores_the_same_model(learner, a, b):
    file = carried(learner.run(save_line, a=a, b=b, epoch=1))
    answer = learner.elsewhere.run(load_line, file)
    answer.key("a").is_close(a, **FLOAT32)
    answer.key("b").is_close(b, **FLOAT32)


@pytest.mark.exercise("save_checkpoint", "saving changes neither model nor optimizer")
def test_saving_changes_nothing(learner):
    expected = train_network_by_hand(X, Y, 3, 5, momentum=0.9)
    answer = learner.run(trained_on_after_saving, x=X, y=Y)
    answer.check(answer.key("saved").value is True, NO_FILE)
    parts = answer.key("weights").parts("w1", "b1", "w2", "b2")
    for part, value in zip(parts, expected, strict=True):
        part.check(
            torch.allclose(part.tensor(tuple(value.shape)).float(), value, rtol=1e-4, atol=1e-5),
            "After save_checkpoint, the training goes on with different numbers than without it. Saving "
            "should not change the model or the optimizer.",
        )


@pytest.mark.exercise("save_checkpoint", "buffers are saved too")
def test_checkpoint_holds_buffers(learner):
    mean = torch.tensor([1.0, -2.0, 0.5])
    file = carried(learner.run(save_running_mean, mean=mean))
    learner.elsewhere.run(load_running_mean, file).is_close(mean)


@pytest.mark.exercise("save_checkpoint", "the file loads with weights_only=True")
def test_checkpoint_loads_safely(learner):
    for momentum in (0.0, 0.9):
        answer = learner.run(read_safely, momentum=momentum)
        answer.check(answer.value != "no file", NO_FILE)
        answer.check(
            answer.value == "loaded",
            "torch.load(path, weights_only=True) refuses this file. Save state dicts and plain "
            "numbers, not the model and the optimizer themselves.",
        )


@probe
def fit_early_on_script(module, val_losses, patience):
    "train with a loss function that gives these validation losses, epoch by epoch"
    # In each epoch, the only weight of its model falls by 1.
    seen = fit_early_by_script(module, val_losses, patience, len(val_losses), [3], "cpu")
    return {"history": seen["history"], "epochs of the weights": -seen["model"].weight.detach()}


@probe
def fit_line_early(module, a, b, data, val, lr, max_epochs, patience, batch_size):
    "fit the line a + b * x, a Linear(1, 1), with SGD and MSELoss, and stop early"
    model = line(a, b)
    history = module.fit_early(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        train_loader=batches(data[0], data[1], batch_size),
        val_loader=batches(val[0], val[1], batch_size),
        max_epochs=max_epochs,
        patience=patience,
        device="cpu",
    )
    return {"history": history, "a": model.bias.detach(), "b": model.weight.detach()}


@probe
def fit_batch_norm_early(module, max_epochs, best):
    "train with BatchNorm and 3 training batches; the first or last epoch is best; count the batches"
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1))
    losses = iter(range(1, 1000) if best == "first" else range(1000, 1, -1))
    history = module.fit_early(
        model=model,
        loss_fn=lambda yhat, y: 0 * yhat.mean() + next(losses),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        train_loader=batches(torch.arange(6.0).reshape(6, 1), torch.zeros(6, 1), 2),
        val_loader=batches(torch.arange(2.0).reshape(2, 1), torch.zeros(2, 1), 2),
        max_epochs=max_epochs,
        patience=max_epochs,
        device="cpu",
    )
    return {"history": history, "batches counted": model[0].num_batches_tracked}


def count_of(answer):
    """Return how many numbers a list, tuple, array or tensor holds; they need not be finite."""
    shape = getattr(answer.value, "shape", None)
    return len(answer.each()) if shape is None else int(np.prod(shape))


def check_script(answer, val_losses, patience):
    n_epochs, best = expected_run(val_losses, patience)
    history = answer.key("history")
    for name in ("val_losses", "train_losses"):
        count = count_of(history.key(name))
        answer.check(
            count == n_epochs,
            f"Expected {n_epochs} epochs, but {name} has {count} entries.",
        )
    best_epoch = history.key("best_epoch").integer()
    answer.check(
        best_epoch == best,
        f"Expected the best epoch to be {best} (counted from 0), got {best_epoch}.",
    )
    # The weight says how many epochs it has seen; epoch 0 is the first.
    weights_epoch = round(answer.key("epochs of the weights").scalar()) - 1
    sentence = f"At the end, the model should have its weights after epoch {best}, the best one. "
    if weights_epoch < 0:
        sentence += "It has those from before the training."
    else:
        sentence += f"It has those after epoch {weights_epoch}."
    if weights_epoch == n_epochs - 1:
        sentence += " Are the best weights copied, and put back? A state dict is not a copy."
    answer.check(weights_epoch == best, sentence)


@pytest.mark.exercise("fit_early", "the table of the lesson", points=2)
def test_fit_early_lesson(learner):
    losses = [5.0, 3.0, 4.0, 3.0, 3.5, 1.0, 0.5]
    check_script(learner.run(fit_early_on_script, val_losses=losses, patience=3), losses, 3)


@pytest.mark.exercise("fit_early", "the validation losses are recorded, even after the best epoch")
def test_fit_early_notes_val_losses(learner):
    losses = [5.0, 3.0, 4.0, 3.5, 1.0]
    answer = learner.run(fit_early_on_script, val_losses=losses, patience=2)
    answer.key("history").key("val_losses").is_close([5.0, 3.0, 4.0, 3.5], **FLOAT32)


@pytest.mark.exercise("fit_early", "better and better: all epochs run")
def test_fit_early_runs_to_the_end(learner):
    # A loss may be only a little better, or below 0.
    losses = [0.5, 0.4996, -1.0, -3.0]
    check_script(learner.run(fit_early_on_script, val_losses=losses, patience=1), losses, 1)


@pytest.mark.exercise("fit_early", "the best weights are put back even after max_epochs")
def test_fit_early_restores_after_max_epochs(learner):
    losses = [5.0, 2.0, 4.0]
    check_script(learner.run(fit_early_on_script, val_losses=losses, patience=9), losses, 9)


@pytest.mark.exercise("fit_early", "an equal loss is not better")
def test_fit_early_equal_is_not_better(learner):
    losses = [3.0, 3.0, 3.0, 1.0]
    check_script(learner.run(fit_early_on_script, val_losses=losses, patience=2), losses, 2)


@pytest.mark.exercise("fit_early", "a loss that is not a number is never the best")
def test_fit_early_nan_is_never_best(learner):
    for losses in (
        [5.0, math.nan, 4.0, math.nan, math.nan, 1.0],
        [math.nan, 5.0, 4.0, 6.0, math.nan, 1.0],
        [math.inf, 5.0, math.inf, 4.0, 6.0],
    ):
        check_script(learner.run(fit_early_on_script, val_losses=losses, patience=2), losses, 2)


@pytest.mark.exercise("fit_early", "any validation losses", points=2)
@given(
    first=sizes(1, 5),
    others=st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, math.nan]), max_size=7),
    patience=sizes(1, 3),
)
def test_fit_early_any_script(learner, first, others, patience):
    losses = [float(first), *others]
    answer = learner.run(fit_early_on_script, val_losses=losses, patience=patience)
    check_script(answer, losses, patience)


@pytest.mark.exercise("fit_early", "a line that moves past its best place", points=2)
@given(target=sizes(1, 6), batch_size=sizes(1, 4))
@settings(max_examples=8)
def test_fit_early_line(learner, target, batch_size):
    data, val = (X, 0 * X + 8.0), (X_VAL, 0 * X_VAL + target)
    every = fit_in_numpy(0.0, 0.0, data, val, 0.0625, 12, batch_size)
    n_epochs, best = expected_run(every["val_losses"], 2)
    at_best = fit_in_numpy(0.0, 0.0, data, val, 0.0625, best + 1, batch_size)
    answer = learner.run(
        fit_line_early,
        a=0.0, b=0.0, data=data, val=val, lr=0.0625, max_epochs=12, patience=2,
        batch_size=batch_size,
    )  # fmt: skip
    history = answer.key("history")
    history.key("train_losses").is_close(every["train_losses"][:n_epochs], **FLOAT32)
    history.key("val_losses").is_close(every["val_losses"][:n_epochs], **FLOAT32)
    history.key("best_epoch").equals(best)
    answer.key("a").is_close(at_best["a"], **FLOAT32)
    answer.key("b").is_close(at_best["b"], **FLOAT32)


@pytest.mark.exercise("fit_early", "buffers go back to the best epoch too")
def test_fit_early_restores_buffers(learner):
    answer = learner.run(fit_batch_norm_early, max_epochs=4, best="first")
    answer.key("history").key("best_epoch").equals(0)
    counted = answer.key("batches counted").scalar()
    answer.check(
        counted == 3,
        f"After the best epoch, the first one, BatchNorm had seen 3 training batches: expected 3 at "
        f"the end, got {counted:g}. Put back the whole state of the model, not only its parameters. "
        "And is the model in eval mode during validation?",
    )


@pytest.mark.exercise("fit_early", "training mode in every epoch, eval mode for validation")
def test_fit_early_switches_modes(learner):
    answer = learner.run(fit_batch_norm_early, max_epochs=4, best="last")
    answer.key("history").key("best_epoch").equals(3)
    check_batches_counted(answer.key("batches counted"), 4)


@pytest.mark.exercise(
    "fit_early", "a new walk through the loader in every epoch; labels that are integers"
)
def test_fit_early_walks_anew(learner):
    check_orders(learner.run(orders_in_fit_early, n=10, batch_size=4, seed=1), 10)


@pytest.mark.exercise("fit_early", "every batch is moved to the device")
def test_fit_early_moves_batches(learner):
    check_on_meta(learner.run(devices_in_fit_early), *PARTS)
