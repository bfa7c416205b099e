"""Slips that the form of the code shows: said when an answer is wrong and no misconception explains it.

The module is only searched, line by line, for forms that are a slip in every function. Learners' code is parsed in
workers alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module

from grader.judge.uses import used_by

# Repetitions and lengths are limited, so that no text takes long.
_MAX_LINES, _MAX_LINE = 5000, 300
_WORDS = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|#[^\n]*')
_LOOP = re.compile(r"\s{1,99}(?:async )?(?:for|while)\b.{0,250}:\s{0,99}$")
_WITH = re.compile(r"\s{1,99}(?:async )?with\b.{0,250}:\s{0,99}$")
_KEPT_NONE = re.compile(
    r"\s{1,99}(?:(\w{1,80})\s{0,9}=\s{0,9}\1|return\s{1,9}\w{1,80})\.(append|extend|insert|reverse)\("
)
_CALL = re.compile(r"\s{1,99}(\w{1,80})\.(\w{1,80})\((.{0,250})\)\s{0,99}$")
# What a line ends with that goes on in the next one.
_GOES_ON = re.compile(r"(?:[(\[{,\\+\-*/%@=<>&|^~.]|\b(?:and|or|not|if|else|in|is|for|lambda))$")
# Names that hold a tensor or an array for sure, and the methods of both that leave it as it is.
_TENSORS = (
    re.compile(r"\b(\w{1,80}):\s{0,9}(?:torch\.)?Tensor\b(?!\()"),
    re.compile(
        r"^\s{1,99}(\w{1,80})\s{0,9}=\s{0,9}torch\."
        r"(?:tensor|from_numpy|as_tensor|zeros|ones|empty|full|eye|rand|randn|arange|linspace|stack|cat)\("
    ),
)
_ARRAYS = (
    re.compile(r"\b(\w{1,80}):\s{0,9}np\.ndarray\b(?!\()"),
    re.compile(
        r"^\s{1,99}(\w{1,80})\s{0,9}=\s{0,9}np\."
        r"(?:array|asarray|zeros|ones|empty|full|eye|arange|linspace|stack|concatenate)\("
    ),
)
_BATCH = re.compile(
    r"^\s{1,99}for\s{1,9}(\w{1,80}),\s{0,9}(\w{1,80})\s{1,9}in\s{1,9}\w{0,60}loader:"
)
_PARAMETERS = re.compile(
    r"\s{1,99}for\s{1,9}(\w{1,80})\s{1,9}in\s{1,9}(?:\w{0,60}params|.{1,80}\.parameters\(\)):"
)
# What an error names that lacks an attribute: the type, or the module, of an object.
_LACKS = re.compile(
    r"(?:'([\w.]{1,80})' object|module '([\w.]{1,80})') has no attribute '(\w{1,80})'"
)
_OF_TORCH = {"Tensor": "Tensor", "Parameter": "Tensor"}
# Names this much alike are one name with a slip of the keyboard; "astype" and "type" are not.
_LIKENESS = 0.83
_OF_BOTH = frozenset({"reshape", "flatten", "squeeze", "round", "sum", "mean"})
_OF_TENSORS = _OF_BOTH | {
    "to", "float", "double", "half", "int", "long", "bool", "cpu", "cuda", "add", "sub", "mul", "div", "pow",
    "neg", "abs", "exp", "log", "sqrt", "clamp", "detach", "clone", "contiguous", "view", "unsqueeze",
    "transpose", "permute", "t",
}  # fmt: skip
_OF_ARRAYS = _OF_BOTH | {"astype", "copy", "ravel", "transpose", "clip"}


@dataclass
class _Block:
    """A line that others may be indented below."""

    indent: int
    is_loop: bool
    is_with: bool
    # Whether a round may end early and the next one begin.
    skips: bool = False


def slip(source: bytes, function: str) -> str:
    """Return a sentence about the first slip in the code of a function, or in what it uses, or "".

    Args:
        source: the module's source.
        function: the name of the function or class.
    """
    lines = _code(source)
    if twice := defined_twice(source, function):
        return twice
    for name in (function, *used_by(source, function)):
        body = list(_body(lines, name))
        found = _result_of_list_method(body) or _return_in_loop(body) or _zeroed(body)
        found = found or _thrown_away(body)
        if found:
            return found
    return ""


def defined_twice(source: bytes, name: str) -> str:
    """Return a sentence about a function or class that the module defines more than once at its top, or ""."""
    name = name.split(".")[0]
    numbers = [index + 1 for index in _begins(_code(source), name)]
    if len(numbers) < 2:
        return ""
    return (
        f"`{name}` is defined more than once, in lines {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}, and "
        "Python takes the last one. Keep only one of them."
    )


def attribute_alike(message: str) -> str:
    """Return a question about a misspelled attribute of a tensor, an array or a package, or "".

    Args:
        message: the message of the AttributeError.
    """
    found = _LACKS.search(message)
    if not found:
        return ""
    kind, module, name = found.groups()
    place = module or ("numpy" if kind == "numpy.ndarray" else "torch")
    package = place.split(".")[0]
    if package not in ("torch", "numpy"):
        return ""
    import_module(package)
    holder: object = sys.modules.get(place)
    if kind:
        member = "ndarray" if place == "numpy" else _OF_TORCH.get(kind, "")
        holder = getattr(holder, member, None)
    names = [one for one in dir(holder) if not one.startswith("_")] if holder else []
    alike = get_close_matches(name, names, 1, _LIKENESS)
    return f"Did you mean `{alike[0]}`?" if alike else ""


def attribute_meant(source: bytes, name: str) -> str:
    """Return a question about a name without `self.`, if a method stores a value under it, or ""."""
    code = "\n".join(_code(source))
    stored = re.search(rf"\bself\.{re.escape(name)}\s{{0,9}}(?::|=(?!=))", code)
    return f"Did you mean `self.{name}`?" if stored else ""


def printing_import(source: bytes, others: Mapping[str, bytes]) -> str:
    """Return a sentence about the `print` of an imported step, if only that one can have printed, or "".

    Args:
        source: the module's source.
        others: the sources of the learner's other modules, by name.
    """
    code = "\n".join(_code(source))
    if re.search(r"print|stdout|warn", code):
        return ""
    found = []
    for module, text in others.items():
        if re.search(rf"\b(?:from|import)\s{{1,9}}{module}\b", code):
            lines = enumerate(_code(text), 1)
            found += [(module, n) for n, line in lines if re.search(r"\bprint\s{0,9}\(", line)]
    modules = {module for module, _ in found}
    if len(modules) != 1:
        return ""
    module, line = found[0]
    place = f"line {line} of {module}.py" if len(found) == 1 else f"{module}.py"
    return f"The `print` is in {place}, which this step imports."


def _code(source: bytes) -> list[str]:
    """Return the lines of a module without comments and texts of several lines."""
    text = source.decode("utf-8", "replace").replace("\r\n", "\n")
    text = _WORDS.sub(lambda words: "\n" * words[0].count("\n"), text)
    return [line[:_MAX_LINE].rstrip() for line in text.split("\n", _MAX_LINES)[:_MAX_LINES]]


def _begins(lines: list[str], name: str) -> list[int]:
    """Return the indices of the lines that begin a top-level definition of a name."""
    start = re.compile(rf"(?:async )?(?:def|class) +{re.escape(name)}\b")
    return [index for index, line in enumerate(lines) if start.match(line)]


def _body(lines: list[str], name: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of the last top-level definition of a name that hold code, with their numbers."""
    begins = _begins(lines, name)
    if not begins:
        return
    yield begins[-1] + 1, lines[begins[-1]]
    for number in range(begins[-1] + 1, len(lines)):
        line = lines[number]
        if line and line[0] not in " \t)":
            return
        if line:
            yield number + 1, line


