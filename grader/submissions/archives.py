"""Reads zip and tar files member by member, without trusting what their headers claim.

The limits count only what is taken, so an archive may hold a whole Python environment beside the modules.
Zip and tar share this module of over 300 lines because they share the guards against bombs and damage.
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

from grader.submissions.members import (
    MAX_DEPTH,
    MAX_LISTED,
    Member,
    Refused,
    is_tool_folder,
    read_limited,
)

# An archive inside another one is copied into a temporary file.
MAX_INNER_BYTES = 256 << 20
# Listing a tar file means unpacking it up to its last name; an environment with PyTorch fits into 4 GiB.
MAX_TAR_BYTES = 4 << 30
MAX_NAME = 1000
# `tarfile` reads a name in one piece, however long the header claims that it is.
_MAX_PIECE = 2 << 20
# The central directory of a zip file: the signature and lengths of an entry, and the record at its end.
_ENTRY = struct.Struct("<4s24x3H12x")
_END = struct.Struct("<4s4H2LH")
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"
_FOREIGN = {"RAR": b"Rar!", "7z": b"7z\xbc\xaf"}


def archive_members(
    file: IO[bytes], wanted: Callable[[str], bool], stack: ExitStack
) -> Iterator[Member]:
    """Yield the wanted members of a zip or tar file; read each one before asking for the next.

    Args:
        file: the archive; its first bytes tell the format.
        wanted: returns whether to yield the member with this path; called before anything of a member is kept.
        stack: closes what is opened here.

    Raises:
        Refused: the format is not supported, or the file exceeds a limit.
        Exception: of any type, if the file is damaged or malicious.
    """
    kind = archive_format(file)
    if kind in _FOREIGN:
        raise Refused(f"it is a {kind} archive; only zip and tar archives are opened")
    return _tar_members(file, wanted, stack) if kind == "tar" else _zip_members(file, wanted)


def archive_format(file: IO[bytes]) -> str:
    """Return the format of an archive, judged by its first bytes: "tar", "zip", or one that is not supported."""
    head = file.read(512)
    file.seek(0)
    for kind, magic in _FOREIGN.items():
        if head.startswith(magic):
            return kind
    is_tar = head.startswith((_GZIP, _BZIP2)) or head[257:262] == b"ustar"
    return "tar" if is_tar else "zip"


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    """Copy a member of an archive into a temporary file, and return that file."""
    size = 0
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        while piece := stream.read(1 << 20):
            size += len(piece)
            if size > MAX_INNER_BYTES:
                limit = MAX_INNER_BYTES >> 20
                raise Refused(f"it is an archive larger than {limit} MB inside another one")
            file.write(piece)
        file.seek(0)
        stack.pop_all()
    return file


def _normalised(name: str) -> str:
    """Return the path that a name in an archive stands for, or "" to skip it."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or len(parts) > MAX_DEPTH or len(name) > MAX_NAME:
        return ""
    if parts[-1].startswith(".") or any(
        is_tool_folder(part) for part in parts[:-1] if part != ".."
    ):
        return ""
    return "/".join(parts)


