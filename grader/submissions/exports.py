"""Understands the bulk exports of learning platforms: whose each entry is, and which attempt.

- Moodle: folders `Full name_N_assignsubmission_file`, or files with that prefix; `N` is the number of the
  participant, also in blind marking, where the name is `Participant`. For a team it is the number of the group.
- Canvas: files `lastnamefirst_[LATE_]user_file_name.py`; blind, `[LATE_]anon_id_file_name.py`. A later try has
  `-1`, `-2` before the extension.
- Gradescope: a folder for each submission, and `submission_metadata.yml`, which says who handed it in and when.

What a name or the metadata say is data: it is compared and shown, and it becomes a path only when an archive is
unpacked, below the folder for that, component by component.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from grader.course.course import Course
from grader.course.marks import Learner
from grader.course.verdicts import NotTaken
from grader.submissions.members import Member, Refused, file_member, is_archive
from grader.submissions.module_names import understand

METADATA = "submission_metadata.yml"
# A class of a thousand with twenty modules each has 20,000 files; tools' folders are not counted.
MAX_FILES = 200_000
MAX_CLASS_BYTES = 8 << 30
MAX_METADATA_LINE = 1 << 20
_MAX_SAID = 5
_LONGEST_NAME = 255

_MOODLE = re.compile(
    r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_.*)?", re.DOTALL
)
_CANVAS = re.compile(
    r"(?:(?P<late_anonymous>LATE_)?anon_(?P<anonymous>[A-Za-z0-9]+)"
    r"|(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+))_(?:\d+_.+|(?P<text>text|link)\.html)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Origin:
    """What a platform's name tells of an entry.

    Attributes:
        key: the same for all entries of one learner.
        learner: the learner.
        late: whether the platform marked it as late.
        is_text: whether it was typed into a form.
    """

    key: str
    learner: Learner
    late: bool = False
    is_text: bool = False


@dataclass(frozen=True)
class Record:
    """What Gradescope's metadata say of a submission.

    Attributes:
        learners: who handed it in; several if it was a group.
        created_at: the time as given, or "".
    """

    learners: tuple[Learner, ...]
    created_at: str = ""


def time_of(text: str) -> datetime | None:
    """Return the time that Gradescope's metadata give, such as "2026-11-20 09:15:00.123456000 Z", or None."""
    text = re.sub(r" ?(Z|UTC)$", "+00:00", text)
    text = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", text)
    # Ruby writes nine digits of a fraction, and `datetime` keeps six.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def origin_of(name: str, is_folder: bool) -> Origin | None:
    """Return what the name of an entry tells, or None if no platform gave it.

    Args:
        name: the entry's name.
        is_folder: whether it is a folder; Canvas makes none.
    """
    if len(name) > _LONGEST_NAME:
        return None
    if match := _MOODLE.fullmatch(name):
        number = match["number"]
        learner = Learner(match["name"], {"moodle": f"Participant {number}"})
        return Origin(f"{match['name']}_{number}", learner, is_text=match["kind"] != "file")
    if not is_folder and (match := _CANVAS.fullmatch(name)):
        late, is_text = bool(match["late"] or match["late_anonymous"]), bool(match["text"])
        if anonymous := match["anonymous"]:
            return Origin(f"anon_{anonymous}", Learner("", {"canvas": anonymous}), late, is_text)
        learner = Learner(match["name"], {"canvas": match["user"]})
        return Origin(f"{match['name']}_{match['user']}", learner, late, is_text)
    return None


def only_export(folder: Path) -> Path:
    """Return the folder that holds the entries: an only folder inside, if a platform made what it holds."""
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
        for entry in inside[0].iterdir():
            if entry.name == METADATA or origin_of(entry.name, entry.is_dir()):
                return inside[0] if not origin_of(inside[0].name, True) else folder
    return folder


