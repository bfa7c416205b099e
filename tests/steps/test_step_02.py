"""Step 02: synthetic data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import parts_of
from grader.testing.probes import probe
from grader.testing.strategies import all_seeds, numbers, seeds, sizes

# Forty points that are easy to recognise: x numbers them, and y shows which x it belongs to.
X = np.arange(40.0).reshape(40, 1)
Y = 1000 - X


# generate_data


@pytest.mark.exercise("generate_data", "the first point of the lesson", points=2)
def test_generate_data_first_point(learner):
    x, y = learner.generate_data(n=100, a=1.0, b=2.0, noise=0.1, seed=42).parts("x", "y")
    first_x = x.array(shape=(100, 1), dtype=np.float64)[0, 0]
    first_y = y.array(shape=(100, 1), dtype=np.float64)[0, 0]
    x.check(
        abs(first_x - 0.37454012) < 1e-7,
        f"With seed 42, expected the first x to be 0.37454012, got {first_x:.8f}. Draw x first, "
        "uniform in [0, 1), right after the seed is set.",
    )
    y.check(
        abs(first_y - 1.75778494) < 1e-7,
        f"With seed 42, expected the first y to be 1.75778494, got {first_y:.8f}. Add noise times a "
        "standard normal number to the line; draw these numbers after all of x.",
    )


@probe
def generate_after_draws(module, n, a, b, noise, seed):
    "draw some random numbers, then call generate_data"
    np.random.rand(5)
    return module.generate_data(n=n, a=a, b=b, noise=noise, seed=seed)


@pytest.mark.exercise(
    "generate_data", "without noise, all points are on the line, even with seed 0"
)
def test_generate_data_without_noise(learner):
    # Seed 0: the legacy generator starts with 0.5488135, 0.71518937, 0.60276338.
    answer = learner.run(generate_after_draws, n=3, a=1, b=2, noise=0, seed=0)
    x, y = answer.parts("x", "y")
    x.is_close(np.array([[0.5488135], [0.71518937], [0.60276338]]))
    y.is_close(np.array([[2.097627], [2.43037874], [2.20552676]]))


@pytest.mark.exercise("generate_data", "noise is the standard deviation", points=2)
@pytest.mark.parametrize("noise", [0.2, 3.0])
def test_generate_data_noise_is_the_standard_deviation(learner, noise):
    generator = np.random.RandomState(5)
    line = 4.0 - generator.rand(50, 1)
    draws = noise * generator.randn(50, 1)
    _, y = learner.generate_data(n=50, a=4.0, b=-1.0, noise=noise, seed=5).parts("x", "y")
    off = y.array(shape=(50, 1)) - line
    y.check(
        np.ptp(off) > 1e-9,
        "All points are equally far from the line. Draw separate noise for every point.",
    )
    y.check(
        np.allclose(off, draws, rtol=1e-6, atol=1e-9),
        f"The noise on y should be noise times standard normal numbers (randn, drawn after x). "
        f"With noise={noise} and seed=5, expected a standard deviation of {draws.std():.3f} around the "
        f"line, got {off.std():.3f}. For comparison: noise squared is {noise**2:.3f}, and its square "
        f"root is {noise**0.5:.3f}.",
    )


@pytest.mark.exercise("generate_data", "any line, any noise, any seed", points=2)
@given(
    n=sizes(),
    a=numbers(),
    b=numbers(),
    noise=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    seed=all_seeds(),
)
def test_generate_data_is_line_plus_noise(learner, n, a, b, noise, seed):
    generator = np.random.RandomState(seed)
    expected_x = generator.rand(n, 1)
    expected_y = a + b * expected_x + noise * generator.randn(n, 1)
    x, y = learner.generate_data(n=n, a=a, b=b, noise=noise, seed=seed).parts("x", "y")
    x.is_close(expected_x)
    y.is_close(expected_y)


# train_val_split


@probe
def split_again(module, x, y, n_train, seed):
    "split the points twice, with the same seed, and draw random numbers in between"
    first = module.train_val_split(x, y, n_train, seed)
    np.random.rand(5)
    second = module.train_val_split(x, y, n_train, seed)
    return {"first": first, "second": second}


@pytest.mark.exercise("train_val_split", "25 points for training, 15 for validation")
def test_split_sizes(learner):
    parts_of(learner.train_val_split(x=X, y=Y, n_train=25, seed=3), 25, 15)


@pytest.mark.exercise("train_val_split", "every point is in exactly one part", points=2)
def test_split_is_complete(learner):
    answer = learner.train_val_split(x=X, y=Y, n_train=25, seed=3)
    x_train, _, x_val, _ = parts_of(answer, 25, 15)
    values, counts = np.unique(np.concatenate([x_train, x_val]), return_counts=True)
    lost = sorted(set(X.ravel().tolist()) - set(values.tolist()))
    twice = values[counts > 1].tolist()
    answer.check(
        not twice,
        f"Expected every point only once, but {len(twice)} appear more often, such as x = {twice[:1]}. "
        "Are points drawn with replacement, or do the two parts overlap?",
    )
    answer.check(
        not lost,
        f"Every point should be in one of the parts, but {len(lost)} are missing, such as "
        f"x = {lost[:1]}.",
    )


@pytest.mark.exercise("train_val_split", "pairs stay together", points=2)
def test_split_keeps_pairs(learner):
    answer = learner.train_val_split(x=X, y=Y, n_train=25, seed=3)
    x_train, y_train, x_val, y_val = parts_of(answer, 25, 15)
    for name, x, y in (("train", x_train, y_train), ("val", x_val, y_val)):
        apart = np.flatnonzero(y != 1000 - x)
        answer.check(
            apart.size == 0,
            f"Row i of x_{name} should belong to row i of y_{name}, but {apart.size} pairs are "
            "broken. Shuffle x and y in the same way.",
        )


@pytest.mark.exercise("train_val_split", "the points are shuffled first")
@pytest.mark.parametrize("seed", [0, 1])
def test_split_shuffles(learner, seed):
    answer = learner.train_val_split(x=X, y=Y, n_train=25, seed=seed)
    x_train, _, _, _ = parts_of(answer, 25, 15)
    got = sorted(x_train.ravel().tolist())
    answer.check(
        got != list(range(25)) and got != list(range(15, 40)),
        "The training part should be a random choice of the points, but it is just the first "
        "25 points, or the last 25: shuffle before you split.",
    )


@pytest.mark.exercise("train_val_split", "same seed, same split, even with seed 0")
@pytest.mark.parametrize("seed", [0, 3])
def test_split_is_repeatable(learner, seed):
    answer = learner.run(split_again, x=X, y=Y, n_train=25, seed=seed)
    first = parts_of(answer.key("first"), 25, 15)
    second = parts_of(answer.key("second"), 25, 15)
    answer.check(
        all(np.array_equal(one, two) for one, two in zip(first, second, strict=True)),
        "The same seed should give the same split every time, but the second call gave a different "
        "one. Set the seed inside the function, before the shuffle.",
    )


@pytest.mark.exercise("train_val_split", "another seed, another split")
@pytest.mark.parametrize(("one", "other"), [(1, 2), (0, 42)])
def test_split_depends_on_the_seed(learner, one, other):
    answer = learner.train_val_split(x=X, y=Y, n_train=25, seed=one)
    first, _, _, _ = parts_of(answer, 25, 15)
    answer = learner.train_val_split(x=X, y=Y, n_train=25, seed=other)
    second, _, _, _ = parts_of(answer, 25, 15)
    answer.check(
        not np.array_equal(np.sort(first, axis=0), np.sort(second, axis=0)),
        f"Seed {one} and seed {other} should give different splits, but both give the same training "
        "points. Is the seed used?",
    )


@pytest.mark.exercise("train_val_split", "any sizes, any seed: no point lost, all pairs kept")
@given(n_train=sizes(), n_val=sizes(), seed=seeds())
def test_split_keeps_all_points_and_pairs(learner, n_train, n_val, seed):
    n = n_train + n_val
    # Some points have the same x, so only y tells them apart.
    y = np.arange(float(n)).reshape(n, 1)
    x = y % 3
    answer = learner.train_val_split(x=x, y=y, n_train=n_train, seed=seed)
    x_train, y_train, x_val, y_val = parts_of(answer, n_train, n_val)
    got_x, got_y = np.concatenate([x_train, x_val]), np.concatenate([y_train, y_val])
    answer.check(
        np.array_equal(np.sort(got_y, axis=0), y),
        "Both parts together should hold every point exactly once.",
    )
    answer.check(
        np.array_equal(got_x, got_y % 3),
        "Row i of x should belong to row i of y: shuffle both in the same way.",
    )


@pytest.mark.exercise("train_val_split", "an empty training part is an error")
@pytest.mark.parametrize("n_train", [0, -1])
def test_split_without_training_points(learner, n_train):
    learner.train_val_split(x=X, y=Y, n_train=1, seed=3)
    with learner.raises(ValueError, f"n_train={n_train} leaves no points to train on"):
        learner.train_val_split(x=X, y=Y, n_train=n_train, seed=3)


@pytest.mark.exercise("train_val_split", "an empty validation part is an error")
@pytest.mark.parametrize("n_train", [40, 41])
def test_split_without_validation_points(learner, n_train):
    learner.train_val_split(x=X, y=Y, n_train=39, seed=3)
    with learner.raises(
        ValueError, f"40 points with n_train={n_train} leave no points to validate with"
    ):
        learner.train_val_split(x=X, y=Y, n_train=n_train, seed=3)


@pytest.mark.exercise("train_val_split", "x and y of different lengths are an error")
@pytest.mark.parametrize(("n_x", "n_y"), [(6, 5), (5, 6)])
def test_split_of_different_lengths(learner, n_x, n_y):
    learner.train_val_split(x=X[:5], y=Y[:5], n_train=3, seed=3)
    with learner.raises(ValueError, "x and y have different lengths"):
        learner.train_val_split(x=X[:n_x], y=Y[:n_y], n_train=3, seed=3)
