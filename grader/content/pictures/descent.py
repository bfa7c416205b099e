"""What the pictures of gradient descent share (steps 03, 04, 06 and 08): a valley, paths, curves."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import Floats, drawable, near
from grader.content.references import descend, tutorial_arrays
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

A_RANGE, B_RANGE = (-1.5, 3.5), (-1.5, 4.5)
# Least squares on the tutorial's points.
BEST = (1.02354075, 1.96896447)
START = (-1.0, 0.0)
# Slow; good; zigzag; for rates from 0.79 on, descent on these points diverges.
RATES = (0.02, 0.3, 0.7)
EPOCHS = 30


@functools.cache
def points() -> tuple[Floats, Floats]:
    """Return the tutorial's 80 training points, of shape (80, 1)."""
    return tutorial_arrays()


def loss_grid(a: Floats, b: Floats) -> Floats:
    """Return the mean squared error of all lines, of shape (len(b), len(a))."""
    x, y = points()
    error = a[None, :, None] + b[:, None, None] * x[:, 0] - y[:, 0]
    return np.asarray((error**2).mean(axis=2))


def valley(axes: Axes) -> None:
    """Draw the contours of the loss over a and b."""
    a, b = np.linspace(*A_RANGE, 81), np.linspace(*B_RANGE, 81)
    levels = [0, 0.05, 0.2, 0.5, 1, 2, 4, 7, 11, 16, 24]
    shades = [f"#{shade:02X}{shade:02X}{shade:02X}" for shade in range(255, 211, -4)]
    axes.contourf(a, b, loss_grid(a, b), levels=levels, colors=shades, extend="max")
    axes.contour(a, b, loss_grid(a, b), levels=levels[1:], colors="#BDBDBD", linewidths=0.7)
    axes.set_xlim(*A_RANGE)
    axes.set_ylim(*B_RANGE)
    axes.set_xlabel("a")
    axes.set_ylabel("b")
    axes.grid(False)


def expected_path(lr: float, n_epochs: int, start: tuple[float, float] = START) -> Floats:
    """Return a and b before the first epoch and after each one, of shape (n_epochs + 1, 2)."""
    return np.array([start, *descend(*start, *points(), lr, n_epochs)[1]])


def read_path(answer: Answer, n_epochs: int) -> Floats:
    """Return a path of the learner's, up to where it leaves all bounds.

    Args:
        answer: a list of pairs (a, b), one for each epoch and the start; each number in any form.
        n_epochs: the number of epochs.
    """
    label = answer.label
    pairs = [
        Answer(one.value, one.call, label).parts("a", "b")
        for one in Answer(answer.value, answer.call).each()
    ]
    answer.check(len(pairs) == n_epochs + 1, f"{label}: a path of another length.")
    path = [[_loose(part, label) for part in pair] for pair in pairs]
    return drawable(np.array(path), 1e6)


def _loose(answer: Answer, label: str) -> float:
    """Return one number, which may be inf or NaN: a descent may diverge."""
    value = (
        np.asarray(answer.value)
        if isinstance(answer.value, (float, int, np.generic))
        else answer.value
    )
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        return float(value.item())
    return Answer(answer.value, answer.call, label).scalar()


