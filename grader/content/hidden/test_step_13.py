"""Step 13, hidden: datasets of any shape, dtype and layout, read by index, in a loop and by a DataLoader."""

import itertools
import pathlib
import tempfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, Subset

from grader.content.references import csv_points, csv_text
from grader.content.shared_probes import on_card, tensor_laid_out
from grader.testing.probes import probe
from grader.testing.strategies import seeds, shapes, sizes, tensors

DTYPES = [torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool]
dtypes = st.sampled_from(DTYPES)
layouts = st.sampled_from(["plain", "every second row", "Fortran order"])


@st.composite
def data(draw, low=1, high=7):
    """Return x and y with equally many rows, of any other sizes and any dtypes."""
    n = draw(sizes(low, high))
    x_shape, y_shape = draw(st.tuples(shapes(0, 2), shapes(0, 2)))
    return draw(tensors((n, *x_shape), draw(dtypes))), draw(tensors((n, *y_shape), draw(dtypes)))


@st.composite
def numbered(draw, low=1, high=8):
    """Return x and y in which every number appears once, so that no two points are alike."""
    n = draw(sizes(low, high))
    x_shape, y_shape = draw(st.tuples(shapes(0, 2), shapes(0, 2)))
    first = draw(st.integers(-50, 50))
    x = first + torch.arange(n * torch.Size(x_shape).numel()).reshape(n, *x_shape)
    y = 1000 - first + torch.arange(n * torch.Size(y_shape).numel()).reshape(n, *y_shape)
    return x.float(), y if draw(st.booleans()) else y.float()


def is_same(answer, expected, what):
    """Demand exactly these numbers, in this shape and dtype."""
    got = answer.tensor(shape=tuple(expected.shape), dtype=expected.dtype)
    answer.check(
        torch.equal(got, expected),
        f"Expected {what} to be {expected.tolist()}, got {got.tolist()}.",
    )


def is_point(answer, x, y, what):
    """Demand the pair (x, y)."""
    x_item, y_item = answer.parts("x", "y")
    is_same(x_item, x, f"the x of {what}")
    is_same(y_item, y, f"the y of {what}")


@probe
def items(module, x, y, indices, layouts):
    "lay `x` and `y` out in memory as `layouts` says, make a CustomDataset, and ask for several items"
    dataset = module.CustomDataset(
        x_tensor=tensor_laid_out(x, layouts[0]), y_tensor=tensor_laid_out(y, layouts[1])
    )
    return {"length": len(dataset), "items": [dataset[index] for index in indices]}


@st.composite
def questions(draw):
    """Return x, y and some indices in any order, with repetitions."""
    x, y = draw(data())
    indices = draw(st.lists(st.integers(-len(x), len(x) - 1), min_size=1, max_size=8))
    return x, y, indices


@pytest.mark.exercise("CustomDataset", "any shape, dtype and layout, in any order", points=3)
@given(asked=questions(), layouts=st.tuples(layouts, layouts))
def test_items_of_any_data(learner, asked, layouts):
    x, y, indices = asked
    answer = learner.run(items, x=x, y=y, indices=indices, layouts=layouts)
    answer.key("length").equals(len(x))
    points = answer.key("items").parts(*(f"dataset[{index}]" for index in indices))
    for point, index in zip(points, indices, strict=True):
        is_point(point, x[index], y[index], f"dataset[{index}]")


@pytest.mark.exercise("CustomDataset", "no two points are mixed up", points=3)
@given(both=numbered(), shift=st.integers(-3, 3))
def test_every_item_once(learner, both, shift):
    x, y = both
    # Each index from -n to n - 1 once; if n is 5, some of them several times.
    indices = [(k * 5 + shift) % (2 * len(x)) - len(x) for k in range(2 * len(x))]
    answer = learner.run(items, x=x, y=y, indices=indices, layouts=("plain", "plain"))
    points = answer.key("items").parts(*(f"dataset[{index}]" for index in indices))
    for point, index in zip(points, indices, strict=True):
        is_point(point, x[index], y[index], f"dataset[{index}]")


