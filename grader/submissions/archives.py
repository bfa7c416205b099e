"""The members of zip and tar files, one by one, however many there are and whatever they claim to be.

The limits count what is taken, so an archive may hold a whole environment of Python beside the modules.
Zip and tar are both here, in over 300 lines, because they share the guards against bombs and damage.
"""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import IO, Any, cast

from grader.submissions.members import MAX_DEPTH, MAX_LISTED, Member, Refused, is_of_tools, limited

# An archive inside another one is unpacked into a temporary file.
MAX_INNER_BYTES = 256 << 20
# A tar file has to be unpacked up to its last name to be listed; 4 GiB hold an environment with PyTorch.
MAX_TAR_BYTES = 4 << 30
MAX_NAME = 1000
# `tarfile` believes a header that says how long a name is.
_MAX_PIECE = 2 << 20
# The list of a zip file: the lengths in an entry, and the record at the end.
_ENTRY = struct.Struct("<4s24x3H12x")
_END = struct.Struct("<4s4H2LH")
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"
_FOREIGN = {"RAR": b"Rar!", "7z": b"7z\xbc\xaf"}


def archive_members(
    file: IO[bytes], wanted: Callable[[str], bool], stack: ExitStack
) -> Iterator[Member]:
    """Yield the wanted members of a zip or tar file; each is to be read before the next one is asked for.

    Args:
        file: the archive; what it is, its first bytes say.
        wanted: takes a path. It is asked before anything is kept of a member.
        stack: closes what is open.

    Raises:
        Exception: of all kinds, if the file is damaged, or was made to do harm.
    """
    kind = kind_of(file)
    if kind in _FOREIGN:
        raise Refused(f"it is a {kind} archive; only zip and tar are opened")
    return _tar_members(file, wanted, stack) if kind == "tar" else _zip_members(file, wanted)


def kind_of(file: IO[bytes]) -> str:
    """Return what kind of archive a file is, by its first bytes: "tar", "zip", or one that is not opened."""
    head = file.read(512)
    file.seek(0)
    for kind, magic in _FOREIGN.items():
        if head.startswith(magic):
            return kind
    is_tar = head.startswith((_GZIP, _BZIP2)) or head[257:262] == b"ustar"
    return "tar" if is_tar else "zip"


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    """Return a temporary file that holds an archive's member."""
    size = 0
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        while piece := stream.read(1 << 20):
            size += len(piece)
            if size > MAX_INNER_BYTES:
                limit = MAX_INNER_BYTES >> 20
                raise Refused(f"it is an archive larger than {limit} MB in another one")
            file.write(piece)
        file.seek(0)
        stack.pop_all()
    return file


