"""The catalogue of misconceptions: wrong implementations of one function each, with the words that explain them.

Each step has a file `grader/content/misconceptions/step_XX.toml`. It is for those who make the kit and those who
grade: a student's bundle has only what was recorded of these implementations (see `grader.judge.diagnosis`).
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course.course import Course, Step

FOLDER = "grader/content/misconceptions"
STYLES = "tests/styles"
VARIANTS = "tests/variants"
EQUIVALENT = f"{FOLDER}/equivalent.toml"
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
        """Return a step's module in which everything is right but this function."""
        return _exchanged(solution, self.function, self.code)


def _exchanged(solution: str, function: str, code: str) -> bytes:
    """Return a module in which one function is another one.

    The others go on calling the solution's: what is different is to show in this function alone.
    """
    tree = _Renamed(function).visit(ast.parse(solution))
    return f"{ast.unparse(tree)}\n\n\n{code}".encode()


class _Renamed(ast.NodeTransformer):
    """Gives the right function another name, wherever the module uses it."""

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
    """Return the misconceptions of a step; none if there is no catalogue, as in a student's bundle."""
    entries = _read(course.root / FOLDER / f"step_{step.id}.toml", "misconception")
    return [Misconception(**(entry | {"also": tuple(entry.get("also", ()))})) for entry in entries]


def correct_modules(course: Course, step: Step, function: str = "") -> dict[str, bytes]:
    """Return correct modules of a step in other styles than the solution's, by name.

    These are the complete sets of `tests/styles`, and modules with one function out of `tests/variants`.

    Args:
        course: the course.
        step: the step.
        function: take only the variants of this function.
    """
    places = sorted((course.root / STYLES).glob(f"*/{step.filename}"))
    modules = {place.parent.name: place.read_bytes() for place in places}
    solution = (course.root / "solutions" / step.filename).read_text("utf-8")
    variants = _read(course.root / VARIANTS / f"step_{step.id}.toml", "variant")
    for variant in variants:
        if function in ("", variant["function"]):
            modules[variant["id"]] = _exchanged(solution, variant["function"], variant["code"])
    return modules


def _read(path: Path, name: str) -> list[dict[str, Any]]:
    """Return the tables of this name in a TOML file; none if there is no file."""
    tables: list[dict[str, Any]] = []
    if path.is_file():
        tables = tomllib.loads(path.read_text("utf-8")).get(name, [])
    return tables


def equivalents(course: Course) -> dict[str, str]:
    """Return the mutants that behave as the solution does, by id, with the reason."""
    return {entry["id"]: entry["reason"] for entry in _read(course.root / EQUIVALENT, "mutant")}


def rightly_named(course: Course) -> set[tuple[str, str]]:
    """Return the injected errors that are a known mistake, each with the id of this mistake."""
    entries = _read(course.root / EQUIVALENT, "injected")
    return {(entry["id"], entry["misconception"]) for entry in entries}
