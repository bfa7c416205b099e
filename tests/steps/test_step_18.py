"""Step 18: capstone: regression on real data."""

import pytest
import torch
from hypothesis import given, settings
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
from grader.content.shared_probes import items_of, seed_all
from grader.testing.probes import probe
from grader.testing.strategies import seeds, sizes


def new_patients():
    """Return three parts of the patients; features and target have changed, so that only training helps."""
    order, signs = [3, 8, 0, 6, 9, 1, 7, 2, 5, 4], [1, -1, 1, 1, -1, -1, 1, -1, 1, -1]
    return patient_parts(order, signs, state=0)


@probe
def loaded_parts(module, seed):
    "load the data and read all items of the three parts, with a DataLoader"
    return [items_of(part) for part in module.load_data(seed=seed)]


@probe
def loaded_test_parts(module, seeds):
    "load the data once for each seed, and read the features of the test part"
    parts = []
    for i, seed in enumerate(seeds):
        seed_all(i)  # what was drawn before must not matter
        _, _, test = module.load_data(seed=seed)
        parts.append(items_of(test)[0])
    return parts


@pytest.mark.exercise("load_data", "about 265, 88 and 89 items of the right kind")
def test_load_data_items(learner):
    read_patients(learner.run(loaded_parts, seed=0))


@pytest.mark.exercise("load_data", "the training part has mean 0 and deviation 1", points=2)
def test_load_data_standardizes(learner):
    for seed in (0, 1):
        answer = learner.run(loaded_parts, seed=seed)
        check_standardized(answer, read_patients(answer)[0])


@pytest.mark.exercise(
    "load_data", "every patient is in one part, and all parts are scaled alike", points=2
)
@given(seed=seeds())
@settings(max_examples=2)
def test_load_data_is_complete(learner, seed):
    answer = learner.run(loaded_parts, seed=seed)
    check_patients(answer, read_patients(answer))


@pytest.mark.exercise("load_data", "the same seed gives the same split, another seed another one")
def test_load_data_uses_its_seed(learner):
    answer = learner.run(loaded_test_parts, seeds=[0, 0, 1])
    first, again, other = (
        sorted(part.tensor((None, 10), torch.float32).tolist())
        for part in answer.parts("seed 0", "seed 0 again", "seed 1")
    )
    answer.check(first == again, "Two splits with the seed 0 differ. Does the split use its seed?")
    answer.check(first != other, "The seeds 0 and 1 give the same split. The seed is not used.")


@probe
def predictions_of_new_model(module, x):
    "build a model and let it predict the targets of some patients"
    return module.build_model().eval()(x)


@probe
def lowest_and_highest(module, x):
    "build five models, and look for the lowest and the highest of all their predictions"
    predictions = torch.cat([module.build_model().eval()(x) for _ in range(5)])
    return [predictions.min(), predictions.max()]


@probe
def gradients_of_new_model(module, x, y):
    "build a model, compute its mean squared error, and look at the gradients"
    model = module.build_model()
    nn.functional.mse_loss(model(x), y).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return {
        "parameters": len(grads),
        "largest gradient": max((g.abs().max() for g in grads), default=0.0),
    }


@probe
def predictions_of_second_model(module, x):
    "build two models, and look at what the second one predicts before and after the first one changes"
    first, second = module.build_model(), module.build_model().eval()
    before = second(x)
    for p in first.parameters():
        p.data += 1.0
    return [before, second(x)]


@pytest.mark.exercise("build_model", "one number for each patient")
@given(n=sizes())
def test_build_model_shape(learner, n):
    x = new_patients()[0][0][:n]
    learner.run(predictions_of_new_model, x=x).tensor((n, 1), torch.float32)


@pytest.mark.exercise("build_model", "negative numbers, too")
def test_build_model_gives_negative_numbers(learner):
    answer = learner.run(lowest_and_highest, x=new_patients()[0][0][:50])
    lowest, highest = (part.scalar() for part in answer.parts("lowest", "highest"))
    answer.check(
        lowest < 0 or highest <= 0,
        f"Of 250 predictions of new models, none is negative; the lowest is {lowest:.4g}. Half of the "
        "standardized targets are negative: does the model end with an activation?",
    )