def _plain(name: str) -> str:
    """Return the path that a name in an archive means, or "" if it is passed over."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or len(parts) > MAX_DEPTH or len(name) > MAX_NAME:
        return ""
    if parts[-1].startswith(".") or any(is_of_tools(part) for part in parts[:-1] if part != ".."):
        return ""
    return "/".join(parts)


def _zip_members(file: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[Member]:
    start, shift, entries = _zip_directory(file)
    kept: dict[str, bytes] = {}
    damage = None
    try:
        for entry in entries:
            flags, size = struct.unpack_from("<8xH18xH", entry)
            name = entry[46 : 46 + size].decode("utf-8" if flags & 0x800 else "cp437", "replace")
            # `zipfile` ends a name at a zero byte, too.
            name = name.partition("\0")[0]
            path = _plain(name)
            if not name.endswith(("/", "\\")) and wanted(path):
                # Of two members with one name the last is taken, as unpacking would do.
                kept[path] = entry
    except zipfile.BadZipFile as error:
        damage = error
    for path, entry in kept.items():
        # The kind of file stands in the upper half of the attributes, as Unix writes it; 0 is "not said".
        mode = stat.S_IFMT(struct.unpack_from("<38xI", entry)[0] >> 16)
        kind = "link" if mode == stat.S_IFLNK else "other"
        opened = partial(_zip_member, file, start, shift, entry)
        yield _packed(path, "file" if mode in (0, stat.S_IFREG) else kind, opened)
    if damage:
        raise damage


@contextmanager
def _zip_member(file: IO[bytes], start: int, shift: int, entry: bytes) -> Iterator[IO[bytes]]:
    """Open a member of a zip file.

    `zipfile` reads the list at the end whole, makes an object of each entry, and gives up at the first that is
    damaged. So it gets to see a list of this entry alone.
    """
    if entry[8] & 1:
        raise Refused("it has a password")
    # Without the bit that says UTF-8, a name that is none does no harm; it is compared only with itself.
    entry = entry[:9] + bytes([entry[9] & ~8]) + entry[10:]
    end = _END.pack(b"PK\5\6", 0, 0, 0, 0, len(entry), start - shift, 0)
    view = cast(Any, io.BufferedReader(_WithEnd(file, start, entry + end)))
    with zipfile.ZipFile(view) as archive, archive.open(archive.infolist()[0]) as stream:
        yield stream


def _packed(
    path: str, kind: str, opened: Callable[[], AbstractContextManager[IO[bytes]]]
) -> Member:
    """Return a member of an archive."""
    leads_out = ".." in path.split("/")

    def use(how: Callable[[IO[bytes]], Any]) -> Any:
        if leads_out:
            raise Refused("its name leads out of the archive")
        if kind != "file":
            raise Refused("it is not a regular file")
        try:
            with opened() as stream:
                return how(stream)
        except Refused:
            raise
        except Exception as error:
            # Of bytes that were made to do harm, the decoders raise all kinds.
            raise Refused(f"it cannot be unpacked ({error or type(error).__name__})") from error

    return Member(
        path, "other" if leads_out else kind, lambda: use(limited), lambda: use(_unpacked)
    )


def _zip_directory(file: IO[bytes]) -> tuple[int, int, Iterator[bytes]]:
    """Return where the list of a zip file starts, how far all places that it names are off, and its entries."""
    size = file.seek(0, os.SEEK_END)
    before = max(0, size - _END.size - 0xFFFF)
    file.seek(before)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("File is not a zip file")
    *_, length, offset, _ = _END.unpack_from(tail, at)
    end = before + at
    # Of a large file, the numbers stand in a longer record: 56 bytes, and 20 that say where it is.
    if end >= 76:
        file.seek(end - 76)
        record = file.read(76)
        if record[56:60] == b"PK\6\7" and record[:4] == b"PK\6\6":
            length, offset = struct.unpack_from("<QQ", record, 40)
            end -= 76
    start = end - length
    if start < offset or offset > 0xFFFFFFFF:
        raise zipfile.BadZipFile("its list of files is not where it should be")

    def entries() -> Iterator[bytes]:
        file.seek(start)
        left = length
        for _ in range(MAX_LISTED):
            if left <= 0:
                return
            head = file.read(_ENTRY.size)
            if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
                raise zipfile.BadZipFile("its list of files is damaged")
            rest = sum(_ENTRY.unpack(head)[1:])
            yield head + file.read(rest)
            left -= len(head) + rest
        raise zipfile.BadZipFile(f"it holds more than {MAX_LISTED} files")

    return start, start - offset, entries()


class _WithEnd(io.RawIOBase):
    """The first bytes of a file, and then others."""

    def __init__(self, file: IO[bytes], size: int, end: bytes) -> None:
        self._file, self._size, self._end = file, size, end
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = (0, self._at, self._size + len(self._end))[whence]
        if begin + offset < 0:
            raise OSError("a place before the beginning")
        self._at = begin + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        if self._at < self._size:
            self._file.seek(self._at)
            piece = self._file.read(min(len(buffer), self._size - self._at))
        else:
            inside = self._at - self._size
            piece = self._end[inside : inside + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _tar_members(
    file: IO[bytes], wanted: Callable[[str], bool], stack: ExitStack
) -> Iterator[Member]:
    head = file.read(3)
    file.seek(0)
    stream: Any = file
    if head.startswith(_GZIP):
        stream = gzip.GzipFile(fileobj=file)
    elif head.startswith(_BZIP2):
        stream = bz2.BZ2File(file)
    forward = _Forward(stream)
    archive = stack.enter_context(tarfile.TarFile(fileobj=cast(Any, forward)))
    for _ in range(MAX_LISTED):
        info = archive.next()
        if info is None:
            # It says so at the end, where a block of zeros stands, and where it cannot go on.
            if any(forward.last) or not forward.last:
                raise tarfile.ReadError("its list of files is damaged, or was cut off")
            return
        # It would remember all of them.
        archive.members.clear()  # type: ignore[attr-defined]
        path = _plain(info.name)
        if info.isdir() or not wanted(path):
            continue

        def opened(info: tarfile.TarInfo = info) -> IO[bytes]:
            return cast(IO[bytes], archive.extractfile(info))

        linked = info.issym() or info.islnk()
        plain = info.isreg() and not info.issparse()
        yield _packed(path, "file" if plain else "link" if linked else "other", opened)
    raise Refused(f"it holds more than {MAX_LISTED} files")


class _Forward:
    """A stream that is read from its beginning to its end, of which nobody reads much at once.

    To unpack it again from the beginning for each step back would take for ever; `tarfile` goes back by one byte.

    Attributes:
        last: what was read last; nothing, if there is nothing more.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._at = 0
        self._back = False
        self.last = self._byte = b""

    def tell(self) -> int:
        return self._at - self._back

    def seek(self, place: int) -> int:
        if place == self._at - 1:
            self._back = True
            return place
        self._back = False
        if place < self._at:
            raise tarfile.ReadError("it names a place before the last one")
        while self._at < place and self._next(min(place - self._at, 1 << 20)):
            pass
        return self._at

    def read(self, size: int) -> bytes:
        if size > _MAX_PIECE:
            raise Refused("it has a name of more than a million letters")
        first = self._byte if self._back and size else b""
        self._back = self._back and not first
        return first + self._next(size - len(first))

    def _next(self, size: int) -> bytes:
        if self._at + size > MAX_TAR_BYTES:
            raise Refused(f"it is larger than {MAX_TAR_BYTES >> 30} GB when it is unpacked")
        piece = self._stream.read(size)
        self._at += len(piece)
        self.last = piece
        self._byte = piece[-1:] or self._byte
        return piece
