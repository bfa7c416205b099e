"""Answers: what a learner's code gave, with the questions that a test asks of it.

Every question either returns a value of the judge's own, or raises `Mismatch` with a sentence.
Type, shape, dtype and finiteness come before closeness, so that no empty array and no NaN ever
counts as equal.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.testing import wording
from grader.testing.relations import Comparisons
from grader.wire.codec import Opaque

# Float64 work in any order of operations agrees to about 1e-12; one careless float32 step would
# cost 1e-7.
FLOAT64 = {"rtol": 1e-6, "atol": 1e-9}
# For numbers that a test computes in float64 itself: a float32 anywhere on the way shows.
ALL_FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
# Float32 has 24 bits, about 6e-8; sums of a few hundred terms and a few steps of training cost
# three digits.
FLOAT32 = {"rtol": 1e-4, "atol": 1e-5}


@dataclass(frozen=True)
class Call:
    """What was asked of the learner's code.

    Attributes:
        function: name of the function, or of the probe.
        args: positional inputs.
        kwargs: inputs by name.
        purpose: for a probe, the clause that says what it does.
    """

    function: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    purpose: str = ""

    def inputs(self) -> dict[str, Any]:
        """Return all inputs by name; positional ones are called "input 1", "input 2"."""
        return {f"input {i}": arg for i, arg in enumerate(self.args, 1)} | self.kwargs


class Mismatch(AssertionError):
    """The learner's code gave something else than what was expected.

    Attributes:
        call: what was asked.
        sentence: what came and what was expected.
    """

    def __init__(self, call: Call, sentence: str) -> None:
        super().__init__(sentence)
        self.call = call
        self.sentence = sentence


class Answer:
    """One value that came from a worker, and the call that it answers.

    Attributes:
        value: the plain data; its type is whatever the learner's code gave.
        call: what was asked.
        label: which part of the whole answer this is, such as "a_grad"; "" for the whole.
    """

    def __init__(
        self, value: Any, call: Call, label: str = "", comparisons: Comparisons | None = None
    ) -> None:
        self.value = value
        self.call = call
        self.label = label
        self._comparisons = comparisons or Comparisons()

    def check(self, holds: object, sentence: str) -> None:
        """Raise a Mismatch with this sentence unless the condition holds."""
        if not holds:
            raise Mismatch(self.call, sentence)

    def _refuse(self, expected: str) -> Mismatch:
        what = f"{self.label} = " if self.label else ""
        sentence = f"{expected} was expected, but {what}{wording.shown(self.value)} came."
        hint = " Is a `return` missing?" if self.value is None else ""
        return Mismatch(self.call, sentence[0].upper() + sentence[1:] + hint)

    def _part(self, value: Any, label: str) -> Answer:
        join = "" if label.startswith(("[", ".")) or not self.label else "."
        return Answer(value, self.call, f"{self.label}{join}{label}", self._comparisons)

    def parts(self, *labels: str) -> list[Answer]:
        """Return the parts of a tuple or list that has exactly one for each label."""
        if not isinstance(self.value, (tuple, list)) or len(self.value) != len(labels):
            names = ", ".join(labels)
            raise self._refuse(f"A tuple of {len(labels)} values ({names})")
        return [self._part(item, label) for item, label in zip(self.value, labels, strict=True)]

    def each(self) -> list[Answer]:
        """Return the items of a list or tuple of any length."""
        if not isinstance(self.value, (tuple, list)):
            raise self._refuse("A list or a tuple")
        return [self._part(item, f"[{i}]") for i, item in enumerate(self.value)]

    def key(self, name: str) -> Answer:
        """Return one entry of a dictionary."""
        if not isinstance(self.value, dict):
            raise self._refuse(f'A dictionary with the key "{name}"')
        if name not in self.value:
            keys = wording.shorten(", ".join(f'"{key}"' for key in self.value)) or "none"
            raise Mismatch(self.call, f'The key "{name}" is missing; the keys that came: {keys}.')
        return self._part(self.value[name], name)

    def is_none(self) -> None:
        """Demand None."""
        if self.value is not None:
            raise self._refuse("None (no return value)")

    def equals(self, expected: Any) -> None:
        """Demand exactly this value of the same type: integers, truth values, texts, and tuples of those."""
        if not _same(self.value, expected):
            raise self._refuse(wording.shown(expected))

    def integer(self) -> int:
        """Return a Python or NumPy integer."""
        if isinstance(self.value, (bool, np.bool_)) or not isinstance(
            self.value, (int, np.integer)
        ):
            raise self._refuse("An integer")
        return int(self.value)

    def python_float(self) -> float:
        """Return a real Python float that is finite."""
        if type(self.value) is not float:
            raise self._refuse("A Python float")
        self._demand_finite(self.value, self.value)
        return self.value

    def scalar(self) -> float:
        """Return a finite number given as a number, a NumPy scalar, or an array or tensor of size 1."""
        number = _size_one(self.value)
        if number is None:
            raise self._refuse("One number")
        self._demand_finite(number, number)
        return number

    def numbers(self, count: int | None = None) -> list[float]:
        """Return finite numbers given as a list, tuple, array or tensor of scalars."""
        items: list[float | None] | None = None
        if isinstance(self.value, (list, tuple)):
            items = [_size_one(item) for item in self.value]
        elif _is_column(self.value):
            items = list(_float64(self.value).reshape(-1).tolist())
        if items is None or None in items:
            raise self._refuse("A list of numbers")
        if count is not None and len(items) != count:
            raise self._refuse(f"A list of {count} numbers")
        self._demand_finite(items, self.value)
        return [item for item in items if item is not None]

    def array(
        self, shape: tuple[int | None, ...] | None = None, dtype: Any = None, finite: bool = True
    ) -> NDArray[Any]:
        """Return a NumPy array, after its shape (None for any size), dtype and finiteness were checked."""
        expected = "A NumPy array" + wording.of_shape(shape, dtype and np.dtype(dtype).name)
        if not isinstance(self.value, np.ndarray) or not _fits(self.value.shape, shape):
            raise self._refuse(expected)
        if dtype is not None and self.value.dtype != np.dtype(dtype):
            raise self._refuse(expected)
        if finite:
            self._demand_finite(self.value, self.value)
        return self.value

    def tensor(
        self, shape: tuple[int | None, ...] | None = None, dtype: Any = None, finite: bool = True
    ) -> Any:
        """Return a tensor outside any graph, after its shape, dtype and finiteness were checked."""
        expected = "A tensor" + wording.of_shape(shape, dtype and str(dtype).removeprefix("torch."))
        if not _is_tensor(self.value) or not _fits(tuple(self.value.shape), shape):
            raise self._refuse(expected)
        if dtype is not None and self.value.dtype != dtype:
            raise self._refuse(expected)
        tensor = self.value.detach()
        if tensor.is_meta:
            raise self._refuse(f"{expected} with numbers in it")
        if finite:
            self._demand_finite(tensor, tensor)
        return tensor

    def is_close(self, expected: Any, rtol: float | None = None, atol: float | None = None) -> None:
        """Demand numbers close to the expected ones, in the form that the expected value has.

        Args:
            expected: a number (then any scalar form will do), a NumPy array (an array of that shape
                and of any number type), a tensor (a tensor of that shape and dtype), or a list of
                numbers (any list, array or tensor).
            rtol: relative tolerance.
            atol: absolute tolerance; a difference up to atol + rtol * |expected| is accepted; by default FLOAT32
                for expected tensors, and FLOAT64 otherwise.
        """
        default = FLOAT32 if _is_tensor(expected) else FLOAT64
        rtol = default["rtol"] if rtol is None else rtol
        atol = default["atol"] if atol is None else atol
        if isinstance(expected, np.ndarray):
            came: Any = self.array(expected.shape)
            if came.dtype.kind not in "fiu":
                raise self._refuse(
                    "A NumPy array of numbers" + wording.of_shape(expected.shape, None)
                )
        elif _is_tensor(expected):
            came = self.tensor(tuple(expected.shape), expected.dtype)
        elif isinstance(expected, (list, tuple)):
            came = self.numbers(len(expected))
        else:
            came = self.scalar()
        got, want = _float64(came), _float64(expected)
        self._comparisons.note(self.label, got, want)
        # Every finite number is within a tolerance that is infinite.
        near = (np.abs(got - want) <= atol + rtol * np.abs(want)) & np.isfinite(want)
        if not near.all():
            sentences = [wording.difference(self.label, came, expected)]
            relation = self._comparisons.relation(self.label)
            raise Mismatch(self.call, " ".join([*sentences, relation] if relation else sentences))

    def _demand_finite(self, number: Any, shown: Any) -> None:
        if not np.isfinite(_float64(number)).all():
            what = f"{self.label} = " if self.label else ""
            raise Mismatch(
                self.call,
                f"{what}{wording.shown(shown)} came: not a finite number, but NaN or inf.",
            )


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    # Before torch is loaded, no tensor can exist.
    return torch is not None and isinstance(value, torch.Tensor)


def _float64(value: Any) -> NDArray[Any]:
    """Return numbers as a float64 array, or complex ones as complex128, whatever holds them."""
    if _is_tensor(value):
        value = value.detach()
        value = (value.cdouble() if value.is_complex() else value.double()).numpy()
    array = np.asarray(value)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)


def _size_one(value: Any) -> float | None:
    """Return the number in a scalar of any form, or None if it is none."""
    if isinstance(value, (bool, np.bool_, Opaque)):
        return None
    if isinstance(value, (int, float, np.integer, np.floating)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        return float(value.item())
    if _is_tensor(value) and value.numel() == 1 and not value.is_meta:
        number = value.item()
        return float(number) if type(number) in (int, float) else None
    return None


def _is_column(value: Any) -> bool:
    """Return whether an array or tensor holds real numbers, and exactly one in each row."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0 and value.size == len(value) and value.dtype.kind in "fiu"
    if not _is_tensor(value) or value.is_meta or value.ndim == 0:
        return False
    real = not value.is_complex() and str(value.dtype) != "torch.bool"
    return real and bool(value.numel() == len(value))


def _fits(shape: Iterable[int], wanted: tuple[int | None, ...] | None) -> bool:
    shape = tuple(shape)
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(
        w in (None, s) for s, w in zip(shape, wanted, strict=True)
    )


def _same(value: Any, expected: Any) -> bool:
    """Return whether both are of one type and equal, all the way down."""
    if _is_tensor(expected):
        if not _is_tensor(value) or value.is_meta or value.dtype != expected.dtype:
            return False
        return value.shape == expected.shape and bool((value == expected).all())
    if isinstance(expected, np.ndarray):
        if not isinstance(value, np.ndarray) or value.dtype != expected.dtype:
            return False
        return value.shape == expected.shape and bool((value == expected).all())
    if type(value) is not type(expected):
        return isinstance(value, np.integer) and type(expected) is int and int(value) == expected
    if isinstance(expected, (list, tuple)):
        return len(value) == len(expected) and all(map(_same, value, expected))
    if isinstance(expected, dict):
        return value.keys() == expected.keys() and all(
            _same(value[k], expected[k]) for k in expected
        )
    return bool(value == expected)
