"""Fingerprints of answers: what distinguishes one behaviour from another, without matters of style."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.judge import advice
from grader.testing.wording import steady
from grader.wire.codec import Opaque
from grader.wire.values import float64, is_tensor

# Wide enough for sums in another order, and for float32 where float64 was recorded. Two different
# mistakes are hardly ever this close.
_RTOL, _ATOL = 1e-3, 1e-5
# Shorter times count as equal, in calls that measure time: those wait for a few hundredths of a second.
SECONDS = 0.02
_MAX_NUMBERS = 48
_MAX_FORM = 1000
_PLACES = 6
_RAISES, _NO_VALUE = "raises ", "no value: "


@dataclass(frozen=True)
class Fingerprint:
    """The parts of an answer that matter.

    Attributes:
        form: its types, shapes and dtypes, as text.
        loose: the form without matters of style: dtypes, and the type of a scalar or sequence.
        numbers: its numbers, or a sample of them.
    """

    form: str
    loose: str
    numbers: list[float]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Fingerprint:
        """Return the fingerprint of a worker's answer to a request (see `grader.worker.service`)."""
        if answer["kind"] == "raised":
            form = f"{_RAISES}{_origin(answer)}"[:_MAX_FORM]
            return cls(form, form, [])
        if answer["kind"] != "value":
            form = f"{_NO_VALUE}{answer['kind']}"
            return cls(form, form, [])
        numbers: list[float] = []
        form = _form(answer["value"], numbers, loose=False)
        loose = _form(answer["value"], [], loose=True)
        if answer["after"] is not None:
            form, loose = (f"{text}; inputs changed" for text in (form, loose))
        return cls(form[:_MAX_FORM], loose[:_MAX_FORM], _some(numbers))

    @property
    def is_value(self) -> bool:
        """Whether the answer is a value."""
        return not self.form.startswith((_RAISES, _NO_VALUE))

    @property
    def error(self) -> str:
        """The type of the error that the answer is; "" for all other answers."""
        raised = self.form.startswith(_RAISES)
        return self.form.removeprefix(_RAISES).partition(":")[0] if raised else ""

    def matches(self, other: Fingerprint, loosely: bool = False, timed: bool = False) -> bool:
        """Return whether both have the same form and nearly the same numbers.

        Args:
            other: the other fingerprint.
            loosely: whether to compare the loose forms.
            timed: whether the numbers are seconds. A busy machine makes all of them longer, so only their
                order counts.
        """
        same = self.loose == other.loose if loosely else self.form == other.form
        if not same or len(self.numbers) != len(other.numbers):
            return False
        if timed:
            return np.array_equal(self._order(), other._order())
        return np.allclose(self.numbers, other.numbers, _RTOL, _ATOL, equal_nan=True)

    def _order(self) -> NDArray[np.int8]:
        """Return the sign of the difference of each pair of numbers: -1, 0 or 1, where 0 is about equal."""
        numbers = np.array(self.numbers)
        difference = numbers[:, None] - numbers
        return np.where(np.abs(difference) < SECONDS, 0, np.sign(difference)).astype(np.int8)


def _origin(answer: dict[str, Any]) -> str:
    """Return the type of an error, where it was raised, and its message unless the learner wrote it."""
    kind, text = answer["type"], answer["message"]
    if answer["own"]:
        return f"{kind}: on purpose"
    known = advice.of_error([kind], text) if re.search("CUDA|NVIDIA", text) else None
    if known and known.id == "no-card":
        # A torch that was built for graphics cards and one that was not say it with different errors.
        kind, text = "RuntimeError", known.means
    where = ""
    for place, function, _, line in answer["frames"]:
        if place == "probe":
            where = f"where the test does {line}"
        elif not function.startswith("<"):
            # Names such as <listcomp> are skipped: not every version of Python has them.
            where = f"in {function}"
    message = re.sub(r"(/[\w.+…-]+){2,}", "…", steady(text))
    return f"{kind}: {where}: {message}"


def _form(value: Any, numbers: list[float], loose: bool) -> str:
    """Return the form of a value, and append its numbers."""
    if value is None or isinstance(value, (bool, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        parts = [_form(item, numbers, loose) for item in value]
        if loose and all(isinstance(item, str) for item in value):
            # For example, names of nodes may come in any order.
            parts.sort()
        inside = ", ".join(parts)
        return f"{'sequence' if loose else type(value).__name__}({inside})"
    if isinstance(value, dict):
        # The order of the keys does not matter.
        entries = sorted(value.items(), key=lambda entry: str(entry[0]))
        inside = ", ".join(f"{key!r}: {_form(item, numbers, loose)}" for key, item in entries)
        return f"{{{inside}}}"
    if isinstance(value, Opaque):
        return f"an object of type {value.type}"
    if is_tensor(value):
        flags = f" grad={value.requires_grad} leaf={value.is_leaf} {value.device.type}"
        shape, kind = tuple(value.shape), f"tensor {value.dtype}{flags}"
        flat = _flat([] if value.is_meta else value)
    else:
        array = np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None
        shape = array.shape if array is not None else ()
        dtype = f" {array.dtype}" if array is not None else ""
        kind = type(value).__name__ + dtype
        flat = _flat(value)
    numbers += [_rounded(number) for number in flat.tolist()]
    if loose:
        return "number" if flat.size == 1 else f"numbers{shape}"
    return f"{kind} {shape}"


def _flat(value: Any) -> NDArray[np.float64]:
    """Return numbers of any type as a flat float64 array, with the real parts of complex ones."""
    if isinstance(value, int) and abs(value) > 10**300:
        value = math.inf
    return np.real(float64(value)).reshape(-1)


def _rounded(number: float) -> float:
    """Return a number rounded to the digits that are recorded."""
    return float(f"{number:.{_PLACES}g}")


def _some(numbers: list[float]) -> list[float]:
    """Return the numbers; of many, an evenly spaced sample and the sum of all."""
    if len(numbers) <= _MAX_NUMBERS:
        return numbers
    places = np.linspace(0, len(numbers) - 1, _MAX_NUMBERS).round().astype(int)
    return [numbers[place] for place in places] + [_rounded(float(np.sum(numbers)))]