def _zip_members(file: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[Member]:
    start, shift, entries = _zip_directory(file)
    kept: dict[str, bytes] = {}
    damage: zipfile.BadZipFile | None = None
    try:
        for entry in entries:
            flags, size = struct.unpack_from("<8xH18xH", entry)
            name = entry[46 : 46 + size].decode("utf-8" if flags & 0x800 else "cp437", "replace")
            # As in `zipfile`, a zero byte ends the name.
            name = name.partition("\0")[0]
            path = _normalised(name)
            if not name.endswith(("/", "\\")) and wanted(path):
                # If two members have the same name, the last one counts, as it does when unpacking.
                kept[path] = entry
    except zipfile.BadZipFile as error:
        damage = error
    for path, entry in kept.items():
        # The upper half of the attributes is the Unix mode, or 0 if the archive does not record it.
        mode = stat.S_IFMT(struct.unpack_from("<38xI", entry)[0] >> 16)
        special = "link" if mode == stat.S_IFLNK else "other"
        open_member = partial(_zip_member, file, start, shift, entry)
        yield _member(path, "file" if mode in (0, stat.S_IFREG) else special, open_member)
    if damage:
        raise damage


@contextmanager
def _zip_member(file: IO[bytes], start: int, shift: int, entry: bytes) -> Iterator[IO[bytes]]:
    """Open a member of a zip file.

    `zipfile` reads the whole central directory, makes an object of each entry, and gives up at the first
    damaged one. So it is shown a directory with this entry alone.

    Args:
        file: the zip file.
        start: offset of the central directory.
        shift: what to add to the offsets that the directory contains.
        entry: the member's entry in the directory.
    """
    if entry[8] & 1:
        raise Refused("it is protected by a password")
    # `zipfile` compares the name with the one before the content, each decoded as the UTF-8 flag beside it says.
    # With the same flag in both places, equal bytes are equal names.
    file.seek(struct.unpack_from("<I", entry, 42)[0] + shift + 7)
    is_utf8 = any(byte & 8 for byte in file.read(1))
    entry = entry[:9] + bytes([entry[9] & ~8 | 8 * is_utf8]) + entry[10:]
    end = _END.pack(b"PK\5\6", 0, 0, 0, 0, len(entry), start - shift, 0)
    view = cast(Any, io.BufferedReader(_WithEnd(file, start, entry + end)))
    with zipfile.ZipFile(view) as archive, archive.open(archive.infolist()[0]) as stream:
        yield stream


def _member(
    path: str, kind: str, open_member: Callable[[], AbstractContextManager[IO[bytes]]]
) -> Member:
    """Return a member that refuses to be read if its path, its kind or its content is not acceptable.

    Args:
        path: where it lies in the archive.
        kind: "file", "link" or "other".
        open_member: opens its content.
    """
    leads_out = ".." in path.split("/")

    def consume(reader: Callable[[IO[bytes]], Any]) -> Any:
        if leads_out:
            raise Refused("its name leads out of the archive")
        if kind != "file":
            raise Refused("it is not a regular file")
        try:
            with open_member() as stream:
                return reader(stream)
        except Refused:
            raise
        except Exception as error:
            # On malicious bytes, the decoders raise exceptions of any type.
            raise Refused(f"it cannot be unpacked ({error or type(error).__name__})") from error

    return Member(
        path,
        "other" if leads_out else kind,
        read=lambda: consume(read_limited),
        unpack=lambda: consume(_unpacked),
    )


def _zip_directory(file: IO[bytes]) -> tuple[int, int, Iterator[bytes]]:
    """Return the offset of a zip file's central directory, how far its own offsets are off, and its entries.

    Offsets are off if something precedes the archive in the file, such as a shell script that unpacks it.
    """
    size = file.seek(0, os.SEEK_END)
    # The end record is 22 bytes and a comment of up to 65,535.
    before = max(0, size - _END.size - 0xFFFF)
    file.seek(before)
    tail = file.read()
    index = tail.rfind(b"PK\5\6")
    if index < 0 or len(tail) - index < _END.size:
        raise zipfile.BadZipFile("File is not a zip file")
    *_, length, offset, _ = _END.unpack_from(tail, index)
    end = before + index
    # Zip64, for large files, has a longer record before that: 56 bytes, and 20 that locate it.
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
        remaining = length
        for _ in range(MAX_LISTED):
            if remaining <= 0:
                return
            head = file.read(_ENTRY.size)
            if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
                raise zipfile.BadZipFile("its list of files is damaged")
            rest = sum(_ENTRY.unpack(head)[1:])
            yield head + file.read(rest)
            remaining -= len(head) + rest
        raise zipfile.BadZipFile(f"it holds more than {MAX_LISTED} files")

    return start, start - offset, entries()


class _WithEnd(io.RawIOBase):
    """The first `size` bytes of a file, followed by the bytes `end`."""

    def __init__(self, file: IO[bytes], size: int, end: bytes) -> None:
        self._file, self._size, self._end = file, size, end
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = (0, self._position, self._size + len(self._end))[whence]
        if base + offset < 0:
            raise OSError("an offset before the beginning of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        if self._position < self._size:
            self._file.seek(self._position)
            piece = self._file.read(min(len(buffer), self._size - self._position))
        else:
            offset = self._position - self._size
            piece = self._end[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
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
            # `next` returns None at the block of zeros that ends an archive, but also where it cannot go on.
            if any(forward.last) or not forward.last:
                raise tarfile.ReadError("its list of files is damaged or cut off")
            return
        # Otherwise `tarfile` keeps every member in memory.
        archive.members.clear()  # type: ignore[attr-defined]
        path = _normalised(info.name)
        if info.isdir() or not wanted(path):
            continue

        def open_member(info: tarfile.TarInfo = info) -> IO[bytes]:
            return cast(IO[bytes], archive.extractfile(info))

        is_link = info.issym() or info.islnk()
        is_regular = info.isreg() and not info.issparse()
        kind = "file" if is_regular else "link" if is_link else "other"
        yield _member(path, kind, open_member)
    raise Refused(f"it holds more than {MAX_LISTED} files")


class _Forward:
    """A stream that is only read forwards, and in pieces of limited size.

    A step back in a compressed stream means unpacking it again from the beginning, which could take forever.
    `tarfile` only ever needs to step back by one byte, so that byte is kept.

    Attributes:
        last: the bytes of the last read; empty at the end of the stream.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._position = 0
        self._one_back = False
        self.last = self._last_byte = b""

    def tell(self) -> int:
        return self._position - self._one_back

    def seek(self, position: int) -> int:
        if position == self._position - 1:
            self._one_back = True
            return position
        self._one_back = False
        if position < self._position:
            raise tarfile.ReadError("an offset in it points backwards")
        while self._position < position and self._next(min(position - self._position, 1 << 20)):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        if size > _MAX_PIECE:
            raise Refused("it contains a name of more than a million characters")
        first = self._last_byte if self._one_back and size else b""
        self._one_back = self._one_back and not first
        return first + self._next(size - len(first))

    def _next(self, size: int) -> bytes:
        if self._position + size > MAX_TAR_BYTES:
            raise Refused(f"it is larger than {MAX_TAR_BYTES >> 30} GB when unpacked")
        piece = self._stream.read(size)
        self._position += len(piece)
        self.last = piece
        self._last_byte = piece[-1:] or self._last_byte
        return piece