def unpack_class(archive: Path, folder: Path, course: Course) -> list[NotTaken]:
    """Unpack a class that comes as an archive, and return what was not unpacked, with reasons.

    Links and paths that lead elsewhere are left out, as everywhere. Of files that are neither modules nor archives
    only the name matters, so they become empty files.

    Args:
        archive: the archive.
        folder: an empty folder.
        course: the course.

    Raises:
        Refused: the archive cannot be read, or exceeds a limit.
    """
    from grader.submissions.archives import archive_members

    skipped: list[NotTaken] = []
    size = 0
    with ExitStack() as stack:
        file = stack.enter_context(file_member(archive, archive.name).unpack())
        try:
            for count, member in enumerate(archive_members(file, bool, stack), 1):
                if count > MAX_FILES:
                    raise Refused(f"it holds more than {MAX_FILES} files")
                try:
                    size += _write(member, folder, course)
                except Refused as reason:
                    like = understand(member.path.rpartition("/")[2], course).like
                    skipped.append(NotTaken(member.path, str(reason), like))
                if size > MAX_CLASS_BYTES:
                    raise Refused(f"it is larger than {MAX_CLASS_BYTES >> 30} GB when unpacked")
        except Refused:
            raise
        except Exception as error:
            # On a malicious file, the decoders raise exceptions of any type.
            raise Refused(f"it cannot be read ({error or type(error).__name__})") from error
    return skipped


def _write(member: Member, folder: Path, course: Course) -> int:
    """Write a member of an archive below a folder, and return its size; raises Refused."""
    parts = member.path.split("/")
    if ".." in parts:
        raise Refused("its name leads out of the archive")
    if member.kind != "file":
        raise Refused("it is not a regular file")
    name = parts[-1]
    size = 0
    try:
        place = folder.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as target:
            if is_archive(name) or name == METADATA:
                with member.unpack() as source:
                    while piece := source.read(1 << 20):
                        size += target.write(piece)
            elif understand(name, course).module:
                size = target.write(member.read())
    except Refused:
        place.unlink(missing_ok=True)
        raise
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        # A name that is too long or holds a zero byte, or a file and a folder with the same name.
        reason = getattr(error, "strerror", None) or str(error)
        raise Refused(f"it cannot be unpacked ({reason})") from error
    return size


def read_metadata(place: Path) -> tuple[dict[str, Record], list[str]]:
    """Read Gradescope's metadata.

    The file is YAML as Ruby writes it. Only the lines that tell who and when are read: no tag, anchor, alias or
    nested value means anything here, and a test's output cannot imitate them, because it is indented deeper.

    Returns:
        The records by the name of the entry, and what was not understood, as clauses.
    """
    try:
        with file_member(place, place.name).unpack() as file:
            return _Metadata().read(_lines(file))
    except Refused as reason:
        return {}, [str(reason)]
    except OSError as error:
        return {}, [f"it cannot be read ({error.strerror})"]


def _lines(file: IO[bytes]) -> Iterator[str]:
    while line := file.readline(MAX_METADATA_LINE):
        whole = line.endswith(b"\n")
        yield line.decode("utf-8", "replace").rstrip("\r\n")
        while not whole and (line := file.readline(MAX_METADATA_LINE)):
            whole = line.endswith(b"\n")


_ENTRY = re.compile(r"(?P<key>[^\s:#'\"!&*\[{-][^:#]*|'[^']*'|\"[^\"\\]*\"):\s*(?P<value>.*)")
_FIELD = re.compile(r"(?P<indent>  ):(?P<key>\w+):(?:\s+(?P<value>.*))?")
_SUBMITTER = re.compile(r"\s+(?P<dash>- )?:(?P<key>\w+):(?:\s+(?P<value>.*))?")
_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})|(?P<c>.))"
)
_ESCAPED = {
    "n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f",
    "v": "\v", "\\": "\\", '"': '"', "/": "/", " ": " ", "_": "\xa0", "N": "\x85",
}  # fmt: skip


