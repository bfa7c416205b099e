"""Step 12, hidden: splits, loaders and scaled columns of any size, with every point accounted for.

Whether a generator of the caller was touched is seen in the numbers that it gives next.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import Dataset

from grader.answers import FLOAT32
from grader.probes import probe
from grader.references import check_batch_sizes, expected_draws
from grader.shared_probes import draws, seed_all
from grader.strategies import arrays, numbers, seeds, sizes

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


def check_draws(answer, seed, name):
    kinds = ("PyTorch's", "NumPy's", "Python's")
    for kind, came, expected in zip(kinds, answer.numbers(3), expected_draws(seed), strict=True):
        answer.check(
            abs(came - expected) < 1e-6,
            f"{name} changes {kind} global random numbers. Use a generator of your own.",
        )


def numbers_of(part):
    """Return the x of all points of a part, and check that each came with its own y."""
    found = []
    for point in part.each():
        x, y = point.numbers(2)
        point.check(y == x + 100, f"The point x = {x:g} should have y = {x + 100:g}, not {y:g}.")
        found.append(x)
    return found


def order_of(epoch):
    """Return the x of an epoch in the order in which they came, and check each y."""
    found = []
    for batch in epoch.each():
        x, y = (v.numbers() for v in batch.parts("x", "y"))
        batch.check(y == [v + 100 for v in x], "The x and y of a batch no longer belong together.")
        found += x
    return found


def check_complete(answer, came, expected, what):
    lost = sorted(set(expected) - set(came))
    answer.check(not lost, f"{what} should also hold the points {lost[:5]}.")
    extra = sorted(set(came) - set(expected))
    answer.check(not extra, f"{what} holds points that do not belong there: {extra[:5]}.")
    answer.check(len(came) == len(expected), f"Points come more than once in {what}.")


# split


@probe
def split_once(module, first, step, n, n_train, seed, before):
    """split `n` points with the x `first`, `first + step`, …, after all global generators were seeded with
    `before`; read both parts, and draw the next global random numbers"""
    dataset = numbered(first, step, n)
    seed_all(before)
    train, val = module.split(dataset=dataset, n_train=n_train, seed=seed)
    drawn = draws()
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
        f"{parts[0]} and {parts[1]} points should come, but {len(train)} and {len(val)} came.",
    )
    expected = [float(first + step * i) for i in range(n)]
    check_complete(answer, train + val, expected, "the two parts together")


@pytest.mark.exercise("split", "the global random numbers go on as before", points=3)
@given(parts=split_sizes, seed=seeds(), before=seeds())
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
    """split the points 0, 1, … with each seed, after all global generators were seeded with another number
    each time"""
    found = []
    for i, seed in enumerate(seeds):
        seed_all(before + i)
        parts = module.split(dataset=numbered(0, 1, n), n_train=n_train, seed=seed)
        found.append([items_of(part) for part in parts])
    return found


@pytest.mark.exercise("split", "the seed alone decides", points=3)
@given(n_train=sizes(20, 30), n_val=sizes(15, 20), seed=seeds(), other=sizes(1, 9), before=seeds())
def test_split_depends_on_its_seed(learner, n_train, n_val, seed, other, before):
    # Among 35 points and more, two splits agree by chance less often than once in 10 ** 9.
    n, before = n_train + n_val, before // 2
    two = seed // 2 + other
    answer = learner.run(
        split_often, n=n, n_train=n_train, seeds=[seed // 2, two, seed // 2], before=before
    )
    found = []
    for part in answer.parts("first", "other", "first again"):
        train, val = (numbers_of(side) for side in part.parts("train", "val"))
        check_complete(part, train + val, [float(i) for i in range(n)], "the two parts together")
        part.check(
            len(train) == n_train, f"The training part has {len(train)} points, not {n_train}."
        )
        found.append(set(train))
    first, second, again = found
    answer.check(first == again, "The same seed gives another split the second time.")
    answer.check(first != second, f"The seeds {seed // 2} and {two} give the same split.")
    answer.check(
        first != set(map(float, range(n_train))), "The training part is just the first points."
    )
    last = set(map(float, range(n - n_train, n)))
    answer.check(first != last, "The training part is just the last points.")


# make_loaders


@probe
def loaders_once(module, n_train, n_val, batch_size, seed, before, n_epochs):
    """make loaders of the points 0, 1, … and 1000, 1001, … after all global generators were seeded with
    `before`; draw the next global random numbers, and read `n_epochs` epochs"""
    train, val = numbered(0, 1, n_train), numbered(1000, 1, n_val)
    seed_all(before)
    train_loader, val_loader = module.make_loaders(
        train=train, val=val, batch_size=batch_size, seed=seed
    )
    drawn = draws()
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
        came = order_of(epoch)
        check_complete(epoch, came, points, "an epoch of the validation loader")
        epoch.check(came == points, "The validation points come in another order than before.")
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
    """make loaders of the points 0, 1, … with each seed, after all global generators were seeded with another
    number each time; read three training epochs"""
    found = []
    for i, seed in enumerate(seeds):
        seed_all(before + i)
        train_loader, _ = module.make_loaders(
            train=numbered(0, 1, n), val=numbered(0, 1, 1), batch_size=batch_size, seed=seed
        )
        found.append([epoch_of(train_loader) for _ in range(3)])
    return found


@pytest.mark.exercise("make_loaders", "the seed decides, and each epoch is new", points=3)
@settings(max_examples=6)
@given(n=sizes(20, 26), batch_size=sizes(5, 9), seed=seeds(), other=sizes(1, 9), before=seeds())
def test_train_orders(learner, n, batch_size, seed, other, before):
    # 20 points have more than 10 ** 18 orders: two never agree by chance.
    seed, before = seed // 2, before // 2
    answer = learner.run(
        loaders_often, n=n, batch_size=batch_size, seeds=[seed, seed + other, seed], before=before
    )
    runs = []
    for run in answer.parts("first", "other", "first again"):
        orders = [order_of(epoch) for epoch in run.parts("epoch 1", "epoch 2", "epoch 3")]
        for order in orders:
            check_complete(run, order, [float(i) for i in range(n)], "an epoch of the train loader")
            run.check(order != sorted(order), "The training points are not shuffled.")
        run.check(
            orders[0] != orders[1] and orders[1] != orders[2] and orders[0] != orders[2],
            "Two epochs of the train loader have the same order. Every epoch should have a new one.",
        )
        # Whole batches that only change places are no new order.
        groups = [
            {frozenset(order[i : i + batch_size]) for i in range(0, n, batch_size)}
            for order in orders
        ]
        run.check(groups[0] != groups[1], "Every epoch has the same batches; shuffle the points.")
        runs.append(orders)
    answer.check(runs[0] == runs[2], "The same seed gives other training orders the second time.")
    answer.check(
        all(a != b for a, b in zip(runs[0], runs[1], strict=True)),
        f"The seeds {seed} and {seed + other} give the same training orders.",
    )


# standardize


@st.composite
def tables(draw, constant=False):
    """A training part and a validation part with columns of different sizes, as float64 arrays."""
    k = draw(sizes(1, 4))
    n, m = draw(st.permutations([2, 3, 5, 6]))[:2]
    m = draw(st.sampled_from([1, m]))
    # A ramp on top, so that no column is constant; the columns have different sizes.
    scale = np.array(draw(st.permutations([1 / 64, 1.0, 8.0, 32.0])))[:k]
    x_train = (draw(arrays((n, k))) + 8.0 * np.arange(n)[:, None]) * scale
    x_val = draw(arrays((m, k))) * scale + draw(numbers())
    if constant:
        column = draw(st.integers(0, k - 1))
        x_train[:, column] = x_val[:, column] = draw(st.sampled_from([0.0, 1.0, 4.0, -2.0, 0.5]))
    return x_train, x_val


dtypes = st.sampled_from([torch.float32, torch.float64])


@probe
def standardize_laid_out(module, x_train, x_val, turned):
    """standardize two tensors, which lie in memory column by column, if `turned`, and look whether they have
    changed"""
    if turned:
        x_train, x_val = x_train.T.contiguous().T, x_val.T.contiguous().T
    result = module.standardize(x_train=x_train, x_val=x_val)
    if isinstance(result, (tuple, list)):
        result = [v.detach().clone() if isinstance(v, torch.Tensor) else v for v in result]
    return {"result": result, "inputs": [x_train, x_val]}


def scaled(table, dtype):
    x_train, x_val = (torch.tensor(part).to(dtype) for part in table)
    mean, std = table[0].mean(axis=0), table[0].std(axis=0)
    std = np.where(std == 0, 1.0, std)
    expected = [torch.tensor((part - mean) / std).to(dtype) for part in table]
    return x_train, x_val, expected


@pytest.mark.exercise("standardize", "the training part", points=3)
@given(table=tables(), dtype=dtypes, turned=st.booleans())
def test_standardize_train(learner, table, dtype, turned):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=turned)
    answer.key("result").parts("x_train", "x_val")[0].is_close(expected[0], **FLOAT32)


@pytest.mark.exercise("standardize", "the validation part, by the same numbers", points=3)
@given(table=tables(), dtype=dtypes, turned=st.booleans())
def test_standardize_val(learner, table, dtype, turned):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=turned)
    answer.key("result").parts("x_train", "x_val")[1].is_close(expected[1], **FLOAT32)


@pytest.mark.exercise("standardize", "a constant column among others", points=3)
@given(table=tables(constant=True), dtype=dtypes)
def test_standardize_constant_column(learner, table, dtype):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=False)
    for part, value in zip(answer.key("result").parts("x_train", "x_val"), expected, strict=True):
        came = part.tensor(tuple(value.shape), dtype, finite=False)
        part.check(
            torch.isfinite(came).all(),
            "NaN or inf came: the standard deviation of a constant column is 0, so do not divide by it.",
        )
        part.is_close(value, **FLOAT32)


@pytest.mark.exercise("standardize", "the inputs stay as they are", points=2)
@given(table=tables(), dtype=dtypes, turned=st.booleans())
def test_standardize_leaves_inputs_alone(learner, table, dtype, turned):
    x_train, x_val, expected = scaled(table, dtype)
    answer = learner.run(standardize_laid_out, x_train=x_train, x_val=x_val, turned=turned)
    answer.key("result").parts("x_train", "x_val")[0].is_close(expected[0], **FLOAT32)
    parts = answer.key("inputs").parts("x_train", "x_val")
    for part, value in zip(parts, (x_train, x_val), strict=True):
        part.is_close(value)
