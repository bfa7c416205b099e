"""Step 14, hidden: splits, loaders and scaled columns of any size, with every point accounted for.

Whether a generator of the caller was used shows in the numbers that it gives next.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import Dataset

from grader.content.references import check_batch_sizes, check_draws
from grader.content.shared_probes import draw, seed_all
from grader.testing.probes import probe
from grader.testing.strategies import arrays, seeds, sizes

# Points are numbered by `first + step * i`; the y of a point is its x + 100.
steps = st.sampled_from([1, 2, 5])
firsts = st.integers(-50, 50)


@probe
def numbered(first, step, n):
    "a dataset with len(dataset) and dataset[i], and nothing else"

    class Numbered(Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            if not -n <= i < n:
                raise IndexError(i)
            x = torch.tensor([first + step * (int(i) % n)], dtype=torch.float32)
            return x, x + 100

    return Numbered()


@probe
def items_of(part):
    "all points of a part"
    return [[v.item() for v in part[k]] for k in range(len(part))]


@probe
def epoch_of(loader):
    "all batches of one epoch"
    return [[v.flatten().tolist() for v in batch] for batch in loader]


def numbers_of(part):
    """Return the x of all points of a part, and check that each has its own y."""
    found = []
    for point in part.each():
        x, y = point.numbers(2)
        point.check(y == x + 100, f"Expected y = {x + 100:g} for the point x = {x:g}, got {y:g}.")
        found.append(x)
    return found


def order_of(epoch):
    """Return the x of an epoch in the order of the batches, and check each y."""
    found = []
    for batch in epoch.each():
        x, y = (v.numbers() for v in batch.parts("x", "y"))
        batch.check(y == [v + 100 for v in x], "The x and y of a batch no longer belong together.")
        found += x
    return found


def check_complete(answer, got, expected, what):
    lost = sorted(set(expected) - set(got))
    answer.check(not lost, f"Points are missing: {what} should also hold the points {lost[:5]}.")
    extra = sorted(set(got) - set(expected))
    answer.check(not extra, f"Some points do not belong in {what}: {extra[:5]}.")
    answer.check(len(got) == len(expected), f"Some points appear more than once in {what}.")


# split


@probe
def split_once(module, first, step, n, n_train, seed, before):
    """seed all global generators with `before` and draw a number; split `n` points with the x `first`,
    `first + step`, …; draw the next number, and read both parts"""
    dataset = numbered(first, step, n)
    seed_all(before)
    drawn = [draw()]
    train, val = module.split(dataset=dataset, n_train=n_train, seed=seed)
    drawn.append(draw())
    return {"drawn": drawn, "train": items_of(train), "val": items_of(val)}


split_sizes = st.tuples(sizes(1, 12), sizes(1, 9))


@pytest.mark.exercise("split", "every point in exactly one part", points=3)
@given(first=firsts, step=steps, parts=split_sizes, seed=seeds(), before=seeds())
def test_split_is_complete(learner, first, step, parts, seed, before):
    n = sum(parts)
    answer = learner.run(
        split_once, first=first, step=step, n=n, n_train=parts[0], seed=seed, before=before
    )
    train, val = (numbers_of(answer.key(name)) for name in ("train", "val"))
    answer.check(
        (len(train), len(val)) == parts,
        f"Expected {parts[0]} training and {parts[1]} validation points, got {len(train)} and {len(val)}.",
    )
    expected = [float(first + step * i) for i in range(n)]
    check_complete(answer, train + val, expected, "the two parts together")


@pytest.mark.exercise("split", "the global random numbers go on as before", points=3)
@given(parts=split_sizes, seed=st.just(0) | seeds(), before=seeds())
def test_split_leaves_generators_alone(learner, parts, seed, before):
    answer = learner.run(
        split_once, first=0, step=1, n=sum(parts), n_train=parts[0], seed=seed, before=before
    )
    check_complete(
        answer, numbers_of(answer.key("train")) + numbers_of(answer.key("val")),
        [float(i) for i in range(sum(parts))], "the two parts together",
    )  # fmt: skip
    check_draws(answer.key("drawn"), before, "split")


@probe
def split_often(module, n, n_train, seeds, before):
    """for each seed, seed all global generators with a different number, and split the points 0, 1, … with the
    seed"""
    found = []
    for i, seed in enumerate(seeds):
        seed_all(before + i)
        parts = module.split(dataset=numbered(0, 1, n), n_train=n_train, seed=seed)
        found.append([items_of(part) for part in parts])
    return found


@pytest.mark.exercise("split", "the seed alone decides", points=3)
@given(n_train=sizes(20, 30), n_val=sizes(15, 20), seed=seeds(), other=sizes(1, 9), before=seeds())
def test_split_depends_on_its_seed(learner, n_train, n_val, seed, other, before):
    # With 35 points or more, two splits agree by chance less often than once in 10 ** 9.
    n, before = n_train + n_val, before // 2
    two = seed // 2 + other
    answer = learner.run(
        split_often, n=n, n_train=n_train, seeds=[seed // 2, two, seed // 2, 0, 0], before=before
    )
    found = []
    for part in answer.parts("first", "other", "first again", "seed 0", "seed 0 again"):
        train, val = (numbers_of(side) for side in part.parts("train", "val"))
        check_complete(part, train + val, [float(i) for i in range(n)], "the two parts together")
        part.check(len(train) == n_train, f"Expected {n_train} training points, got {len(train)}.")
        found.append(set(train))
    first, second, again, zero, zero_again = found
    answer.check(
        first == again and zero == zero_again,
        "The same seed gave a different split the second time.",
    )
    answer.check(first != second, f"The seeds {seed // 2} and {two} give the same split.")
    answer.check(
        first != set(map(float, range(n_train))), "The training part is just the first points."
    )
    last = set(map(float, range(n - n_train, n)))
    answer.check(first != last, "The training part is just the last points.")


# make_loaders


@probe
def loaders_once(module, n_train, n_val, batch_size, seed, before, n_epochs):
    """seed all global generators with `before` and draw a number; make loaders of the points 0, 1, … and
    1000, 1001, …; draw the next number, and read `n_epochs` epochs"""
    train, val = numbered(0, 1, n_train), numbered(1000, 1, n_val)
    seed_all(before)
    drawn = [draw()]
    train_loader, val_loader = module.make_loaders(
        train=train, val=val, batch_size=batch_size, seed=seed
    )
    drawn.append(draw())
    return {
        "drawn": drawn,
        "train": [epoch_of(train_loader) for _ in range(n_epochs)],
        "val": [epoch_of(val_loader) for _ in range(n_epochs)],
    }


loader_inputs = {
    "n_train": sizes(1, 9), "n_val": sizes(1, 7), "batch_size": sizes(1, 6), "seed": seeds(),
    "before": seeds(),
}  # fmt: skip


@pytest.mark.exercise("make_loaders", "the training batches hold every point", points=3)
@given(**loader_inputs)
def test_train_loader_is_complete(learner, n_train, n_val, batch_size, seed, before):
    answer = learner.run(
        loaders_once, n_train=n_train, n_val=n_val, batch_size=batch_size, seed=seed, before=before,
        n_epochs=2,
    )  # fmt: skip
    for epoch in answer.key("train").parts("first", "second"):
        points = [float(i) for i in range(n_train)]
        check_complete(epoch, order_of(epoch), points, "an epoch of the train loader")
        check_batch_sizes(epoch, n_train, batch_size, "train")


@pytest.mark.exercise("make_loaders", "the validation batches keep the order", points=3)
@given(**loader_inputs)
def test_val_loader_is_complete(learner, n_train, n_val, batch_size, seed, before):
    answer = learner.run(
        loaders_once, n_train=n_train, n_val=n_val + 4, batch_size=batch_size, seed=seed,
        before=before, n_epochs=2,
    )  # fmt: skip
    points = [float(1000 + i) for i in range(n_val + 4)]
    for epoch in answer.key("val").parts("first", "second"):
        order = order_of(epoch)
        check_complete(epoch, order, points, "an epoch of the validation loader")
        epoch.check(order == points, "The validation loader changes the order of the points.")
        check_batch_sizes(epoch, n_val + 4, batch_size, "val")


@pytest.mark.exercise("make_loaders", "the global random numbers go on as before", points=2)
@given(**loader_inputs)
def test_make_loaders_leaves_generators_alone(learner, n_train, n_val, batch_size, seed, before):
    answer = learner.run(
        loaders_once, n_train=n_train, n_val=n_val, batch_size=batch_size, seed=seed, before=before,
        n_epochs=1,
    )  # fmt: skip
    points = [float(i) for i in range(n_train)]
    for epoch in answer.key("train").each():
        check_complete(epoch, order_of(epoch), points, "an epoch of the train loader")
        check_batch_sizes(epoch, n_train, batch_size, "train")
    check_draws(answer.key("drawn"), before, "make_loaders")


@probe
def loaders_often(module, n, batch_size, seeds, before):
    """for each seed, seed all global generators with a different number, and make loaders of the points 0, 1, …
    with the seed; then read three training epochs of each, for some with a validation epoch before each"""
    loaders = []
    for i, seed in enumerate(seeds):
        seed_all(before + i)
        loaders.append(
            module.make_loaders(
                train=numbered(0, 1, n), val=numbered(0, 1, 1), batch_size=batch_size, seed=seed
            )
        )
    found = []
    for i, (train_loader, val_loader) in enumerate(loaders):
        epochs = []
        for _ in range(3):
            if i in (2, 4):
                epoch_of(val_loader)
            epochs.append(epoch_of(train_loader))
        found.append(epochs)
    return found


@pytest.mark.exercise("make_loaders", "the seed decides, and each epoch is new", points=3)
@settings(max_examples=6)
@given(n=sizes(20, 26), batch_size=sizes(5, 9), seed=seeds(), other=sizes(1, 9), before=seeds())
def test_train_orders(learner, n, batch_size, seed, other, before):
    # 20 points have more than 10 ** 18 orders: two never agree by chance.
    seed, before = seed // 2, before // 2
    answer = learner.run(
        loaders_often,
        n=n,
        batch_size=batch_size,
        seeds=[seed, seed + other, seed, 0, 0],
        before=before,
    )
    runs = []
    for run in answer.parts("first", "other", "first again", "seed 0", "seed 0 again"):
        orders = [order_of(epoch) for epoch in run.parts("epoch 1", "epoch 2", "epoch 3")]
        for order in orders:
            check_complete(run, order, [float(i) for i in range(n)], "an epoch of the train loader")
            run.check(order != sorted(order), "The training points are not shuffled.")
        run.check(
            orders[0] != orders[1] and orders[1] != orders[2] and orders[0] != orders[2],
            "Two epochs of the train loader have the same order. Every epoch should have a new one.",
        )
        # Whole batches that only change places do not count as a new order.
        groups = [
            {frozenset(order[i : i + batch_size]) for i in range(0, n, batch_size)}
            for order in orders
        ]
        run.check(groups[0] != groups[1], "Every epoch has the same batches. Shuffle the points.")
        runs.append(orders)
    answer.check(
        runs[0] == runs[2] and runs[3] == runs[4],
        "The same seed gave different training orders the second time. Nothing else may draw from the "
        "generator of the train loader.",
    )
    answer.check(
        all(a != b for a, b in zip(runs[0], runs[1], strict=True)),
        f"The seeds {seed} and {seed + other} give the same training orders.",
    )


# standardize


# For most of them, with the numbers of rows below and in either dtype, torch finds a standard deviation above 0.
CONSTANTS = (0.1, -0.3, 0.7, 1.9, 33.3, 1000.1, 3e-6)


@st.composite
def tables(draw, constant=False):
    """A training part and a validation part with columns of different scales, as float64 arrays."""
    k = draw(sizes(1, 4))
    n, m = draw(st.permutations([7, 12, 28, 36] if constant else [2, 3, 5, 6]))[:2]
    m = draw(st.sampled_from([1, m]))
    # A ramp is added, so that no column is constant; the columns differ in scale. One lies far from 0, where the
    # difference of two large squares does not give the variance.
    scale = np.array(draw(st.permutations([2.0**-30, 1 / 64, 1.0, 32.0])))[:k]
    far = np.array(draw(st.permutations([1024.0 * n, 0.0, 0.0, 0.0]))) if n > 2 else np.zeros(4)
    x_train = (draw(arrays((n, k))) + 8.0 * np.arange(n)[:, None] + far[:k]) * scale
    # Some values of the validation part lie outside those of the training part.
    x_val = (draw(arrays((m, k))) + far[:k] + draw(st.sampled_from([-64.0, 64.0]))) * scale
    if constant:
        # Constant columns in front of the others; float32 or float64 rounds the mean of some of them.
        values = np.array([draw(st.sampled_from([0.0, 1.0, -2.0])), *CONSTANTS])
        x_train = np.concatenate([np.tile(values, (n, 1)), x_train], axis=1)
        x_val = np.concatenate([np.tile(values, (m, 1)), x_val], axis=1)
    return x_train, x_val


dtypes = st.sampled_from([torch.float32, torch.float64])
# In float32, the mean of a column that lies far from 0 loses the last digit of its numbers.
SCALED = {"rtol": 1e-4, "atol": 1e-4}


@probe
def standardize_laid_out(module, x_train, x_val, turned):
    """standardize two tensors, which lie in memory column by column if `turned`, and check whether they have
    changed"""
    if turned:
        x_train, x_val = x_train.T.contiguous().T, x_val.T.contiguous().T
    result = module.standardize(x_train=x_train, x_val=x_val)
    if isinstance(result, (tuple, list)):
        result = [v.detach().clone() if isinstance(v, torch.Tensor) else v for v in result]
    return {"result": result, "inputs": [x_train, x_val]}


@probe
def standardize_each(module, pairs):
    "standardize several training and validation parts, one pair after another"
    return [module.standardize(x_train=x_train, x_val=x_val) for x_train, x_val in pairs]


def scaled(table, dtype):
    x_train, x_val = (torch.tensor(part).to(dtype) for part in table)
    constant = np.ptp(table[0], axis=0) == 0
    mean = np.where(constant, table[0][0], table[0].mean(axis=0))
    std = np.where(constant, 1.0, table[0].std(axis=0))
    expected = [torch.tensor((part - mean) / std).to(dtype) for part in table]
    return x_train, x_val, expected


@pytest.mark.exercise("standardize", "the training part", points=3)
@given(table=tables(), dtype=dtypes, turned=st.booleans())
def test_standardize_train(learner, table, dtype, turned):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=turned)
    answer.key("result").parts("x_train", "x_val")[0].is_close(expected[0], **SCALED)


@pytest.mark.exercise("standardize", "the validation part, by the same numbers", points=3)
@given(table=tables(), dtype=dtypes, turned=st.booleans())
def test_standardize_val(learner, table, dtype, turned):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=turned)
    answer.key("result").parts("x_train", "x_val")[1].is_close(expected[1], **SCALED)


@pytest.mark.exercise("standardize", "a constant column among others", points=3)
@given(table=tables(constant=True), dtype=dtypes)
def test_standardize_constant_column(learner, table, dtype):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=False)
    for part, value in zip(answer.key("result").parts("x_train", "x_val"), expected, strict=True):
        got = part.tensor(tuple(value.shape), dtype, finite=False)
        part.check(
            torch.isfinite(got).all(),
            "Expected finite numbers, got NaN or inf: the standard deviation of a constant column is 0, so do "
            "not divide by it.",
        )
        # A column of 1000.1 may keep the rounding error of its mean.
        part.is_close(value, rtol=1e-4, atol=1e-3)
    # The first columns are constant, and torch computes a different mean for a column that stands alone.
    columns = [[part[:, [k]] for part in (x_train, x_val)] for k in range(1 + len(CONSTANTS))]
    for pair, (train, val) in zip(
        learner.run(standardize_each, pairs=columns).each(), columns, strict=True
    ):
        for part, value in zip(pair.parts("x_train", "x_val"), (train, val), strict=True):
            part.is_close(torch.zeros_like(value), atol=1e-3)


@pytest.mark.exercise("standardize", "the inputs do not change", points=2)
@given(table=tables(), dtype=dtypes, turned=st.booleans())
def test_standardize_leaves_inputs_alone(learner, table, dtype, turned):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=turned)
    answer.key("result").parts("x_train", "x_val")[0].is_close(expected[0], **SCALED)
    parts = answer.key("inputs").parts("x_train", "x_val")
    for part, value in zip(parts, (x_train, x_val), strict=True):
        part.is_close(value)
