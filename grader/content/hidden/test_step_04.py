"""Step 04, hidden: gradient descent in NumPy, epoch by epoch, and the exact answer beside it.

The reference makes the same steps in float64. Batch gradient descent is linear in its start, so
rounding stays at about 1e-16 of the largest number on the way.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grader.content.array_probes import noted
from grader.content.references import (
    check_float,
    check_line,
    check_start,
    loss_after,
    trained_in_batches,
    trained_line,
)
from grader.testing.answers import ALL_FLOAT64
from grader.testing.probes import probe
from grader.testing.strategies import (
    all_seeds,
    learning_rates,
    many_points,
    numbers,
    points,
    seed_pairs,
    sizes,
)

small_rates = st.sampled_from([0.01, 0.03, 0.05])


# init_parameters


@pytest.mark.exercise("init_parameters", "any seed: two draws of randn, a first", points=2)
@given(seed=all_seeds())
def test_init_parameters_any_seed(learner, seed):
    check_start(
        learner.init_parameters(seed=seed), *np.random.RandomState(seed).randn(2), **ALL_FLOAT64
    )


@probe
def init_again(module, seed, other, draws):
    """draw some random numbers, then draw parameters with a seed, with another one, and with the first again; save
    each result, then overwrite it"""
    seen = {}
    for name, chosen in (("first", seed), ("other seed", other), ("first seed again", seed)):
        np.random.rand(draws)
        seen[name] = noted(module.init_parameters(chosen))
    return seen


@pytest.mark.exercise("init_parameters", "the seed decides, not what was drawn before", points=2)
@given(pair=seed_pairs(), draws=st.integers(1, 9))
def test_init_parameters_again(learner, pair, draws):
    seed, other = pair
    answer = learner.run(init_again, seed=seed, other=other, draws=draws)
    for name, start in (("first", seed), ("other seed", other), ("first seed again", seed)):
        check_start(answer.key(name), *np.random.RandomState(start).randn(2), **ALL_FLOAT64)


# fit


@pytest.mark.exercise("fit", "the losses, one before each update", points=3)
@given(data=many_points(), a=numbers(), b=numbers(), lr=learning_rates(), n_epochs=sizes(1, 7))
def test_fit_losses(learner, data, a, b, lr, n_epochs):
    x, y = data
    answer = learner.fit(x=x, y=y, a=np.array([a]), b=np.array([b]), lr=lr, n_epochs=n_epochs)
    _, _, losses = answer.parts("a", "b", "losses")
    losses.is_close(trained_line(a, b, x, y, lr, n_epochs)[2], **ALL_FLOAT64)


@pytest.mark.exercise("fit", "the parameters after a few epochs", points=3)
@given(data=many_points(), a=numbers(), b=numbers(), lr=learning_rates(), n_epochs=sizes(1, 7))
def test_fit_parameters(learner, data, a, b, lr, n_epochs):
    x, y = data
    expected_a, expected_b, _ = trained_line(a, b, x, y, lr, n_epochs)
    answer = learner.fit(x=x, y=y, a=np.array([a]), b=np.array([b]), lr=lr, n_epochs=n_epochs)
    new_a, new_b, _ = answer.parts("a", "b", "losses")
    new_a.is_close(expected_a, **ALL_FLOAT64)
    new_b.is_close(expected_b, **ALL_FLOAT64)


@pytest.mark.exercise("fit", "many epochs at one learning rate", points=2)
@settings(max_examples=6)
@given(data=points(3, 6), a=numbers(), b=numbers(), lr=small_rates, n_epochs=sizes(20, 120))
def test_fit_many_epochs(learner, data, a, b, lr, n_epochs):
    x, y = data
    expected_a, expected_b, expected_losses = trained_line(a, b, x, y, lr, n_epochs)
    answer = learner.fit(x=x, y=y, a=np.array([a]), b=np.array([b]), lr=lr, n_epochs=n_epochs)
    new_a, new_b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    new_a.is_close(expected_a)
    new_b.is_close(expected_b)


@pytest.mark.exercise("fit", "no early stop: the loss hardly moves, or not at all", points=2)
@given(
    x=st.lists(numbers(), min_size=1, max_size=6), a=numbers(), b=numbers(),
    off=st.sampled_from([0.0, 0.5, 2.0]), lr=st.sampled_from([1e-9, 1e-7]), n_epochs=sizes(2, 12),
)  # fmt: skip
def test_fit_does_not_stop_early(learner, x, a, b, off, lr, n_epochs):
    # With off = 0 the start is the line of the points: nothing is left to learn, but all epochs run.
    x = np.array(x).reshape(-1, 1)
    y = a + b * x
    expected_a, expected_b, expected_losses = trained_line(a + off, b, x, y, lr, n_epochs)
    answer = learner.fit(x=x, y=y, a=np.array([a + off]), b=np.array([b]), lr=lr, n_epochs=n_epochs)
    new_a, new_b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    new_a.is_close(expected_a)
    new_b.is_close(expected_b)


@pytest.mark.exercise("fit", "no early stop: the loss grows", points=2)
@given(
    x=st.lists(numbers(1, 3), min_size=2, max_size=6), a=numbers(), b=numbers(1, 3),
    n_epochs=sizes(3, 6),
)  # fmt: skip
def test_fit_goes_on_when_the_loss_grows(learner, x, a, b, n_epochs):
    x = np.array(x).reshape(-1, 1)
    y = -b * x
    expected_a, expected_b, expected_losses = trained_line(a, b, x, y, 1.5, n_epochs)
    # Every epoch rounds by about 1e-16 of the largest number so far.
    rounding = 1e-9 * (1 + max(expected_losses) ** 0.5)
    answer = learner.fit(x=x, y=y, a=np.array([a]), b=np.array([b]), lr=1.5, n_epochs=n_epochs)
    new_a, new_b, losses = answer.parts("a", "b", "losses")
    losses.is_close(expected_losses)
    new_a.is_close(expected_a, atol=rounding)
    new_b.is_close(expected_b, atol=rounding)


@probe
def fit_columns(module, table, start, lr, n_epochs):
    """fit with two columns of a table as x and y, and with the two parts of an array as the start; then fit again
    for one more epoch, and look at the first result"""
    result = module.fit(table[:, 0:1], table[:, 2:3], start[:1], start[1:], lr, n_epochs)
    module.fit(table[:, 0:1], table[:, 2:3], start[:1], start[1:], lr, n_epochs + 1)
    return {"result": result, "table": table, "start": start}


@pytest.mark.exercise("fit", "views as inputs, not changed", points=2)
@given(data=points(2, 7), a=numbers(), b=numbers(), lr=small_rates, n_epochs=sizes(1, 4))
def test_fit_leaves_inputs_alone(learner, data, a, b, lr, n_epochs):
    x, y = data
    table, start = np.concatenate([x, 0 * x, y], axis=1), np.array([a, b])
    expected_a, expected_b, expected_losses = trained_line(a, b, x, y, lr, n_epochs)
    answer = learner.run(fit_columns, table=table, start=start, lr=lr, n_epochs=n_epochs)
    start_after = answer.key("start").array(shape=(2,))
    answer.check(
        np.array_equal(start_after, start),
        "The arrays a and b that were passed in should not change, but they did. "
        "`a -= ...` changes an array in place; `a = a - ...` makes a new one.",
    )
    answer.key("table").is_close(table)
    new_a, new_b, losses = answer.key("result").parts("a", "b", "losses")
    losses.is_close(expected_losses)
    new_a.is_close(expected_a)
    new_b.is_close(expected_b)


# updates_per_epoch


@pytest.mark.exercise("updates_per_epoch", "a last, smaller batch counts", points=2)
@given(full=st.integers(0, 300), batch_size=st.integers(2, 5000), part=st.integers(0, 10**6))
def test_updates_with_a_smaller_batch(learner, full, batch_size, part):
    # `full` batches and a smaller one: first of 1 to batch_size - 1 points, then of a single point.
    for more in (part % (batch_size - 1), 0):
        n_points = full * batch_size + 1 + more
        learner.updates_per_epoch(n_points=n_points, batch_size=batch_size).equals(full + 1)


@pytest.mark.exercise("updates_per_epoch", "batches that fit exactly", points=2)
@given(full=st.integers(1, 300), batch_size=st.integers(1, 5000))
def test_updates_without_a_smaller_batch(learner, full, batch_size):
    answer = learner.updates_per_epoch(n_points=full * batch_size, batch_size=batch_size)
    answer.equals(full)


@pytest.mark.exercise("updates_per_epoch", "fewer than one point is an error", points=2)
@given(below=st.integers(-99, -1), batch_size=st.integers(1, 99))
def test_updates_refuses_fewer_than_one_point(learner, below, batch_size):
    learner.updates_per_epoch(n_points=1, batch_size=batch_size)
    for n_points, size in ((0, batch_size), (below, batch_size), (below, below)):
        with learner.raises(ValueError, f"n_points={n_points} is below 1"):
            learner.updates_per_epoch(n_points=n_points, batch_size=size)


@pytest.mark.exercise("updates_per_epoch", "a batch size below one is an error", points=2)
@given(n_points=st.integers(1, 99), below=st.integers(-99, -1))
def test_updates_refuses_an_empty_batch(learner, n_points, below):
    learner.updates_per_epoch(n_points=n_points, batch_size=1)
    for batch_size in (0, below):
        with learner.raises(ValueError, f"batch_size={batch_size} is below 1"):
            learner.updates_per_epoch(n_points=n_points, batch_size=batch_size)


# fit_minibatch


@st.composite
def batch_cases(draw):
    """Points in batches of two or more, at least two of them full, and a last one of fewer points."""
    size = draw(st.integers(2, 5))
    rest = draw(st.integers(1, size - 1))
    n = size * draw(st.integers(2, 3)) + rest
    x, y = draw(points(n, n))
    # Errors that no line makes small, whatever was drawn.
    y = y + np.where(np.arange(n) % 2 == 0, 8.0, -8.0).reshape(-1, 1)
    return {
        "x": x, "y": y, "a": draw(numbers()), "b": draw(numbers()), "lr": draw(small_rates),
        "n_epochs": draw(sizes(2, 4)), "batch_size": size,
    }  # fmt: skip


def ask_minibatch(learner, case):
    """Call fit_minibatch, with the parameters as arrays of shape (1,)."""
    arrays = {"a": np.array([case["a"]]), "b": np.array([case["b"]])}
    return learner.fit_minibatch(**(case | arrays)).parts("a", "b", "losses")


@pytest.mark.exercise("fit_minibatch", "the losses, one before each update", points=3)
@given(case=batch_cases())
def test_fit_minibatch_losses(learner, case):
    _, _, losses = ask_minibatch(learner, case)
    losses.is_close(trained_in_batches(**case)[2], **ALL_FLOAT64)


@pytest.mark.exercise("fit_minibatch", "the parameters after the last update", points=3)
@given(case=batch_cases())
def test_fit_minibatch_parameters(learner, case):
    a, b, _ = ask_minibatch(learner, case)
    expected_a, expected_b, _ = trained_in_batches(**case)
    a.is_close(expected_a, **ALL_FLOAT64)
    b.is_close(expected_b, **ALL_FLOAT64)


@pytest.mark.exercise(
    "fit_minibatch", "batches of one point, and one batch of all points", points=2
)
@given(case=batch_cases(), more=st.integers(0, 9))
def test_fit_minibatch_of_one_and_of_all(learner, case, more):
    for batch_size in (1, len(case["x"]) + more):
        sized = case | {"batch_size": batch_size}
        expected_a, expected_b, expected_losses = trained_in_batches(**sized)
        a, b, losses = ask_minibatch(learner, sized)
        losses.is_close(expected_losses, **ALL_FLOAT64)
        a.is_close(expected_a, **ALL_FLOAT64)
        b.is_close(expected_b, **ALL_FLOAT64)


@probe
def fit_columns_in_batches(module, table, start, lr, n_epochs, batch_size):
    """call fit_minibatch with two columns of a table as x and y, and with the two parts of an array as the start;
    then call it again, with other batches, and look at the first result"""
    x, y, a, b = table[:, 0:1], table[:, 2:3], start[:1], start[1:]
    result = module.fit_minibatch(x, y, a, b, lr, n_epochs, batch_size)
    module.fit_minibatch(x, y, a, b, lr, n_epochs + 1, 1)
    return {"result": result, "table": table, "start": start}


@pytest.mark.exercise("fit_minibatch", "views as inputs, not changed", points=2)
@given(case=batch_cases())
def test_fit_minibatch_leaves_inputs_alone(learner, case):
    x, y = case["x"], case["y"]
    table, start = np.concatenate([x, 0 * x, y], axis=1), np.array([case["a"], case["b"]])
    rest = {name: case[name] for name in ("lr", "n_epochs", "batch_size")}
    answer = learner.run(fit_columns_in_batches, table=table, start=start, **rest)
    start_after = answer.key("start").array(shape=(2,))
    answer.check(
        np.array_equal(start_after, start),
        "The arrays a and b that were passed in should not change, but they did. "
        "`a -= ...` changes an array in place; `a = a - ...` makes a new one.",
    )
    answer.key("table").is_close(table)
    expected_a, expected_b, expected_losses = trained_in_batches(**case)
    a, b, losses = answer.key("result").parts("a", "b", "losses")
    losses.is_close(expected_losses)
    a.is_close(expected_a)
    b.is_close(expected_b)


# best_learning_rate

# From too short steps to such as diverge on points between 1 and 3, where the best is about 0.05 to 0.2.
rates = st.lists(
    st.sampled_from([0.0005, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.3, 1.0]),
    min_size=3, max_size=6, unique=True,
)  # fmt: skip


@st.composite
def rate_cases(draw, n_epochs):
    """Points, a start that is not the best line, some learning rates, and the one that is best by far."""
    n = draw(st.integers(2, 8))
    x = np.array(draw(st.lists(numbers(1, 3), min_size=n, max_size=n))).reshape(-1, 1)
    y = np.array(draw(st.lists(numbers(4, 9), min_size=n, max_size=n))).reshape(-1, 1)
    a, b, epochs = draw(numbers(-3, 0)), draw(numbers(-3, 0)), draw(n_epochs)
    lrs = draw(rates)
    losses = [loss_after(a, b, x, y, lr, epochs) for lr in lrs]
    (least, best), (second, _) = sorted(zip(losses, lrs, strict=True))[:2]
    # Rounding decides nothing, and it is not the first one that a function may return without any work.
    assume(second > 1.001 * least + 1e-6 and best != lrs[0])
    return {"x": x, "y": y, "a": a, "b": b, "lrs": lrs, "n_epochs": epochs}, best


def ask_rate(learner, case, lrs):
    """Call best_learning_rate, with the parameters as arrays of shape (1,)."""
    arrays = {"a": np.array([case["a"]]), "b": np.array([case["b"]])}
    return learner.best_learning_rate(**(case | arrays | {"lrs": lrs}))


@pytest.mark.exercise("best_learning_rate", "the smallest loss after a few epochs", points=3)
@given(case=rate_cases(st.integers(2, 12)))
def test_best_learning_rate_of_some(learner, case):
    case, best = case
    # In both directions, so that no walk may begin where another one ended.
    check_float(ask_rate(learner, case, case["lrs"]), best)
    check_float(ask_rate(learner, case, case["lrs"][::-1]), best)


@pytest.mark.exercise("best_learning_rate", "the loss after the last update", points=2)
@given(case=rate_cases(st.just(1)))
def test_best_learning_rate_after_one_epoch(learner, case):
    case, best = case
    check_float(ask_rate(learner, case, case["lrs"]), best)


@pytest.mark.exercise("best_learning_rate", "inf and NaN are never the best", points=2)
@given(case=rate_cases(st.integers(4, 8)), huge=st.sampled_from([1e150, 1e200, 1e300]))
def test_best_learning_rate_with_divergence(learner, case, huge):
    case, best = case
    lrs = case["lrs"]
    for order in ([huge, *lrs], [*lrs, huge], [lrs[0], huge, *lrs[1:], 10 * huge]):
        check_float(ask_rate(learner, case, order), best)


@pytest.mark.exercise("best_learning_rate", "the first of equals", points=2)
@given(
    n=st.sampled_from([1, 2, 4, 8]), y=st.integers(1, 9), n_epochs=st.integers(1, 4),
    part=st.sampled_from([0.125, 0.25, 0.375]), at_goal=st.permutations([0.125, 0.25, 0.5]),
)  # fmt: skip
def test_best_learning_rate_is_the_first_of_equals(learner, n, y, n_epochs, part, at_goal):
    # At x = 0, an update leaves 1 - 2 * lr of the error: the same size for two learning rates around 1/2.
    # All these numbers are exact, in any order of operations.
    x, y = np.zeros((n, 1)), np.full((n, 1), float(y))
    worse = 0.0625
    for pair in ([part, 1 - part], [1 - part, part]):
        case = {"x": x, "y": y, "a": 0.0, "b": 0.0, "n_epochs": n_epochs}
        check_float(ask_rate(learner, case, [worse, *pair, worse]), pair[0])
    # On the line of the points, no learning rate moves anything.
    case = {"x": x, "y": y, "a": float(y[0, 0]), "b": 1.0, "n_epochs": n_epochs}
    check_float(ask_rate(learner, case, at_goal), at_goal[0])


# least_squares


def line_through(x, y):
    """The textbook formula: intercept and slope."""
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return float(y.mean() - slope * x.mean()), float(slope)


@pytest.mark.exercise("least_squares", "any points, far from the origin", points=3)
@given(
    pairs=st.lists(st.tuples(numbers(), numbers()), min_size=3, max_size=12, unique_by=lambda p: p[0]),
    shift_x=st.integers(-20, 20),
    shift_y=st.integers(-20, 20),
)  # fmt: skip
def test_least_squares_any_points(learner, pairs, shift_x, shift_y):
    x, y = (np.array(column).reshape(-1, 1) for column in zip(*pairs, strict=True))
    x, y = x + shift_x, y + shift_y
    expected_a, expected_b = line_through(x, y)
    # The intercept is up to 20 away from the points along x, which costs two digits.
    check_line(learner.least_squares(x=x, y=y), expected_a, expected_b, atol=1e-8)


@pytest.mark.exercise("least_squares", "points on a line that misses the origin", points=2)
@given(
    x=st.lists(numbers(), min_size=2, max_size=9, unique=True),
    a=st.integers(1, 40),
    b=numbers(-3, -0.25),
    more=many_points(),
)
def test_least_squares_finds_the_line(learner, x, a, b, more):
    x = np.array(x).reshape(-1, 1)
    check_line(learner.least_squares(x=x, y=a + b * x), a, b)
    # Many points that are not on a line.
    x, y = more
    check_line(learner.least_squares(x=x, y=a + y), *line_through(x, a + y), **ALL_FLOAT64)


@probe
def least_squares_of_columns(module, table):
    "use two columns of a table as x and y, and find the line"
    return {"line": module.least_squares(table[:, 0:1], table[:, 2:3]), "table": table}


@pytest.mark.exercise("least_squares", "columns of a table, not changed", points=2)
@given(data=points(3, 12), x=st.lists(numbers(), min_size=12, max_size=12, unique=True))
def test_least_squares_of_views(learner, data, x):
    y = data[1]
    x = np.array(x[: len(y)]).reshape(-1, 1)
    expected_a, expected_b = line_through(x, y)
    table = np.concatenate([x, 0 * x, y], axis=1)
    answer = learner.run(least_squares_of_columns, table=table)
    check_line(answer.key("line"), expected_a, expected_b)
    answer.key("table").is_close(table)
