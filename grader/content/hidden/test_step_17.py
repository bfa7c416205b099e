"""Step 17, hidden: trainings of random models, interrupted or stopped early, against formulas in float64."""

import math
import pathlib
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from grader.content.references import TRAINING, carried, check_on_meta, check_orders, expected_run
from grader.content.shared_probes import (
    epoch_loaded,
    file_saved,
    fit_early_by_script,
    loader_of,
    orders_of,
)
from grader.content.trainings import (
    PARTS,
    cases,
    check_values,
    devices_of,
    lopsided,
    model_of,
    optimizer_of,
    reference_of,
    state_of,
)
from grader.testing.probes import probe
from grader.testing.strategies import numbers, sizes


@probe
def steps_by_hand(model, optimizer, loader, n_epochs):
    "train without the learner's functions"
    model.train()
    for _ in range(n_epochs):
        for x, y in loader:
            optimizer.zero_grad()
            lopsided(model(x), y).backward()
            optimizer.step()


@probe
def devices_in_fit_early(module, n, size):
    'train with torch.device("meta"), and note on which device each batch is when it is used'
    return devices_of(
        lambda **inputs: module.fit_early(max_epochs=1, patience=1, **inputs), n, size
    )


@probe
def orders_in_fit_early(module, n, size, seed):
    """train for three epochs with a loader that shuffles, labels that are integers and a model whose bias is
    frozen, and note the order of the training points"""
    return orders_of(
        lambda **inputs: module.fit_early(max_epochs=3, patience=3, **inputs), n, size, seed
    )


orders = {"n": sizes(8, 12), "size": sizes(2, 5), "seed": st.integers(0, 10**6)}


# save_checkpoint and load_checkpoint


