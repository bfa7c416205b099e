"""Step 02, hidden: synthetic data of any size, line, noise and seed; splits of any points.

The numbers of `generate_data` follow from the seed, so they are compared one by one. A split may use any
shuffle, so its points are compared as a set, and the tests demand only what holds for every shuffle.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.array_probes import noted
from grader.content.references import parts_of
from grader.testing.answers import ALL_FLOAT64
from grader.testing.probes import probe
from grader.testing.strategies import all_seeds, numbers, seed_pairs, seeds, sizes

all_small_seeds = st.one_of(st.just(0), seeds())
any_noise = st.sampled_from([0.1, 0.3, 0.5, 1.5, 2, 4])
# Integers, and fractions that are not exact in binary; many of them are large.
parameters = st.one_of(st.integers(-30, 30), st.integers(-900, 900).map(lambda k: k / 30))


# generate_data


@pytest.mark.exercise("generate_data", "x: shape, dtype and numbers", points=2)
@given(n=sizes(1, 150), a=parameters, b=parameters, noise=any_noise, seed=all_seeds())
def test_generate_data_x(learner, n, a, b, noise, seed):
    x, y = learner.generate_data(n=n, a=a, b=b, noise=noise, seed=seed).parts("x", "y")
    y.array(shape=(n, 1), dtype=np.float64)
    x.array(shape=(n, 1), dtype=np.float64)
    x.is_close(np.random.RandomState(seed).rand(n, 1), **ALL_FLOAT64)


@pytest.mark.exercise("generate_data", "without noise: the line, intercept and slope", points=2)
@given(
    n=sizes(1, 12),
    pair=st.lists(parameters, min_size=2, max_size=2, unique=True),
    seed=all_seeds(),
)
def test_generate_data_line(learner, n, pair, seed):
    a, b = pair
    answer = learner.generate_data(n=n, a=a, b=b, noise=0, seed=seed)
    x, y = answer.parts("x", "y")
    line = a + b * x.array(shape=(n, 1))
    y.is_close(line, **ALL_FLOAT64)


@pytest.mark.exercise("generate_data", "noise: standard normal numbers, drawn after x", points=3)
@given(n=sizes(1, 150), a=parameters, b=parameters, noise=any_noise, seed=all_seeds())
def test_generate_data_noise(learner, n, a, b, noise, seed):
    generator = np.random.RandomState(seed)
    generator.rand(n, 1)
    draws = generator.randn(n, 1)
    x, y = learner.generate_data(n=n, a=a, b=b, noise=noise, seed=seed).parts("x", "y")
    off = y.array(shape=(n, 1)) - (a + b * x.array(shape=(n, 1)))
    # The numbers reach 60, so the subtraction is exact to 1e-13 in float64.
    y.check(
        np.allclose(off, noise * draws, rtol=1e-6, atol=1e-9),
        f"The noise on y should be noise times standard normal numbers, drawn after x. Expected the "
        f"first point to be {noise * draws[0, 0]:.6f} away from the line a + b * x, got "
        f"{off[0, 0]:.6f}. Set the seed once, before x; noise is the standard deviation.",
    )


@probe
def generate_again(module, n, a, b, noise, seed, other, draws):
    """draw some random numbers, then make data with a seed, with another one, and with the first again; save each
    result, then overwrite it"""
    seen = {}
    for name, chosen in (("first", seed), ("other seed", other), ("first seed again", seed)):
        np.random.rand(draws)
        seen[name] = noted(module.generate_data(n, a, b, noise, chosen))
    return seen


@pytest.mark.exercise("generate_data", "the seed decides, not what was drawn before", points=2)
@given(
    n=sizes(1, 9), a=numbers(), b=numbers(), noise=any_noise, pair=seed_pairs(),
    draws=st.integers(1, 9),
)  # fmt: skip
def test_generate_data_is_repeatable(learner, n, a, b, noise, pair, draws):
    seed, other = pair
    answer = learner.run(
        generate_again, n=n, a=a, b=b, noise=noise, seed=seed, other=other, draws=draws
    )
    for name, start in (("first", seed), ("other seed", other), ("first seed again", seed)):
        generator = np.random.RandomState(start)
        x, y = answer.key(name).parts("x", "y")
        expected_x = generator.rand(n, 1)
        x.is_close(expected_x)
        y.is_close(a + b * expected_x + noise * generator.randn(n, 1))


# train_val_split


def points_of(label):
    """Arrays x and y in which all numbers differ, in an order that depends on the label alone."""
    generator = np.random.RandomState(label["seed"])
    n = label["n_train"] + label["n_val"]
    values = generator.permutation(1000)[: 2 * n] / 7 - 60
    return values[:n].reshape(n, 1), values[n:].reshape(n, 1)


# The points are made from a seed: hypothesis often draws arrays of zeros, which hide any mistake.
splits = st.fixed_dictionaries({"n_train": sizes(1, 12), "n_val": sizes(1, 9), "seed": seeds()})
# Here n_train / n * n, rounded down, is n_train - 1.
FRACTIONS = [(15, 29), (29, 71), (58, 9), (7, 48), (100, 61), (28, 82), (61, 42), (1, 48)]
large_splits = st.sampled_from(FRACTIONS).flatmap(
    lambda pair: st.fixed_dictionaries(
        {"n_train": st.just(pair[0]), "n_val": st.just(pair[1]), "seed": seeds()}
    )
)


@pytest.mark.exercise("train_val_split", "sizes, and every point in exactly one part", points=2)
@given(case=st.one_of(splits, large_splits), seed=all_seeds())
def test_split_has_every_point_once(learner, case, seed):
    x, y = points_of(case)
    answer = learner.train_val_split(x=x, y=y, n_train=case["n_train"], seed=seed)
    x_train, y_train, x_val, y_val = parts_of(answer, case["n_train"], case["n_val"])
    for name, whole, train, val in (("x", x, x_train, x_val), ("y", y, y_train, y_val)):
        both = np.concatenate([train, val])
        lost = np.setdiff1d(whole, both).tolist()
        twice = len(both) - len(np.unique(both))
        answer.check(
            not lost and not twice and np.isin(both, whole).all(),
            f"Both parts together should hold every {name} exactly once, but {len(lost)} numbers are "
            f"missing, such as {lost[:1]}, and {twice} appear more than once.",
        )


@pytest.mark.exercise("train_val_split", "points that are equal are all kept", points=2)
@given(n=sizes(4, 12), kinds=st.integers(1, 3), n_train=sizes(1, 3), seed=all_seeds())
def test_split_keeps_equal_points(learner, n, kinds, n_train, seed):
    x = np.arange(float(n)).reshape(n, 1) % kinds
    answer = learner.train_val_split(x=x, y=-x, n_train=n_train, seed=seed)
    x_train, y_train, x_val, y_val = parts_of(answer, n_train, n - n_train)
    for name, whole, parts in (("x", x, (x_train, x_val)), ("y", -x, (y_train, y_val))):
        both = np.sort(np.concatenate(parts).ravel())
        answer.check(
            np.array_equal(both, np.sort(whole.ravel())),
            f"Some points are equal, and each of them counts. Expected both parts together to hold "
            f"{np.sort(whole.ravel()).tolist()} as {name}, got {both.tolist()}.",
        )


@probe
def split_columns(module, table, n_train, seed):
    "use two columns of a table as x and y, and split them"
    before = table.copy()
    parts = module.train_val_split(table[:, 0:1], table[:, 2:3], n_train, seed)
    return {"parts": parts, "table before": before, "table after": table}


@pytest.mark.exercise("train_val_split", "row i of x belongs to row i of y", points=3)
@given(case=splits, seed=all_seeds(), same_x=st.integers(1, 3))
def test_split_keeps_rows_together(learner, case, seed, same_x):
    x, y = points_of(case)
    # With only a few different x, sorting cannot restore the pairs.
    x = np.round(x / 30 / same_x)
    table = np.concatenate([x, 0 * x, y], axis=1)
    answer = learner.run(split_columns, table=table, n_train=case["n_train"], seed=seed)
    parts = parts_of(answer.key("parts"), case["n_train"], case["n_val"])
    pairs = set(zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))
    got = [*zip(parts[0].ravel().tolist(), parts[1].ravel().tolist(), strict=True)]
    got += zip(parts[2].ravel().tolist(), parts[3].ravel().tolist(), strict=True)
    torn = [pair for pair in got if pair not in pairs]
    answer.check(
        not torn,
        f"Row i of a part's x should belong to row i of its y, but {len(torn)} of the pairs are "
        f"not among the points, such as {torn[:1]}. Shuffle x and y in the same way.",
    )
    answer.check(len(set(got)) == len(pairs), "Every point should be in exactly one part.")
    answer.key("table after").is_close(table)


@pytest.mark.exercise("train_val_split", "the parts are a random choice", points=2)
@given(n_train=sizes(30, 34), seed=all_seeds())
def test_split_mixes(learner, n_train, seed):
    x = np.arange(64.0).reshape(64, 1)
    answer = learner.train_val_split(x=x, y=-x, n_train=n_train, seed=seed)
    x_train, _, _, _ = parts_of(answer, n_train, 64 - n_train)
    member = np.isin(x.ravel(), x_train)
    # How often neighbours are in different parts: about 32 times after a shuffle, with a standard deviation
    # of 4. Fewer than 6 have a probability of 1 in 10**11; a block of neighbours gives 1 or 2.
    changes = int((member != np.roll(member, 1)).sum())
    answer.check(
        changes >= 6,
        "The training points should be a random choice, but they lie side by side in the "
        "data: shuffle all points before you split them into two parts.",
    )


@probe
def many_splits(module, x, y, n_train, seed, count):
    "split the same points with many seeds, one after the other"
    return [module.train_val_split(x, y, n_train, seed + i)[0] for i in range(count)]


@pytest.mark.exercise("train_val_split", "every point can end up in either part", points=2)
@settings(max_examples=4)
@given(n=st.sampled_from([4, 6]), seed=st.integers(0, 10**6))
def test_split_moves_every_point(learner, n, seed):
    x = np.arange(float(n)).reshape(n, 1)
    answer = learner.run(many_splits, x=x, y=-x, n_train=n // 2, seed=seed, count=50)
    trains = [part.array(shape=(n // 2, 1)) for part in answer.each()]
    counts = np.array([sum(i in train for train in trains) for i in range(n)])
    # Each point is in the training part in half of the splits: never in 50 has a probability of 1 in 10**15.
    stuck = [i for i in range(n) if counts[i] in (0, 50)]
    answer.check(
        len(trains) == 50 and not stuck,
        f"With 50 different seeds, every point should be in the training part for some of them and in "
        f"the validation part for others. The points in rows {stuck} are always in the same part.",
    )


@probe
def split_between_draws(module, x, y, n_train, seed, other, draws):
    """split with a seed and with another one, draw random numbers, and split with the same two seeds again; save
    the parts of each split, then overwrite them"""
    seen = {}
    for name in ("first", "again"):
        for chosen in (seed, other):
            parts = module.train_val_split(x, y, n_train, chosen)
            seen[f"{name}, seed {chosen}"] = noted(parts)
        np.random.rand(draws)
    return seen


@pytest.mark.exercise("train_val_split", "same seed, same split, at any time", points=2)
@given(case=splits, pair=seed_pairs(), draws=st.integers(1, 9))
def test_split_again(learner, case, pair, draws):
    x, y = points_of(case)
    n_train, n_val = case["n_train"], case["n_val"]
    answer = learner.run(
        split_between_draws, x=x, y=y, n_train=n_train, seed=pair[0], other=pair[1], draws=draws
    )
    for seed in pair:
        first = parts_of(answer.key(f"first, seed {seed}"), n_train, n_val)
        again = parts_of(answer.key(f"again, seed {seed}"), n_train, n_val)
        answer.check(
            all(np.array_equal(one, two) for one, two in zip(first, again, strict=True)),
            f"The same seed should give the same split, whatever happened before. The second time, seed {seed} "
            "gave a different one: set the seed inside the function, before the shuffle.",
        )


@pytest.mark.exercise("train_val_split", "any two seeds give two splits", points=2)
@given(
    # If only the last digits or bits of a seed were used, a seed this far away would give the same split.
    pair=st.builds(
        lambda seed, apart: (seed, seed + apart), all_small_seeds, st.sampled_from([1, 42, 1000, 2**31])
    ),
    n_train=sizes(20, 24),
)  # fmt: skip
def test_split_of_two_seeds(learner, pair, n_train):
    x = np.arange(44.0).reshape(44, 1)
    answer = learner.train_val_split(x=x, y=-x, n_train=n_train, seed=pair[0])
    first, _, _, _ = parts_of(answer, n_train, 44 - n_train)
    answer = learner.train_val_split(x=x, y=-x, n_train=n_train, seed=pair[1])
    second, _, _, _ = parts_of(answer, n_train, 44 - n_train)
    # There are 10**12 ways to choose these points.
    answer.check(
        set(first.ravel().tolist()) != set(second.ravel().tolist()),
        f"Seed {pair[0]} and seed {pair[1]} should give different splits, but both give the same "
        "training points. Is the seed used?",
    )


@pytest.mark.exercise("train_val_split", "a part without points is an error", points=2)
@given(n=sizes(1, 9), beyond=st.integers(1, 5), seed=all_seeds())
def test_split_refuses_an_empty_part(learner, n, beyond, seed):
    x = np.arange(float(n + 1)).reshape(n + 1, 1)
    learner.train_val_split(x=x, y=-x, n_train=n, seed=seed)
    x = x[:n]
    for n_train in (0, n, -beyond, n + beyond):
        with learner.raises(ValueError, f"n_train={n_train} leaves a part of {n} points empty"):
            learner.train_val_split(x=x, y=-x, n_train=n_train, seed=seed)


@pytest.mark.exercise("train_val_split", "different lengths are an error", points=2)
@given(n=sizes(3, 9), more=st.integers(1, 4), longer_x=st.booleans(), seed=all_seeds())
def test_split_refuses_different_lengths(learner, n, more, longer_x, seed):
    long, short = np.arange(float(n + more)).reshape(-1, 1), np.arange(float(n)).reshape(-1, 1)
    x, y = (long, short) if longer_x else (short, long)
    learner.train_val_split(x=short, y=short, n_train=2, seed=seed)
    with learner.raises(ValueError, f"x has {len(x)} points and y has {len(y)}"):
        learner.train_val_split(x=x, y=y, n_train=2, seed=seed)
