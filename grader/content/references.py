"""References in float64 and checks, for visible and hidden tests or the tests of several steps.

A reference computes what a test expects. A check raises `Mismatch` if an answer is wrong. They are one list, of
over 300 lines, because they share no state and most of them serve several steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.testing.answers import FLOAT32, Answer, Mismatch
from grader.testing.wording import shown
from grader.wire.values import is_tensor

# Intermediate numbers reach about 100, of which float32 keeps seven digits.
TRAINING: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-4}

# For a wrong first loss, a wrong second loss, and any later one.
HINTS = (
    "Is it the loss before the update?",
    "The first loss is right, so look at the first update: it moves both parameters, with gradients of "
    "the same loss.",
    "The first update is right, so something is left over from it. Are the old gradients cleared?",
)


# The line of the lessons


def tutorial_arrays() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the 80 training points of the tutorial, as float64 arrays of shape (80, 1)."""
    generator = np.random.RandomState(42)
    x = generator.rand(100, 1)
    y = 1 + 2 * x + 0.1 * generator.randn(100, 1)
    train = generator.permutation(100)[:80]
    return x[train], y[train]


def tutorial_points() -> tuple[Any, Any]:
    """Return the 80 training points of the tutorial, as float32 tensors of shape (80, 1)."""
    import torch

    x, y = tutorial_arrays()
    return torch.tensor(x).float(), torch.tensor(y).float()