def _result_of_list_method(body: list[tuple[int, str]]) -> str:
    for number, line in body:
        if found := _KEPT_NONE.match(line):
            return (
                f"`.{found[2]}()` in line {number} changes the list itself and gives None: write it on a line of "
                "its own."
            )
    return ""


def _return_in_loop(body: list[tuple[int, str]]) -> str:
    blocks: list[_Block] = []
    for number, line in body:
        indent = len(line) - len(line.lstrip())
        while blocks and blocks[-1].indent >= indent:
            blocks.pop()
        loop = next((block for block in reversed(blocks) if not block.is_with), None)
        if re.match(r"\s*return\b", line) and loop and loop.is_loop and not loop.skips:
            return (
                f"The `return` in line {number} is inside the loop, so the loop ends in its first round. "
                "Should it be indented less?"
            )
        if re.search(r"\bcontinue\b", line):
            for block in blocks:
                block.skips = True
        blocks.append(_Block(indent, bool(_LOOP.match(line)), bool(_WITH.match(line))))
    return ""


def _zeroed(body: list[tuple[int, str]]) -> str:
    parameter = ""
    for number, line in body:
        if begin := _PARAMETERS.match(line):
            parameter = begin[1]
        elif parameter and re.fullmatch(rf"\s{{1,99}}{parameter}(?:\.data)?\.zero_\(\)", line):
            return (
                f"`{line.strip()}` in line {number} sets the parameter itself to zero. Its gradient is "
                f"`{parameter}.grad`."
            )
    return ""


def _thrown_away(body: list[tuple[int, str]]) -> str:
    tensors: set[str] = set()
    arrays: set[str] = set()
    before = ":"
    for number, line in body:
        found = _CALL.match(line)
        if found and not _GOES_ON.search(before) and _is_one_call(found[3]):
            name, method = found[1], found[2]
            kind = "tensor" if name in tensors and method in _OF_TENSORS else ""
            kind = kind or ("array" if name in arrays and method in _OF_ARRAYS else "")
            if kind:
                return (
                    f"Nothing takes the result of `{name}.{method}(…)` in line {number}, and it leaves the {kind} "
                    f"`{name}` as it was."
                )
        for names, patterns in ((tensors, _TENSORS), (arrays, _ARRAYS)):
            names.update(name for pattern in patterns for name in pattern.findall(line))
        if batch := _BATCH.match(line):
            tensors.update(batch.groups())
        before = line
    return ""


def _is_one_call(inside: str) -> bool:
    """Return whether what stands between the first and the last parenthesis of a line belongs to one call.

    A second call may change in place what the first one shares with the tensor, as in `t.view(-1).zero_()`.
    """
    depth = 0
    for letter in inside:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0
