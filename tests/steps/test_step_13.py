"""Step 13: a custom Dataset."""

import itertools
import pathlib
import tempfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

from grader.content.references import csv_points, csv_text
from grader.content.shared_probes import on_card
from grader.testing.probes import probe
from grader.testing.strategies import sizes, tensors

# Five points of two numbers each, and five labels.
X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]])
Y = torch.tensor([[0.1], [0.2], [0.3], [0.4], [0.5]])
LABELS = torch.tensor([7, 0, 3, 9, 1])


@st.composite
def data(draw):
    """Return x of shape (n, 2, 3) and y of shape (n, 4)."""
    n = draw(sizes(1, 4))
    return draw(tensors((n, 2, 3))), draw(tensors((n, 4)))


@probe
def is_dataset(module, x, y):
    "make a CustomDataset, and ask whether it is a torch Dataset and for its length"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    return {"is a Dataset": isinstance(dataset, Dataset), "length": len(dataset)}


@probe
def length(module, x, y):
    "len(CustomDataset(x, y))"
    return len(module.CustomDataset(x_tensor=x, y_tensor=y))


@probe
def item(module, x, y, index):
    "CustomDataset(x, y)[index]"
    return module.CustomDataset(x_tensor=x, y_tensor=y)[index]


@probe
def item_of_first(module, first, second, index):
    "first = CustomDataset(x, y), then second = CustomDataset(x, y) with other numbers, and look at first[index]"
    first, _ = [module.CustomDataset(x_tensor=x, y_tensor=y) for x, y in (first, second)]
    return {"length": len(first), "item": first[index]}


@probe
def items(module, x, y, indices):
    "make a CustomDataset and ask for several items, one after the other"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    return [dataset[index] for index in indices]


@probe
def loop(module, x, y):
    "run a for loop over a CustomDataset, and stop it two rounds after the last point if it goes on"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    return list(itertools.islice(dataset, len(x) + 2))


@probe
def batches(module, x, y, batch_size):
    "DataLoader(CustomDataset(x, y), batch_size=batch_size), and collect the batches"
    dataset = module.CustomDataset(x_tensor=x, y_tensor=y)
    return list(DataLoader(dataset, batch_size=batch_size))


@probe
def devices_of_item(module, x, y):
    """make a CustomDataset of tensors on the CPU and one of tensors that act like ones on a graphics card,
    take an item of each, and ask for its devices"""
    return [
        [str(getattr(part, "device", "none")).split(":")[0] for part in dataset[1]]
        for dataset in (
            module.CustomDataset(x_tensor=x, y_tensor=y),
            module.CustomDataset(x_tensor=on_card(x), y_tensor=on_card(y)),
        )
    ]


def is_point(answer, x, y):
    """Demand the pair (x, y)."""
    x_item, y_item = answer.parts("x", "y")
    if answer.label:
        x_item, y_item = answer.parts("[0]", "[1]")
    x_item.is_close(x)
    y_item.is_close(y)


@pytest.mark.exercise("CustomDataset", "it is a torch Dataset")
def test_is_a_dataset(learner):
    answer = learner.run(is_dataset, x=X, y=Y)
    answer.check(
        answer.key("is a Dataset").value is True,
        "Expected a class that is built on torch.utils.data.Dataset.",
    )
    answer.key("length").equals(5)


@pytest.mark.exercise("CustomDataset", "len counts the points")
def test_len_by_hand(learner):
    learner.run(length, x=X, y=Y).equals(5)


@pytest.mark.exercise("CustomDataset", "len for any number of points")
@given(data=data())
def test_len_is_the_number_of_points(learner, data):
    x, y = data
    learner.run(length, x=x, y=y).equals(len(x))


@pytest.mark.exercise("CustomDataset", "an item is the pair of one x and its y")
def test_items_by_hand(learner):
    is_point(learner.run(item, x=X, y=Y, index=0), torch.tensor([1.0, 2.0]), torch.tensor([0.1]))
    is_point(learner.run(item, x=X, y=Y, index=3), torch.tensor([7.0, 8.0]), torch.tensor([0.4]))