@probe
def path_of_leaves(fit, x, y, start, lr, n_epochs):  # type: ignore[no-untyped-def]
    """Train the same two leaves for one epoch after the other, and note where they are."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    a, b = (torch.tensor([number], requires_grad=True) for number in start)
    path, losses = [(a.item(), b.item())], []
    for _ in range(n_epochs):
        losses.append(fit(x=x, y=y, a=a, b=b, lr=lr, n_epochs=1))
        path.append((a.item(), b.item()))
    return {"path": path, "losses": losses}


@probe
def losses_of_leaves(fit, x, y, start, lr, n_epochs):  # type: ignore[no-untyped-def]
    """Train two leaves for all epochs in one call."""
    import torch

    x, y = torch.tensor(x).float(), torch.tensor(y).float()
    a, b = (torch.tensor([number], requires_grad=True) for number in start)
    return fit(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)


def draw_path(axes: Axes, path: Floats, expected: Floats | None = None) -> None:
    """Draw a path on the valley, beside the expected one."""
    valley(axes)
    axes.plot(
        *path.T, "-o", color=style.YOURS, markersize=3.5, linewidth=1.4, zorder=4, label="your code"
    )
    if expected is not None:
        style.expected(axes, *expected.T, linewidth=5)
    axes.plot(*START, "o", color=style.BLACK, markersize=7, zorder=6)
    axes.plot(*BEST, "*", color=style.RED, markersize=14, zorder=6, label="lowest loss")


def describe_path(path: Floats, expected: Floats) -> str:
    """Return where a path leads, and where it should."""
    end, true = path[-1], expected[-1]
    said = f"It begins at a = {path[0, 0]:.3g}, b = {path[0, 1]:.3g}"
    said += f" and ends at a = {end[0]:.3g}, b = {end[1]:.3g}"
    if len(path) < len(expected):
        said += f" after {len(path) - 1} epochs, where it leaves all bounds"
    if near(path, expected):
        return f"{said}, on the expected path."
    return f"{said}; expected is a path that ends at a = {true[0]:.3g}, b = {true[1]:.3g}."


def draw_path_and_curve(figure: Figure, path: Floats, losses: Floats, lr: float) -> str:
    """Draw a path in the valley, and the losses on it."""
    right = expected_path(lr, EPOCHS)
    left, axes = style.panels(figure, 2)
    draw_path(left, path, right)
    left.set_title(f"{EPOCHS} epochs, lr = {lr:g}")
    left.legend(loc="upper right", fontsize=9)
    words = draw_losses(axes, losses, np.array(descend(*START, *points(), lr, EPOCHS)[0]))
    axes.set_title("the loss before each update")
    return f"{describe_path(path, right)} {words}"


def draw_rates(figure: Figure, paths: Sequence[Floats]) -> str:
    """Draw the same descent with three learning rates."""
    said = []
    words = ("too small: slow", "good", "nearly too large: it zigzags")
    for axes, lr, path, word in zip(
        style.panels(figure, 3, sharey=True), RATES, paths, words, strict=True
    ):
        true = expected_path(lr, EPOCHS)
        draw_path(axes, path, true)
        axes.set_title(f"lr = {lr:g}, {word}", fontsize=10)
        axes.label_outer()
        said.append(f"Learning rate {lr:g}. {describe_path(path, true)}")
        if lr == RATES[0]:
            axes.legend(loc="lower right", fontsize=8.5)
    return " ".join(said)


def draw_losses(axes: Axes, losses: Floats, expected: Floats, what: str = "epoch") -> str:
    """Draw the losses of a training run beside the expected ones."""
    style.yours(axes, np.arange(len(losses)), losses)
    style.expected(axes, np.arange(len(expected)), expected)
    axes.set_xlabel(what)
    axes.set_ylabel("loss")
    if min(losses.min(), expected.min()) > 0:
        style.log_axis(axes)
    axes.legend()
    like = (
        "It is the expected curve."
        if near(losses, expected, 1e-2)
        else (f"Expected is a curve from {expected[0]:.3g} to {expected[-1]:.3g}.")
    )
    return (
        f"The loss goes from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} {what}s. {like}"
    )


def draw_line(axes: Axes, lines: Sequence[tuple[Any, str, str]]) -> None:
    """Draw lines, each given as a pair (a, b), a colour and a label, over the tutorial's points."""
    x, y = points()
    style.tutorial_points(axes, x, y)
    ends = np.array([0.0, 1.0])
    for (a, b), colour, label in lines:
        axes.plot(ends, a + b * ends, color=colour, label=label)
    axes.set_ylim(-3.4, 3.5)
    axes.legend(fontsize=9, loc="lower right")
