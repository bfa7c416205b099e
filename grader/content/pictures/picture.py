"""What a picture is, and how its data are read.

A picture asks the learner's code for plain data with a probe, and draws it with matplotlib in the judge's
process, beside what is to be expected. The data are a stranger's: whatever is drawn has passed one of the checks
here, or of `Answer`. They raise `Mismatch` with a sentence, which the learner reads instead of seeing the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grader.course.plain_text import one_line
from grader.testing.answers import Answer, Mismatch
from grader.testing.probes import Probe, probe
from grader.testing.wording import shorten
from grader.wire.values import float64

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Larger numbers overflow where matplotlib computes the limits of an axis.
MOST = 1e12


@dataclass(frozen=True)
class Picture:
    """One picture of a step.

    Attributes:
        name: its file name without the suffix, such as "surface".
        title: what there is to see, in one sentence without its full stop.
        needs: the learner's functions that it asks.
        probe: asks them. Pictures with the same probe and the same `inputs` share its answer.
        draw: draws the answer, and returns what can be seen, in sentences with the numbers, for those who cannot
            see it.
        inputs: the inputs of the probe.
        size: width and height in inches.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    probe: Probe
    draw: Callable[[Figure, Answer], str]
    inputs: Callable[[], Mapping[str, Any]] = dict
    size: tuple[float, float] = (8.0, 3.9)


@probe
def plain(value):  # type: ignore[no-untyped-def]
    """Return the numbers of a tensor as an array, and any other value as it is."""
    # The judge then draws without loading torch, which takes it seconds.
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def returned(answer: Answer, key: str, function: str = "") -> Answer:
    """Return an entry of what a probe returned, labelled as what a function of the learner returned.

    Args:
        answer: the answer, a dictionary.
        key: the entry.
        function: the learner's function; by default, the entry has its name.
    """
    return Answer(answer.key(key).value, answer.call, f"`{function or key}`")


def labelled(answer: Answer, label: str) -> Answer:
    """Return an answer with another label."""
    return Answer(answer.value, answer.call, label)


def bounded(answer: Answer, values: Floats) -> Floats:
    """Return finite numbers if none is too large to be drawn."""
    if values.size and np.abs(values).max() > MOST:
        largest = f"{np.abs(values).max():.3g}"
        raise Mismatch(
            answer.call, f"{answer.label}: numbers as large as {largest} cannot be drawn."
        )
    return values


def scalar(answer: Answer) -> float:
    """Return one number, in any form that `Answer.scalar` takes."""
    number = answer.scalar()
    bounded(answer, np.array(number))
    return number


def numbers(answer: Answer, count: int) -> Floats:
    """Return so many numbers, from a list of scalars or from an array or a tensor."""
    return bounded(answer, np.array(answer.numbers(count)))


def scalars(answer: Answer, count: int) -> Floats:
    """Return what so many calls returned, each of them one number; the first that is none is named alone."""
    answers = labelled(answer, "").each()
    answer.check(len(answers) == count, f"{answer.label} was not called {count} times.")
    return bounded(answer, np.array([labelled(one, answer.label).scalar() for one in answers]))


def table(answer: Answer, *shape: int | None) -> Floats:
    """Return real, finite numbers of a shape, from an array or a tensor; None stands for any size up to 10,000."""
    values = answer.value
    values = answer.array(shape) if isinstance(values, np.ndarray) else answer.tensor(shape)
    found = float64(values)
    answer.check(found.dtype.kind == "f", f"{answer.label}: complex numbers cannot be drawn.")
    answer.check(
        found.size <= 10_000, f"{answer.label}: {found.size} numbers are too many to draw."
    )
    return bounded(answer, found)


def column(answer: Answer, count: int) -> Floats:
    """Return so many numbers, one in each row of an array or a tensor, as an array of shape (count,)."""
    if not isinstance(answer.value, np.ndarray) and not hasattr(answer.value, "detach"):
        answer.array((count, 1))
    return bounded(answer, np.array(answer.numbers(count)))


def drawable(values: Floats, most: float) -> Floats:
    """Return the rows up to the first one that is not finite or too large, as of a descent that diverges."""
    good = (np.isfinite(values) & (np.abs(values) <= most)).reshape(len(values), -1).all(axis=1)
    return values if good.all() else values[: int(good.argmin())]


def text(value: str, limit: int = 40) -> str:
    """Return text of the learner's on one line, shortened, with control characters made visible."""
    return shorten(one_line(value), limit)


def line(a: float, b: float) -> str:
    """Return the formula of a line."""
    return f"{a:.3g} {'-' if b < 0 else '+'} {abs(b):.3g}x"


def near(yours: Floats, expected: Floats, tolerance: float = 1e-3) -> bool:
    """Return whether what is drawn would look the same."""
    if yours.shape != expected.shape:
        return False
    size = max(1e-9, float(np.abs(expected).max(initial=0.0)))
    return bool(np.abs(yours - expected).max(initial=0.0) <= tolerance * size)


def as_expected(yours: Floats, expected: Floats, tolerance: float = 1e-3) -> str:
    """Return, for those who cannot see a picture, whether two series that are drawn lie on each other."""
    if near(yours, expected, tolerance):
        return "It lies on what is expected."
    off = float(np.abs(yours - expected).max()) if yours.shape == expected.shape else None
    return (
        "It differs from what is expected"
        + (f", by up to {off:.3g}" if off is not None else "")
        + "."
    )
