"""A module as a row of pieces: the statements at its top level, each with all of its lines."""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LESSON, IMPORT, DEFINITION, OTHER = range(4)
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Unmergeable(ValueError):
    """What a learner wrote cannot be put together with a new stub; the message is a clause that says why."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A statement at the top level of a module, with all of its lines.

    Attributes:
        kind: what kind of statement it is.
        name: of a definition.
        start: the number of its first line, from 0.
        stop: the number of the line after its last one.
        text: its lines.
        binds: of an import: by name, what the name stands for then.
    """

    kind: int
    name: str
    start: int
    stop: int
    text: str
    binds: dict[str, str]


@dataclass(frozen=True)
class Module:
    """A module that Python can read.

    Attributes:
        lines: its lines, without their ends.
        tree: what the parser makes of it.
        pieces: its statements, in order.
    """

    lines: list[str]
    tree: ast.Module
    pieces: list[Piece]

    def of_kind(self, kind: int) -> list[Piece]:
        """Return the pieces of one kind."""
        return [piece for piece in self.pieces if piece.kind == kind]

    def named(self, name: str) -> list[Piece]:
        """Return the definitions of this name."""
        return [piece for piece in self.of_kind(DEFINITION) if piece.name == name]

    @property
    def imports(self) -> Piece:
        """The imports below the lesson, as one piece; an empty one if there are none."""
        rest = itertools.dropwhile(lambda piece: piece.kind == LESSON, self.pieces)
        block = list(itertools.takewhile(lambda piece: piece.kind == IMPORT, rest))
        start, stop = (block[0].start, block[-1].stop) if block else (0, 0)
        return Piece(IMPORT, "", start, stop, "\n".join(self.lines[start:stop]), {})

    @property
    def head(self) -> int:
        """The number of the first line after the lesson and the imports below it."""
        stop = 0
        for piece in self.pieces:
            if piece.kind not in (LESSON, IMPORT):
                return stop or piece.start
            stop = piece.stop
        return stop


def without_docstrings(source: str) -> str:
    """Return Python source without the lines of its docstrings and the empty lines below them.

    A docstring on the line of a `def`, or one that is all that its function holds, stays.
    """
    lines = source.split("\n")
    gone: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, _DOCUMENTED) or ast.get_docstring(node) is None:
            continue
        first = node.body[0]
        if first.lineno > getattr(node, "lineno", 0) and node.body[1:]:
            stop = first.end_lineno or first.lineno
            while stop < len(lines) and not lines[stop].strip():
                stop += 1
            gone.update(range(first.lineno - 1, stop))
    return "\n".join(line for i, line in enumerate(lines) if i not in gone)


def parsed(text: str) -> Module:
    """Return the pieces of a text whose lines end with a line feed.

    Raises:
        Unmergeable: it is not valid.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            # The parser takes some things that are no module, such as an import from __future__ in the middle.
            compile(text, "module", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise Unmergeable(f"it is not valid Python{f' (line {line})' if line else ''}") from None
    lines = text.split("\n")
    pieces = [_piece(node, lines, i == 0) for i, node in enumerate(tree.body)]
    return Module(lines, tree, pieces)


def _piece(node: ast.stmt, lines: list[str], is_first: bool) -> Piece:
    decorators = getattr(node, "decorator_list", [])
    start = min(line.lineno for line in (node, *decorators)) - 1
    stop = node.end_lineno or node.lineno
    kind, name, binds = OTHER, "", {}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        kind, name = DEFINITION, node.name
    elif isinstance(node, ast.Import):
        kind = IMPORT
        for alias in node.names:
            # `import a.b` and `import a` bind the same name, and load different modules; `import a.b as b` is
            # `from a import b`.
            package, _, module = alias.name.rpartition(".")
            whole = f"{package}:{module}" if alias.asname and package else alias.name
            binds[alias.asname or alias.name] = whole
    elif isinstance(node, ast.ImportFrom):
        kind = IMPORT
        package = "." * node.level + (node.module or "")
        binds = {alias.asname or alias.name: f"{package}:{alias.name}" for alias in node.names}
    elif is_first and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        kind = LESSON if isinstance(node.value.value, str) else OTHER
    return Piece(kind, name, start, stop, "\n".join(lines[start:stop]), binds)


def names_bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements give a meaning in their own scope, also below `if` and the like."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def bound(imports: Iterable[Piece]) -> dict[str, str]:
    """Return what names stand for after some imports."""
    return {name: target for piece in imports for name, target in piece.binds.items()}


def texts_of(pieces: Iterable[Piece]) -> list[str]:
    """Return the lines of each piece."""
    return [piece.text for piece in pieces]
