"""Makes the exercises from the solutions: lessons, imports, signatures and docstrings stay, bodies go.

So a lesson or docstring is written once, in the solution. Exercises are in git as well; `make stubs` makes them
again, and a test fails if they are out of date. Given modules are copied as they are.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from grader.course.course import Course, Step
from grader.course.paths import EXERCISES, GIVEN, SOLUTIONS
from grader.run.clone import committed

INDENT = "    "
_UNWRITTEN = 'raise NotImplementedError("`{}` is not written yet.")'
_INPUTS = "(*locals().values(), None, None)"
# Bodies of functions that do no work, by what they do.
_IDLE = {
    "return nothing": "return None",
    "return zero": "return 0.0",
    "return true": "return True",
    "return an empty list": "return []",
    "return a function": "return lambda *args, **kwargs: 0.0",
    "return the first input": f"return {_INPUTS}[0]",
    "return the second input": f"return {_INPUTS}[1]",
    "return the first two inputs": f"return {_INPUTS}[:2]",
    "return the first input twice": f"return {_INPUTS}[0], {_INPUTS}[0]",
    "refuse everything": 'raise type("Refusal", (ValueError, IndexError, TypeError), {})',
}


class StubError(ValueError):
    """A solution that no stub can be made from; the message is a clause that says why."""


def stub_of(source: str, name: str) -> str:
    """Return the exercise for a solution's source.

    Args:
        source: the solution's source.
        name: its file name, for error messages.

    Raises:
        StubError: the module, a public function or a public class has no docstring.
        SyntaxError: the solution is not valid Python.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    if ast.get_docstring(tree) is None:
        raise StubError(f"{name}: the lesson (the module's docstring) is missing")
    # One blank line around imports, two before each definition.
    blocks = [_text(lines, tree.body[0])]
    imports = [_text(lines, n) for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    blocks.append("\n".join(_blank_between_groups(imports)))
    head = "\n\n".join(block for block in blocks if block)
    definitions = [
        "\n".join(_definition(lines, node, name, node.name))
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and _is_public(node)
    ]
    return "\n\n\n".join([head, *definitions]) + "\n"


def _blank_between_groups(imports: list[str]) -> list[str]:
    """Add a blank line between imports of `__future__`, of the standard library and of other packages."""
    result: list[str] = []
    last = None
    for text in imports:
        name = text.split()[1].split(".")[0]
        group = (name == "__future__", name in sys.stdlib_module_names)
        if last not in (None, group):
            result.append("")
        result.append(text)
        last = group
    return result


def _definition(
    lines: list[str], node: ast.FunctionDef | ast.ClassDef, name: str, path: str
) -> list[str]:
    docstring = node.body[0]
    if ast.get_docstring(node) is None:
        raise StubError(f"{name}: `{path}` has no docstring")
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    kept = lines[first - 1 : docstring.end_lineno]
    if isinstance(node, ast.ClassDef):
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and _is_public(item):
                kept += ["", *_definition(lines, item, name, f"{path}.{item.name}")]
        return kept
    pad = INDENT * (path.count(".") + 1)
    task = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", f"\n{pad}# ")
    return [
        *kept,
        *f"{pad}# TODO: {task}".splitlines(),
        pad + _UNWRITTEN.format(path),
    ]


def _is_public(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return not node.name.startswith("_") or node.name.startswith("__")


def _text(lines: list[str], node: ast.stmt) -> str:
    return "\n".join(lines[node.lineno - 1 : node.end_lineno])


def make_stubs(course: Course) -> dict[Path, str]:
    """Return the text of every exercise and every given module, by its path.

    Raises:
        StubError: a solution is missing, or no stub can be made from it.
        SyntaxError: a solution is not valid Python.
    """
    stubs = {step.filename: _stub(course, step) for step in course.steps}
    given = (course.root / SOLUTIONS / f"{module}.py" for module in GIVEN)
    stubs |= {file.name: file.read_text("utf-8") for file in given if file.is_file()}
    return {course.root / EXERCISES / name: text for name, text in stubs.items()}


def _stub(course: Course, step: Step) -> str:
    try:
        source = (course.root / step.solution).read_text("utf-8")
    except FileNotFoundError:
        raise StubError(f"solutions/{step.filename} is missing") from None
    return stub_of(source, step.filename)


def idle_modules(course: Course, step: Step) -> dict[str, str]:
    """Return modules of a step whose functions and methods do no work, by what all of them do instead."""
    stub = _stub(course, step)
    unwritten = re.escape(_UNWRITTEN).replace(r"\{\}", "(.+)")

    def module(body: str) -> str:
        def idle_body(match: re.Match[str]) -> str:
            # `__init__` may only return None.
            is_init = match[1].endswith(".__init__") and body.startswith("return")
            return "super().__init__()" if is_init else body

        return re.sub(unwritten, idle_body, stub)

    return {name: module(body) for name, body in _IDLE.items()}


def stale(stubs: dict[Path, str]) -> list[Path]:
    """Return the paths of exercises that are missing or differ from their stub."""
    return [
        path
        for path, text in stubs.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]


def with_own_work(paths: list[Path]) -> list[Path]:
    """Return the files whose content is not committed, so that overwriting them would lose it.

    The bytes are compared, because `git status` is silent about files that git was told to ignore changes of.
    """
    return [path for path in paths if path.exists() and path.read_bytes() != committed(path)]


def is_written(path: Path) -> bool:
    """Return whether an exercise contains anything that a stub does not."""
    try:
        source = path.read_text("utf-8")
        return stub_of(source, path.name) != source
    except (StubError, SyntaxError, UnicodeDecodeError):
        return True