@probe
def two_datasets(module, first, second, index):
    "make two datasets, and ask the first one and then the second one for its length and an item"
    datasets = [module.CustomDataset(x_tensor=x, y_tensor=y) for x, y in (first, second)]
    return [{"length": len(dataset), "item": dataset[index]} for dataset in datasets]


@pytest.mark.exercise("CustomDataset", "two datasets do not disturb each other", points=2)
@given(first=data(), second=data(), index=st.sampled_from([0, -1]))
def test_two_datasets(learner, first, second, index):
    answers = learner.run(two_datasets, first=first, second=second, index=index)
    parts = answers.parts("the first dataset", "the second dataset")
    for answer, (x, y) in zip(parts, (first, second), strict=True):
        answer.key("length").equals(len(x))
        is_point(answer.key("item"), x[index], y[index], f"dataset[{index}]")


@probe
def item_after_errors(module, x, y, outside, index):
    """make a CustomDataset, ask for the items `outside` (each should raise an IndexError), and then for the item
    `index`"""
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    outcomes = []
    for number in outside:
        try:
            dataset[number]
        except IndexError:
            outcomes.append("IndexError")
        except NotImplementedError:
            raise
        except Exception as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("an item")
    return {"outside": outcomes, "item": dataset[index]}


@st.composite
def outside(draw):
    """Return x, y, indices on both sides of the data, and one inside."""
    x, y = draw(data())
    far = draw(st.lists(st.integers(0, 20), min_size=1, max_size=3))
    numbers = [k for d in far for k in (len(x) + d, -len(x) - 1 - d)]
    return x, y, [len(x), -len(x) - 1, *numbers], draw(st.integers(-len(x), len(x) - 1))


@pytest.mark.exercise("CustomDataset", "past both ends, and then an item again", points=3)
@given(asked=outside())
def test_indices_outside(learner, asked):
    x, y, numbers, index = asked
    answer = learner.run(item_after_errors, x=x, y=y, outside=numbers, index=index)
    for number, outcome in zip(numbers, answer.key("outside").each(), strict=True):
        outcome.check(
            outcome.value == "IndexError",
            f"len is {len(x)}, so expected an IndexError for dataset[{number}], got {outcome.value}.",
        )
    is_point(answer.key("item"), x[index], y[index], f"dataset[{index}]")


@probe
def one_item(module, x, y, index):
    "CustomDataset(x, y)[index]"
    return module.CustomDataset(x_tensor=x, y_tensor=y)[index]


@pytest.mark.exercise("CustomDataset", "indices do not wrap around", points=2)
@given(x=shapes(1, 3).flatmap(tensors), rounds=st.integers(1, 3), back=st.booleans())
def test_no_wrapping(learner, x, rounds, back):
    n = len(x)
    index = -n * rounds - 1 if back else n * rounds
    learner.run(one_item, x=x, y=x.clone(), index=n - 1)
    with learner.raises(IndexError, f"len is {n}, so there is no point {index}"):
        learner.run(one_item, x=x, y=x.clone(), index=index)


@st.composite
def unequal(draw):
    """Return x and y with different numbers of rows, in shapes that may hide it."""
    n, m = draw(st.lists(st.integers(1, 6), min_size=2, max_size=2, unique=True))
    # Both hold equally many numbers, or the length of one is the width of the other.
    shapes_of_both = [
        ((n, m), (m, n)),
        ((n,), (m,)),
        ((n, 2), (m, 2)),
        ((n, m), (m,)),
        ((n, 1), (m,)),
    ]
    x_shape, y_shape = draw(st.sampled_from(shapes_of_both))
    return draw(tensors(x_shape)), draw(tensors(y_shape, draw(dtypes)))


@pytest.mark.exercise("CustomDataset", "different lengths, whatever the other sizes are", points=3)
@given(both=unequal())
def test_different_lengths(learner, both):
    x, y = both
    learner.run(one_item, x=x, y=x.clone(), index=0)
    with learner.raises(ValueError, f"len(x_tensor) is {len(x)} and len(y_tensor) is {len(y)}"):
        learner.CustomDataset(x_tensor=x, y_tensor=y)