@pytest.mark.exercise("CustomDataset", "a negative index counts from the end")
def test_negative_index(learner):
    is_point(learner.run(item, x=X, y=Y, index=-1), torch.tensor([9.0, 10.0]), torch.tensor([0.5]))
    is_point(learner.run(item, x=X, y=Y, index=-5), torch.tensor([1.0, 2.0]), torch.tensor([0.1]))


@pytest.mark.exercise("CustomDataset", "every index, for points of any shape", points=2)
@given(data=data())
def test_items_are_x_and_y(learner, data):
    x, y = data
    indices = list(range(-len(x), len(x)))
    answer = learner.run(items, x=x, y=y, indices=indices)
    points = answer.parts(*(f"dataset[{index}]" for index in indices))
    for point, index in zip(points, indices, strict=True):
        is_point(point, x[index], y[index])


@pytest.mark.exercise("CustomDataset", "every dtype stays: integer pixels, integer labels, float64")
def test_dtypes_stay(learner):
    pixels = torch.tensor([[0, 255], [7, 16], [3, 1]], dtype=torch.uint8)
    for x, y in ((X, LABELS), (pixels, LABELS[:3]), (X.double(), Y.double())):
        x_item, y_item = learner.run(item, x=x, y=y, index=2).parts("x", "y")
        x_item.tensor(shape=(2,), dtype=x.dtype)
        x_item.equals(x[2])
        y_item.tensor(shape=tuple(y.shape[1:]), dtype=y.dtype)
        y_item.equals(y[2])


@pytest.mark.exercise("CustomDataset", "a second dataset does not change the first one")
def test_two_datasets(learner):
    answer = learner.run(item_of_first, first=(X, Y), second=(-X[:2], -Y[:2]), index=1)
    answer.key("length").equals(5)
    is_point(answer.key("item"), X[1], Y[1])


@pytest.mark.exercise("CustomDataset", "an index past the end is an error")
def test_index_past_the_end(learner):
    learner.run(item, x=X, y=Y, index=4)
    for index in (5, 6, 100):
        with learner.raises(IndexError, f"len is 5, so there is no point {index}"):
            learner.run(item, x=X, y=Y, index=index)


@pytest.mark.exercise("CustomDataset", "an index before the first point is an error")
def test_index_before_the_start(learner):
    learner.run(item, x=X, y=Y, index=0)
    for index in (-6, -7, -100):
        with learner.raises(IndexError, f"len is 5, so there is no point {index} before -5"):
            learner.run(item, x=X, y=Y, index=index)


@pytest.mark.exercise("CustomDataset", "any index outside is an error")
@given(n=sizes(1, 6), beyond=sizes(0, 6), before=st.booleans())
def test_index_outside(learner, n, beyond, before):
    index = -n - 1 - beyond if before else n + beyond
    x, y = torch.ones(n, 2), torch.ones(n, 1)
    learner.run(item, x=x, y=y, index=n - 1)
    with learner.raises(IndexError, f"len is {n}, so there is no point {index}"):
        learner.run(item, x=x, y=y, index=index)


@pytest.mark.exercise("CustomDataset", "a for loop ends after the last point")
def test_loop(learner):
    answer = learner.run(loop, x=X, y=Y)
    points = answer.each()
    answer.check(
        len(points) == 5,
        f"Expected 5 rounds of a for loop over 5 points, got {len(points)}. It ends when an index "
        "past the end raises an IndexError.",
    )
    for point, x, y in zip(points, X, Y, strict=True):
        is_point(point, x, y)


@pytest.mark.exercise("CustomDataset", "different lengths are an error")
def test_different_lengths(learner):
    learner.run(length, x=X, y=Y)
    with learner.raises(ValueError, "len(x_tensor) is 5 and len(y_tensor) is 4"):
        learner.CustomDataset(x_tensor=X, y_tensor=Y[:4])
    with learner.raises(ValueError, "len(x_tensor) is 4 and len(y_tensor) is 5"):
        learner.CustomDataset(x_tensor=X[:4], y_tensor=Y)


