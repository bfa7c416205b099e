"""A submission: the bytes of a learner's step modules, read once."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

from grader.course import Course

MAX_MODULE_BYTES = 1 << 20
MAX_DIRECTORY_BYTES = 2 << 20
_TOO_LARGE = f"it is larger than {MAX_MODULE_BYTES // 1024} KB"
_AT_TOP = ("", "exercises/")


class Refused(Exception):
    """A file is there, but is not taken."""


@dataclass(frozen=True)
class Submission:
    """What a learner handed in.

    Attributes:
        name: the folder's name, as shown in reports.
        folder: where it was read from, for messages that name a file to open.
        sources: the bytes of each module that is there, by module name such as "step_02_gradient".
        refused: why a module that is there was not taken, by module name.
        prefixes: what may stand before the name of a module, such as "exercises/", in the order of looking.
    """

    name: str
    folder: Path
    sources: dict[str, bytes]
    refused: dict[str, str]
    prefixes: tuple[str, str] = _AT_TOP

    @classmethod
    def read(cls, place: Path, course: Course) -> Submission:
        """Read the step modules of a folder or a zip file, at its top or under `exercises`.

        If none is there, they may lie the same way in the only folder that it has, as when a folder was zipped.
        Nothing else is looked at: no configuration, no conftest.py, no link, no name that leads elsewhere.

        Raises:
            FileNotFoundError: there is no such folder or file.
        """
        name = place.resolve().name
        if place.is_dir():
            return cls(name, place, *_modules(_Folder(place), course))
        if not place.is_file():
            raise FileNotFoundError(f"there is no folder {place}")
        try:
            with _Frugal(io.FileIO(place)) as opened, zipfile.ZipFile(opened) as archive:
                return cls(place.stem, place, *_modules(_Zip(archive), course))
        except Exception as error:
            # Of a file that was made to do harm, `zipfile` and the decoders raise all kinds.
            reason = f"the zip file cannot be read ({error})"
            return cls(place.stem, place, {}, {step.module: reason for step in course.steps})

    def path_of(self, filename: str) -> str:
        """Return where a learner finds a module, relative to the working folder where that is shorter."""
        top, below = (self.folder / prefix for prefix in self.prefixes)
        folder = below if below.is_dir() and not (top / filename).exists() else top
        place = folder / filename
        try:
            return place.resolve().relative_to(Path.cwd()).as_posix()
        except ValueError:
            return place.as_posix()

    @property
    def sha256(self) -> str:
        """Hexadecimal digest over the names and bytes of all modules."""
        digest = hashlib.sha256()
        for name, source in sorted(self.sources.items()):
            digest.update(f"{name}:{len(source)}:".encode() + source)
        return digest.hexdigest()


def _modules(
    files: _Folder | _Zip, course: Course
) -> tuple[dict[str, bytes], dict[str, str], tuple[str, str]]:
    """Return the sources, what was refused, and the prefixes, as a submission has them."""
    sources, refused = {}, {}
    prefixes = _AT_TOP
    if not any(files.has(prefix + step.filename) for prefix in prefixes for step in course.steps):
        # Names like .git, __MACOSX and __pycache__ are not of the learner's making.
        folders = [name for name in files.folders() if not name.startswith((".", "__"))]
        if len(folders) == 1:
            prefixes = (f"{folders[0]}/", f"{folders[0]}/exercises/")
    for step in course.steps:
        name = next((one for one in (p + step.filename for p in prefixes) if files.has(one)), None)
        if name is None:
            continue
        try:
            sources[step.module] = files.read(name)
        except Refused as reason:
            refused[step.module] = str(reason)
    return sources, refused, prefixes


class _Folder:
    """The files of a folder, by names such as "exercises/step_00_tensors.py"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def folders(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def has(self, name: str) -> bool:
        """Say whether there is a file or anything else of this name, not by way of a link."""
        folders = list((self.folder / name).parents)[: name.count("/")]
        return os.path.lexists(self.folder / name) and not any(map(os.path.islink, folders))

    def read(self, name: str) -> bytes:
        place = self.folder / name
        try:
            status = place.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise Refused("it is not a regular file")
            if status.st_size > MAX_MODULE_BYTES:
                raise Refused(_TOO_LARGE)
            return place.read_bytes()
        except OSError as error:
            raise Refused(f"it cannot be read ({error.strerror})") from error


class _Zip:
    """The files of a zip archive. Names are only looked up in its list, they lead nowhere."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.members = {info.filename: info for info in archive.infolist()}

    def folders(self) -> list[str]:
        tops = {name.partition("/")[0] for name in self.members if "/" in name}
        return sorted(tops - {""})

    def has(self, name: str) -> bool:
        return name in self.members

    def read(self, name: str) -> bytes:
        info = self.members[name]
        # The kind of file stands in the upper half, as Unix writes it; 0 is "not said".
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
            raise Refused("it is not a regular file, or has a password")
        # What the header says of the size may be a lie; what is read is not.
        with self.archive.open(info) as stream:
            source = stream.read(MAX_MODULE_BYTES + 1)
        if len(source) > MAX_MODULE_BYTES:
            raise Refused(_TOO_LARGE)
        return source


class _Frugal(io.BufferedReader):
    """A file of which nobody reads much at once.

    `zipfile` reads the list of all members in one piece, and makes an object of each before anybody can count.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; refuses to return many."""
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its list of files is too long")
        return super().read(size)
