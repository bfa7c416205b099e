"""Which functions of a learner's module another one uses: when a helper is wrong, its users need no other name."""

from __future__ import annotations

import ast


def used_by(source: bytes, function: str) -> list[str]:
    """Return the top-level functions and classes that a function uses, directly or through others, sorted.

    Args:
        source: the module's source; one that is no valid Python uses nothing.
        function: the name of the function or class.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    # The last definition of a name counts.
    there = {node.name: node for node in tree.body if isinstance(node, kinds)}
    found: set[str] = set()
    waiting = [function]
    while waiting:
        node = there.get(waiting.pop())
        for inner in ast.walk(node) if node else ():
            name = inner.id if isinstance(inner, ast.Name) else ""
            if name in there and name not in found:
                found.add(name)
                waiting.append(name)
    return sorted(found - {function})
