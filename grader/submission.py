"""A submission: the bytes of a learner's step modules, read once."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from grader.course import Course

MAX_MODULE_BYTES = 1 << 20


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
    def read(cls, folder: Path, course: Course) -> Submission:
        """Read the step modules at the top of a folder, or under its folder `exercises`.

        Raises:
            FileNotFoundError: there is no such folder.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}")
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
                    refused[step.module] = f"it is larger than {MAX_MODULE_BYTES // 1024} KB"
                else:
                    try:
                        sources[step.module] = place.read_bytes()
                    except OSError as error:
                        refused[step.module] = f"it cannot be read ({error.strerror})"
                break
        return cls(folder.resolve().name, folder, sources, refused)

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
