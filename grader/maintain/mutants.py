"""Mutants: solutions with one small change, made by mutmut, each of which should fail some test."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass

from grader.course.course import Course, Step


@dataclass(frozen=True)
class Mutant:
    """A solution with one small change.

    Attributes:
        id: such as "mse:3f2a9c41"; the same as long as the function's name and the change stay the same.
        function: the function or class that is changed.
        before: the lines before the change.
        after: the lines after it.
        module: source of the whole module.
    """

    id: str
    function: str
    before: str
    after: str
    module: str


def mutants_of(course: Course, step: Step) -> list[Mutant]:
    """Return all mutants of a step's solution that differ from it and from each other.

    Docstrings and the messages of errors do not count.
    """
    import libcst as cst
    from mutmut.mutation.file_mutation import create_mutations

    path = course.root / step.solution
    # Without the docstrings, so that mutmut does not change them.
    source = ast.unparse(_without_docstrings(ast.parse(path.read_text("utf-8"))))
    tree, mutations, *_ = create_mutations(step.filename, source)
    seen = {_behaviour(source)}
    result = []
    for mutation in mutations:
        mutated = tree.deep_replace(mutation.original_node, mutation.mutated_node)
        changed = cst.ensure_type(mutated, cst.Module).code
        behaviour = _behaviour(changed)
        if behaviour in seen:
            continue
        seen.add(behaviour)
        result.append(_mutant(source, changed))
    return result


def _behaviour(source: str) -> str:
    """Return a module as text to compare, without the messages of errors, which are not graded."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc.args = []
    return ast.dump(tree)


def _mutant(source: str, changed: str) -> Mutant:
    before, after = source.splitlines(), changed.splitlines()
    start = next(i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    end = next(
        i
        for i, (a, b) in enumerate(zip(reversed(before), reversed(after), strict=False))
        if a != b or min(len(before), len(after)) - i <= start
    )
    old = "\n".join(line.strip() for line in before[start : len(before) - end])
    new = "\n".join(line.strip() for line in after[start : len(after) - end])
    function = _function_at(source, start + 1)
    digest = hashlib.sha256(f"{function}\n{old}\n{new}".encode()).hexdigest()[:8]
    return Mutant(f"{function}:{digest}", function, old, new, changed)


def _function_at(source: str, line: int) -> str:
    """Return the name of the top-level function or class that contains a line, counted from 1."""
    for node in ast.parse(source).body:
        if node.lineno <= line <= (node.end_lineno or 0):
            return getattr(node, "name", "")
    return ""


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree
