"""Puts values and differences into words for a beginner."""

from __future__ import annotations

import builtins
import re
from itertools import islice
from typing import Any

import numpy as np

from grader.wire.codec import Opaque
from grader.wire.values import float64, is_tensor

MAX_SHOWN = 300
_KINDS = {np.ndarray: "array", int: "int", float: "float", str: "str", bool: "bool"}
_FUNCTIONS = ("function", "method", "builtin_function_or_method")


def shown(value: Any) -> str:
    """Describe a value briefly: what it holds, and its kind, shape and dtype where they matter."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"the array {numbers(value)}{of_shape(value.shape, value.dtype.name)}"
    if isinstance(value, np.generic):
        return f"the NumPy number {value}"
    if is_tensor(value):
        dtype = str(value.dtype).removeprefix("torch.")
        if value.is_meta:
            return f"a tensor on the meta device{of_shape(value.shape, dtype)}"
        return f"the tensor {numbers(value)}{of_shape(value.shape, dtype)}"
    if isinstance(value, Opaque):
        return f"an object of type {value.type}: {steady(value.text)}"
    if isinstance(value, (list, tuple, dict)):
        kind = type(value).__name__
        size = f" of {len(value)}" if len(value) > 3 else ""
        return f"the {kind}{size} {plain(value)}"
    if isinstance(value, str):
        return shorten(repr(value))
    return f"the {_KINDS.get(type(value), type(value).__name__)} {shorten(_number(value))}"


def cause(value: Any, is_whole: bool) -> str:
    """Return a sentence about the slip that a value of the wrong type shows by itself, or "".

    Args:
        value: the value, or a part of it.
        is_whole: whether it is what a function of the learner returned, and not a part of that.
    """
    if value is None:
        general = (
            "A function without a `return` gives None, so does .append(), and .grad is None before "
            "the first backward()."
        )
        return "Is a `return` missing?" if is_whole else general
    if isinstance(value, tuple) and len(value) == 1:
        return "A comma at the end of a line makes a tuple: is there one too many?"
    if isinstance(value, Opaque):
        if value.type in _FUNCTIONS:
            return (
                "This is a function or a method, and not its result: are its parentheses missing?"
            )
        if value.type == "type":
            return "This is a class, and no object of it: are its parentheses missing?"
        return returned_error(value) if is_whole else ""
    return ""


def returned_error(value: Any) -> str:
    """Return what to do about an exception that was returned; "" if the value is none."""
    kind = getattr(builtins, value.type, None) if isinstance(value, Opaque) else None
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return "Your code returned the error: write `raise` in place of `return`."
    return ""


def plain(value: Any) -> str:
    """Return an input or an item of a list as a learner would type it."""
    if isinstance(value, np.ndarray) or is_tensor(value):
        return numbers(value)
    if isinstance(value, np.generic):
        return str(value)
    if isinstance(value, float):
        return repr(float(f"{value:.7g}"))
    if isinstance(value, bytes) and len(value) > 40:
        # Such as a file: its first bytes would explain nothing.
        return f"{len(value)} bytes"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(plain(item) for item in value[:12]) + (", …" if len(value) > 12 else "")
        one = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return shorten(f"[{inside}]" if isinstance(value, list) else f"({inside}{one})")
    if isinstance(value, dict):
        pairs = [f"{plain(key)}: {plain(item)}" for key, item in islice(value.items(), 12)]
        more = ", …" if len(value) > 12 else ""
        return shorten("{" + ", ".join(pairs) + more + "}")
    return shorten(_number(value))


def numbers(value: Any) -> str:
    """Return the numbers of an array or tensor as nested lists; of many, the first and last."""
    if is_tensor(value):
        if value.is_meta:
            return f"meta tensor{of_shape(value.shape, None)}"
        value = value.detach()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    if value.ndim > 3:
        # NumPy abbreviates each dimension on its own, so many small dimensions stay unabbreviated.
        value = value.reshape(-1)
    options: dict[str, Any] = {"threshold": 24, "edgeitems": 2, "separator": ", "}
    text = np.array2string(value, precision=7, **options)
    if value.dtype.kind == "f" and "e" in text:
        # One very large or small number, and NumPy prints all of them as 1.0000000e+00.
        text = np.array2string(value, formatter={"float_kind": "{:.7g}".format}, **options)
    return shorten(" ".join(text.split()).replace("[ ", "["))


def of_shape(shape: Any, dtype: str | None) -> str:
    """Return " of shape (3, 1) and dtype float64", or less if one is None; a size None is "any"."""
    words = []
    if shape is not None:
        sizes = ["any" if size is None else str(size) for size in shape]
        words.append(f"shape ({', '.join(sizes)}{',' if len(sizes) == 1 else ''})")
    if dtype:
        words.append(f"dtype {dtype}")
    return f" of {' and '.join(words)}" if words else ""


def _number(value: Any) -> str:
    """Return a number as text; Python refuses to print integers of thousands of digits."""
    if isinstance(value, int) and abs(value) >= 10**100:
        sign = "-" if value < 0 else ""
        return f"{sign}(an integer of {value.bit_length()} bits)"
    return repr(value)


def steady(text: str) -> str:
    """Return text without what differs from run to run: memory addresses and the scratch folder."""
    # An address at the end may have been cut short.
    text = re.sub(r"\b0x([0-9a-f]{6,}|[0-9a-f]*\Z)", "0x…", text)
    return re.sub(r"\btorchsteps-\w{8}\b", "torchsteps-…", text)


def shorten(text: str, limit: int = MAX_SHOWN) -> str:
    """Return text, without its middle if it is longer than the limit."""
    # Addresses are replaced first, so that none is cut in two.
    text = steady(text)
    if len(text) <= limit:
        return text
    half = limit // 2
    # Not in the middle of a word, if that is not a long one.
    begin = re.sub(r"(?<=.) \S{1,20}\Z", "", text[:half])
    end = re.sub(r"\A\S{1,20} (?=.)", "", text[-half:])
    return f"{begin} … {end}"


def sentence_of(text: str) -> str:
    """Return text with a full stop, unless it ends with a question, as some messages of Python do."""
    return text if text.endswith("?") else f"{text}."


def mismatch(label: str, expected: str, got: str) -> str:
    """Return "Expected one number, got None.", in the words of pytest and of search engines.

    Args:
        label: which part of the answer this is, such as "a_grad"; "" for the whole answer.
        expected: what was expected, in words.
        got: what the learner's code returned, in words.
    """
    return (
        f"{label}: expected {expected}, got {got}." if label else f"Expected {expected}, got {got}."
    )


def difference(label: str, got: Any, expected: Any) -> str:
    """Return a sentence or two about numbers that are not close to the expected ones.

    Args:
        label: which part of the answer this is; "" for the whole answer.
        got: what the learner's code returned: a number, a list of numbers, an array or a tensor.
        expected: what was expected, in the same form and of the same shape.

    Returns:
        Both values, and for more than eight numbers the index of the largest difference.
    """
    numbers_got, want = np.real(float64(got)), np.real(float64(expected))
    if numbers_got.size == 1 and want.size == 1 and not isinstance(expected, np.ndarray):
        pair = float(want.reshape(())), float(numbers_got.reshape(()))
        # `plain` shows seven digits: "Expected 0.3, got 0.3" would explain nothing.
        words = repr if plain(pair[0]) == plain(pair[1]) else plain
        return mismatch(label, *map(words, pair))
    text = mismatch(label, plain(expected), plain(got))
    if want.size > 8:
        off = np.abs(numbers_got - want)
        index = np.unravel_index(int(off.argmax()), off.shape)
        place = ", ".join(str(int(i)) for i in index)
        largest = f"expected {want[index]:.7g}, got {numbers_got[index]:.7g}"
        text += f" The largest difference is at [{place}]: {largest}."
    return text