@pytest.mark.exercise("CustomDataset", "any different lengths are an error")
@given(n=sizes(1, 6), more=sizes(1, 3), x_is_longer=st.booleans())
def test_any_different_lengths(learner, n, more, x_is_longer):
    n_x, n_y = (n + more, n) if x_is_longer else (n, n + more)
    learner.run(length, x=torch.ones(n, 2), y=torch.ones(n, 1))
    with learner.raises(ValueError, f"len(x_tensor) is {n_x} and len(y_tensor) is {n_y}"):
        learner.CustomDataset(x_tensor=torch.ones(n_x, 2), y_tensor=torch.ones(n_y, 1))


@pytest.mark.exercise("CustomDataset", "a DataLoader makes batches of 2, 2 and 1", points=2)
def test_loader_by_hand(learner):
    first, second, third = learner.run(batches, x=X, y=Y, batch_size=2).parts(
        "first batch", "second batch", "third batch"
    )
    is_point(first, X[0:2], Y[0:2])
    is_point(second, X[2:4], Y[2:4])
    is_point(third, X[4:5], Y[4:5])


@pytest.mark.exercise("CustomDataset", "a DataLoader gives every point once", points=2)
@given(data=data(), batch_size=sizes(1, 3))
def test_loader_gives_every_point(learner, data, batch_size):
    x, y = data
    answer = learner.run(batches, x=x, y=y, batch_size=batch_size)
    chunks = list(zip(x.split(batch_size), y.split(batch_size), strict=True))
    loaded = answer.parts(*(f"batch {i}" for i in range(len(chunks))))
    for batch, (x_chunk, y_chunk) in zip(loaded, chunks, strict=True):
        is_point(batch, x_chunk, y_chunk)


@pytest.mark.exercise("CustomDataset", "the data stays on its device")
def test_device_stays(learner):
    answer = learner.run(devices_of_item, x=X, y=Y)
    for part, device in zip(answer.parts("on the CPU", "on a card"), ("cpu", "cuda"), strict=True):
        part.check(
            part.value == [device, device],
            f'Expected the item on the device "{device}", like the tensors, got another device. A dataset '
            "leaves its tensors where they are: the training loop moves one batch at a time.",
        )


NAMES = ["size", "rooms", "age", "price"]
HOUSES = [[50.0, 2.0, 10.5, 100.25], [80.0, 3.0, -4.0, 150.0], [65.5, 2.0, 0.0, 99.75]]


@st.composite
def tables(draw):
    """The names of two to four columns, two to five lines of numbers, and the target."""
    names = draw(st.permutations(["size", "rooms", "age", "price"]))[: draw(sizes(2, 4))]
    table = draw(tensors((draw(sizes(2, 5)), len(names))))
    return names, table.tolist(), draw(st.sampled_from(names))


@probe
def csv_items(module, text, target, indices):
    """write a CSV file, make a CsvDataset of it, and ask for its length and for several items"""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/points.csv"
        pathlib.Path(path).write_text(text)
        dataset = module.CsvDataset(path=path, target=target)
        return {
            "is a Dataset": isinstance(dataset, Dataset),
            "length": len(dataset),
            "items": [dataset[index] for index in indices],
        }


@probe
def csv_loop_and_batches(module, text, target, batch_size, most):
    """write a CSV file, run a for loop over a CsvDataset of it, stop it after `most` points if it goes on, and
    collect the batches of a DataLoader"""
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/points.csv"
        pathlib.Path(path).write_text(text)
        dataset = module.CsvDataset(path=path, target=target)
        batches = [list(batch) for batch in DataLoader(dataset, batch_size=batch_size)]
        return {"loop": list(itertools.islice(dataset, most)), "batches": batches}