@probe
def loops(module, x, y):
    "run two for loops over one CustomDataset, and stop each two rounds after the last point if it goes on"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    return [list(itertools.islice(dataset, len(x) + 2)) for _ in range(2)]


@pytest.mark.exercise("CustomDataset", "two for loops over any data", points=2)
@given(both=numbered())
def test_loops(learner, both):
    x, y = both
    for answer in learner.run(loops, x=x, y=y).parts("first loop", "second loop"):
        points = answer.each()
        answer.check(
            len(points) == len(x),
            f"Expected {len(x)} rounds of a for loop over the points, got {len(points)}. It ends when an "
            "index past the end raises an IndexError.",
        )
        for i, point in enumerate(points):
            is_point(point, x[i], y[i], f"round {i + 1}")


@probe
def loaded(module, x, y, batch_size, drop_last):
    "collect the batches of a DataLoader of a CustomDataset, in order"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    return list(DataLoader(dataset, batch_size=batch_size, drop_last=drop_last))


@pytest.mark.exercise("CustomDataset", "a DataLoader, with a short last batch or without", points=3)
@given(both=data(), batch_size=sizes(1, 4), drop_last=st.booleans())
def test_loader_in_order(learner, both, batch_size, drop_last):
    x, y = both
    answer = learner.run(loaded, x=x, y=y, batch_size=batch_size, drop_last=drop_last)
    count = len(x) // batch_size if drop_last else -(-len(x) // batch_size)
    for i, batch in enumerate(answer.parts(*(f"batch {i}" for i in range(count)))):
        part = slice(i * batch_size, (i + 1) * batch_size)
        is_point(batch, x[part], y[part], f"batch {i + 1}")


@probe
def shuffled(module, x, y, batch_size, seed):
    "collect the batches of a DataLoader of a CustomDataset, shuffled with a seed"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    generator = torch.Generator().manual_seed(seed)
    return list(DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator))


@pytest.mark.exercise("CustomDataset", "shuffled: every point once, with its own label", points=3)
@given(both=numbered(), batch_size=sizes(1, 4), seed=seeds())
def test_loader_shuffled(learner, both, batch_size, seed):
    x, y = both
    answer = learner.run(shuffled, x=x, y=y, batch_size=batch_size, seed=seed)
    seen = []
    sizes_of_batches = [len(part) for part in x.split(batch_size)]
    labels = [f"batch {i}" for i in range(len(sizes_of_batches))]
    for size, batch in zip(sizes_of_batches, answer.parts(*labels), strict=True):
        x_part, y_part = batch.parts("x", "y")
        rows = x_part.tensor((size, *x.shape[1:]), x.dtype)
        marks = y_part.tensor((size, *y.shape[1:]), y.dtype)
        for row, mark in zip(rows, marks, strict=True):
            # Every number appears once, so a row of x says which point it is.
            found = [i for i in range(len(x)) if torch.equal(x[i], row)]
            batch.check(
                found, f"The point {row.tolist()} in a batch is not one of the points of x."
            )
            batch.check(
                torch.equal(y[found[0]], mark),
                f"In a batch, the point {row.tolist()} has the label {mark.tolist()}, which belongs to "
                "another point.",
            )
            seen += found
    answer.check(
        sorted(seen) == list(range(len(x))),
        "Expected every point exactly once in the batches of one epoch.",
    )


@probe
def subset(module, x, y, indices):
    "take a Subset of a CustomDataset, and ask for all its items, and whether it is built on Dataset"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    part = Subset(dataset, indices)
    kind = Dataset in type(dataset).__mro__
    return {"items": [part[i] for i in range(len(part))], "a torch Dataset": kind}


@pytest.mark.exercise("CustomDataset", "a torch Dataset that works with Subset", points=2)
@given(asked=questions())
def test_subset(learner, asked):
    x, y, indices = asked
    answer = learner.run(subset, x=x, y=y, indices=indices)
    kind = answer.key("a torch Dataset")
    kind.check(kind.value is True, "Expected a class that is built on torch.utils.data.Dataset.")
    points = answer.key("items").parts(*(f"item {i}" for i in range(len(indices))))
    for point, index in zip(points, indices, strict=True):
        is_point(point, x[index], y[index], f"dataset[{index}]")


