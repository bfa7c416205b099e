"""Step 18: capstone: regression on real data.

scikit-learn comes with the data of 442 diabetes patients: ten numbers about each one, such as
age, blood pressure and body mass index, and how far the disease went on in a year, a number
from 25 to 346. Predict the last number from the ten others, and beat the simplest model that
there is: least squares.

Numbers to expect: 265, 88 and 89 patients. Least squares explains about half of what differs
between unseen patients: R² is 0.35 to 0.6, as the split falls, and the error about 55.
A network is a little better or worse. Without a choice by the validation part it learns the
training patients by heart, and its R² falls to 0.2.
"""

import copy

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset


def load_data(seed: int) -> tuple[Dataset, Dataset, Dataset]:
    """Return the diabetes data of scikit-learn as three datasets, standardized.

    An item is a pair of tensors: the ten features of a patient, float32 of shape (10,), and the
    target, float32 of shape (1,). Every one of the 442 patients is in exactly one part. The split is
    random: the same seed gives the same split, another seed another one.

    Each of the ten features is standardized: subtract its mean and divide by its standard
    deviation. So is the target. Mean and standard deviation are those of the training part
    alone, and all three parts are scaled with these same numbers, as new patients would be.

    A dataset is an object, and you may give it attributes of your own. `report` will get the
    test part only, so this is the place to remember whatever else it needs.

    Args:
        seed: seed of the split, from 0 to 2**32 - 1.

    Returns:
        Three datasets `(train, val, test)` with 60, 20 and 20 % of all patients: about 265, 88
        and 89.

    Example:
        >>> train, val, test = load_data(seed=0)
        >>> len(train) + len(val) + len(test)
        442
        >>> features, target = train[0]
        >>> features.shape, features.dtype, target.shape, target.dtype
        (torch.Size([10]), torch.float32, torch.Size([1]), torch.float32)
    """
    # TODO: Return the diabetes data of scikit-learn as three datasets, standardized.
    raise NotImplementedError("`load_data` is not written yet.")


def build_model() -> nn.Module:
    """Return a new model, not yet trained, that predicts the target from ten features.

    The model takes a float32 tensor of shape (n, 10) and gives one number for each patient: a
    float32 tensor of shape (n, 1). A standardized target is negative as often as positive, so any
    number is possible. The model has parameters that can be trained.

    Returns:
        The model.

    Example:
        >>> model = build_model()
        >>> model(torch.randn(5, 10)).shape
        torch.Size([5, 1])
    """
    # TODO: Return a new model, not yet trained, that predicts the target from ten features.
    raise NotImplementedError("`build_model` is not written yet.")


def train(train_set: Dataset, val_set: Dataset, seed: int) -> tuple[nn.Module, dict]:
    """Train a new model on the training part, and choose by the validation part.

    On patients that it has never seen, the model is at least as good as least squares on the training
    part, but for what chance does with so few patients. The training should take less than
    10 seconds on one CPU core; all trainings of the tests together have 60 seconds. Two calls with
    the same data and the same seed give models with the same predictions, whatever random numbers
    were drawn before; another seed gives another model.

    The model does not learn from the validation part, which is only there to choose: the best
    epoch, for example. The test part is no argument, and it is not used in any way. Both parts
    stay as they are. They may hold other standardized data of the same shapes than that of `load_data`.

    Args:
        train_set: dataset of pairs (features, target), as `load_data` describes them: an object with
            `len(dataset)` and `dataset[i]`.
        val_set: dataset of the same kind.
        seed: seed of everything that is random in the training.

    Returns:
        A pair `(model, history)`: the trained model, and what you noted during the training,
        for example a dict of losses. The content of `history` is up to you.

    Example:
        >>> train_set, val_set, _ = load_data(seed=0)
        >>> model, history = train(train_set, val_set, seed=0)
        >>> model(torch.randn(5, 10)).shape
        torch.Size([5, 1])
    """
    # TODO: Train a new model on the training part, and choose by the validation part.
    raise NotImplementedError("`train` is not written yet.")


def report(model: nn.Module, test: Dataset) -> dict:
    """Return how well a model predicts the test part, and how well least squares does.

    R² is that of scikit-learn: 1 minus the sum of the squared errors divided by the sum of the squared
    differences between the targets and their own mean, the mean of the test part.

    Args:
        model: a model that predicts standardized targets, (n, 10) to (n, 1), in any mode; used in
            eval mode. In which mode it is afterwards is left open.
        test: the third dataset that `load_data` returned, the object itself. Other seeds may have
            been loaded since then.

    Returns:
        A dict with three scalars:
        "r2": R² of the model on all patients of the test part.
        "rmse": the root of the mean squared error, in the units of the target in scikit-learn's data,
            where it goes from 25 to 346.
        "baseline_r2": R² on the test part of scikit-learn's `LinearRegression`, fitted on the
            training part that belongs to it, and on nothing else.

    Example:
        >>> train_set, val_set, test = load_data(seed=0)
        >>> result = report(nn.Linear(10, 1), test)
        >>> sorted(result)
        ['baseline_r2', 'r2', 'rmse']
        >>> 0.2 < result["baseline_r2"] < 0.7
        True
    """
    # TODO: Return how well a model predicts the test part, and how well least squares does.
    raise NotImplementedError("`report` is not written yet.")
