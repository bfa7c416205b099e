"""The catalogue of misconceptions: wrong implementations of one function each, with the words that explain them.

Each step has a file `grader/misconceptions/step_XX.toml`. It is for those who make the kit and those who grade:
a student's bundle has only what was recorded of these implementations (see `grader.diagnosis`).
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import Any

from grader.course import Course, Step

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = "grader/misconceptions"
_RIGHT = "_right_"


@dataclass(frozen=True)
class Misconception:
    """A usual mistake in one function.

    Attributes:
        id: unique over all steps, such as "gradients-sign-flipped".
        function: the function or class that is wrong.
        sentence: what the mistake is.
        hint: how to find the way, without the answer.
        read: words in the text of the exercise, where to read on.
        code: the wrong implementation.
        also: other functions whose tests it may fail, because the contract judges them together.
    """

    id: str
    function: str
    sentence: str
    hint: str
    read: str
    code: str
    also: tuple[str, ...] = ()

    def module(self, solution: str) -> bytes:
        """Return a step's module in which everything is right but this function.

        Other functions of the module call the right one: the mistake is to show in its own function alone.
        """
        tree = _Renamed(self.function).visit(ast.parse(solution))
        # A line at least: the code may import something, and a `from __future__` must come first.
        return f"{ast.unparse(tree)}\n\n\n{self.code}".encode()


class _Renamed(ast.NodeTransformer):
    """Gives the right function another name, wherever the module uses it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == self.name:
            node.id = _RIGHT + self.name
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == self.name:
            node.name = _RIGHT + self.name
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if node.name == self.name:
            node.name = _RIGHT + self.name
        return self.generic_visit(node)


def load(course: Course, step: Step) -> list[Misconception]:
    """Return the misconceptions of a step; none if there is no catalogue, as in a student's bundle."""
    path = course.root / FOLDER / f"step_{step.id}.toml"
    if not path.is_file():
        return []
    entries: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["misconception"]
    return [Misconception(**(entry | {"also": tuple(entry.get("also", ()))})) for entry in entries]
