"""What the tests of a step use of the modules that steps share.

What is recorded and measured of a step hangs on this alone, so that one more reference or probe for another
step leaves it valid.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

SHARED = tuple(
    f"grader/content/{name}.py"
    for name in ("array_probes", "shared_probes", "references", "trainings", "capstones")
)


def used_source(root: Path, files: Iterable[str]) -> str:
    """Return the source of what files use of the shared modules, directly or through each other.

    Args:
        root: the kit's folder.
        files: the test files of a step, relative to it.
    """
    definitions: dict[str, list[ast.stmt]] = {}
    text: dict[ast.stmt, str] = {}
    always = []
    for shared in SHARED:
        for statement, lines, names in _statements((root / shared).read_text("utf-8")):
            text[statement] = lines
            for name in names:
                definitions.setdefault(name, []).append(statement)
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                always.append(statement)
    trees = [ast.parse((root / file).read_text("utf-8")) for file in files]
    used: dict[ast.stmt, None] = dict.fromkeys(always)
    waiting = [name for tree in trees for name in _imported(tree)]
    if not {Path(shared).stem for shared in SHARED}.isdisjoint(waiting):
        # The whole module is imported, not names of it.
        waiting += definitions
    while waiting:
        for statement in definitions.pop(waiting.pop(), []):
            if statement not in used:
                used[statement] = None
                waiting += [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return "\n".join(sorted(text[statement] for statement in used))


@lru_cache(maxsize=len(SHARED))
def _statements(source: str) -> list[tuple[ast.stmt, str, list[str]]]:
    """Return the statements at the top of a module, each with its lines and the names that it defines."""
    body = ast.parse(source).body
    return [(one, _lines(source, one), list(_defined(one))) for one in body]


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module defines."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    elif not isinstance(statement, (ast.Import, ast.ImportFrom)):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            yield node.name.split(".")[-1]


def _lines(source: str, statement: ast.stmt) -> str:
    """Return the lines of a statement with its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    first = min(node.lineno for node in [statement, *decorators])
    return "\n".join(source.splitlines()[first - 1 : statement.end_lineno])
