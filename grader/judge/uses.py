"""Which functions of a learner's module another one uses: when a helper is wrong, its users need no other name.

The module is only searched for names. Learners' code is parsed in workers alone.
"""

from __future__ import annotations

import re

# What stands in a docstring or comment is no use of a name.
_WORDS = re.compile(rb'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|#[^\n]*')
# A top-level definition, up to the next line that begins at the left margin and closes no bracket.
_DEFINITION = re.compile(
    rb"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)(.*(?:\n(?:[ \t)].*)?)*)", re.MULTILINE
)
_NAME = re.compile(rb"\w+")


def code_of(source: bytes) -> bytes:
    """Return a module's source without its docstrings, other texts of several lines, and comments."""
    return _WORDS.sub(b"", source)


def taken_from(source: bytes, module: str) -> set[str]:
    """Return names that a module's code may use of another module: those that it imports, or all of its words.

    Args:
        source: the module's source.
        module: the name of the other module.
    """
    code = code_of(source)
    # Of limited length, so that no text takes long.
    lists = re.compile(
        rb"\bfrom[ \t]{1,9}%s[ \t]{1,9}import\b(?:[ \t]{0,9}\([^)]{0,2000}\)|[^\n]{0,2000})"
        % re.escape(module.encode())
    )
    imports, rest = b" ".join(lists.findall(code)), lists.sub(b"", code)
    if module.encode() in rest or b"*" in imports:
        imports += rest
    return {name.decode() for name in _NAME.findall(imports)}


def used_by(source: bytes, function: str) -> list[str]:
    """Return the top-level functions and classes that a function names, directly or through others, sorted.

    Args:
        source: the module's source.
        function: the name of the function or class.
    """
    code = code_of(source).replace(b"\r\n", b"\n")
    # The last definition of a name counts.
    there = {name: set(_NAME.findall(body)) for name, body in _DEFINITION.findall(code)}
    start = function.encode()
    found: set[bytes] = set()
    waiting = [start]
    while waiting:
        new = (there.get(waiting.pop(), set()) & there.keys()) - found
        found |= new
        waiting += new
    return sorted(name.decode() for name in found - {start})
