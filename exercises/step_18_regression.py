"""Step 18: capstone: regression on real data.

Time: 90 minutes. Difficulty: 4 of 5. You need: all the steps before, mostly 10 and 14 to 17.

## Why

Until now we made the data ourselves, and we knew the right answer. Here it is real: 442
patients with diabetes, ten measurements of each (age, sex, body mass index, blood pressure
and six blood values), and how far the disease had progressed a year later. Nobody knows the
true formula. You have to find out how well one can predict at all.

## The data

It comes with scikit-learn, so nothing is downloaded.

Try it:

    >>> from sklearn.datasets import load_diabetes
    >>> x, y = load_diabetes(return_X_y=True)
    >>> x.shape, y.shape, x.dtype
    ((442, 10), (442,), dtype('float64'))
    >>> print(f"{y.min():.0f} {y.max():.0f} {y.mean():.1f} {y.std():.1f}")
    25 346 152.1 77.0

The targets go from 25 to 346. A model that starts with outputs around 0 would spend most of
its time on the way to 152. So the target is standardized like the features, with the
statistics of the training part.

Three parts, each with its job:

    training      60 %    265 patients    the model learns from them
    validation    20 %     88 patients    you choose by them: layers, learning rate, when to stop
    test          20 %     89 patients    the last word, once

One patient more or less does not matter. What matters is that no patient is in two parts,
and that neither the means nor your choices know the test part.

## How good is good?

A loss of standardized numbers tells a doctor nothing. So the report gives these numbers:

    r2             the share of the variation that the model explains (step 15)
    rmse           root mean squared error, in the unit of the target
    baseline_r2    the r2 of the simplest sensible model, for comparison

To come back from standardized numbers to the unit of the target, undo what you did: an
error of 0.7 with a standard deviation of 77 is an error of 53.9.

    >>> print(f"{0.7 * 77:.1f}")
    53.9

And compare with something simple. Least squares on the same training part is the
*baseline*. Your `train` should be about as good as that; much better is hardly possible. In
real work, if a network is no better than the baseline, say so and take the baseline: that
is a result, too. On this data set a network does about as well as a straight line, because
265 patients are not many. A network with many hidden units memorizes them, and the
validation loss tells you. Here is one with 24 units, trained with Adam
(`torch.optim.Adam`), an optimizer that gives each parameter a step of its own size. The
features and targets are scaled by hand: scikit-learn's features have a standard deviation
of 1/21. (Go on in the same Python: the lines use `x` and `y` from above.) (The features
come with means of 0 already, taken over *all* patients. So scale them again by your
training part.)

    >>> import torch
    >>> from torch import nn
    >>> x, y = torch.tensor(21 * x).float(), torch.tensor((y - 152) / 77).float().reshape(-1, 1)
    >>> g = torch.manual_seed(1)
    >>> model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))
    >>> optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    >>> for epoch in range(301):
    ...     error = (model(x) - y) ** 2
    ...     if epoch in (0, 10, 50, 300):
    ...         print(epoch, f"{error[:265].mean().item():.1f} {error[265:353].mean().item():.1f}")
    ...     optimizer.zero_grad()
    ...     error[:265].mean().backward()
    ...     optimizer.step()
    0 1.2 1.0
    10 0.6 0.5
    50 0.4 0.5
    300 0.2 0.9

The left column, the training loss, falls and falls. The right one, the validation loss, is
lowest around epoch 10 and rises from there: that is the moment to stop.

## Before you begin

Build it in small pieces. First the three parts, and look at their sizes, means and dtypes.
Then a model of one linear layer: it should reach the baseline. Then make it larger, and see
whether the validation part agrees.

When all your functions are written, the report must beat the mean, whose rmse is about 77:

    >>> from step_18_regression import load_data, report, train
    >>> train_set, val_set, test_set = load_data(seed=0)
    >>> model, history = train(train_set, val_set, seed=0)
    >>> result = report(model, test_set)
    >>> print(40 < result["rmse"] < 65, 0.3 < result["r2"] < 0.7)
    True True

## Recap

Real data has its limits: it is noisy, and there is never enough of it. You can stand behind
what you reported: parts that never met (step 14), an honest measure (step 15), and a
baseline beside your own number. Step 19 is about classes instead of numbers.

In scikit-learn's documentation: "Diabetes dataset", "Linear Models"; in PyTorch's:
"torch.utils.data", "torch.optim".
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

    On patients that it has never seen, the model is at least as good as least squares on the
    training part, but for what chance does with so few patients. The training should take less
    than 10 seconds on one CPU core; all trainings of the tests together have 60 seconds. Two
    calls with the same data and the same seed give models with the same predictions, whatever
    random numbers were drawn before; another seed gives another model. To seed PyTorch's global
    generator is fine here, because a layer takes no generator of its own.

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
        model: a model that predicts standardized targets, (n, 10) to (n, 1), in any mode; used
            in eval mode. In which mode it is afterwards is up to you.
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