@pytest.mark.exercise("build_model", "it can be trained")
def test_build_model_can_be_trained(learner):
    x, y = (t[:20] for t in new_patients()[0])
    answer = learner.run(gradients_of_new_model, x=x, y=y)
    answer.check(
        answer.key("parameters").integer() > 0 and answer.key("largest gradient").scalar() > 0,
        "No parameter of the model receives a gradient, so it cannot learn.",
    )


@pytest.mark.exercise("build_model", "each call gives a new model")
def test_build_model_gives_new_models(learner):
    answer = learner.run(predictions_of_second_model, x=new_patients()[0][0][:5])
    before, after = (part.tensor((5, 1)).double() for part in answer.parts("before", "after"))
    answer.check(
        torch.allclose(before, after),
        "The second model changed together with the first one: both share their parameters. Make "
        "new layers in each call.",
    )


@probe
def predictions_for_unseen(module, train, val, x, seed):
    "train on patients whose features and targets were changed, and predict the targets of others"
    model, _ = module.train(train_set=TensorDataset(*train), val_set=TensorDataset(*val), seed=seed)
    model.eval()
    with torch.no_grad():
        return model(x)


@probe
def predictions_of_trained(module, train, val, seeds):
    """train a model on a few patients, lists of pairs, once for each seed; look at its predictions and at the
    patients"""
    parts = [list(zip(*part, strict=True)) for part in (train, val)]
    x, predictions = val[0].clone(), []
    for i, seed in enumerate(seeds):
        seed_all(i)  # what was drawn before must not matter
        model, _ = module.train(train_set=parts[0], val_set=parts[1], seed=seed)
        model.eval()
        with torch.no_grad():
            predictions.append(model(x))
    return {"predictions": predictions, "train": train, "val": val}


@pytest.mark.exercise("train", "as good as least squares on unseen patients", points=3)
def test_train_is_as_good_as_least_squares(learner):
    parts = new_patients()
    train, val, (unseen, _) = parts
    answer = learner.run(predictions_for_unseen, train=train, val=val, x=unseen, seed=0)
    check_as_good_as_least_squares(answer, parts)


@pytest.mark.exercise("train", "nothing is learned from the validation part")
def test_train_does_not_learn_from_validation(learner):
    train, val, odd = odd_patients(new_patients())
    answer = learner.run(predictions_for_unseen, train=train, val=val, x=odd, seed=1)
    check_odd_patients(answer)


@pytest.mark.exercise("train", "the same seed gives the same model", points=2)
def test_train_is_reproducible(learner):
    train, val, _ = new_patients()
    train, val = ([t[:n] for t in part] for part, n in ((train, 40), (val, 12)))
    answer = learner.run(predictions_of_trained, train=train, val=val, seeds=[0, 0, 3])
    first, second, other = (
        part.tensor((12, 1)).double()
        for part in answer.key("predictions").parts("seed 0", "seed 0 again", "seed 3")
    )
    answer.check(
        torch.allclose(first, second, rtol=1e-4, atol=1e-5),
        "Two trainings with the same data and the same seed give different models. The seed must "
        "fix both the first weights and the order of the batches.",
    )
    answer.check(
        not torch.allclose(first, other, rtol=1e-4, atol=1e-5),
        "The seeds 0 and 3 give the same model. The seed is not used.",
    )
    for name, part in (("train", train), ("val", val)):
        got = answer.key(name)
        got.check(
            all(
                torch.equal(t.tensor(tuple(before.shape)), before)
                for t, before in zip(got.parts("features", "targets"), part, strict=True)
            ),
            f"The training changed the {name} part. Compute new tensors, and do not change these.",
        )


@probe
def line(weights, bias, *layers):
    # A model that predicts x @ weights + bias in eval mode; the layers come before.
    model = nn.Sequential(*layers, nn.Linear(10, 1))
    with torch.no_grad():
        model[-1].weight.copy_(weights.reshape(1, 10))
        model[-1].bias.fill_(bias)
    return model


