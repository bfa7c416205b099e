"""The catalogue of misconceptions: wrong implementations of single functions, each with its explanation.

Each step has a file `grader/content/misconceptions/step_XX.toml`, for authors and graders only. An installed
package contains just the recorded behaviour of these implementations (see `grader.judge.diagnosis`).
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step
from grader.course.paths import EQUIVALENT, MISCONCEPTIONS, STYLES, VARIANTS

_RIGHT = "_right_"


@dataclass(frozen=True)
class Misconception:
    """A common mistake in one function.

    Attributes:
        id: unique over all steps, such as "gradients-sign-flipped".
        function: the function or class that is wrong.
        sentence: what the mistake is.
        hint: a question or an experiment that helps to find it.
        read: words in the text of the exercise, at which to read on.
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
        """Return the source of a step's module in which only this function is wrong."""
        return _with_function(solution, self.function, self.code)


def _with_function(solution: str, function: str, code: str) -> bytes:
    """Return the source of a module in which one function is replaced.

    Other functions of the module still call the solution's, so that the difference shows in this function alone.

    Args:
        solution: source of the module.
        function: name of the function or class to replace.
        code: source of its replacement.
    """
    tree = _Renamed(function).visit(ast.parse(solution))
    return f"{ast.unparse(tree)}\n\n\n{code}".encode()


class _Renamed(ast.NodeTransformer):
    """Renames the solution's function wherever the module uses it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == self.name:
            node.id = _RIGHT + self.name
        return node

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        if node.name == self.name:
            node.name = _RIGHT + self.name
        return self.generic_visit(node)

    visit_FunctionDef = visit_ClassDef = _definition


def load(course: Course, step: Step) -> list[Misconception]:
    """Return the misconceptions of a step; none if there is no catalogue, as in an installed package."""
    entries = _read(course.root / MISCONCEPTIONS / f"step_{step.id}.toml", "misconception")
    return [Misconception(**(entry | {"also": tuple(entry.get("also", ()))})) for entry in entries]


def correct_modules(course: Course, step: Step, function: str = "") -> dict[str, bytes]:
    """Return the sources of correct modules of a step in other styles than the solution's, by name.

    These are the step's modules in `tests/styles`, and solutions with one function replaced from `tests/variants`.

    Args:
        course: the course.
        step: the step.
        function: use only the variants of this function; "" for all variants.
    """
    paths = sorted((course.root / STYLES).glob(f"*/{step.filename}"))
    modules = {path.parent.name: path.read_bytes() for path in paths}
    solution = (course.root / step.solution).read_text("utf-8")
    variants = _read(course.root / VARIANTS / f"step_{step.id}.toml", "variant")
    for variant in variants:
        if function in ("", variant["function"]):
            modules[variant["id"]] = _with_function(solution, variant["function"], variant["code"])
    return modules


def _read(path: Path, name: str) -> list[dict[str, Any]]:
    """Return the tables with this name in a TOML file; none if the file does not exist."""
    tables: list[dict[str, Any]] = []
    if path.is_file():
        tables = tomllib.loads(path.read_text("utf-8")).get(name, [])
    return tables


def equivalents(course: Course) -> dict[str, str]:
    """Return the reasons why some mutants behave like the solution, by the id of the mutant."""
    return {entry["id"]: entry["reason"] for entry in _read(course.root / EQUIVALENT, "mutant")}


def rightly_named(course: Course) -> set[tuple[str, str]]:
    """Return the ids of injected errors that are known mistakes, each with the id of the misconception."""
    entries = _read(course.root / EQUIVALENT, "injected")
    return {(entry["id"], entry["misconception"]) for entry in entries}
