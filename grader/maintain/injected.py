"""Injected errors: solutions with an error that is not a known mistake, for which no misconception may be named.

Each public function gets one error at a time, in one of its lines: a name or attribute is misspelled, a call lacks
an argument, a string replaces a number, a dtype or shape does not fit, an error is raised, or something else is
returned.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grader.course.course import Course, Step


@dataclass(frozen=True)
class Injected:
    """A solution with one error.

    Attributes:
        id: function, number of the statement, and error, such as "mse:1:misspelled name". Statements are counted
            from the end; each further method or inner function adds 10.
        function: the function or class with the error.
        module: source of the whole module.
    """

    id: str
    function: str
    module: str


_Change = Callable[[ast.stmt], "ast.stmt | None"]


def injected_of(course: Course, step: Step, lines: int = 1) -> list[Injected]:
    """Return the solution of a step with every kind of error in every public function, one at a time.

    Args:
        course: the course.
        step: the step.
        lines: how many statements, from the last one, of each function, method and inner function get errors.
    """
    source = (course.root / step.solution).read_text("utf-8")
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    result = []
    for index, top in enumerate(tree.body):
        if not isinstance(top, ast.FunctionDef | ast.ClassDef) or top.name.startswith("_"):
            continue
        for number, name, changed in _changes(tree, index, lines):
            module = ast.unparse(changed)
            if module not in seen:
                seen.add(module)
                result.append(Injected(f"{top.name}:{number}:{name}", top.name, module))
    return result


def _changes(tree: ast.Module, index: int, lines: int) -> Iterator[tuple[int, str, ast.Module]]:
    """Yield the module with every kind of error in the function or class at an index of its body.

    Args:
        tree: the module.
        index: the index of the function or class.
        lines: how many statements, from the last one, get errors.

    Yields:
        The number of the statement, the name of the error, and the changed module.
    """
    bodies = sum(isinstance(node, ast.FunctionDef) for node in ast.walk(tree.body[index]))
    for body in range(bodies):
        for number in range(1, lines + 1):
            for name, change in _ERRORS.items():
                module = copy.deepcopy(tree)
                functions = [
                    node
                    for node in ast.walk(module.body[index])
                    if isinstance(node, ast.FunctionDef)
                ]
                function = functions[body]
                if len(function.body) < number:
                    continue
                changed = change(function.body[-number])
                if changed is not None:
                    function.body[-number] = changed
                    yield 10 * body + number, name, ast.fix_missing_locations(module)


def _last(statement: ast.stmt, *kinds: type) -> ast.AST | None:
    """Return the last and innermost node of a statement that is of one of these types."""
    nodes = [node for node in ast.walk(statement) if isinstance(node, kinds)]
    return nodes[-1] if nodes else None


def _misspelled(text: str) -> str:
    """Return a name with two adjacent letters swapped, a common typing error."""
    for i in range(len(text) - 2, 0, -1):
        if text[i] != text[i + 1]:
            return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return text + text[-1]


def _misspelled_attribute(statement: ast.stmt) -> ast.stmt | None:
    return _with_misspelled(statement, ast.Attribute, "attr")


def _misspelled_name(statement: ast.stmt) -> ast.stmt | None:
    return _with_misspelled(statement, ast.Name, "id")


def _with_misspelled(statement: ast.stmt, kind: type[ast.AST], field: str) -> ast.stmt | None:
    """Misspell the last name or attribute of a statement, unless something is assigned to it.

    Args:
        statement: the statement, which is changed.
        kind: the type of the node.
        field: the field of the node that is misspelled.

    Returns:
        The statement, or None if it has no such node.
    """
    node = _last(statement, kind)
    if node is None or not isinstance(getattr(node, "ctx", None), ast.Load):
        return None
    setattr(node, field, _misspelled(getattr(node, field)))
    return statement


def _argument_missing(statement: ast.stmt) -> ast.stmt | None:
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and node.args]
    if not calls:
        return None
    calls[-1].args.pop()
    return statement


def _operand(change: Callable[[ast.expr], ast.expr]) -> _Change:
    """Return a change of the left operand of the last operation, or of the last argument of the last call."""

    def changed(statement: ast.stmt) -> ast.stmt | None:
        node = _last(statement, ast.BinOp, ast.Call)
        if isinstance(node, ast.BinOp):
            node.left = change(node.left)
        elif isinstance(node, ast.Call) and node.args:
            node.args[-1] = change(node.args[-1])
        else:
            return None
        return statement

    return changed


def _constant(value: str | None) -> _Change:
    """Return a change that replaces an operand by a constant."""
    return _operand(lambda _: ast.Constant(value))


def _method(name: str, *arguments: int) -> _Change:
    """Return a change that calls a method of an operand."""

    def call(operand: ast.expr) -> ast.expr:
        values: list[ast.expr] = [ast.Constant(argument) for argument in arguments]
        return ast.Call(ast.Attribute(operand, name, ast.Load()), values, [])

    return _operand(call)


def _instead(source: str) -> _Change:
    """Return a change that replaces a statement, unless it is an inner function."""

    def changed(statement: ast.stmt) -> ast.stmt | None:
        return None if isinstance(statement, ast.FunctionDef) else ast.parse(source).body[0]

    return changed


_ERRORS: dict[str, _Change] = {
    "misspelled attribute": _misspelled_attribute,
    "misspelled name": _misspelled_name,
    "argument missing": _argument_missing,
    "text for a number": _constant("3"),
    "double": _method("double"),
    "half": _method("half"),
    "one dimension more": _method("unsqueeze", 0),
    "transposed": _method("t"),
    "numpy": _method("numpy"),
    "squeezed": _method("squeeze"),
    "integer": _operand(lambda operand: ast.Call(ast.Name("int", ast.Load()), [operand], [])),
    "none": _constant(None),
    "raises TypeError": _instead('raise TypeError("unsupported")'),
    "raises as PyTorch does": _instead(
        'raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")'
    ),
    "raises ValueError": _instead('raise ValueError("wrong")'),
    "fails an assertion": _instead("assert False"),
    "index out of range": _instead("[][0]"),
    "returns nothing": _instead("return None"),
    "returns a text": _instead('return "done"'),
    "returns 0": _instead("return 0.0"),
}