def check_lines(answer, names, rows, target, indices):
    """Check the length of a CsvDataset and the items at these indices."""
    answer.key("length").equals(len(rows))
    points = csv_points(names, rows, target)
    items = answer.key("items").parts(*(f"dataset[{index}]" for index in indices))
    for item, index in zip(items, indices, strict=True):
        is_point(item, *points[index])


@pytest.mark.exercise("CsvDataset", "it is a torch Dataset, and the header is no point")
def test_csv_is_a_dataset(learner):
    answer = learner.run(csv_items, text=csv_text(NAMES, HOUSES), target="price", indices=[0])
    answer.check(
        answer.key("is a Dataset").value is True,
        "Expected a class that is built on torch.utils.data.Dataset.",
    )
    check_lines(answer, NAMES, HOUSES, "price", [0])


@pytest.mark.exercise("CsvDataset", "the last column is the target", points=2)
def test_csv_by_hand(learner):
    text = "size,rooms,price\n50,2,100.5\n80,3,150\n"
    answer = learner.run(csv_items, text=text, target="price", indices=[0, 1])
    first, second = answer.key("items").parts("dataset[0]", "dataset[1]")
    is_point(first, torch.tensor([50.0, 2.0]), torch.tensor([100.5]))
    is_point(second, torch.tensor([80.0, 3.0]), torch.tensor([150.0]))


@pytest.mark.exercise("CsvDataset", "the target is any column, by its name", points=2)
@pytest.mark.parametrize("target", ["size", "rooms", "age"])
def test_csv_target_by_name(learner, target):
    text = csv_text(NAMES, HOUSES)
    answer = learner.run(csv_items, text=text, target=target, indices=[0, 1, 2])
    check_lines(answer, NAMES, HOUSES, target, [0, 1, 2])


@pytest.mark.exercise("CsvDataset", "any table", points=2)
@given(table=tables())
def test_csv_of_any_table(learner, table):
    names, rows, target = table
    indices = list(range(len(rows)))
    answer = learner.run(csv_items, text=csv_text(names, rows), target=target, indices=indices)
    check_lines(answer, names, rows, target, indices)


@pytest.mark.exercise("CsvDataset", "a column that is not there is an error")
def test_csv_without_the_target(learner):
    text = csv_text(NAMES, HOUSES)
    check_lines(
        learner.run(csv_items, text=text, target="age", indices=[1]), NAMES, HOUSES, "age", [1]
    )
    for target in ("prize", "Price", "pric", ""):
        with learner.raises(ValueError, f'there is no column "{target}" in the header'):
            learner.run(csv_items, text=text, target=target, indices=[0])


@pytest.mark.exercise("CsvDataset", "an index counts as in a list")
def test_csv_indices(learner):
    text = csv_text(NAMES, HOUSES)
    answer = learner.run(csv_items, text=text, target="price", indices=[-1, -3, 2])
    check_lines(answer, NAMES, HOUSES, "price", [-1, -3, 2])
    for index in (3, -4):
        with learner.raises(IndexError, f"there are 3 points, so there is no point {index}"):
            learner.run(csv_items, text=text, target="price", indices=[index])


@pytest.mark.exercise("CsvDataset", "a for loop and a DataLoader give every point once")
@given(table=tables(), batch_size=sizes(1, 3))
def test_csv_in_a_loader(learner, table, batch_size):
    names, rows, target = table
    answer = learner.run(
        csv_loop_and_batches, text=csv_text(names, rows), target=target, batch_size=batch_size,
        most=len(rows) + 2,
    )  # fmt: skip
    points = csv_points(names, rows, target)
    looped = answer.key("loop").each()
    answer.check(
        len(looped) == len(rows),
        f"Expected {len(rows)} rounds of a for loop over the points, got {len(looped)}.",
    )
    for item, point in zip(looped, points, strict=True):
        is_point(item, *point)
    parts = [points[i : i + batch_size] for i in range(0, len(points), batch_size)]
    batches = answer.key("batches").parts(*(f"batch {i}" for i in range(len(parts))))
    for batch, part in zip(batches, parts, strict=True):
        is_point(batch, *(torch.stack(values) for values in zip(*part, strict=True)))