def line_gradients(a: float, b: float, x: Any, y: Any) -> tuple[float, float, float]:
    """Return the mean squared error of a line and both gradients, by the formulas of step 03.

    Args:
        a: the intercept.
        b: the slope.
        x: float array or tensor of any shape, such as (n, 1).
        y: float array or tensor of the same shape.

    Returns:
        The loss, its derivative by a, and its derivative by b, computed in float64.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    error = a + b * x - y
    return float((error**2).mean()), float(2 * error.mean()), float(2 * (error * x).mean())


def descend(
    a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int
) -> tuple[list[float], list[tuple[float, float]]]:
    """Run gradient descent on a line.

    Args:
        a: the intercept before the first epoch.
        b: the slope before the first epoch.
        x: float array or tensor of shape (n, 1).
        y: float array or tensor of the same shape.
        lr: the learning rate.
        n_epochs: the number of epochs, each a single step on all points.

    Returns:
        The loss before each update, and the pair (a, b) after it; both lists have `n_epochs` items.
    """
    losses, path = [], []
    for _ in range(n_epochs):
        loss, a_grad, b_grad = line_gradients(a, b, x, y)
        a, b = a - lr * a_grad, b - lr * b_grad
        losses.append(loss)
        path.append((a, b))
    return losses, path


def descend_many(
    w: Any, b: float, x: Any, y: Any, lr: float, n_epochs: int
) -> tuple[list[float], NDArray[Any], float]:
    """Run gradient descent on a model with several features, `x @ w + b`.

    Args:
        w: the slopes before the first epoch, a float array or tensor of shape (k,).
        b: the intercept before the first epoch.
        x: float array or tensor of shape (n, k).
        y: float array or tensor of shape (n,).
        lr: the learning rate.
        n_epochs: the number of epochs, each a single step on all points.

    Returns:
        The loss before each update, and w, float64 of shape (k,), and b after the last one.
    """
    w, x, y = (np.asarray(values, np.float64) for values in (w, x, y))
    losses = []
    for _ in range(n_epochs):
        error = x @ w + b - y
        losses.append(float((error**2).mean()))
        w, b = w - lr * 2 * x.T @ error / len(x), b - lr * 2 * float(error.mean())
    return losses, w, b


def trained_line(
    a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int
) -> tuple[float, float, list[float]]:
    """Run gradient descent on a line and return where it ends.

    Args:
        a: the intercept before the first epoch.
        b: the slope before the first epoch.
        x: float array or tensor of shape (n, 1).
        y: float array or tensor of the same shape.
        lr: the learning rate.
        n_epochs: the number of epochs, at least 1.

    Returns:
        a and b after the last epoch, and the list of the losses before each update.
    """
    losses, path = descend(a, b, x, y, lr, n_epochs)
    return (*path[-1], losses)


def trained_in_batches(
    a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int, batch_size: int
) -> tuple[float, float, list[float]]:
    """Run mini-batch gradient descent on a line, with batches in the order of the points.

    Args:
        a: the intercept before the first epoch.
        b: the slope before the first epoch.
        x: float array or tensor of shape (n, 1).
        y: float array or tensor of the same shape.
        lr: the learning rate.
        n_epochs: the number of epochs, at least 1.
        batch_size: the number of points in a full batch, at least 1.

    Returns:
        a and b after the last epoch, and for each update the loss of its batch before it.
    """
    losses: list[float] = []
    for _ in range(n_epochs):
        for start in range(0, len(x), batch_size):
            end = start + batch_size
            a, b, loss = trained_line(a, b, x[start:end], y[start:end], lr, 1)
            losses += loss
    return a, b, losses


def loss_after(a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int) -> float:
    """Return the loss of a line after `n_epochs` steps of gradient descent; inf or NaN if it diverges."""
    with np.errstate(all="ignore"):
        end_a, end_b, _ = trained_line(a, b, x, y, lr, n_epochs)
        return line_gradients(end_a, end_b, x, y)[0]


def check_losses(answer: Answer, expected: list[float]) -> None:
    """Check the losses of a training run, naming the first wrong one."""
    losses = answer.numbers(len(expected))
    close = np.isclose(losses, expected, **TRAINING)
    if not close.all():
        i = int(close.argmin())
        answer.check(
            False,
            f"Expected the loss of epoch {i + 1} to be {expected[i]:.7g}, got {losses[i]:.7g}. "
            f"{HINTS[min(i, 2)]}",
        )


def check_fit(answer: Answer, a: float, b: float, x: Any, y: Any, lr: float, n_epochs: int) -> None:
    """Check the entries "losses", "a" and "b" of an answer against gradient descent on a line.

    Args:
        answer: a dictionary with the losses of all epochs, and both parameters after the last.
        a: the intercept before the first epoch.
        b: the slope before the first epoch.
        x: float array or tensor of shape (n, 1).
        y: float array or tensor of the same shape.
        lr: the learning rate.
        n_epochs: the number of epochs, at least 1.

    Raises:
        Mismatch: an entry is missing, or a number is not within TRAINING.
    """
    losses, path = descend(a, b, x, y, lr, n_epochs)
    check_losses(answer.key("losses"), losses)
    for name, value in zip("ab", path[-1], strict=True):
        answer.key(name).is_close(value, **TRAINING)


def check_fit_many(
    answer: Answer, w: Any, b: float, x: Any, y: Any, lr: float, n_epochs: int
) -> None:
    """Check the entries "losses", "w" and "b" of an answer against `descend_many`.

    Args:
        answer: a dictionary with the losses of all epochs, and both parameters after the last.
        w: the slopes before the first epoch, a float32 tensor of shape (k,).
        b: the intercept before the first epoch.
        x: float tensor of shape (n, k).
        y: float tensor of shape (n,).
        lr: the learning rate.
        n_epochs: the number of epochs, at least 1.

    Raises:
        Mismatch: an entry is missing, or a number is not within TRAINING.
    """
    import torch

    losses, w_after, b_after = descend_many(w, b, x, y, lr, n_epochs)
    check_losses(answer.key("losses"), losses)
    for name, after in (("w", w_after), ("b", [b_after])):
        answer.key(name).is_close(torch.tensor(after, dtype=torch.float32), **TRAINING)


def check_points_stay(answer: Answer, x: Any, y: Any) -> None:
    """Check that a training run left the points alone.

    Args:
        answer: the answer of the probe `points_after`.
        x: the points before the training run, an array or a tensor of any shape.
        y: likewise.

    Raises:
        Mismatch: a number has changed, or x or y requires a gradient.
    """
    x_part, y_part, requires_grad = answer.parts("x", "y", "x or y requires a gradient")
    x_part.is_close(x)
    y_part.is_close(y)
    answer.check(
        requires_grad.value is False,
        "After the training, x or y requires a gradient. Train only the parameters and leave the points alone.",
    )


def check_python_floats(losses: Answer) -> None:
    """Check that the losses hold on to no graph, and are Python floats if in a list or tuple."""
    losses.check(
        not getattr(losses.value, "requires_grad", False),
        "The losses are a tensor that still requires a gradient: it keeps the graphs of all epochs in memory. "
        "Store plain numbers.",
    )
    for loss in losses.each() if isinstance(losses.value, (list, tuple)) else ():
        loss.check(
            type(loss.value) is float,
            "A loss in the list is not a Python float. A tensor would keep the whole graph behind it in memory; "
            "store the plain number.",
        )


# Step 00: plain numbers


def check_float(answer: Answer, expected: float, **tolerance: float) -> None:
    """Check a float, of Python or NumPy; arrays and tensors are refused.

    Args:
        answer: the float.
        expected: the expected number.
        **tolerance: `rtol` and `atol`, as `Answer.is_close` takes them.

    Raises:
        Mismatch: the answer is anything else, or not close.
    """
    answer.check(
        isinstance(answer.value, float | np.floating),
        f"Expected a `float`, a plain Python number, got {shown(answer.value)}.",
    )
    answer.is_close(expected, **tolerance)


def check_int(answer: Answer, expected: int) -> None:
    """Check a plain Python integer."""
    answer.check(
        type(answer.value) is int,
        f"Expected an `int`, a plain Python number, because the tensor holds integers, got "
        f"{shown(answer.value)}.",
    )
    answer.equals(expected)


# Step 01: true or false


def check_bool(answer: Answer, expected: bool, because: str) -> None:
    """Check a truth value: a bool of Python or NumPy, or an array or tensor of a single one.

    Args:
        answer: the truth value.
        expected: the expected one.
        because: the sentence that learners read after a wrong one.

    Raises:
        Mismatch: the answer is anything else, or the other truth value.
    """
    value = answer.value
    if isinstance(value, np.ndarray) or (is_tensor(value) and not value.is_meta):
        value = value.item() if math.prod(value.shape) == 1 else None
    answer.check(
        isinstance(value, (bool, np.bool_)), f"Expected True or False, got {shown(answer.value)}."
    )
    answer.check(bool(value) is expected, f"Expected {expected}, got {not expected}. {because}")


# Step 02: two parts


def parts_of(answer: Answer, n_train: int, n_val: int) -> tuple[NDArray[Any], ...]:
    """Return the four arrays of a split after checking their shapes and dtypes.

    Args:
        answer: a tuple or list of x_train, y_train, x_val and y_val.
        n_train: the number of training points.
        n_val: the number of validation points.

    Returns:
        The four arrays in this order: float64, of shape (n_train, 1) twice and (n_val, 1) twice.

    Raises:
        Mismatch: the answer is anything else.
    """
    x_train, y_train, x_val, y_val = answer.parts("x_train", "y_train", "x_val", "y_val")
    return (
        x_train.array(shape=(n_train, 1), dtype=np.float64),
        y_train.array(shape=(n_train, 1), dtype=np.float64),
        x_val.array(shape=(n_val, 1), dtype=np.float64),
        y_val.array(shape=(n_val, 1), dtype=np.float64),
    )


# Step 04: the line


def check_start(answer: Answer, a: float, b: float, **tolerance: float) -> None:
    """Check the start values of a line.

    Args:
        answer: a pair of float64 arrays of shape (1,).
        a: the expected intercept.
        b: the expected slope.
        **tolerance: `rtol` and `atol`, as `Answer.is_close` takes them.

    Raises:
        Mismatch: the answer is anything else, or a number is not close.
    """
    for part, expected in zip(answer.parts("a", "b"), (a, b), strict=True):
        part.array(shape=(1,), dtype=np.float64)
        part.is_close(np.array([expected]), **tolerance)


def check_line(answer: Answer, a: float, b: float, **tolerance: float) -> None:
    """Check the parameters of a line.

    Args:
        answer: a pair of Python or NumPy float64 numbers; arrays are refused.
        a: the expected intercept.
        b: the expected slope.
        **tolerance: `rtol` and `atol`, as `Answer.is_close` takes them.

    Raises:
        Mismatch: the answer is anything else, or a number is not close.
    """
    for part, expected in zip(answer.parts("a", "b"), (a, b), strict=True):
        part.check(
            isinstance(part.value, float),
            f"Expected {part.label} to be a float, got {shown(part.value)}.",
        )
        part.is_close(expected, **tolerance)


# Step 05: the clock

# The clocks of some systems tick only every 0.016 seconds.
CLOCK_TICK = max(0.005, *(time.get_clock_info(name).resolution for name in ("time", "monotonic")))


def result_and_seconds(answer: Answer) -> tuple[Answer, Any]:
    """Return the result and the seconds from the entry "answer" of a probe that calls `timed`.

    No message shows the seconds, which differ from run to run.
    """
    pair = answer.key("answer")
    pair.check(
        isinstance(pair.value, (tuple, list)) and len(pair.value) == 2,
        "Expected timed to return a pair: the result of work(), and the seconds.",
    )
    result, seconds = pair.parts("result", "seconds")
    try:
        measured = seconds.scalar()
    except Mismatch:
        measured = None
    answer.check(
        measured is not None, "Expected the second part of the pair to be one number, the seconds."
    )
    return result, measured


# Steps 06 and 11: what stays as it is


def check_list_stays(answer: Answer) -> None:
    """Check the entry "the list holds them still" of a probe that calls `update_`."""
    answer.check(
        answer.key("the list holds them still").value is True,
        "The list of parameters has changed. Change the numbers in the parameters, but not the list itself.",
    )


def check_train_mode(answer: Answer) -> None:
    """Check the entry "is in train mode" of a probe that calls `freeze_all_but`."""
    answer.check(
        answer.key("is in train mode").value is True,
        "The model was in train mode, and now it is not. Freezing is not `model.eval()`: it only changes which "
        "parameters require a gradient.",
    )


# Step 08: torch's own optimizer


def check_uses_torchs_sgd(answer: Answer) -> None:
    """Check the answer of the probe `sgd_is_torchs`."""
    answer.check(
        answer.value is True,
        "The test made torch.optim.SGD raise an error, but your training went on without it. Let torch.optim.SGD "
        "move the parameters, not a formula of your own.",
    )


# Step 09: the loss


def reduced(squares: Any, reduction: str) -> Any:
    """Return the expected loss of squared errors: a float for "mean" and "sum", else the tensor."""
    if reduction == "none":
        return squares
    return float(squares.sum() if reduction == "sum" else squares.mean())


def huber_losses(error: Any, delta: float) -> Any:
    """Return the Huber loss of each entry.

    Args:
        error: the errors, a float tensor of any shape.
        delta: where the straight line takes over from the parabola.

    Returns:
        A float64 tensor of the same shape.
    """
    size = error.double().abs()
    # Up to delta the loss grows as e ** 2 / 2, and from there on by delta for each unit.
    near = size.clamp(max=delta)
    return near**2 / 2 + delta * (size - near)


def is_loss(answer: Answer, expected: Any, **tolerance: float) -> None:
    """Demand a float32 tensor, from which `backward()` can start, with the expected numbers."""
    import torch

    answer.check(
        not isinstance(answer.value, float),
        "Expected a tensor, got a Python float. A float does not know how it was computed, "
        "so backward() cannot start from it.",
    )
    answer.tensor(dtype=torch.float32)
    answer.is_close(expected, **(tolerance or FLOAT32))


def check_torchs_loss(answer: Answer) -> None:
    """Check the list `called` of `torchs_losses` after a loss of `make_loss` was computed."""
    answer.check(
        any(name.value == "mse_loss" for name in answer.each()),
        "The loss was computed without nn.MSELoss. make_loss must return PyTorch's own loss.",
    )


# Step 10: start values


def check_start_values(answer: Answer) -> None:
    """Check the answer of the probe `start_values`: a and b of several new models."""
    values: dict[str, list[float]] = {"a": [], "b": []}
    for start in answer.each():
        for name, part in zip(values, start.parts("a", "b"), strict=True):
            part.check(
                type(part.value) is not float or math.isfinite(part.value),
                f"{name} starts with uninitialized memory. Draw a random number for it.",
            )
            values[name].append(part.scalar())
    for name, starts in values.items():
        first = starts[0]
        # A model may seed its own generator; then all models start alike. A multiple of 1/8 counts as
        # a constant: drawing one by chance is all but impossible.
        drawn = len(set(starts)) > 1 or (
            all(len(set(other)) == 1 for other in values.values()) and first * 8 % 1 != 0
        )
        answer.check(
            drawn,
            f"In {len(starts)} new models, made after different seeds, {name} always starts at {first:.6g}. "
            "Draw a random start value for a, and another one for b.",
        )
    answer.check(
        values["a"] != values["b"],
        "In every new model, a and b start at the same number. Draw a separate number for each.",
    )


# Step 13: files


def csv_text(names: Sequence[str], rows: Sequence[Sequence[float]]) -> str:
    """Return the text of a CSV file.

    Args:
        names: the names of the columns.
        rows: a number for each column, for each line after the header. Whole numbers are written
            without a point.
    """
    lines = [[f"{v:.0f}" if v == int(v) else repr(v) for v in row] for row in rows]
    return "".join(",".join(line) + "\n" for line in [names, *lines])


def csv_points(names: Sequence[str], rows: Sequence[Sequence[float]], target: str) -> list[Any]:
    """Return the points of such a file.

    Args:
        names: the names of the columns.
        rows: a number for each column, for each line after the header.
        target: one of the names.

    Returns:
        For each line a pair of float32 tensors, the features of shape (k,) and the target of
        shape (1,).
    """
    import torch

    place = list(names).index(target)
    return [
        (torch.tensor([*row[:place], *row[place + 1 :]]), torch.tensor([row[place]]))
        for row in rows
    ]


# Step 14: random numbers


def check_draws(drawn: Answer, seed: int, name: str) -> None:
    """Check that a function left PyTorch's global generator alone.

    Args:
        drawn: a pair of numbers from the probe `draw`, drawn before and after the call.
        seed: the seed of the generator before the first draw.
        name: the function's name.

    Raises:
        Mismatch: the numbers are not the first two after this seed.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    for number in drawn.numbers(2):
        expected = torch.rand((), generator=generator).item()
        drawn.check(
            abs(number - expected) < 1e-6,
            f"{name} changes PyTorch's global random generator: expected the caller's next random number to be "
            f"{expected:.6f}, got {number:.6f}. Use your own generator.",
        )


