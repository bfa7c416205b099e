"""References and checks of the two capstones: the patients of step 18 and the digits of step 19.

As in `references.py`: a reference computes what a test expects, a check raises `Mismatch` if an answer is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grader.testing.answers import Answer

# Step 18: patients

# In the training, the validation and the test part: 60, 20 and 20 % of 442.
_PATIENT_COUNTS = (265, 88, 89)
# Two patients are at least 0.48 apart, in standard deviations. In float32 a number is off by 1e-6.
_SAME_PATIENT = 0.1
# Two models that are equally good differ by up to 0.08 in R2 on 89 unseen patients, as the split falls. On the
# splits of the tests, six right trainings with two seeds each (lines and networks of 32 or 64 units, SGD and Adam,
# with and without dropout) were between 0.04 below least squares and 0.05 above it. A network of 32 units that
# learns for 100 epochs and ignores the validation part was 0.18 to 0.29 below.
_R2_MARGIN = 0.1


def _patients() -> Any:
    """Return features and target of scikit-learn's patients, an array of shape (442, 11)."""
    from sklearn.datasets import load_diabetes

    return np.column_stack(load_diabetes(return_X_y=True))


def patient_parts(order: list[int], signs: list[int], state: int) -> list[tuple[Any, Any]]:
    """Return the patients in three parts, 265, 88 and 89, standardized by the first, as another learning problem.

    The target is turned upside down, too, so that nothing that was learned from the original data helps.

    Args:
        order: a permutation of the ten features.
        signs: for each feature, in its new place, 1 or -1.
        state: the seed of the split.

    Returns:
        For each part the features, float32 of shape (n, 10), and the targets, float32 of shape (n, 1).
    """
    import torch

    table = _patients()
    table = np.column_stack([table[:, order] * signs, -table[:, 10]])
    rows = np.random.RandomState(state).permutation(len(table))
    first = table[rows[: _PATIENT_COUNTS[0]]]
    table = torch.tensor((table - first.mean(axis=0)) / first.std(axis=0)).float()
    parts = np.split(rows, np.cumsum(_PATIENT_COUNTS)[:2])
    return [(table[part, :10], table[part, 10:]) for part in parts]


def read_patients(answer: Answer) -> list[Any]:
    """Return the tables of the three parts, arrays of shape (n, 11), after a check of shapes, dtypes and sizes.

    Args:
        answer: for each part a pair of tensors, the features (n, 10) and the targets (n, 1).
    """
    import torch

    tables = []
    for part in answer.parts("train", "val", "test"):
        x, y = part.parts("features", "targets")
        features = x.tensor((None, 10), torch.float32)
        targets = y.tensor((len(features), 1), torch.float32)
        tables.append(np.column_stack([features.double().numpy(), targets.double().numpy()]))
    counts = [len(table) for table in tables]
    n = sum(_PATIENT_COUNTS)
    answer.check(
        all(abs(k - share) <= n / 100 for k, share in zip(counts, _PATIENT_COUNTS, strict=True)),
        f"Expected 60, 20 and 20 % of {n} patients, about {', '.join(map(str, _PATIENT_COUNTS))}, got "
        f"{', '.join(map(str, counts))}.",
    )
    return tables


def check_standardized(answer: Answer, train: Any) -> None:
    """Check that each column of the training part, a table of shape (n, 11), has mean 0 and standard deviation 1.

    Dividing by n - 1 in the standard deviation is as right as dividing by n.
    """
    for column, (mean, std) in enumerate(zip(train.mean(axis=0), train.std(axis=0), strict=True)):
        name = f"feature {column}" if column < 10 else "the target"
        # The statistics of all patients put the means of 11 columns off by 0.04, as chance has it.
        answer.check(
            abs(mean) < 0.003 and abs(std - 1) < 0.005,
            f"In the training part, expected mean 0 and standard deviation 1 of {name}, got {mean:.3f} and "
            f"{std:.3f}. All three parts are scaled by the statistics of the training part.",
        )


