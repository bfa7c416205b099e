"""Step 16, hidden: whole trainings of random models, against the formulas of SGD and Adam in float64."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.references import TRAINING, check_on_meta, check_orders
from grader.content.shared_probes import loader_of, orders_of
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
from grader.testing.strategies import sizes

# fit


@probe
def fit_model(module, model, train, val, name, lr, epochs):
    """fit a model, with the loss mean((yhat - y) ** 2) + mean(0.25 * yhat - 0.5 * y); call `fit` again with the
    same objects, if `epochs` has two numbers"""
    model = model_of(**model)
    optimizer = optimizer_of(model, name, lr)
    seen = []
    for n_epochs in epochs:
        history = module.fit(
            model=model, loss_fn=lopsided, optimizer=optimizer, train_loader=loader_of(**train),
            val_loader=loader_of(**val), n_epochs=n_epochs, device="cpu",
        )  # fmt: skip
        seen.append({"history": history, "state": state_of(model)})
    return seen


@pytest.mark.exercise("fit", "the final numbers of any model", points=3)
@given(case=cases(), n_epochs=sizes(1, 3))
def test_fit_where_it_ends(learner, case, n_epochs):
    answer = learner.run(fit_model, **case, epochs=[n_epochs])
    _, _, states = reference_of(case).fit(case["train"], case["val"], n_epochs)
    check_values(answer.each()[0].key("state"), states[-1])


@pytest.mark.exercise("fit", "the training losses of any model", points=2)
@given(case=cases(), n_epochs=sizes(1, 3))
def test_fit_train_losses(learner, case, n_epochs):
    answer = learner.run(fit_model, **case, epochs=[n_epochs])
    losses, _, _ = reference_of(case).fit(case["train"], case["val"], n_epochs)
    answer.each()[0].key("history").key("train_losses").is_close(losses, **TRAINING)


@pytest.mark.exercise("fit", "the validation losses of any model", points=2)
@given(case=cases(), n_epochs=sizes(1, 3))
def test_fit_val_losses(learner, case, n_epochs):
    answer = learner.run(fit_model, **case, epochs=[n_epochs])
    _, losses, _ = reference_of(case).fit(case["train"], case["val"], n_epochs)
    answer.each()[0].key("history").key("val_losses").is_close(losses, **TRAINING)


@pytest.mark.exercise("fit", "a second training goes on where the first one ended", points=3)
@settings(max_examples=8)
@given(case=cases(), epochs=st.tuples(sizes(1, 2), sizes(1, 3)))
def test_fit_goes_on(learner, case, epochs):
    answer = learner.run(fit_model, **case, epochs=epochs)
    reference = reference_of(case)
    for part, n_epochs in zip(answer.parts("first", "second"), epochs, strict=True):
        losses, val_losses, states = reference.fit(case["train"], case["val"], n_epochs)
        part.key("history").key("train_losses").is_close(losses, **TRAINING)
        part.key("history").key("val_losses").is_close(val_losses, **TRAINING)
        check_values(part.key("state"), states[-1])


@probe
def devices_in_fit(module, n, size):
    'fit with torch.device("meta"), and note on which device each batch is when it is used'
    return devices_of(lambda **inputs: module.fit(n_epochs=1, **inputs), n, size)


@pytest.mark.exercise("fit", "batches are moved to the device", points=2)
@settings(max_examples=4)
@given(n=sizes(1, 5), size=sizes(1, 3))
def test_fit_moves_batches(learner, n, size):
    check_on_meta(learner.run(devices_in_fit, n=n, size=size), *PARTS)


@probe
def orders_in_fit(module, n, size, seed):
    """fit for three epochs with a loader that shuffles, labels that are integers and a model whose bias is frozen,
    and note the order of the training points"""
    return orders_of(lambda **inputs: module.fit(n_epochs=3, **inputs), n, size, seed)


orders = {"n": sizes(8, 12), "size": sizes(2, 5), "seed": st.integers(0, 10**6)}


@pytest.mark.exercise("fit", "a new walk through the loader in every epoch")
@settings(max_examples=4)
@given(**orders)
def test_fit_walks_anew(learner, n, size, seed):
    check_orders(learner.run(orders_in_fit, n=n, size=size, seed=seed), n)