# Steps 14 to 17: batches, devices and early stopping


def check_on_meta(answer: Answer, *names: str) -> None:
    """Check that batches were used on the CPU, and then on the meta device only.

    Args:
        answer: the answer of the probe `noted_on_meta`.
        *names: the lists to look at. On the CPU, at least one of them must have notes.

    Raises:
        Mismatch: a batch was used on another device, or none was used on the CPU.
    """
    used = answer.key("used on the cpu")
    answer.check(
        any(used.key(name).integer() for name in names),
        f"On the CPU, your code did not use any {' or '.join(names)} of a batch.",
    )
    for name in names:
        for part in answer.key(name).each():
            part.check(
                part.value == "meta",
                f'Expected the {name} of each batch to be used on the device "meta", got "{part.value}", where '
                "the loader left it. Move every batch to `device`.",
            )


def check_batch_sizes(epoch: Answer, n: int, batch_size: int, part: str) -> None:
    """Check that all batches of an epoch have `batch_size` points, except for a smaller last one.

    Args:
        epoch: a list of batches (x, y), in which x has one number per point.
        n: the number of points in the epoch.
        batch_size: the size of all batches but the last.
        part: the loader that the batches come from, such as "train".

    Raises:
        Mismatch: the batches have other sizes, or are something else.
    """
    expected = [min(batch_size, n - i) for i in range(0, n, batch_size)]
    sizes = [len(batch.parts("x", "y")[0].numbers()) for batch in epoch.each()]
    sentence = f"Expected batches of {expected} points from the {part} loader, got {sizes}."
    if sizes == expected[:-1]:
        sentence += " Keep the last, smaller batch too."
    epoch.check(sizes == expected, sentence)


