"""When something was handed in: what platforms say, and the last commit of a clone.

The times of files are not used: a download or an archive sets them anew, and then they look like the truth.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from grader.submissions.exports import time_of
from grader.submissions.hand_ins import HandIn

_SECONDS = 20
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMITTER = re.compile(rb"^committer .*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE)


def handed_in_at(hand_in: HandIn, zone: tzinfo | None) -> datetime | None:
    """Return when something was handed in, or None if nobody says.

    Args:
        hand_in: what was handed in.
        zone: the offset of times that name none, as Blackboard's do; that of the due date.
    """
    if match := re.fullmatch(r"(\d{4}-\d\d-\d\d)-(\d\d)-(\d\d)-(\d\d)", hand_in.time):
        try:
            moment = datetime.fromisoformat(f"{match[1]}T{match[2]}:{match[3]}:{match[4]}")
        except ValueError:
            return None
        return moment.replace(tzinfo=zone or UTC)
    if hand_in.time:
        return time_of(hand_in.time)
    if len(hand_in.places) == 1 and hand_in.places[0].is_dir():
        return _last_commit(hand_in.places[0] / ".git")
    return None


def _last_commit(git: Path) -> datetime | None:
    """Return the time of the commit that a clone stands at, or None.

    A repository's own configuration can name programs to run, so git never sees it: it reads the commit from an
    empty repository that borrows the clone's objects.
    """
    commit = _head(git)
    if not commit:
        return None
    try:
        with tempfile.TemporaryDirectory() as empty:
            environment = {
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "GIT_CONFIG_NOSYSTEM": "1",
                "HOME": empty,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(git / "objects"),
            }
            for arguments in (["init", "-q", "--bare", empty], ["cat-file", "commit", commit]):
                ran = subprocess.run(
                    ["git", f"--git-dir={empty}", *arguments],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=_SECONDS,
                    check=True,
                )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _COMMITTER.search(ran.stdout.partition(b"\n\n")[0])
    try:
        return datetime.fromtimestamp(int(found[1]), UTC) if found else None
    except (ValueError, OverflowError, OSError):
        return None


def _quoted(path: Path) -> str:
    """Return a path for git's lists of paths, which colons separate."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _head(git: Path) -> str:
    """Return the hash of the commit that HEAD names, or ""."""
    text = _line(git / "HEAD")
    if text.startswith("ref: refs/") and ".." not in text:
        name = text.removeprefix("ref: ")
        text = _line(git / name)
        if not text:
            packed = (line.split(" ") for line in _text(git / "packed-refs").splitlines())
            text = next((line[0] for line in packed if line[1:] == [name]), "")
    return text if _HASH.fullmatch(text) else ""


def _line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: Path) -> str:
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return ""