@probe
def devices_of_item(module, x, y, index):
    """make a CustomDataset of tensors on the CPU and one of tensors that act like ones on a graphics card,
    take an item of each, and describe it"""
    return [
        [[part.device.type, list(part.shape)] for part in dataset[index]]
        for dataset in (
            module.CustomDataset(x_tensor=x, y_tensor=y),
            module.CustomDataset(x_tensor=on_card(x), y_tensor=on_card(y)),
        )
    ]


@pytest.mark.exercise("CustomDataset", "any data stays on its device", points=2)
@given(n=sizes(1, 5), shapes=st.tuples(shapes(0, 2), shapes(0, 2)), last=st.booleans())
def test_device_stays(learner, n, shapes, last):
    x, y = (torch.ones(n, *shape) for shape in shapes)
    answer = learner.run(devices_of_item, x=x, y=y, index=-1 if last else 0)
    for part, device in zip(answer.parts("on the CPU", "on a card"), ("cpu", "cuda"), strict=True):
        part.check(
            part.value == [[device, list(shape)] for shape in shapes],
            f'Expected the item on the device "{device}", like the tensors, with x of shape {shapes[0]} and y '
            f"of shape {shapes[1]}, got another device or another shape. A dataset leaves its tensors where "
            "they are.",
        )


# CsvDataset

COLUMNS = ["size", "sizes", "siz", "rooms", "age", "price", "x", "x_2"]
# Some that float32 rounds, and some that are printed with an exponent.
entries = st.one_of(
    st.integers(-12, 12).map(float),
    st.integers(-12, 12).map(lambda k: k / 4),
    st.sampled_from([0.1, -0.3, 1234.567, 1e-05, 98765.4321]),
)


@st.composite
def csv_tables(draw):
    """The names of two to five columns, two to six lines of numbers, and the target."""
    names = draw(st.lists(st.sampled_from(COLUMNS), min_size=2, max_size=5, unique=True))
    row = st.lists(entries, min_size=len(names), max_size=len(names))
    rows = draw(st.lists(row, min_size=2, max_size=6))
    return names, rows, draw(st.sampled_from(names))


@probe
def csv_answers(module, text, targets, indices):
    """write a CSV file, make a CsvDataset of it for each of `targets`, and only then ask each of them for its
    length and for several items"""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/points.csv"
        pathlib.Path(path).write_text(text)
        datasets = [module.CsvDataset(path=path, target=target) for target in targets]
        return [
            {"length": len(dataset), "items": [dataset[index] for index in indices]}
            for dataset in datasets
        ]


def check_csv(answer, names, rows, target, indices):
    """Check the length of a CsvDataset and the items at these indices."""
    answer.key("length").equals(len(rows))
    points = csv_points(names, rows, target)
    labels = [f"dataset[{index}]" for index in indices]
    for item, index in zip(answer.key("items").parts(*labels), indices, strict=True):
        features, value = item.parts("features", "target")
        features.is_close(points[index][0])
        value.is_close(points[index][1])


@pytest.mark.exercise("CsvDataset", "any table, and any of its columns as the target", points=4)
@given(table=csv_tables(), numbers=st.lists(st.integers(-99, 99), min_size=1, max_size=5))
def test_csv_of_any_columns(learner, table, numbers):
    names, rows, target = table
    indices = [number % (2 * len(rows)) - len(rows) for number in numbers]
    targets = [target, *(name for name in names if name != target)]
    answer = learner.run(
        csv_answers, text=csv_text(names, rows), targets=targets, indices=[0, -1, *indices]
    )
    for part, name in zip(answer.parts(*targets), targets, strict=True):
        check_csv(part, names, rows, name, [0, -1, *indices])


@pytest.mark.exercise("CsvDataset", "names that are only similar are an error", points=3)
@given(table=csv_tables(), change=st.sampled_from(["{}s", "{} ", "the_{}", "{}_", "-1", "0"]))
def test_csv_refuses_other_names(learner, table, change):
    names, rows, target = table
    wrong = change.format(target)
    wrong = wrong if wrong not in names else target.upper()
    text = csv_text(names, rows)
    (part,) = learner.run(csv_answers, text=text, targets=[target], indices=[1]).parts(target)
    check_csv(part, names, rows, target, [1])
    with learner.raises(ValueError, f'there is no column "{wrong}" in the header'):
        learner.run(csv_answers, text=text, targets=[wrong], indices=[1])