@probe
def resume(module, model, train, val, name, lr, epoch, before, after, change):
    """train, save, and go on training; then load into a fresh model with other numbers and an optimizer with
    another learning rate, and train that model"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "some checkpoint"
        old, loader = model_of(**model), loader_of(**train)
        optimizer = optimizer_of(old, name, lr)
        steps_by_hand(old, optimizer, loader, before)
        old.train(model["training"])
        gradients = [None if p.grad is None else p.grad.clone() for p in old.parameters()]
        module.save_checkpoint(path=path, model=old, optimizer=optimizer, epoch=epoch)
        saved, kept = path.is_file(), [p.grad for p in old.parameters()]
        touched = old.training != model["training"] or any(
            a is not b and (a is None or b is None or not torch.equal(a, b))
            for a, b in zip(gradients, kept, strict=True)
        )
        steps_by_hand(old, optimizer, loader, after)
        other = {**model, "weight": model["weight"] + change, "bias": model["bias"] - change}
        fresh = model_of(**other)
        optimizer = optimizer_of(fresh, name, lr / 2)
        # A little training of its own, so that nothing in the fresh objects is right by chance.
        steps_by_hand(fresh, optimizer, loader, 1)
        number = module.load_checkpoint(path=str(path), model=fresh, optimizer=optimizer)
        loaded = state_of(fresh)
        steps_by_hand(fresh, optimizer, loader, after)
        states = {"loaded": loaded, "old": state_of(old), "fresh": state_of(fresh)}
        return {"saved": saved, "touched": touched, "epoch": number, **states}


@probe
def save_trained(module, model, train, val, name, lr, epoch, before):
    "train a model, and save it"
    old = model_of(**model)
    optimizer = optimizer_of(old, name, lr)
    steps_by_hand(old, optimizer, loader_of(**train), before)
    return file_saved(module, old.train(model["training"]), optimizer, epoch)


@probe
def load_and_train(module, file, model, train, val, name, lr, after, change):
    """in another process: load the file into a fresh model with other numbers and an optimizer with another
    learning rate, and go on training"""
    loader = loader_of(**train)
    fresh = model_of(
        **{**model, "weight": model["weight"] + change, "bias": model["bias"] - change}
    )
    optimizer = optimizer_of(fresh, name, lr / 2)
    # A little training of its own, so that nothing in the fresh objects is right by chance.
    steps_by_hand(fresh, optimizer, loader, 1)
    epoch = epoch_loaded(module, file, fresh, optimizer)
    loaded = state_of(fresh)
    steps_by_hand(fresh, optimizer, loader, after)
    return {"epoch": epoch, "loaded": loaded, "fresh": state_of(fresh)}


def resumed(learner, case, epoch, before, after, change):
    """Return the result of a training that was interrupted and continued in another process."""
    file = carried(learner.run(save_trained, **case, epoch=epoch, before=before))
    return learner.elsewhere.run(load_and_train, file, **case, after=after, change=change)


def states_of_steps(case, *numbers):
    reference, states = reference_of(case), []
    for n_epochs in numbers:
        for _ in range(n_epochs):
            reference.epoch(case["train"], True)
        states.append(reference.state())
    return states


breaks = {"before": sizes(0, 2), "after": sizes(1, 2), "change": numbers()}


@pytest.mark.exercise("save_checkpoint", "training goes on after a break", points=3)
@settings(max_examples=8)
@given(case=cases(), epoch=st.integers(0, 10**6), **breaks)
def test_save_and_go_on(learner, case, epoch, before, after, change):
    answer = resumed(learner, case, epoch, before, after, change)
    _, at_end = states_of_steps(case, before, after)
    check_values(answer.key("fresh"), at_end)


@pytest.mark.exercise("save_checkpoint", "saving changes nothing", points=2)
@settings(max_examples=6)
@given(case=cases(), **breaks)
def test_saving_changes_nothing(learner, case, before, after, change):
    answer = learner.run(resume, **case, epoch=1, before=before, after=after, change=change)
    answer.check(
        answer.key("saved").value is True, "save_checkpoint did not write a file at `path`."
    )
    answer.check(
        answer.key("touched").value is False,
        "save_checkpoint changed the mode of the model, or its gradients.",
    )
    _, at_end = states_of_steps(case, before, after)
    check_values(answer.key("old"), at_end)


@pytest.mark.exercise("load_checkpoint", "any model, any optimizer, any epoch", points=3)
@settings(max_examples=8)
@given(case=cases(), epoch=st.integers(0, 10**6), **breaks)
def test_load_any_checkpoint(learner, case, epoch, before, after, change):
    answer = resumed(learner, case, epoch, before, after, change)
    loaded = answer.key("epoch").integer()
    answer.check(loaded == epoch, f"Expected the saved epoch, {epoch}, got {loaded}.")
    at_save, at_end = states_of_steps(case, before, after)
    check_values(answer.key("loaded"), at_save)
    check_values(answer.key("fresh"), at_end)


@probe
def save_several(module, first, second, third, epochs):
    """save a line three times: to "a.pt", to "b.pt", and to "a.pt" again; read both files with
    weights_only=True; swap the names of the two files; load them into one model: "b.pt", "a.pt", and "b.pt"
    again"""
    with tempfile.TemporaryDirectory() as folder:
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
        for name, (a, b), epoch in zip("aba", (first, second, third), epochs, strict=True):
            with torch.no_grad():
                model.bias.fill_(a)
                model.weight.fill_(b)
            model.weight.grad = torch.zeros(1, 1)
            optimizer.step()
            path = f"{folder}/{name}.pt"
            module.save_checkpoint(path=path, model=model, optimizer=optimizer, epoch=epoch)
        safe = []
        for name in "ab":
            try:
                torch.load(f"{folder}/{name}.pt", weights_only=True)
            except Exception as error:
                safe.append(type(error).__name__)
            else:
                safe.append("read")
        for old, new in ("a.pt", "c"), ("b.pt", "a.pt"), ("c", "b.pt"):
            pathlib.Path(folder, old).rename(pathlib.Path(folder, new))
        found = []
        for name in "bab":
            number = module.load_checkpoint(
                path=pathlib.Path(folder) / f"{name}.pt", model=model, optimizer=optimizer
            )
            found.append([number, model.bias.item(), model.weight.item()])
        return {"safe": safe, "found": found}


lines = st.tuples(numbers(), numbers())
three_epochs = st.lists(st.integers(0, 99), min_size=3, max_size=3, unique=True)


@pytest.mark.exercise("save_checkpoint", "files that can be read safely", points=2)
@settings(max_examples=6)
@given(first=lines, second=lines, third=lines, epochs=three_epochs)
def test_files_are_safe(learner, first, second, third, epochs):
    answer = learner.run(save_several, first=first, second=second, third=third, epochs=epochs)
    answer.key("safe").check(
        answer.key("safe").value == ["read", "read"],
        "torch.load(path, weights_only=True) cannot read both files. Save state dicts and plain numbers, "
        "under exactly the given name.",
    )


@pytest.mark.exercise("load_checkpoint", "each file restores its own numbers", points=2)
@settings(max_examples=6)
@given(first=lines, second=lines, third=lines, epochs=three_epochs)
def test_load_each_file(learner, first, second, third, epochs):
    answer = learner.run(save_several, first=first, second=second, third=third, epochs=epochs)
    # What was saved as "a.pt" last is "b.pt" when it is loaded.
    expected = [[epochs[2], *third], [epochs[1], *second], [epochs[2], *third]]
    for part, numbers_ in zip(answer.key("found").each(), expected, strict=True):
        part.is_close(numbers_, **TRAINING)


# fit_early


def clear_epochs(losses):
    """Return how many of the first losses differ clearly from all before them, so that rounding cannot matter."""
    for n, loss in enumerate(losses):
        if any(abs(loss - other) < 1e-3 * (1 + abs(loss)) for other in losses[:n]):
            return n
    return len(losses)


@probe
def fit_early_model(module, model, train, val, name, lr, max_epochs, patience):
    """train a model and stop early, with the loss mean((yhat - y) ** 2) + mean(0.25 * yhat - 0.5 * y)"""
    model = model_of(**model)
    history = module.fit_early(
        model=model, loss_fn=lopsided, optimizer=optimizer_of(model, name, lr),
        train_loader=loader_of(**train), val_loader=loader_of(**val), max_epochs=max_epochs,
        patience=patience, device="cpu",
    )  # fmt: skip
    return {"history": history, "state": state_of(model)}


def check_early(answer, case, max_epochs, patience, what):
    losses, val_losses, states = reference_of(case).fit(case["train"], case["val"], max_epochs)
    n_epochs, best = expected_run(val_losses, patience)
    history = answer.key("history")
    if "losses" in what:
        history.key("train_losses").is_close(losses[:n_epochs], **TRAINING)
        history.key("val_losses").is_close(val_losses[:n_epochs], **TRAINING)
    best_epoch = history.key("best_epoch").integer()
    answer.check(
        best_epoch == best,
        f"Expected the best epoch to be {best} (counted from 0), got {best_epoch}.",
    )
    if "state" in what:
        check_values(answer.key("state"), states[best])


def max_epochs_of(case, wanted):
    _, val_losses, _ = reference_of(case).fit(case["train"], case["val"], wanted)
    return clear_epochs(val_losses)


@pytest.mark.exercise("fit_early", "any model ends with its best numbers", points=3)
@given(case=cases(), wanted=sizes(1, 6), patience=sizes(1, 3))
def test_fit_early_ends_with_the_best(learner, case, wanted, patience):
    max_epochs = max_epochs_of(case, wanted)
    answer = learner.run(fit_early_model, **case, max_epochs=max_epochs, patience=patience)
    check_early(answer, case, max_epochs, patience, "state")


@pytest.mark.exercise("fit_early", "the losses of any model", points=2)
@given(case=cases(), wanted=sizes(1, 6), patience=sizes(1, 3))
def test_fit_early_losses(learner, case, wanted, patience):
    max_epochs = max_epochs_of(case, wanted)
    answer = learner.run(fit_early_model, **case, max_epochs=max_epochs, patience=patience)
    check_early(answer, case, max_epochs, patience, "losses")


@probe
def fit_early_on_script(module, val_losses, patience, max_epochs, sizes):
    """train a model that counts its epochs, with a loss function that gives these validation losses, epoch by
    epoch; then take one more step with the same optimizer, with the gradient -10"""
    seen = fit_early_by_script(module, val_losses, patience, max_epochs, sizes, torch.device("cpu"))
    model, optimizer = seen["model"], seen["optimizer"]
    epochs = -model.weight.detach().clone()
    model.weight.grad = torch.full((1,), -10.0)
    optimizer.step()
    return {"history": seen["history"], "epochs": epochs, "after a step": model.weight.detach()}


def losses_after(first, moves):
    """Return losses that begin with `first`; each move compares the next one with the best so far."""
    losses = [float(first)]
    for move in moves:
        best = min(loss for loss in losses if not math.isnan(loss))
        losses.append(best + move)
    return losses


# About half of the epochs have a better loss.
moves = st.lists(st.sampled_from([-1.0, 2.0]) | st.sampled_from([-1.0, -0.01, 2.0]), max_size=4)


@st.composite
def scripts(draw):
    """A patience, and losses of which some nearly use it up before a better one; then a special loss."""
    patience, special = draw(sizes(1, 4)), draw(st.sampled_from([math.nan, 0.0, math.inf]))
    wait = [*[2.0] * (patience - 1), -1.0]
    # The special loss counts as an epoch without a better loss, so that the last epoch is never reached.
    losses = losses_after(draw(st.integers(-3, 9)), [*draw(moves), *wait, special, *wait])
    # Fewer than `patience` epochs come before the first finite loss.
    losses = [
        *[math.nan, math.inf, math.nan][: draw(sizes(min(1, patience - 1), patience - 1))],
        *losses,
    ]
    # Losses may be tiny or huge: what counts is which one is smaller.
    scale = draw(st.sampled_from([1.0, 1e-4, 1e6]))
    return patience, [scale * loss for loss in losses]


@pytest.mark.exercise("fit_early", "when it stops, and which epoch is best", points=3)
@given(script=scripts(), fewer=sizes(0, 2), batches=st.lists(sizes(1, 3), min_size=1, max_size=3))
def test_fit_early_on_any_script(learner, script, fewer, batches):
    patience, losses = script
    max_epochs = max(1, len(losses) - fewer)
    n_epochs, best = expected_run(losses[:max_epochs], patience)
    answer = learner.run(
        fit_early_on_script,
        val_losses=losses,
        patience=patience,
        max_epochs=max_epochs,
        sizes=batches,
    )
    for name in ("train_losses", "val_losses"):
        part = answer.key("history").key(name)
        shape = getattr(part.value, "shape", None)
        count = len(part.each()) if shape is None else int(np.prod(shape))
        part.check(
            count == n_epochs, f"Expected {n_epochs} epochs, but {name} has {count} entries."
        )
    best_epoch = answer.key("history").key("best_epoch").integer()
    answer.check(
        best_epoch == best,
        f"Expected the best epoch to be {best} (counted from 0), got {best_epoch}.",
    )
    answer.key("epochs").is_close(torch.tensor([best + 1.0]))


@pytest.mark.exercise("fit_early", "the optimizer still moves the same model", points=2)
@given(script=scripts())
def test_fit_early_keeps_the_model(learner, script):
    patience, losses = script
    _, best = expected_run(losses, patience)
    answer = learner.run(
        fit_early_on_script, val_losses=losses, patience=patience, max_epochs=len(losses), sizes=[2]
    )
    answer.key("epochs").is_close(torch.tensor([best + 1.0]))
    answer.key("after a step").is_close(torch.tensor([9.0 - best]))


@pytest.mark.exercise("fit_early", "batches are moved to the device", points=2)
@settings(max_examples=4)
@given(n=sizes(1, 5), size=sizes(1, 3))
def test_fit_early_moves_batches(learner, n, size):
    check_on_meta(learner.run(devices_in_fit_early, n=n, size=size), *PARTS)


@pytest.mark.exercise("fit_early", "a new walk through the loader in every epoch")
@settings(max_examples=4)
@given(**orders)
def test_fit_early_walks_anew(learner, n, size, seed):
    check_orders(learner.run(orders_in_fit_early, n=n, size=size, seed=seed), n)