def _distances(a: Any, b: Any) -> Any:
    """Return the distance of each row of a table from each row of another one, an array of shape (n, m)."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0))


def check_patients(answer: Answer, tables: list[Any]) -> None:
    """Check that three parts hold each patient once, with the right target and all scaled with the same numbers.

    Args:
        answer: the answer that the messages are about.
        tables: the tables of the parts, of shape (n, 11).
    """
    names = ("train", "val", "test")
    for i, j in ((0, 1), (0, 2), (1, 2)):
        apart = _distances(tables[i], tables[j])
        both = int((apart.min(axis=1) < _SAME_PATIENT).sum())
        answer.check(
            both == 0,
            f"Expected no patients that are in both {names[i]} and {names[j]}, got {both}.",
        )
    for name, table in zip(names[1:], tables[1:], strict=True):
        by_its_own = (
            abs(table.mean(axis=0)).max() < 0.003 and abs(table.std(axis=0) - 1).max() < 0.02
        )
        answer.check(
            not by_its_own,
            f"The {name} part was scaled by its own mean and standard deviation. Use those of the training part.",
        )
    # Together, all parts are scikit-learn's table after one shift and one factor for each column, which
    # standardizing the whole table takes back.
    whole, expected = (_standardized(table) for table in (np.concatenate(tables), _patients()))
    apart = _distances(whole[:, :10], expected[:, :10])
    patients = apart.argmin(axis=1)
    answer.check(
        bool((apart.min(axis=1) < _SAME_PATIENT).all())
        and len({*patients}) == len(expected) == len(whole),
        "Together, the three parts do not hold the 442 patients, each one once, and all of them scaled with the "
        "same numbers: a mean and a standard deviation for each feature.",
    )
    wrong = int((abs(whole[:, 10] - expected[patients, 10]) > _SAME_PATIENT).sum())
    answer.check(
        wrong == 0,
        f"{wrong} patients do not have their own target, on the same scale as all others.",
    )


def _standardized(table: Any) -> Any:
    std = table.std(axis=0)
    return (table - table.mean(axis=0)) / np.where(std > 0, std, 1.0)


def r2_of(targets: Any, predictions: Any) -> float:
    """Return R² of predictions, both arrays of shape (n,)."""
    errors = ((targets - predictions) ** 2).sum()
    return float(1 - errors / ((targets - targets.mean()) ** 2).sum())


def least_squares_r2(train: Any, test: Any) -> float:
    """Return R² on one table, of shape (n, 11), of the least-squares fit to another one."""
    tables = [np.column_stack([np.ones(len(table)), table[:, :10]]) for table in (train, test)]
    weights = np.linalg.lstsq(tables[0], train[:, 10], rcond=None)[0]
    return r2_of(test[:, 10], tables[1] @ weights)


def expected_report(tables: list[Any], predictions: Any) -> dict[str, float]:
    """Return what `report` should say of a model.

    Args:
        tables: the tables of the three parts, of shape (n, 11), as the learner's `load_data` made them.
        predictions: what the model predicts for the test part, standardized, of shape (n,).
    """
    train, _, test = tables
    # The number by which the targets were divided, whatever it is.
    scale = _patients()[:, 10].std() / np.concatenate(tables)[:, 10].std()
    error = np.sqrt(((predictions - test[:, 10]) ** 2).mean())
    return {
        "r2": r2_of(test[:, 10], predictions),
        "rmse": float(scale * error),
        "baseline_r2": least_squares_r2(train, test),
    }


def check_as_good_as_least_squares(answer: Answer, parts: list[tuple[Any, Any]]) -> None:
    """Check predictions for unseen patients, a tensor of shape (n, 1), against those of least squares.

    Args:
        answer: the predictions.
        parts: what `patient_parts` returned.
    """
    import torch

    train, _, unseen = (torch.cat(part, dim=1).double().numpy() for part in parts)
    predicted = answer.tensor((len(unseen), 1), torch.float32).double().numpy()
    r2, least = r2_of(unseen[:, 10], predicted[:, 0]), least_squares_r2(train, unseen)
    answer.check(
        r2 >= least - _R2_MARGIN,
        f"On {len(unseen)} unseen patients, the R2 of the model is {r2:.2f}, and that of least squares is "
        f"{least:.2f}; this test accepts {_R2_MARGIN:g} less. Print the loss on both parts after every epoch. "
        "Where is that of the validation part lowest?",
    )


def odd_patients(parts: list[tuple[Any, Any]]) -> tuple[Any, Any, Any]:
    """Return a small training part, a validation part with odd patients in it, and the features of these.

    The two odd patients are opposite to each other and lie far outside, where every feature says the same about
    the target; their targets have the wrong sign. The validation part has each of them ten times.

    Args:
        parts: what `patient_parts` returned.

    Returns:
        The training part, the validation part, and the features of the odd patients, float32 of shape (2, 10):
        first the one that should have a high target and has a low one.
    """
    import torch

    (x, y), (x_val, y_val), _ = parts
    x, y, x_val, y_val = x[:120], y[:120], x_val[:40], y_val[:40]
    high = 3 * (x * y).mean(dim=0).sign()
    odd, wrong = torch.stack([high, -high]), torch.tensor([[-6.0], [6.0]])
    val = torch.cat([x_val, odd.repeat(10, 1)]), torch.cat([y_val, wrong.repeat(10, 1)])
    return (x, y), val, odd


def check_odd_patients(answer: Answer) -> None:
    """Check that a model has not learned the wrong targets of the two odd patients, a tensor of shape (2, 1)."""
    import torch

    first, second = answer.tensor((2, 1), torch.float32).flatten().tolist()
    answer.check(
        first > -2 or second < 2,
        "Two odd patients with made-up targets, -6 and 6, are only in the validation part, but the model predicts "
        f"{first:.2g} and {second:.2g} for them: it was trained on the validation part.",
    )


# Step 19: digits


def digit_parts(
    change: Callable[[Any], Any], names: Any, n_train: int, n_val: int, n_unseen: int, state: int
) -> list[tuple[Any, Any]]:
    """Return three stratified parts of scikit-learn's digits, with changed images and new labels.

    Args:
        change: maps all images, float32 from 0 to 1 of shape (1797, 8, 8), to images of that shape.
        names: the new labels of the digits 0 to 9, int64 of shape (10,).
        n_train: the size of the first part.
        n_val: the size of the second part.
        n_unseen: the size of the third part.
        state: the seed of the split.

    Returns:
        For each part the images, float32 of shape (n, 64), and their labels, int64 of shape (n,).
    """
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, digits = load_digits(return_X_y=True)
    images = change(torch.tensor(pixels / 16).float().reshape(-1, 8, 8)).reshape(-1, 64)
    labels = names[torch.tensor(digits)]
    known, unseen = train_test_split(
        np.arange(len(digits)), test_size=n_unseen, stratify=digits, random_state=state
    )
    train, val = train_test_split(
        known, train_size=n_train, test_size=n_val, stratify=digits[known], random_state=state
    )
    return [(images[part], labels[part]) for part in (train, val, unseen)]


# The digits in the training, the validation and the test part: 70, 10 and 20 % of 1797.
_DIGIT_COUNTS = (1257, 180, 360)


def check_digit_counts(answer: Answer, counts: list[int]) -> None:
    """Check how many digits are in the training, the validation and the test part, within 1 % of all digits."""
    n = sum(_DIGIT_COUNTS)
    answer.check(
        all(abs(k - share) <= n / 100 for k, share in zip(counts, _DIGIT_COUNTS, strict=True)),
        f"Expected 70, 10 and 20 % of {n} images, about {', '.join(map(str, _DIGIT_COUNTS))}, got "
        f"{', '.join(map(str, counts))}.",
    )


def check_stratified(answer: Answer, name: str, labels: Any) -> None:
    """Check that each digit has its share in a part.

    Args:
        answer: the answer that the message is about.
        name: the name of the part.
        labels: the labels of the part, int64 array of shape (n,).
    """
    from sklearn.datasets import load_digits

    _, digits = load_digits(return_X_y=True)
    expected = np.bincount(digits) * len(labels) / len(digits)
    counts = np.bincount(labels.clip(0, 9), minlength=10)
    # Each of two splits rounds once. Without stratification the counts are 4 to 6 off, by chance.
    answer.check(
        bool((abs(counts - expected) <= 2).all()),
        f"The {name} part has {len(labels)} images. Expected about {expected.round().astype(int).tolist()} of "
        f"the digits 0 to 9, got {counts.tolist()}: the split is not stratified.",
    )


def check_table(answer: Answer, got: Any, expected: Any) -> None:
    """Check a table of true digits (rows) and predicted digits (columns).

    Args:
        answer: the answer that the message is about.
        got: the learner's table, int64 of shape (10, 10).
        expected: the right table, int64 of shape (10, 10).

    Raises:
        Mismatch: an entry differs; the message names the first one.
    """
    wrong = (got != expected).nonzero().tolist()
    if wrong:
        row, column = wrong[0]
        answer.check(
            False,
            f"Entry [{row}, {column}] counts the images of digit {row} that were predicted as {column}. "
            f"Expected {int(expected[row, column])}, got {int(got[row, column])}.",
        )
