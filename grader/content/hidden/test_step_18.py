"""Step 18, hidden: other seeds, turned patients and made-up models, so that nothing can be known in advance.

Two trainings are on many patients; three on a few show that training is reproducible.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import TensorDataset

from grader.content.capstones import (
    check_as_good_as_least_squares,
    check_odd_patients,
    check_patients,
    check_standardized,
    expected_report,
    odd_patients,
    patient_parts,
    read_patients,
)
from grader.content.shared_probes import (
    items_of,
    learn_by_hand,
    load_often,
    seed_all,
    train_often,
)
from grader.testing.probes import probe
from grader.testing.strategies import numbers, seed_pairs, seeds, sizes, tensors


def new_patients():
    """Return three parts of the patients; features and target have changed, so that only training helps."""
    order, signs = [6, 4, 9, 0, 2, 8, 5, 3, 1, 7], [-1, -1, 1, -1, 1, 1, 1, -1, -1, 1]
    return patient_parts(order, signs, state=3)


# load_data


@probe
def load_and_read(module, seed, before):
    "seed the global generators with `before`, load the data, and read the three parts"
    seed_all(before)
    return [items_of(part) for part in module.load_data(seed=seed)]


@pytest.mark.exercise("load_data", "scaled by the statistics of the training part alone", points=3)
@settings(max_examples=3)
@given(seed=seeds(), before=seeds())
def test_load_data_standardizes(learner, seed, before):
    answer = learner.run(load_and_read, seed=seed, before=before)
    check_standardized(answer, read_patients(answer)[0])


@pytest.mark.exercise(
    "load_data", "every patient once, with its target, all on one scale", points=3
)
@settings(max_examples=3)
@given(seed=seeds(), before=seeds())
def test_load_data_is_complete(learner, seed, before):
    answer = learner.run(load_and_read, seed=seed, before=before)
    check_patients(answer, read_patients(answer))


@pytest.mark.exercise("load_data", "the seed alone decides", points=2)
@settings(max_examples=2)
@given(pair=seed_pairs(), before=st.integers(0, 10**6))
def test_load_data_depends_on_its_seed(learner, pair, before):
    answer = learner.run(load_often, seeds=[*pair, pair[0]], before=before)
    first, second, again = (
        [
            sorted(part.tensor((None, 10), torch.float32).tolist())
            for part in split.parts("val", "test")
        ]
        for split in answer.parts("first", "other", "first again")
    )
    answer.check(first == again, "The same seed gave a different split the second time.")
    for name, part, part_of_other in zip(("val", "test"), first, second, strict=True):
        answer.check(
            part != part_of_other,
            f"The seeds {pair[0]} and {pair[1]} give the same {name} part.",
        )


# build_model


@probe
def predict_together_and_alone(module, x, seed):
    """build a model, and let it predict the targets of all patients together, and of each patient alone, in eval
    mode; then look for the lowest and the highest prediction of five more models"""
    seed_all(seed)
    model = module.build_model().eval()
    with torch.no_grad():
        more = torch.cat([module.build_model().eval()(torch.cat([x, -x])) for _ in range(5)])
        predictions = [model(x), torch.cat([model(row[None]) for row in x])]
    return {"predictions": predictions, "lowest": more.min(), "highest": more.max()}


@pytest.mark.exercise("build_model", "one number for each patient, of any sign", points=3)
@settings(max_examples=6)
@given(n=sizes(5, 12), first=st.integers(0, 250), seed=seeds())
def test_build_model_predictions(learner, n, first, seed):
    x = new_patients()[0][0][first : first + n]
    answer = learner.run(predict_together_and_alone, x=x, seed=seed)
    together, alone = (
        part.tensor((n, 1), torch.float32)
        for part in answer.key("predictions").parts("together", "alone")
    )
    answer.check(
        torch.allclose(together, alone, rtol=1e-3, atol=1e-4),
        "The prediction for a patient depends on the other patients of the batch.",
    )
    lowest, highest = answer.key("lowest").scalar(), answer.key("highest").scalar()
    answer.check(
        lowest < 0 or highest <= 0,
        f"The lowest of many predictions of five new models is {lowest:.4g}, so it seems that none can be "
        "negative, as half of the standardized targets are: does the model end with an activation?",
    )


@pytest.mark.exercise("build_model", "a new model that learns", points=3)
@settings(max_examples=6)
@given(n=sizes(5, 12), first=st.integers(0, 250), seed=seeds(), lr=st.sampled_from([0.003, 0.005]))
def test_build_model_learns(learner, n, first, seed, lr):
    x, y = (part[first : first + n] for part in new_patients()[0])
    answer = learner.run(learn_by_hand, loss="mse_loss", x=x, y=y, seed=seed, lr=lr)
    predictions = []
    for name in ("before", "after"):
        for part in answer.key(name).parts("the model", "another model"):
            predictions.append(part.tensor((n, 1), torch.float32).double())
    losses = [float(((v - y) ** 2).mean()) for v in predictions]
    answer.check(
        losses[2] < losses[0],
        f"Expected the mean squared error to fall in some steps of gradient descent, but it was {losses[0]:.6g} "
        f"before and {losses[2]:.6g} afterwards: do the parameters receive gradients?",
    )
    answer.check(
        torch.allclose(predictions[1], predictions[3], rtol=1e-4, atol=1e-5),
        "One model learned, and another model changed too: they share their parameters.",
    )


# train


@probe
def train_and_predict(module, train, val, x, seed):
    "train on patients whose features and targets were changed, and predict some targets in eval mode"
    model, _ = module.train(train_set=TensorDataset(*train), val_set=TensorDataset(*val), seed=seed)
    model.eval()
    with torch.no_grad():
        return model(x)


@pytest.mark.exercise(
    "train", "as good as least squares on patients that were never seen", points=4
)
def test_train_once(learner):
    parts = new_patients()
    train, val, (unseen, _) = parts
    answer = learner.run(train_and_predict, train=train, val=val, x=unseen, seed=5)
    check_as_good_as_least_squares(answer, parts)


@pytest.mark.exercise("train", "the validation part only chooses", points=2)
def test_train_does_not_learn_from_validation(learner):
    train, val, odd = odd_patients(new_patients())
    answer = learner.run(train_and_predict, train=train, val=val, x=odd, seed=6)
    check_odd_patients(answer)


@pytest.mark.exercise(
    "train", "the same seed gives the same model, whatever was drawn before", points=2
)
@settings(max_examples=1)
@given(other=sizes(1, 10**6))
def test_train_is_reproducible(learner, other):
    train, val, (unseen, _) = new_patients()
    train, val = ([t[:n] for t in part] for part, n in ((train, 40), (val, 12)))
    answer = learner.run(train_often, train=train, val=val, x=unseen[:9], seeds=[0, 0, other])
    first, second, third = (
        part.tensor((9, 1)).double()
        for part in answer.parts("seed 0", "seed 0 again", "another seed")
    )
    answer.check(
        not torch.allclose(first, third, rtol=1e-4, atol=1e-5),
        f"The seeds 0 and {other} give the same model. The seed is not used.",
    )
    answer.check(
        torch.allclose(first, second, rtol=1e-4, atol=1e-5),
        "Two trainings with the same data and the same seed give different models. The seed must "
        "fix both the first weights and the order of the batches.",
    )


# report


@probe
def report_of(module, kind, weights, bias, training, seed, later):
    """load the data with `seed` and then with other seeds, and let `report` judge a model on the first test part;
    in eval mode it predicts x @ weights + bias"""
    parts = module.load_data(seed=seed)
    others = [module.load_data(seed=other) for other in later]
    layers = {"plain": [], "Dropout": [nn.Dropout(0.5)], "BatchNorm": [nn.BatchNorm1d(10)]}
    model = nn.Sequential(*layers[kind], nn.Linear(10, 1)).train(training)
    with torch.no_grad():
        model[-1].weight.copy_(weights.reshape(1, 10))
        model[-1].bias.fill_(bias)
    report = module.report(model=model, test=parts[2])
    return {"report": report, "parts": [items_of(part) for part in parts], "others": len(others)}


models = {"weights": tensors((10,)), "bias": numbers(-1, 1)}


def check_report(answer, weights, bias):
    """Check all that `report` says against the data that `load_data` gave."""
    tables = read_patients(answer.key("parts"))
    predictions = tables[2][:, :10] @ weights.double().numpy() + bias
    for name, value in expected_report(tables, predictions).items():
        answer.key("report").key(name).is_close(value, rtol=1e-4, atol=1e-5)


@pytest.mark.exercise("report", "any line, any seed", points=5)
@settings(max_examples=5)
@given(seed=seeds(), **models)
def test_report_of_any_line(learner, seed, weights, bias):
    weights = 0.1 * weights
    answer = learner.run(
        report_of, kind="plain", weights=weights, bias=bias, training=False, seed=seed, later=[]
    )
    check_report(answer, weights, bias)


@pytest.mark.exercise("report", "any mode, and other seeds loaded since", points=3)
@settings(max_examples=4)
@given(
    kind=st.sampled_from(["Dropout", "BatchNorm"]),
    training=st.booleans(),
    pair=seed_pairs(),
    **models,
)
def test_report_in_any_mode(learner, kind, training, pair, weights, bias):
    weights = 0.1 * weights + 0.05
    answer = learner.run(
        report_of, kind=kind, weights=weights, bias=bias, training=training, seed=pair[0],
        later=pair[1:],
    )  # fmt: skip
    check_report(answer, weights, bias)
