"""Step 04: linear regression in NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.references import (
    check_float,
    check_line,
    check_start,
    trained_in_batches,
    trained_line,
    tutorial_arrays,
)
from grader.testing.probes import probe
from grader.testing.strategies import all_seeds, learning_rates, numbers, points, sizes

# Two points and a start whose first epochs are easy to compute by hand.
X = np.array([[0.0], [2.0]])
Y = np.array([[0.0], [4.0]])
ZERO = np.array([0.0])


# init_parameters


@pytest.mark.exercise("init_parameters", "seed 42 gives the start of the lesson")
def test_init_parameters_of_the_lesson(learner):
    check_start(learner.init_parameters(seed=42), 0.49671415, -0.1382643)


@probe
def init_after_draws(module, seed):
    "draw some random numbers, then call init_parameters"
    np.random.rand(5)
    return module.init_parameters(seed=seed)


@pytest.mark.exercise("init_parameters", "any seed, even 0: two draws, a first")
@settings(max_examples=5)
@given(seed=all_seeds())
def test_init_parameters_are_two_draws(learner, seed):
    a, b = np.random.RandomState(seed).randn(2)
    check_start(learner.run(init_after_draws, seed=seed), a, b)


# fit


@pytest.mark.exercise("fit", "one epoch, by hand", points=2)
def test_fit_one_epoch(learner):
    # The errors are 0 and -4. Their squares have the mean 8; the gradients are -4 and -8.
    answer = learner.fit(x=X, y=Y, a=ZERO, b=ZERO, lr=0.125, n_epochs=1)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close([8.0])
    a.is_close(0.5)
    b.is_close(1.0)


@pytest.mark.exercise("fit", "two epochs, by hand", points=2)
def test_fit_two_epochs(learner):
    # Now the errors are 0.5 and -1.5: the loss is 1.25, the gradients are -1 and -3.
    answer = learner.fit(x=X, y=Y, a=ZERO, b=ZERO, lr=0.125, n_epochs=2)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close([8.0, 1.25])
    a.is_close(0.625)
    b.is_close(1.375)


@pytest.mark.exercise("fit", "the first loss is the loss of the start")
def test_fit_first_loss_is_before_the_update(learner):
    x, y = tutorial_arrays()
    start_a, start_b = np.array([0.49671415]), np.array([-0.1382643])
    answer = learner.fit(x=x, y=y, a=start_a, b=start_b, lr=0.1, n_epochs=3)
    _, _, losses = answer.parts("a", "b", "losses")
    first = losses.numbers()[0:1]
    losses.check(
        first != [] and math.isclose(first[0], 2.74215777, rel_tol=1e-6),
        f"Expected losses[0] to be the loss before the first update, 2.74215777, but losses starts "
        f"with {first}. Measure the loss before you change a and b.",
    )


@pytest.mark.exercise("fit", "1000 epochs end where the lesson says")
def test_fit_of_the_lesson(learner):
    x, y = tutorial_arrays()
    start_a, start_b = np.array([0.49671415]), np.array([-0.1382643])
    answer = learner.fit(x=x, y=y, a=start_a, b=start_b, lr=0.1, n_epochs=1000)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close(trained_line(0.49671415, -0.1382643, x, y, 0.1, 1000)[2])
    a.is_close(1.02354094)
    b.is_close(1.96896411)


@pytest.mark.exercise("fit", "all epochs run, even when the loss is already 0")
def test_fit_does_not_stop_at_the_minimum(learner):
    answer = learner.fit(x=X, y=Y, a=ZERO, b=np.array([2.0]), lr=0.1, n_epochs=4)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close([0.0, 0.0, 0.0, 0.0])
    a.is_close(0.0)
    b.is_close(2.0)


@pytest.mark.exercise("fit", "all epochs run, even when the loss grows")
def test_fit_does_not_stop_when_the_loss_grows(learner):
    # The learning rate is too large: every step jumps over the minimum to a worse place.
    expected_a, expected_b, expected_losses = trained_line(0.0, 0.0, X, Y, 0.5, 4)
    answer = learner.fit(x=X, y=Y, a=ZERO, b=ZERO, lr=0.5, n_epochs=4)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    a.is_close(expected_a)
    b.is_close(expected_b)


@pytest.mark.exercise("fit", "any points, any start", points=2)
@given(data=points(), a=numbers(), b=numbers(), lr=learning_rates(), n_epochs=sizes(1, 5))
def test_fit_is_gradient_descent(learner, data, a, b, lr, n_epochs):
    x, y = data
    expected_a, expected_b, expected_losses = trained_line(a, b, x, y, lr, n_epochs)
    answer = learner.fit(x=x, y=y, a=np.array([a]), b=np.array([b]), lr=lr, n_epochs=n_epochs)
    got_a, got_b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    got_a.is_close(expected_a)
    got_b.is_close(expected_b)


# updates_per_epoch


@pytest.mark.exercise("updates_per_epoch", "batches that fit exactly, or do not")
@pytest.mark.parametrize(
    ("n_points", "batch_size", "expected"), [(80, 16, 5), (80, 30, 3), (80, 80, 1), (80, 100, 1)]
)
def test_updates_per_epoch_by_hand(learner, n_points, batch_size, expected):
    learner.updates_per_epoch(n_points=n_points, batch_size=batch_size).equals(expected)


@pytest.mark.exercise("updates_per_epoch", "any number of points, any batch size")
@given(n_points=sizes(1, 60), batch_size=sizes(1, 20))
def test_updates_per_epoch_counts_the_batches(learner, n_points, batch_size):
    expected = len(range(0, n_points, batch_size))
    learner.updates_per_epoch(n_points=n_points, batch_size=batch_size).equals(expected)


@pytest.mark.exercise("updates_per_epoch", "no points are an error")
@pytest.mark.parametrize("n_points", [0, -5])
def test_updates_per_epoch_without_points(learner, n_points):
    learner.updates_per_epoch(n_points=1, batch_size=16)
    with learner.raises(ValueError, f"n_points={n_points} is below 1"):
        learner.updates_per_epoch(n_points=n_points, batch_size=16)


@pytest.mark.exercise("updates_per_epoch", "a batch without points is an error")
@pytest.mark.parametrize("batch_size", [0, -16])
def test_updates_per_epoch_without_batch_size(learner, batch_size):
    learner.updates_per_epoch(n_points=80, batch_size=1)
    with learner.raises(ValueError, f"batch_size={batch_size} is below 1"):
        learner.updates_per_epoch(n_points=80, batch_size=batch_size)


# fit_minibatch

# Three points, in batches of two: a full batch, which is the two points of above, and a smaller one.
X3 = np.array([[0.0], [2.0], [1.0]])
Y3 = np.array([[0.0], [4.0], [1.0]])


@pytest.mark.exercise("fit_minibatch", "three points in batches of two, by hand", points=2)
def test_fit_minibatch_by_hand(learner):
    # The first batch moves to a = 0.5 and b = 1, as in `fit`. There, the error of the third point is 0.5.
    answer = learner.fit_minibatch(x=X3, y=Y3, a=ZERO, b=ZERO, lr=0.125, n_epochs=1, batch_size=2)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close([8.0, 0.25])
    a.is_close(0.375)
    b.is_close(0.875)


@pytest.mark.exercise("fit_minibatch", "the next epoch goes on where the last one ended")
def test_fit_minibatch_goes_on(learner):
    expected_a, expected_b, expected_losses = trained_in_batches(0.0, 0.0, X3, Y3, 0.125, 3, 2)
    answer = learner.fit_minibatch(x=X3, y=Y3, a=ZERO, b=ZERO, lr=0.125, n_epochs=3, batch_size=2)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    a.is_close(expected_a)
    b.is_close(expected_b)


@pytest.mark.exercise("fit_minibatch", "one batch of all points is fit")
def test_fit_minibatch_with_one_batch(learner):
    answer = learner.fit_minibatch(x=X, y=Y, a=ZERO, b=ZERO, lr=0.125, n_epochs=2, batch_size=2)
    a, b, losses = answer.parts("a", "b", "losses")
    losses.is_close([8.0, 1.25])
    a.is_close(0.625)
    b.is_close(1.375)


@pytest.mark.exercise("fit_minibatch", "any points, any batch size", points=2)
@given(
    data=points(2, 8), a=numbers(), b=numbers(), lr=st.sampled_from([0.01, 0.02, 0.05]),
    n_epochs=sizes(1, 4), batch_size=sizes(1, 9),
)  # fmt: skip
def test_fit_minibatch_updates_with_each_batch(learner, data, a, b, lr, n_epochs, batch_size):
    x, y = data
    expected_a, expected_b, expected_losses = trained_in_batches(
        a, b, x, y, lr, n_epochs, batch_size
    )
    answer = learner.fit_minibatch(
        x=x, y=y, a=np.array([a]), b=np.array([b]), lr=lr, n_epochs=n_epochs, batch_size=batch_size
    )
    got_a, got_b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    got_a.is_close(expected_a)
    got_b.is_close(expected_b)


# best_learning_rate


@pytest.mark.exercise("best_learning_rate", "the experiment of the lesson", points=2)
def test_best_learning_rate_of_the_lesson(learner):
    x, y = tutorial_arrays()
    start_a, start_b = np.array([0.49671415]), np.array([-0.1382643])
    lrs = [0.001, 0.01, 0.1, 0.5, 1.0]
    answer = learner.best_learning_rate(x=x, y=y, a=start_a, b=start_b, lrs=lrs, n_epochs=100)
    check_float(answer, 0.5)


@pytest.mark.exercise("best_learning_rate", "one update each: the loss after it counts")
def test_best_learning_rate_after_one_update(learner):
    # A single point at x = 0: an update leaves 1 - 2 * lr of the error, so 0.75, 0 and -0.5 of it.
    x, y = np.array([[0.0]]), np.array([[4.0]])
    answer = learner.best_learning_rate(
        x=x, y=y, a=ZERO, b=ZERO, lrs=[0.125, 0.5, 0.75], n_epochs=1
    )
    check_float(answer, 0.5)


@pytest.mark.exercise("best_learning_rate", "a loss that is not a number is never the best")
@pytest.mark.parametrize("lrs", [[1e200, 0.1, 0.01], [0.01, 0.1, 1e200]], ids=["first", "last"])
def test_best_learning_rate_is_a_number(learner, lrs):
    answer = learner.best_learning_rate(x=X, y=Y, a=ZERO, b=ZERO, lrs=lrs, n_epochs=5)
    check_float(answer, 0.1)


@pytest.mark.exercise("best_learning_rate", "the first of equals")
def test_best_learning_rate_is_the_first_of_equals(learner):
    # At x = 0, these leave 0.75, 0.5 and -0.5 of the error.
    x, y = np.array([[0.0]]), np.array([[4.0]])
    for lrs in ([0.125, 0.25, 0.75], [0.125, 0.75, 0.25]):
        answer = learner.best_learning_rate(x=x, y=y, a=ZERO, b=ZERO, lrs=lrs, n_epochs=2)
        check_float(answer, lrs[1])


# least_squares


@pytest.mark.exercise("least_squares", "three points on a line")
def test_least_squares_on_a_line(learner):
    x = np.array([[0.0], [1.0], [2.0]])
    check_line(learner.least_squares(x=x, y=1 + 2 * x), 1.0, 2.0)


@pytest.mark.exercise("least_squares", "the line of the lesson")
def test_least_squares_of_the_lesson(learner):
    x, y = tutorial_arrays()
    check_line(learner.least_squares(x=x, y=y), 1.02354075, 1.96896447)


@pytest.mark.exercise("least_squares", "any points, not only on a line")
@settings(max_examples=5)
@given(
    pairs=st.lists(
        st.tuples(numbers(), numbers()), min_size=2, max_size=8, unique_by=lambda pair: pair[0]
    )
)
def test_least_squares_is_the_textbook_formula(learner, pairs):
    x, y = (np.array(column).reshape(-1, 1) for column in zip(*pairs, strict=True))
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    check_line(learner.least_squares(x=x, y=y), float(y.mean() - slope * x.mean()), float(slope))
