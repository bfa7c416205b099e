"""Answers: what the learner's code returned, and the checks that a test makes on it.

Every check either returns a plain value that belongs to the judge or raises `Mismatch` with a
sentence for the learner. Type, shape, dtype and finiteness are checked before closeness, so an
empty array or a NaN never counts as equal. `Answer` is one class, of over 300 lines, since authors
of tests look in one place for what they can ask.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.testing import wording
from grader.testing.relations import Comparisons
from grader.wire.codec import Opaque
from grader.wire.values import float64, is_tensor

# Float64 results agree to about 1e-12 whatever the order of operations. One step in float32 costs
# 1e-7, which is still accepted.
FLOAT64 = {"rtol": 1e-6, "atol": 1e-9}
# So tight that a single step in float32 fails.
ALL_FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
# Float32 has 24 bits of precision, about 6e-8; a sum of a few hundred terms and a few training
# steps lose three digits.
FLOAT32 = {"rtol": 1e-4, "atol": 1e-5}


@dataclass(frozen=True)
class Call:
    """One request to the learner's code.

    Attributes:
        function: name of the function or the probe.
        args: positional inputs.
        kwargs: inputs by name.
        purpose: for a probe, the clause that says what it does; "" for a plain call.
    """

    function: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    purpose: str = ""

    def inputs(self) -> dict[str, Any]:
        """Return all inputs by name; positional ones are named "input 1", "input 2" and so on."""
        return {f"input {i}": arg for i, arg in enumerate(self.args, 1)} | self.kwargs


class Mismatch(AssertionError):
    """The learner's code did not return what the test expects.

    Attributes:
        call: the request.
        sentence: what the learner reads: what was expected, and what was returned instead.
    """

    def __init__(self, call: Call, sentence: str) -> None:
        super().__init__(sentence)
        self.call = call
        self.sentence = sentence


class Answer:
    """One value that a worker returned, or a part of it, and the call that it answers.

    Attributes:
        value: the plain data, of whatever type the learner's code returned.
        call: the request.
        label: the name of this part of the answer, such as "a_grad"; "" for the whole answer.
    """

    def __init__(
        self, value: Any, call: Call, label: str = "", comparisons: Comparisons | None = None
    ) -> None:
        self.value = value
        self.call = call
        self.label = label
        self._comparisons = comparisons or Comparisons()

    def check(self, holds: object, sentence: str) -> None:
        """Raise `Mismatch` with this sentence unless the condition holds."""
        if not holds:
            raise Mismatch(self.call, sentence)

    def _refuse(self, expected: str) -> Mismatch:
        sentence = wording.mismatch(self.label, expected, wording.shown(self.value))
        # What a probe returns is not what a function of the learner returned, unless the label is that function.
        of_function = re.fullmatch(r"`\w+`", self.label)
        is_whole = bool(of_function) or not (self.label or self.call.purpose)
        cause = wording.cause(self.value, is_whole)
        if isinstance(self.value, tuple) and re.match("(a|the) tuple", expected):
            cause = ""
        return Mismatch(self.call, f"{sentence} {cause}".rstrip())

    def _part(self, value: Any, label: str) -> Answer:
        join = "" if label.startswith(("[", ".")) or not self.label else "."
        return Answer(value, self.call, f"{self.label}{join}{label}", self._comparisons)

    def parts(self, *labels: str) -> list[Answer]:
        """Return the items of a tuple or list that has exactly one item per label."""
        if not isinstance(self.value, (tuple, list)) or len(self.value) != len(labels):
            names = ", ".join(labels)
            raise self._refuse(f"a tuple of {len(labels)} values ({names})")
        return [self._part(item, label) for item, label in zip(self.value, labels, strict=True)]

    def each(self) -> list[Answer]:
        """Return the items of a list or tuple of any length."""
        if not isinstance(self.value, (tuple, list)):
            raise self._refuse("a list or a tuple")
        return [self._part(item, f"[{i}]") for i, item in enumerate(self.value)]

    def key(self, name: str) -> Answer:
        """Return the entry of a dictionary under this key."""
        expected = f'a dictionary with the key "{name}"'
        if not isinstance(self.value, dict):
            raise self._refuse(expected)
        if name not in self.value:
            keys = wording.shorten(", ".join(f'"{key}"' for key in self.value))
            got = f"one with these keys: {keys}" if keys else "an empty dictionary"
            raise Mismatch(self.call, wording.mismatch(self.label, expected, got))
        return self._part(self.value[name], name)

    def is_none(self) -> None:
        """Demand None."""
        if self.value is not None:
            raise self._refuse("None (no return value)")

    def equals(self, expected: Any) -> None:
        """Demand exactly this value and type: for integers, booleans, strings and tuples of them.

        A NumPy integer passes for an int.
        """
        if not _same(self.value, expected):
            raise self._refuse(wording.shown(expected))

    def integer(self) -> int:
        """Return a Python or NumPy integer as an int; a bool is not one."""
        if isinstance(self.value, (bool, np.bool_)) or not isinstance(
            self.value, (int, np.integer)
        ):
            raise self._refuse("an integer")
        return int(self.value)

    def python_float(self) -> float:
        """Return a finite Python float; NumPy's floats are refused."""
        if type(self.value) is not float:
            raise self._refuse("a Python float")
        self._demand_finite(self.value, self.value)
        return self.value

    def scalar(self) -> float:
        """Return one finite number: a Python or NumPy number, or an array or tensor of size 1."""
        number = _size_one(self.value)
        if number is None:
            raise self._refuse("one number")
        self._demand_finite(number, number)
        return number

    def numbers(self, count: int | None = None) -> list[float]:
        """Return finite numbers from a list or tuple of scalars, or from an array or tensor.

        An array or tensor has shape (n,), (n, 1), (n, 1, 1) and so on.

        Args:
            count: how many numbers there must be; None accepts any number of them.
        """
        items: list[float | None] | None = None
        if isinstance(self.value, (list, tuple)):
            items = [_size_one(item) for item in self.value]
        elif _is_column(self.value):
            items = list(float64(self.value).reshape(-1).tolist())
        if items is None or None in items:
            raise self._refuse("a list of numbers")
        if count is not None and len(items) != count:
            raise self._refuse(f"a list of {count} number{'s' if count != 1 else ''}")
        self._demand_finite(items, self.value)
        return [item for item in items if item is not None]

    def array(
        self, shape: tuple[int | None, ...] | None = None, dtype: Any = None, finite: bool = True
    ) -> NDArray[Any]:
        """Return a NumPy array after checking its shape, dtype and finiteness.

        Args:
            shape: the expected shape, in which None stands for any size; None accepts any shape.
            dtype: the expected dtype, in any form that `np.dtype` takes; None accepts any dtype.
            finite: whether NaN and inf are refused.

        Returns:
            The array itself, not a copy.

        Raises:
            Mismatch: the value is not such an array.
        """
        expected = "a NumPy array" + wording.of_shape(shape, dtype and np.dtype(dtype).name)
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
        """Return a tensor, detached from any graph, after checking its shape, dtype and finiteness.

        Args:
            shape: the expected shape, in which None stands for any size; None accepts any shape.
            dtype: the expected torch dtype; None accepts any dtype.
            finite: whether NaN and inf are refused.

        Returns:
            The detached tensor, which shares its memory with the value.

        Raises:
            Mismatch: the value is not such a tensor, or holds no numbers (on the meta device).
        """
        expected = "a tensor" + wording.of_shape(shape, dtype and str(dtype).removeprefix("torch."))
        if not is_tensor(self.value) or not _fits(tuple(self.value.shape), shape):
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
        """Demand numbers within atol + rtol * |expected| of the expected ones.

        Args:
            expected: what is expected, which also decides what is accepted. A number accepts a
                scalar in any form; a NumPy array accepts an array of the same shape and any real
                dtype; a tensor accepts a tensor of the same shape and dtype; a list or tuple of
                numbers accepts whatever `numbers` does, of that length.
            rtol: relative tolerance; by default that of FLOAT32 if a tensor is expected, and that
                of FLOAT64 otherwise.
            atol: absolute tolerance, with the same defaults.

        Raises:
            Mismatch: the value has another form or is not finite, or a number is too far away.
        """
        default = FLOAT32 if is_tensor(expected) else FLOAT64
        rtol = default["rtol"] if rtol is None else rtol
        atol = default["atol"] if atol is None else atol
        if isinstance(expected, np.ndarray):
            got: Any = self.array(expected.shape)
            if got.dtype.kind not in "fiu":
                raise self._refuse(
                    "a NumPy array of numbers" + wording.of_shape(expected.shape, None)
                )
        elif is_tensor(expected):
            got = self.tensor(tuple(expected.shape), expected.dtype)
        elif isinstance(expected, (list, tuple)):
            got = self.numbers(len(expected))
        else:
            got = self.scalar()
        numbers, want = float64(got), float64(expected)
        self._comparisons.note(self.label, numbers, want)
        # If an infinite number is expected, the tolerance is infinite too and accepts any number.
        near = (np.abs(numbers - want) <= atol + rtol * np.abs(want)) & np.isfinite(want)
        if not near.all():
            sentences = [wording.difference(self.label, got, expected)]
            relation = self._unchanged(numbers) or self._comparisons.relation(self.label)
            raise Mismatch(self.call, " ".join([*sentences, relation] if relation else sentences))

    def _unchanged(self, numbers: NDArray[Any]) -> str:
        """Return a sentence about the input that has exactly these numbers, or "".

        A factor between what was given and what was expected would be a coincidence of the test's numbers.
        """
        # One number is often an input by chance.
        if np.unique(numbers).size < 2:
            return ""
        for name, value in self.call.inputs().items():
            has_numbers = isinstance(value, np.ndarray) and value.dtype.kind in "bfiuc"
            has_numbers = has_numbers or (is_tensor(value) and not value.is_meta)
            if has_numbers and np.array_equal(float64(value), numbers):
                return f"That is {f'`{name}`' if name.isidentifier() else name} as it was given."
        return ""

    def _demand_finite(self, number: Any, shown: Any) -> None:
        if not np.isfinite(float64(number)).all():
            one = isinstance(number, float)
            expected = (
                "a finite number (not NaN or inf)" if one else "finite numbers (no NaN or inf)"
            )
            sentence = wording.mismatch(self.label, expected, wording.shown(shown))
            raise Mismatch(self.call, sentence)


def _size_one(value: Any) -> float | None:
    """Return the number in a scalar of any form, or None if the value is not a scalar."""
    if isinstance(value, (bool, np.bool_, Opaque)):
        return None
    if isinstance(value, (int, float, np.integer, np.floating)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        return float(value.item())
    if is_tensor(value) and value.numel() == 1 and not value.is_meta:
        number = value.item()
        return float(number) if type(number) in (int, float) else None
    return None


def _is_column(value: Any) -> bool:
    """Return whether an array or tensor holds real numbers, exactly one in each row."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0 and value.size == len(value) and value.dtype.kind in "fiu"
    if not is_tensor(value) or value.is_meta or value.ndim == 0:
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
    """Return whether two values have the same type and are equal, at every level of nesting."""
    if is_tensor(expected):
        if not is_tensor(value) or value.is_meta or value.dtype != expected.dtype:
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