@probe
def csv_outside(module, text, target, outside):
    """write a CSV file, make a CsvDataset of it, and ask for the items `outside` (each should raise an
    IndexError), and then for the item 0"""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/points.csv"
        pathlib.Path(path).write_text(text)
        dataset = module.CsvDataset(path=path, target=target)
        outcomes = []
        for number in outside:
            try:
                dataset[number]
            except IndexError:
                outcomes.append("IndexError")
            except NotImplementedError:
                raise
            except Exception as error:
                outcomes.append(type(error).__name__)
            else:
                outcomes.append("an item")
        return {"outside": outcomes, "length": len(dataset), "items": [dataset[0]]}


@pytest.mark.exercise("CsvDataset", "past both ends", points=1)
@given(table=csv_tables(), far=st.integers(0, 9))
def test_csv_indices_outside(learner, table, far):
    names, rows, target = table
    outside = [len(rows), len(rows) + far, -len(rows) - 1, -len(rows) - 1 - far]
    answer = learner.run(csv_outside, text=csv_text(names, rows), target=target, outside=outside)
    for number, outcome in zip(outside, answer.key("outside").each(), strict=True):
        outcome.check(
            outcome.value == "IndexError",
            f"len is {len(rows)}, so expected an IndexError for dataset[{number}], got {outcome.value}.",
        )
    check_csv(answer, names, rows, target, [0])


@probe
def csv_shuffled(module, text, target, batch_size, seed):
    """write a CSV file, make a CsvDataset of it, ask whether it is built on Dataset, and collect the batches of a
    DataLoader that shuffles"""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/points.csv"
        pathlib.Path(path).write_text(text)
        dataset = module.CsvDataset(path=path, target=target)
        generator = torch.Generator().manual_seed(seed)
        loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=generator)
        kind = Dataset in type(dataset).__mro__
        return {"a torch Dataset": kind, "batches": [list(batch) for batch in loader]}


@pytest.mark.exercise("CsvDataset", "shuffled: every line once, with its own target", points=2)
@given(k=sizes(1, 4), n=sizes(2, 7), place=st.integers(0, 4), batch_size=sizes(1, 4), seed=seeds())
def test_csv_shuffled(learner, k, n, place, batch_size, seed):
    # No number appears twice, so the first feature says which line it is.
    rows = [[float(i * (k + 1) + j) for j in range(k + 1)] for i in range(n)]
    names, target = COLUMNS[: k + 1], COLUMNS[place % (k + 1)]
    answer = learner.run(
        csv_shuffled, text=csv_text(names, rows), target=target, batch_size=batch_size, seed=seed
    )
    kind = answer.key("a torch Dataset")
    kind.check(kind.value is True, "Expected a class that is built on torch.utils.data.Dataset.")
    points = csv_points(names, rows, target)
    sizes_of_batches = [min(batch_size, n - i) for i in range(0, n, batch_size)]
    labels = [f"batch {i}" for i in range(len(sizes_of_batches))]
    seen = []
    for size, batch in zip(sizes_of_batches, answer.key("batches").parts(*labels), strict=True):
        features, values = batch.parts("features", "target")
        features, values = (
            features.tensor((size, k), torch.float32), values.tensor((size, 1), torch.float32),
        )  # fmt: skip
        for row, value in zip(features, values, strict=True):
            found = [i for i, point in enumerate(points) if torch.equal(point[0], row)]
            batch.check(
                found, f"The features {row.tolist()} in a batch belong to no line of the file."
            )
            batch.check(
                torch.equal(points[found[0]][1], value),
                f"In a batch, the features {row.tolist()} have the target {value.tolist()}, which belongs to "
                "another line.",
            )
            seen += found
    answer.check(
        sorted(seen) == list(range(n)),
        "Expected every line exactly once in the batches of one epoch.",
    )
