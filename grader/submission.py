"""A submission: the bytes of a learner's step modules, read once."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

from grader.course import Course

MAX_MODULE_BYTES = 1 << 20
MAX_DIRECTORY_BYTES = 2 << 20
_TOO_LARGE = f"it is larger than {MAX_MODULE_BYTES // 1024} KB"


@dataclass(frozen=True)
class Submission:
    """What a learner handed in.

    Attributes:
        name: the folder's name, as shown in reports.
        folder: where it was read from, for messages that name a file to open.
        sources: the bytes of each module that is there, by module name such as "step_02_gradient".
        refused: why a module that is there was not taken, by module name.
    """

    name: str
    folder: Path
    sources: dict[str, bytes]
    refused: dict[str, str]

    @classmethod
    def read(cls, place: Path, course: Course) -> Submission:
        """Read the step modules of a folder or a zip file, at its top or under `exercises`.

        Nothing else is looked at: no configuration, no conftest.py, no link, no name that leads elsewhere.

        Raises:
            FileNotFoundError: there is no such folder or file.
        """
        if place.is_dir():
            sources, refused = _from_folder(place, course)
        elif place.is_file():
            sources, refused = _from_zip(place, course)
        else:
            raise FileNotFoundError(f"there is no folder {place}")
        name = place.resolve().name
        return cls(name if place.is_dir() else place.stem, place, sources, refused)

    def path_of(self, filename: str) -> str:
        """Return where a learner finds a module, relative to the working folder where that is shorter."""
        place = self.folder / filename
        if not place.exists() and (self.folder / "exercises").is_dir():
            place = self.folder / "exercises" / filename
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


def _from_folder(folder: Path, course: Course) -> tuple[dict[str, bytes], dict[str, str]]:
    sources, refused = {}, {}
    places = [folder]
    if not (folder / "exercises").is_symlink():
        places.append(folder / "exercises")
    for step in course.steps:
        for place in (place / step.filename for place in places):
            try:
                status = place.lstat()
            except OSError:
                continue
            if not stat.S_ISREG(status.st_mode):
                refused[step.module] = "it is not a regular file"
            elif status.st_size > MAX_MODULE_BYTES:
                refused[step.module] = _TOO_LARGE
            else:
                try:
                    sources[step.module] = place.read_bytes()
                except OSError as error:
                    refused[step.module] = f"it cannot be read ({error.strerror})"
            break
    return sources, refused


def _from_zip(file: Path, course: Course) -> tuple[dict[str, bytes], dict[str, str]]:
    sources, refused = {}, {}
    try:
        with _Frugal(io.FileIO(file)) as opened, zipfile.ZipFile(opened) as archive:
            members = {info.filename: info for info in archive.infolist()}
            for step in course.steps:
                names = (step.filename, f"exercises/{step.filename}")
                info = next((members[name] for name in names if name in members), None)
                if info is None:
                    continue
                # The kind of file stands in the upper half, as Unix writes it; 0 is "not said".
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
                    refused[step.module] = "it is not a regular file, or has a password"
                    continue
                # What the header says of the size may be a lie; what is read is not.
                with archive.open(info) as stream:
                    source = stream.read(MAX_MODULE_BYTES + 1)
                if len(source) > MAX_MODULE_BYTES:
                    refused[step.module] = _TOO_LARGE
                else:
                    sources[step.module] = source
    except Exception as error:
        # Of a file that was made to do harm, `zipfile` and the decoders raise all kinds.
        reason = f"the zip file cannot be read ({error})"
        return {}, {step.module: reason for step in course.steps}
    return sources, refused


class _Frugal(io.BufferedReader):
    """A file of which nobody reads much at once.

    `zipfile` reads the list of all members in one piece, and makes an object of each before anybody can count.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; refuses to return many."""
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its list of files is too long")
        return super().read(size)
