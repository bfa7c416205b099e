"""A clone of the repository: what git has of a file, and an update that meets the learner's work.

The exercises are files of the repository, so git refuses an update that changes one in which a learner wrote.
Such files are set aside, git finds what it knows, and afterwards the work is merged into the new stubs.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from grader.course.paths import BACKUP, EXERCISES
from grader.run.update import Exercise, Plan, Rewriting, UpdateError, keep_copies, plan


def committed(path: Path, commit: str = "HEAD") -> bytes | None:
    """Return the bytes of a file as a commit has them, or None if it has no such file, or there is no git.

    The file's folder must be there.
    """
    # As git would write it: with the line ends that the learner's system has.
    command = ["git", "cat-file", "--filters", f"{commit}:./{path.name}"]
    try:
        answer = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)
    except FileNotFoundError:
        # There is no git here.
        return None
    return None if answer.returncode else answer.stdout


def update_clone(root: Path, memory: Path) -> Plan:
    """Bring a clone to the newest commit of the branch that it follows, with the learner's work in new stubs.

    Args:
        root: the clone.
        memory: the folder for what is remembered.

    Returns:
        What was done, also to files in which nothing was written.

    Raises:
        UpdateError: nothing was changed.
    """
    old, new = _versions(root)
    if old == new:
        return Plan(said=["This clone has the newest version already."])
    names = _changed_exercises(root, old, new)
    (root / EXERCISES).mkdir(exist_ok=True)
    touched, renewed, said = [], [], []
    for name in names:
        path = root / EXERCISES / name
        before, after = committed(path, old), committed(path, new)
        exercise = Exercise.read(path, _text(before), _text(after))
        if exercise.problem:
            raise UpdateError(f"Nothing was changed: {EXERCISES}/{name}: {exercise.problem}.")
        if exercise.mine not in (None, before):
            touched.append((exercise, before))
        else:
            said.append(f"{name} {'is gone' if after is None else 'has a new stub'}.")
            renewed.append(name)
    made = plan(exercise for exercise, _ in touched)
    try:
        made.copies = keep_copies([exercise for exercise, _ in touched], memory / BACKUP)
        with Rewriting() as files:
            for exercise, before in touched:
                files.begin(exercise, before)
            places = [f"{EXERCISES}/{exercise.path.name}" for exercise, _ in touched]
            if places:
                # What was staged is in git's way, too.
                _git(root, "reset", "--quiet", "--", *places)
            _git(root, "merge", "--ff-only", "--quiet", new)
            for exercise, _ in touched:
                files.write(exercise.path, made.writes.get(exercise, exercise.mine))
    except OSError as error:
        raise UpdateError(
            f"The update was taken back, for a file cannot be written ({error}). "
            f"What your files held is also kept in {memory / BACKUP}."
        ) from None
    made.changed += renewed
    made.said = [f"The clone went from version {old[:7]} to {new[:7]}.", *said, *made.said]
    return made


def _versions(root: Path) -> tuple[str, str]:
    """Return the commit that is there and the newest one, which is one of its descendants or the same."""
    try:
        _git(root, "rev-parse", "--show-toplevel")
    except (UpdateError, FileNotFoundError):
        raise UpdateError(
            "This folder is no git clone, so there is nothing that it could be updated from."
        ) from None
    old = _git(root, "rev-parse", "HEAD")
    try:
        _git(root, "rev-parse", "--verify", "--quiet", "@{upstream}")
    except UpdateError:
        raise UpdateError(
            "This branch follows no other one, so there is nothing that it could be updated from. "
            "To follow one: git branch --set-upstream-to=origin/main"
        ) from None
    _git(root, "fetch", "--quiet")
    new = _git(root, "rev-parse", "@{upstream}")
    if _git(root, "rev-list", "--count", f"{old}..{new}") == "0":
        return old, old
    if _git(root, "rev-list", "--count", f"{new}..{old}") != "0":
        raise UpdateError(
            "Nothing was changed: this clone has commits of its own. Bring both together by yourself: git pull"
        )
    return old, new


def _changed_exercises(root: Path, old: str, new: str) -> list[str]:
    """Return the names of the exercises and given modules that two commits have differently."""
    options = ("--name-only", "--no-renames", "--relative", "-z")
    text = _git(root, "diff", *options, old, new, "--", f"{EXERCISES}/*.py")
    paths = [Path(path) for path in text.split("\0") if path]
    return sorted(path.name for path in paths if path.parent == Path(EXERCISES))


def _git(root: Path, *arguments: str) -> str:
    """Run git in a folder and return what it says.

    Raises:
        UpdateError: it fails, with its own words.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    answer = subprocess.run(
        ["git", *arguments], cwd=root, env=environment, capture_output=True, check=False
    )
    if answer.returncode:
        words = answer.stderr.decode("utf-8", "replace").strip()
        raise UpdateError(f"Nothing was changed: git {arguments[0]} failed.\n{words}")
    return answer.stdout.decode("utf-8", "surrogateescape").strip("\n")


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace").replace("\r\n", "\n")