@probe
def report_of_line(module, seed, weights, bias):
    "load the data, and let `report` judge a model whose predictions are x @ weights + bias"
    parts = module.load_data(seed=seed)
    report = module.report(model=line(weights, bias), test=parts[2])
    return {"report": report, "parts": [items_of(part) for part in parts]}


@probe
def report_of_an_earlier_seed(module, seed, weights, bias, later):
    "load the data, then the data of other seeds, and let `report` judge a model on the first test part"
    parts = module.load_data(seed=seed)
    others = [module.load_data(seed=other) for other in later]
    report = module.report(model=line(weights, bias), test=parts[2])
    return {"report": report, "parts": [items_of(part) for part in parts], "others": len(others)}


@probe
def report_with_dropout(module, seed, weights, bias):
    "load the data, and let `report` judge a model in training mode that has Dropout"
    parts = module.load_data(seed=seed)
    model = line(weights, bias, nn.Dropout(0.5)).train()
    report = module.report(model=model, test=parts[2])
    return {"report": report, "parts": [items_of(part) for part in parts]}


WEIGHTS = torch.tensor([0.0, -0.2, 0.3, 0.2, -0.4, 0.25, 0.0, 0.1, 0.4, 0.0])


def said_and_expected(answer, weights, bias):
    """Return the learner's report, and what it should say."""
    tables = read_patients(answer.key("parts"))
    predictions = tables[2][:, :10] @ weights.double().numpy() + bias
    return answer.key("report"), expected_report(tables, predictions)


@pytest.mark.exercise("report", "R2 on the test part")
def test_report_r2(learner):
    for seed in (0, 1):
        answer = learner.run(report_of_line, seed=seed, weights=WEIGHTS, bias=0.5)
        said, expected = said_and_expected(answer, WEIGHTS, 0.5)
        said.key("r2").is_close(expected["r2"], rtol=1e-4, atol=1e-5)


@pytest.mark.exercise("report", "the error in the units of the target")
def test_report_rmse(learner):
    answer = learner.run(report_of_line, seed=2, weights=WEIGHTS, bias=0.25)
    said, expected = said_and_expected(answer, WEIGHTS, 0.25)
    rmse = said.key("rmse").scalar()
    said.check(
        rmse > 10,
        f"The root of the mean squared error is {rmse:.4g}. In the units of scikit-learn's targets, which go "
        f"from 25 to 346, it is {expected['rmse']:.4g}.",
    )
    said.key("rmse").is_close(expected["rmse"], rtol=1e-4)


@pytest.mark.exercise("report", "least squares on the same parts")
def test_report_baseline(learner):
    for seed in (3, 4):
        answer = learner.run(report_of_line, seed=seed, weights=WEIGHTS, bias=0.0)
        said, expected = said_and_expected(answer, WEIGHTS, 0.0)
        said.key("baseline_r2").is_close(expected["baseline_r2"], rtol=1e-4, atol=1e-5)


@pytest.mark.exercise("report", "a test part that was loaded before others")
def test_report_of_an_earlier_seed(learner):
    answer = learner.run(report_of_an_earlier_seed, seed=5, weights=WEIGHTS, bias=0.0, later=[6, 7])
    said, expected = said_and_expected(answer, WEIGHTS, 0.0)
    for name, value in expected.items():
        said.key(name).is_close(value, rtol=1e-4, atol=1e-5)


@pytest.mark.exercise("report", "Dropout is switched off")
def test_report_switches_dropout_off(learner):
    answer = learner.run(report_with_dropout, seed=8, weights=WEIGHTS, bias=0.0)
    said, expected = said_and_expected(answer, WEIGHTS, 0.0)
    r2 = said.key("r2").scalar()
    said.check(
        abs(r2 - expected["r2"]) < 1e-4,
        f"Expected R2 = {expected['r2']:.5g}, got {r2:.5g}. Was Dropout active? Eval mode switches it off.",
    )
