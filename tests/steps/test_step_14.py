"""Step 14: splits and loaders."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.references import check_batch_sizes, check_draws
from grader.content.shared_probes import draw, seed_all
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import arrays, seeds, sizes


@probe
def numbered(first, n):
    # A list is a dataset too. Point number i is the pair (i, 100 + i), so that a mixed-up pair shows.
    return [
        (torch.tensor([i]), torch.tensor([100.0 + i])) for i in map(float, range(first, first + n))
    ]


@probe
def split_parts(module, n, n_train, seeds):
    "number n points from 0 to n - 1, split them once for each seed, and read both parts"
    splits = []
    for i, seed in enumerate(seeds):
        seed_all(i)  # what was drawn before must not matter
        train, val = module.split(dataset=numbered(0, n), n_train=n_train, seed=seed)
        parts = [[part[k] for k in range(len(part))] for part in (train, val)]
        splits.append([[(x.item(), y.item()) for x, y in part] for part in parts])
    return splits


@probe
def split_numbers(module, n, n_train, seed):
    "split torch.arange(n), look at the length of both parts, and loop over both of them"
    parts = module.split(torch.arange(n), n_train, seed=seed)
    return {
        "lengths": [len(part) for part in parts],
        "points": [int(point) for part in parts for point in part],
    }


@probe
def draws_around_split(module, seed):
    "seed the global generators with 7, draw a random number, split, and draw another one"
    seed_all(7)
    first = draw()
    parts = module.split(dataset=numbered(0, 10), n_train=8, seed=seed)
    return {"draws": [first, draw()], "sizes": [len(part) for part in parts]}


@probe
def epochs(module, n_train, n_val, batch_size, seeds, n_epochs):
    """make both loaders for each seed, and then read every epoch: for the first seed the training loader before
    the validation loader, for the next seed the other way round, and so on"""
    pairs = []
    for i, seed in enumerate(seeds):
        seed_all(i)  # what was drawn before must not matter
        train, val = numbered(0, n_train), numbered(1000, n_val)
        loaders = module.make_loaders(train=train, val=val, batch_size=batch_size, seed=seed)
        pairs.append(dict(zip(("train", "val"), loaders, strict=True)))
    runs = []
    for i, loaders in enumerate(pairs):
        run = {"train": [], "val": []}
        for _ in range(n_epochs):
            for name in ("val", "train") if i % 2 else ("train", "val"):
                batches = [(x.flatten().tolist(), y.flatten().tolist()) for x, y in loaders[name]]
                run[name].append(batches)
        runs.append(run)
    return runs


@probe
def draws_around_make_loaders(module, seed):
    """seed the global generators with 7, draw a random number, make the loaders, draw another one, and then
    read the batches"""
    seed_all(7)
    first = draw()
    loaders = module.make_loaders(
        train=numbered(0, 10), val=numbered(50, 5), batch_size=4, seed=seed
    )
    drawn = [first, draw()]
    return {"draws": drawn, "sizes": [[len(x) for x, y in loader] for loader in loaders]}


def check_points(answer, points, numbers, part):
    """Demand that the points are these numbers, each once, in any order, with their own labels."""
    x = [x for x, _ in points]
    lost = sorted(set(numbers) - set(x))
    twice = sorted({int(i) for i in x if x.count(i) > 1})
    answer.check(not lost, f"Points are missing: {part} should also hold the points {lost}.")
    answer.check(not twice, f"The points {twice} appear more than once in {part}.")
    extra = sorted(set(x) - set(numbers))
    answer.check(not extra, f"Some points do not belong in {part}: {extra}.")
    mixed = [(x, y) for x, y in points if y != x + 100]
    answer.check(not mixed, f"x and y no longer belong together in {part}: {mixed[:3]}.")


def pairs(answer):
    """Return the points of one part as pairs of floats."""
    return [tuple(point.numbers(2)) for point in answer.each()]


def epoch_points(epoch):
    """Return the points of one epoch as pairs of floats, in the order of the batches."""
    points = []
    for batch in epoch.each():
        x, y = batch.parts("x", "y")
        points += zip(x.numbers(), y.numbers(), strict=True)
    return points


def orders(run):
    """Return the order of the training points in each epoch."""
    return [[x for x, _ in epoch_points(epoch)] for epoch in run.key("train").each()]


@pytest.mark.exercise("split", "the numbers 0 to 9 into 8 and 2")
def test_split_example(learner):
    answer = learner.run(split_numbers, n=10, n_train=8, seed=42)
    answer.key("lengths").equals([8, 2])
    points = answer.key("points").numbers()
    answer.check(
        sorted(points) == list(range(10)),
        f"Expected both parts together to hold each of the numbers 0 to 9 once, got {points}.",
    )


@pytest.mark.exercise("split", "every point is in exactly one part", points=2)
@settings(max_examples=5)
@given(n_train=sizes(), n_val=sizes(), seed=seeds())
def test_split_is_complete_and_disjoint(learner, n_train, n_val, seed):
    n = n_train + n_val
    answer = learner.run(split_parts, n=n, n_train=n_train, seeds=[seed])
    train, val = (pairs(part) for part in answer.each()[0].parts("train", "val"))
    both = sorted({int(x) for x, _ in train} & {int(x) for x, _ in val})
    answer.check(not both, f"The points {both} are in both parts.")
    lengths = (len(train), len(val))
    answer.check(
        lengths == (n_train, n_val),
        f"Expected {n_train} training and {n_val} validation points, got {lengths}.",
    )
    check_points(answer, train + val, range(n), "the training and validation part together")


@pytest.mark.exercise("split", "the same seed gives the same split")
@settings(max_examples=5)
@given(seed=seeds())
def test_split_is_reproducible(learner, seed):
    answer = learner.run(split_parts, n=20, n_train=13, seeds=[seed, seed, 0, 0])
    first, second, zero, zero_again = map(_sorted_parts, answer.each())
    lengths = tuple(map(len, first))
    answer.check(
        lengths == (13, 7), f"Expected 13 training and 7 validation points, got {lengths}."
    )
    answer.check(
        first == second,
        "Two splits with the same seed differ. Does split use its own seed, or PyTorch's global one?",
    )
    answer.check(
        zero == zero_again, "Two splits with the seed 0 differ. 0 is a seed like any other."
    )


@pytest.mark.exercise(
    "split", "another seed gives another split, and none is just the first points"
)
def test_split_is_random(learner):
    answer = learner.run(split_parts, n=40, n_train=30, seeds=[0, 1, 2])
    train_parts = [_sorted_parts(split)[0] for split in answer.each()]
    answer.check(
        all(part != [float(i) for i in range(30)] for part in train_parts),
        "The training part is just the first 30 points. It should be a random choice.",
    )
    answer.check(
        all(train_parts[i] != train_parts[i - 1] for i in range(3)),
        "The seeds 0, 1 and 2 should give different splits, but two of them give the same one.",
    )


def _sorted_parts(split):
    return [sorted(x for x, _ in pairs(part)) for part in split.parts("train", "val")]


@pytest.mark.exercise("split", "the caller's random numbers stay the same")
def test_split_leaves_global_generators_alone(learner):
    for seed in (3, 0):
        answer = learner.run(draws_around_split, seed=seed)
        answer.key("sizes").equals([8, 2])
        check_draws(answer.key("draws"), 7, "split")


@pytest.mark.exercise("make_loaders", "batches of 4: 4 3 and 3")
def test_loaders_batch_sizes(learner):
    answer = learner.run(epochs, n_train=7, n_val=3, batch_size=4, seeds=[0], n_epochs=1)
    run = answer.each()[0]
    for name, n in (("train", 7), ("val", 3)):
        check_batch_sizes(run.key(name).each()[0], n, 4, name)


@pytest.mark.exercise("make_loaders", "every epoch has each point once", points=2)
@settings(max_examples=5)
@given(n_train=sizes(), n_val=sizes(), batch_size=sizes(1, 5), seed=seeds())
def test_loaders_drop_no_point(learner, n_train, n_val, batch_size, seed):
    answer = learner.run(
        epochs, n_train=n_train, n_val=n_val, batch_size=batch_size, seeds=[seed], n_epochs=2
    )
    run = answer.each()[0]
    for epoch in run.key("train").each():
        check_points(answer, epoch_points(epoch), range(n_train), "an epoch of the train loader")
        check_batch_sizes(epoch, n_train, batch_size, "train")
    for epoch in run.key("val").each():
        val_points = range(1000, 1000 + n_val)
        check_points(answer, epoch_points(epoch), val_points, "an epoch of the val loader")


@pytest.mark.exercise("make_loaders", "the validation points keep their order")
def test_val_loader_keeps_the_order(learner):
    answer = learner.run(epochs, n_train=4, n_val=12, batch_size=5, seeds=[0, 1], n_epochs=2)
    expected = [float(i) for i in range(1000, 1012)]
    for run in answer.each():
        for epoch in run.key("val").each():
            order = [x for x, _ in epoch_points(epoch)]
            shuffled = sorted(order) == expected
            answer.check(
                order == expected,
                f"Expected the points 1000 to 1011 in this order from the validation loader, got "
                f"{[int(x) for x in order]}." + (" It must not shuffle." if shuffled else ""),
            )
            check_batch_sizes(epoch, 12, 5, "val")


@pytest.mark.exercise(
    "make_loaders", "the training points get a new order in every epoch", points=2
)
def test_train_loader_shuffles_every_epoch(learner):
    answer = learner.run(epochs, n_train=30, n_val=3, batch_size=8, seeds=[0, 5], n_epochs=3)
    for run in answer.each():
        run_orders = orders(run)
        answer.check(
            all(order != sorted(order) for order in run_orders),
            "The training points are in their old order 0, 1, 2, …: the train loader does not shuffle.",
        )
        answer.check(
            all(run_orders[i] != run_orders[i - 1] for i in range(3)),
            "Two epochs of the train loader have the same order. Every epoch should have a new one.",
        )


@pytest.mark.exercise("make_loaders", "the same seed gives the same orders")
@settings(max_examples=5)
@given(seed=seeds())
def test_train_loader_is_reproducible(learner, seed):
    answer = learner.run(
        epochs, n_train=12, n_val=2, batch_size=5, seeds=[seed, seed, 0, 0], n_epochs=2
    )
    first, second, zero, zero_again = answer.each()
    check_batch_sizes(first.key("train").each()[0], 12, 5, "train")
    answer.check(
        orders(first) == orders(second),
        "Two train loaders with the same seed give different orders. Does each one have its own "
        "generator with this seed, and does nothing else draw from it?",
    )
    answer.check(
        orders(zero) == orders(zero_again),
        "Two train loaders with the seed 0 give different orders. 0 is a seed like any other.",
    )


@pytest.mark.exercise("make_loaders", "another seed gives another order")
def test_train_loader_uses_its_seed(learner):
    answer = learner.run(epochs, n_train=30, n_val=2, batch_size=8, seeds=[1, 2], n_epochs=1)
    first, second = answer.each()
    answer.check(
        orders(first) != orders(second),
        "The seeds 1 and 2 give the same order of the training points. The seed is not used.",
    )


@pytest.mark.exercise("make_loaders", "the caller's random numbers stay the same")
def test_make_loaders_leaves_global_generators_alone(learner):
    for seed in (3, 0):
        answer = learner.run(draws_around_make_loaders, seed=seed)
        answer.key("sizes").equals([[4, 4, 2], [4, 1]])
        check_draws(answer.key("draws"), 7, "make_loaders")


@pytest.mark.exercise("standardize", "columns of small and large numbers, by hand")
def test_standardize_by_hand(learner):
    for dtype in (torch.float32, torch.float64):
        answer = learner.standardize(
            x_train=torch.tensor(
                [[1.0, 50.0, 1e-9, 10000.0], [3.0, 10.0, 3e-9, 10002.0]], dtype=dtype
            ),
            x_val=torch.tensor([[6.0, 20.0, 2e-9, 10003.0], [2.0, 70.0, 0.0, 9999.0]], dtype=dtype),
        )
        x_train, x_val = answer.parts("x_train", "x_val")
        x_train.is_close(
            torch.tensor([[-1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, 1.0]], dtype=dtype)
        )
        x_val.is_close(torch.tensor([[4.0, -0.5, 0.0, 2.0], [0.0, 2.0, -2.0, -2.0]], dtype=dtype))


@pytest.mark.exercise("standardize", "the column of the lesson")
def test_standardize_lesson(learner):
    column = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    answer = learner.standardize(x_train=column, x_val=torch.tensor([[10.0]]))
    x_train, x_val = answer.parts("x_train", "x_val")
    x_train.is_close(torch.tensor([[-1.069045], [-0.534522], [0.0], [1.603567]]), **FLOAT32)
    x_val.is_close(torch.tensor([[3.741657]]), **FLOAT32)


@pytest.mark.exercise("standardize", "the validation part does not change the training part")
@settings(max_examples=5)
@given(x_val=arrays(st.tuples(sizes(1, 3), st.just(2))))
def test_standardize_does_not_leak(learner, x_val):
    x_train, x_val = torch.tensor([[0.0, 5.0], [2.0, 1.0]]), torch.tensor(x_val).float()
    train_parts = []
    for shift in (0, 100):
        answer = learner.standardize(x_train=x_train, x_val=x_val + shift)
        train_parts.append(answer.parts("x_train", "x_val")[0].tensor((2, 2)).double())
    answer.check(
        torch.allclose(train_parts[0], train_parts[1], atol=1e-4),
        "When 100 is added to each number of the validation part, the result for the training "
        "part changes. Compute mean and standard deviation from the training part alone.",
    )
    answer.parts("x_train", "x_val")[0].is_close(torch.tensor([[-1.0, 1.0], [1.0, -1.0]]))


@pytest.mark.exercise("standardize", "any columns", points=2)
@settings(max_examples=5)
@given(data=st.tuples(sizes(2, 8), sizes(1, 4), sizes(1, 3)).flatmap(
    lambda n: st.tuples(arrays((n[0], n[2])), arrays((n[1], n[2])))
))  # fmt: skip
def test_standardize_any_columns(learner, data):
    x_train, x_val = data
    # A ramp is added, so that no column is constant; the columns differ in scale.
    x_train = (x_train + 8.0 * np.arange(len(x_train))[:, None]) * np.arange(
        1, x_train.shape[1] + 1
    )
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    answer = learner.standardize(
        x_train=torch.tensor(x_train).float(), x_val=torch.tensor(x_val).float()
    )
    train_part, val_part = answer.parts("x_train", "x_val")
    train_part.is_close(torch.tensor((x_train - mean) / std).float(), **FLOAT32)
    val_part.is_close(torch.tensor((x_val - mean) / std).float(), **FLOAT32)


@pytest.mark.exercise("standardize", "constant columns become 0", points=2)
def test_standardize_constant_columns(learner):
    # For most of these columns, if they stand alone, torch finds a standard deviation that is tiny but not 0.
    numbers = [4.0, 0.0, 0.1, -0.7, 1000.1, 3e-6]
    for n_train, n_val in ((1, 2), (7, 1), (12, 5)):
        for dtype in (torch.float32, torch.float64):
            check_constant(learner, numbers, n_train, n_val, dtype)
            for number in numbers:
                check_constant(learner, [number], n_train, n_val, dtype)


def check_constant(learner, numbers, n_train, n_val, dtype):
    """Check that columns with the same number in all rows of both parts become 0."""
    x_train, x_val = (torch.tensor([numbers] * n, dtype=dtype) for n in (n_train, n_val))
    answer = learner.standardize(x_train=x_train, x_val=x_val)
    for part, n in zip(answer.parts("x_train", "x_val"), (n_train, n_val), strict=True):
        scaled = part.tensor((n, len(numbers)), dtype, finite=False).double()
        for number, column in zip(numbers, scaled.T, strict=True):
            sentence = (
                f"A column has the same number {number:g} in all rows of both parts. Expected it to become 0, got "
                f"{column.tolist()} in {part.label}."
            )
            if not torch.isfinite(column).all():
                sentence += " Its standard deviation is 0: do not divide by it."
            # A column of 1000.1 may keep the rounding error of its mean. NaN < 1e-3 is False.
            part.check((column.abs() < 1e-3).all(), sentence)
