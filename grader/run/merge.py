"""A stub of a new version and what a learner wrote in the old one become one module.

A lesson, an import or a definition that is still exactly the old stub's becomes the new one's; all else of the
learner's stays as it is, in its order, with its comments. The learner's file is edited by lines, and where the
result would not hold all that was written, there is none.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LESSON, _IMPORT, _DEFINITION, _OTHER = range(4)
_BETWEEN = ["", ""]


class Unmergeable(ValueError):
    """What a learner wrote cannot be put together with a new stub; the message is a clause that says why."""


@dataclass(frozen=True)
class Merged:
    """A learner's module after a merge.

    Attributes:
        source: its bytes.
        taken: what came from the new stub, in words.
        kept: what has changed in the stub, too, and stayed as the learner has it.
    """

    source: bytes
    taken: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Piece:
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
class _Module:
    lines: list[str]
    tree: ast.Module
    pieces: list[_Piece]

    def of_kind(self, kind: int) -> list[_Piece]:
        return [piece for piece in self.pieces if piece.kind == kind]

    def named(self, name: str) -> list[_Piece]:
        """Return the definitions of this name."""
        return [piece for piece in self.of_kind(_DEFINITION) if piece.name == name]

    @property
    def imports(self) -> _Piece:
        """The imports below the lesson, as one piece; an empty one if there are none."""
        rest = itertools.dropwhile(lambda piece: piece.kind == _LESSON, self.pieces)
        block = list(itertools.takewhile(lambda piece: piece.kind == _IMPORT, rest))
        start, stop = (block[0].start, block[-1].stop) if block else (0, 0)
        return _Piece(_IMPORT, "", start, stop, "\n".join(self.lines[start:stop]), {})

    @property
    def head(self) -> int:
        """The number of the first line after the lesson and the imports below it."""
        stop = 0
        for piece in self.pieces:
            if piece.kind not in (_LESSON, _IMPORT):
                return stop or piece.start
            stop = piece.stop
        return stop


def merge(old: str, new: str, mine: bytes) -> Merged:
    """Put a new stub and a learner's work together.

    Args:
        old: the stub that the learner began with.
        new: the stub that takes its place.
        mine: the learner's file.

    Raises:
        Unmergeable: it is better left alone.
    """
    text, frame = _text_of(mine)
    old, new = _plain_ends(old), _plain_ends(new)
    if text == old:
        return Merged(_bytes_of(new, frame), ("the new stub",), ())
    merger = _Merger(_parsed(old), _parsed(new), _parsed(text))
    merger.run()
    return Merged(_bytes_of(merger.result(), frame), tuple(merger.taken), tuple(merger.kept))


class _Merger:
    """One merge; what is to change is gathered first."""

    def __init__(self, old: _Module, new: _Module, mine: _Module) -> None:
        self.old = old
        self.new = new
        self.mine = mine
        self.taken: list[str] = []
        self.kept: list[str] = []
        # By piece of the learner's, the lines that take its place.
        self._changed: dict[_Piece, list[str]] = {}
        # By number of a line of the learner's, the lines that come before it.
        self._added: dict[int, list[str]] = {}

    def run(self) -> None:
        """Decide on all parts of the stub."""
        if _texts(self.old.of_kind(_OTHER)) != _texts(self.new.of_kind(_OTHER)):
            raise Unmergeable("the new stub holds more than lesson, imports and definitions")
        self._lesson()
        self._imports()
        self._definitions()

    def _lesson(self) -> None:
        lessons = self.old.of_kind(_LESSON) + self.new.of_kind(_LESSON)
        if len(lessons) != 2:
            raise Unmergeable("the stub has no lesson")
        old, new = lessons
        if old.text == new.text:
            return
        mine = self.mine.of_kind(_LESSON)
        if _texts(mine) == [old.text]:
            self._changed[mine[0]] = new.text.split("\n")
            self.taken.append("the lesson")
        elif _texts(mine) != [new.text]:
            self.kept.append("the lesson")

    def _imports(self) -> None:
        old, new, mine = (one.of_kind(_IMPORT) for one in (self.old, self.new, self.mine))
        given = _bound(new)
        block, old_block, new_block = (one.imports for one in (self.mine, self.old, self.new))
        # Nothing was added among them, so that they can change as a whole, with their blank lines.
        whole = "" != block.text == old_block.text and _bound(old).items() <= given.items()
        if whole:
            mine = [piece for piece in mine if piece.start >= block.stop]
            if old_block.text != new_block.text:
                self._changed[block] = new_block.text.split("\n")
                self.taken.append("its imports")
        gone = set(_texts(old)) - set(_texts(new))
        for piece in mine:
            # An import that the new stub has no more stays if anything that is written may need it.
            if piece.text in gone and piece.binds.items() <= given.items():
                self._changed[piece] = []
        has = _bound(piece for piece in mine if piece not in self._changed)
        for name, target in given.items():
            if has.get(name, target) != target:
                raise Unmergeable(f"it imports another `{name}` than the new stub")
        if not whole:
            self._add_imports([one for one in new if not one.binds.items() <= has.items()])

    def _add_imports(self, missing: list[_Piece]) -> None:
        first = [piece for piece in missing if "__future__" in piece.text]
        rest = [piece for piece in missing if piece not in first]
        if first:
            lesson = self.mine.of_kind(_LESSON)
            self._add(lesson[0].stop if lesson else self.mine.head, ["", *_texts(first)])
        if rest:
            bare = not self.mine.of_kind(_IMPORT)
            self._add(self.mine.head, ([""] if bare else []) + _texts(rest))
        if missing:
            self.taken.append("its imports")

    def _definitions(self) -> None:
        bound = set(_names_bound(self.mine.tree.body))
        place = self.mine.head
        for new in self.new.of_kind(_DEFINITION):
            old = next(iter(self.old.named(new.name)), None)
            mine = self.mine.named(new.name)
            if old is None or old.text != new.text:
                self._definition(old, new, mine, place, new.name in bound)
            place = max([place, *(piece.stop for piece in mine)])
        for old in self.old.of_kind(_DEFINITION):
            if not self.new.named(old.name):
                self._remove(old)

    def _definition(
        self, old: _Piece | None, new: _Piece, mine: list[_Piece], place: int, bound: bool
    ) -> None:
        lines = new.text.split("\n")
        still_stub = [piece for piece in mine if old and piece.text == old.text]
        for piece in still_stub:
            self._changed[piece] = lines
        if still_stub:
            self.taken.append(f"`{new.name}`")
        elif not bound:
            self._add(self._below_comments(place), [*_BETWEEN, *lines])
            self.taken.append(f"`{new.name}`")
        if any(piece.text != new.text for piece in mine if piece not in still_stub) or (
            bound and not mine
        ):
            self.kept.append(f"`{new.name}`")

    def _remove(self, old: _Piece) -> None:
        """Take a stub away that the course does not have any more, if nothing was written in it."""
        used = any(
            isinstance(node, ast.Name) and node.id == old.name for node in ast.walk(self.mine.tree)
        )
        for piece in self.mine.named(old.name):
            if piece.text == old.text and not used:
                self._changed[piece] = []
                self.taken.append(f"`{old.name}` is gone")

    def _below_comments(self, place: int) -> int:
        """Return the next line that is not a comment at the end of the function above."""
        while place < len(self.mine.lines) and self.mine.lines[place].startswith((" ", "\t")):
            place += 1
        return place

    def _add(self, place: int, texts: Sequence[str]) -> None:
        lines = self._added.setdefault(place, [])
        lines += [line for text in texts for line in text.split("\n")]

    def result(self) -> str:
        """Return the new text.

        Raises:
            Unmergeable: something would be lost, or the text is not valid.
        """
        starts = {piece.start: piece for piece in self._changed}
        lines: list[str] = []
        number = 0
        while number < len(self.mine.lines):
            lines += self._added.get(number, [])
            piece = starts.get(number)
            lines += [self.mine.lines[number]] if piece is None else self._changed[piece]
            number = piece.stop if piece else number + 1
            if piece and not self._changed[piece]:
                # The blank lines above it go, too, or else there would be twice as many.
                below = "".join(self.mine.lines[number : number + 1])
                while lines and not lines[-1] and not below:
                    lines.pop()
        lines += self._added.get(number, [])
        text = "\n".join(lines)
        made = _parsed(text)
        left = iter(_texts(made.pieces))
        changed = {number for piece in self._changed for number in range(piece.start, piece.stop)}
        stay = [piece.text for piece in self.mine.pieces if piece.start not in changed]
        if not all(text in left for text in stay):
            raise Unmergeable("what is written there cannot be told from the stub")
        return text if text.endswith("\n") else f"{text}\n"


def _parsed(text: str) -> _Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            # What a parser takes may still be no module, such as an import from __future__ in the middle.
            compile(text, "module", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise Unmergeable(f"it is not valid Python{f' (line {line})' if line else ''}") from None
    lines = text.split("\n")
    pieces = [_piece(node, lines, i == 0) for i, node in enumerate(tree.body)]
    return _Module(lines, tree, pieces)


def _piece(node: ast.stmt, lines: list[str], is_first: bool) -> _Piece:
    decorators = getattr(node, "decorator_list", [])
    start = min(line.lineno for line in (node, *decorators)) - 1
    stop = node.end_lineno or node.lineno
    kind, name, binds = _OTHER, "", {}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        kind, name = _DEFINITION, node.name
    elif isinstance(node, ast.Import):
        kind = _IMPORT
        for alias in node.names:
            target = alias.name if alias.asname else alias.name.split(".")[0]
            # `import a.b` and `import a` bind the same name, and load different modules.
            binds[alias.asname or alias.name] = target
    elif isinstance(node, ast.ImportFrom):
        kind = _IMPORT
        module = "." * node.level + (node.module or "")
        binds = {alias.asname or alias.name: f"{module}:{alias.name}" for alias in node.names}
    elif is_first and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        kind = _LESSON if isinstance(node.value.value, str) else _OTHER
    return _Piece(kind, name, start, stop, "\n".join(lines[start:stop]), binds)


def _names_bound(body: Sequence[ast.stmt]) -> Iterator[str]:
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


def _bound(imports: Iterator[_Piece] | list[_Piece]) -> dict[str, str]:
    return {name: target for piece in imports for name, target in piece.binds.items()}


def _texts(pieces: list[_Piece]) -> list[str]:
    return [piece.text for piece in pieces]


@dataclass(frozen=True)
class _Frame:
    """How a file is written: with which line ends, and with or without a mark at its beginning."""

    newline: str
    encoding: str


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


def _text_of(source: bytes) -> tuple[str, _Frame]:
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unmergeable("it is not UTF-8") from None
    plain = _plain_ends(text)
    if "\r" in plain:
        raise Unmergeable("its lines end in a way of their own")
    encoding = "utf-8-sig" if source.startswith(b"\xef\xbb\xbf") else "utf-8"
    return plain, _Frame("\r\n" if "\r\n" in text else "\n", encoding)


def _bytes_of(text: str, frame: _Frame) -> bytes:
    return text.replace("\n", frame.newline).encode(frame.encoding)