def expected_run(val_losses: Sequence[float], patience: int) -> tuple[int, int]:
    """Return how many epochs early stopping runs, and the index of the best of them.

    Args:
        val_losses: the validation loss of each possible epoch; one of the first `patience` is
            finite.
        patience: the number of epochs without a new best loss after which training stops.
    """
    best, best_loss = 0, math.inf
    for epoch, loss in enumerate(val_losses):
        if loss < best_loss:
            best, best_loss = epoch, loss
        elif epoch - best >= patience:
            return epoch + 1, best
    return len(val_losses), best


def check_orders(answer: Answer, n: int) -> None:
    """Check the answer of the probe `orders_of`: three epochs of all points, each shuffled again."""
    points = answer.numbers()
    answer.check(
        sorted(points) == sorted([*range(n)] * 3),
        f"In three epochs, each of the {n} training points should be used three times, in training mode.",
    )
    orders = [points[i * n : (i + 1) * n] for i in range(3)]
    # Two shuffles of eight points, the fewest that tests use, agree once in 40,000 times.
    answer.check(
        orders[0] != orders[1] or orders[1] != orders[2],
        "The loader shuffles, but your code used the training points in the same order in every epoch. Loop over "
        "the loader itself in every epoch.",
    )


# Checkpoints


def carried(answer: Answer) -> bytes:
    """Return the content of a checkpoint, the only thing that a second process sees of the first.

    Args:
        answer: the answer of the probe `file_saved`.

    Raises:
        Mismatch: there is no file, or it has 1 MiB or more.
    """
    content = answer.value
    if not isinstance(content, bytes):
        raise Mismatch(answer.call, "save_checkpoint did not write a file at `path`.")
    answer.check(
        len(content) < 1 << 20,
        "The file of this very small model has more than a million bytes. Save only the two state dicts and the "
        "number of the epoch.",
    )
    return content