class _Metadata:
    """Reads `submission_metadata.yml` line by line."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._problems: list[str] = []
        self._entry = ""
        self._created_at = ""
        self._submitters: list[dict[str, str]] = []

    def read(self, lines: Iterator[str]) -> tuple[dict[str, Record], list[str]]:
        """Return the records, and what was not understood."""
        section = ""
        for number, line in enumerate(lines, 1):
            line = line.removeprefix("\ufeff")
            if not line.strip() or line == "---" or line.lstrip().startswith("#"):
                continue
            if not line.startswith(" ") and not (section and line.startswith("- ")):
                section = ""
                self._begin(number, line)
            elif found := _FIELD.fullmatch(line):
                section = found["key"]
                if section == "created_at":
                    self._created_at = self._value(number, found["value"])
                elif section == "submitters" and found["value"] not in (None, "", "[]"):
                    self._say(number)
            elif section == "submitters":
                self._submitter(number, line)
        self._end()
        if len(self._problems) > _MAX_SAID:
            more = len(self._problems) - _MAX_SAID
            self._problems[_MAX_SAID:] = [f"and so are {more} lines more"]
        return self._records, self._problems

    def _begin(self, number: int, line: str) -> None:
        self._end()
        found = _ENTRY.fullmatch(line)
        if found is None or found["value"]:
            self._say(number)
            return
        key = self._value(number, found["key"])
        if key in self._records:
            self._problems.append(f"line {number} names {key} again")
        else:
            self._entry = key

    def _end(self) -> None:
        if self._entry:
            number = re.search(r"\d+", self._entry)
            ids = {"gradescope": number[0] if number else self._entry}
            learners = tuple(
                Learner(
                    one.get("name", ""),
                    ids | {key: one[key] for key in ("sid", "email") if one.get(key)},
                )
                for one in self._submitters
            )
            self._records[self._entry] = Record(learners, self._created_at)
        self._entry, self._created_at, self._submitters = "", "", []

    def _submitter(self, number: int, line: str) -> None:
        found = _SUBMITTER.fullmatch(line)
        if found is None or not (found["dash"] or self._submitters):
            self._say(number)
            return
        if found["dash"]:
            self._submitters.append({})
        if found["key"] in ("name", "sid", "email"):
            self._submitters[-1][found["key"]] = self._value(number, found["value"])

    def _value(self, number: int, text: str | None) -> str:
        """Return the text that a scalar on one line stands for, or "" if it is none."""
        text = (text or "").strip()
        if text in ("", "~", "null"):
            return ""
        if re.fullmatch(r"'(?:[^']|'')*'", text):
            return text[1:-1].replace("''", "'")
        if re.fullmatch(r'"(?:[^"\\]|\\.)*"', text):
            try:
                return _ESCAPE.sub(_unescaped, text[1:-1])
            except (KeyError, ValueError, OverflowError):
                self._say(number)
                return ""
        if text[0] in "'\"!&*|>[]{}%@`,#" or ": " in text:
            self._say(number)
            return ""
        return text.partition(" #")[0].rstrip()

    def _say(self, number: int) -> None:
        self._problems.append(f"line {number} is not understood")


def _unescaped(match: re.Match[str]) -> str:
    code = match["x"] or match["u"] or match["U"]
    text = chr(int(code, 16)) if code else _ESCAPED[match["c"]]
    # Half of a pair is no text: this raises UnicodeEncodeError, a ValueError.
    text.encode()
    return text


def problems_by_entry(skipped: list[NotTaken], folder: str) -> dict[str, list[NotTaken]]:
    """Return what was not unpacked by the entry of the class that it belongs to.

    Args:
        skipped: what was not unpacked.
        folder: the folder in the archive that holds the entries, with a slash, or "".
    """
    result: dict[str, list[NotTaken]] = {}
    for one in skipped:
        path = one.name.removeprefix(folder)
        top, slash, rest = path.partition("/")
        result.setdefault(top, []).append(NotTaken(rest if slash else top, one.reason, one.module))
    return result
