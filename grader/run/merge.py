"""A stub of a new version and what a learner wrote in the old one become one module.

A lesson, an import or a definition that is still exactly the old stub's becomes the new one's; all else of the
learner's stays as it is, in its order, with its comments. The learner's file is edited by lines, and where the
result would not hold all that was written, there is none.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from grader.run.pieces import (
    DEFINITION,
    IMPORT,
    LESSON,
    OTHER,
    Module,
    Piece,
    Unmergeable,
    bound,
    names_bound,
    parsed,
    texts_of,
)

_BETWEEN = ["", ""]


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
    merger = _Merger(parsed(old), parsed(new), parsed(text))
    merger.run()
    if not merger.taken:
        return Merged(mine, (), tuple(merger.kept))
    return Merged(_bytes_of(merger.result(), frame), tuple(merger.taken), tuple(merger.kept))


class _Merger:
    """One merge; what is to change is gathered first."""

    def __init__(self, old: Module, new: Module, mine: Module) -> None:
        self.old = old
        self.new = new
        self.mine = mine
        self.taken: list[str] = []
        self.kept: list[str] = []
        # By piece of the learner's, the lines that take its place.
        self._changed: dict[Piece, list[str]] = {}
        # By number of a line of the learner's, the lines that come before it.
        self._added: dict[int, list[str]] = {}

    def run(self) -> None:
        """Decide on all parts of the stub."""
        if texts_of(self.old.of_kind(OTHER)) != texts_of(self.new.of_kind(OTHER)):
            raise Unmergeable("the new stub holds more than lesson, imports and definitions")
        self._lesson()
        self._imports()
        self._definitions()

    def _lesson(self) -> None:
        lessons = self.old.of_kind(LESSON) + self.new.of_kind(LESSON)
        if len(lessons) != 2:
            raise Unmergeable("the stub has no lesson")
        old, new = lessons
        if old.text == new.text:
            return
        mine = self.mine.of_kind(LESSON)
        if texts_of(mine) == [old.text]:
            self._changed[mine[0]] = new.text.split("\n")
            self.taken.append("the lesson")
        elif texts_of(mine) != [new.text]:
            self.kept.append("the lesson")

    def _imports(self) -> None:
        old, new, mine = (one.of_kind(IMPORT) for one in (self.old, self.new, self.mine))
        given = bound(new)
        block, old_block, new_block = (one.imports for one in (self.mine, self.old, self.new))
        # Nothing was added among them, so that they can change as a whole, with their blank lines.
        whole = "" != block.text == old_block.text and bound(old).items() <= given.items()
        if whole:
            mine = [piece for piece in mine if piece.start >= block.stop]
            if old_block.text != new_block.text:
                self._changed[block] = new_block.text.split("\n")
                self.taken.append("its imports")
        gone = set(texts_of(old)) - set(texts_of(new))
        for piece in mine:
            # An import that the new stub has no more stays if anything that is written may need it.
            if piece.text in gone and piece.binds.items() <= given.items():
                self._changed[piece] = []
        has = bound(piece for piece in mine if piece not in self._changed)
        missing = [] if whole else [one for one in new if not one.binds.keys() <= has.keys()]
        # What would get another meaning; a name that the old stub gave, too, had the learner's already.
        for name, target in (given.items() - bound(old).items()) | bound(missing).items():
            if has.get(name, target) != target:
                raise Unmergeable(f"it imports another `{name}` than the new stub")
        self._add_imports(missing)

    def _add_imports(self, missing: list[Piece]) -> None:
        first = [piece for piece in missing if "__future__" in piece.text]
        rest = [piece for piece in missing if piece not in first]
        if first:
            lesson = self.mine.of_kind(LESSON)
            self._add(lesson[0].stop if lesson else self.mine.head, ["", *texts_of(first)])
        if rest:
            bare = not self.mine.of_kind(IMPORT)
            self._add(self.mine.head, ([""] if bare else []) + texts_of(rest))
        if missing:
            self.taken.append("its imports")

    def _definitions(self) -> None:
        names = set(names_bound(self.mine.tree.body))
        place = self.mine.head
        for new in self.new.of_kind(DEFINITION):
            old = next(iter(self.old.named(new.name)), None)
            mine = self.mine.named(new.name)
            if old is None or old.text != new.text:
                self._definition(old, new, mine, place, new.name in names)
            place = max([place, *(piece.stop for piece in mine)])
        for old in self.old.of_kind(DEFINITION):
            if not self.new.named(old.name):
                self._remove(old)

    def _definition(
        self, old: Piece | None, new: Piece, mine: list[Piece], place: int, is_bound: bool
    ) -> None:
        lines = new.text.split("\n")
        still_stub = [piece for piece in mine if old and piece.text == old.text]
        for piece in still_stub:
            self._changed[piece] = lines
        if still_stub:
            self.taken.append(f"`{new.name}`")
        elif not is_bound:
            self._add(self._below_comments(place), [*_BETWEEN, *lines])
            self.taken.append(f"`{new.name}`")
        if any(piece.text != new.text for piece in mine if piece not in still_stub) or (
            is_bound and not mine
        ):
            self.kept.append(f"`{new.name}`")

    def _remove(self, old: Piece) -> None:
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
        made = parsed(text)
        left = iter(texts_of(made.pieces))
        changed = {number for piece in self._changed for number in range(piece.start, piece.stop)}
        stay = [piece.text for piece in self.mine.pieces if piece.start not in changed]
        if not all(text in left for text in stay):
            raise Unmergeable("what is written there cannot be told from the stub")
        return text


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
