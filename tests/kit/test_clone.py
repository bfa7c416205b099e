"""`update` in a clone: git brings the new version, and what a learner wrote in the exercises is merged into it."""

import subprocess

import pytest

from grader.course.paths import BACKUP, MEMORY

from .conftest import Kit
from .test_merge import NEW, RAISE, STUB

WHO = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "core.excludesFile=")
WRITTEN = STUB.replace(RAISE.format("first"), "return x[0]")
MERGED = NEW.replace(RAISE.format("first"), "return x[0]").replace("the very first", "the first")
FILE = "exercises/step_00_numbers.py"
OTHER = "exercises/step_01_lines.py"


def git(folder, *arguments):
    """Run git in a folder; return what it says."""
    command = ["git", *WHO, *arguments]
    ran = subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return ran.stdout.decode()


class Clone(Kit):
    """A clone of a kit of two steps, and the repository that it follows."""

    def __init__(self, root, modules):
        super().__init__(root, modules)
        self.upstream = root

    def release(self, **files):
        """Make a new version, with other stubs by module; None for one that is gone."""
        for module, text in files.items():
            path = self.upstream / "exercises" / f"{module}.py"
            path.write_text(text) if text else path.unlink()
        git(self.upstream, "add", ".")
        git(self.upstream, "commit", "-q", "-m", "a version")

    def texts(self):
        """Return the exercises by the number of the step."""
        return {path.name[5:7]: path.read_text() for path in self.root.glob("exercises/*.py")}

    def copies(self):
        """Return what was kept."""
        return sorted(path.read_text() for path in self.root.glob(f"{MEMORY}/{BACKUP}/*"))


@pytest.fixture
def clone(tmp_path):
    """A clone of a kit, in which nothing is written yet."""
    (tmp_path / "upstream").mkdir()
    made = Clone.toy(tmp_path / "upstream", ["step_00_numbers", "step_01_lines"], 30)
    (made.upstream / ".gitignore").write_text(f"/{MEMORY}/\n")
    git(made.upstream, "init", "-q")
    made.release(step_00_numbers=STUB, step_01_lines=STUB)
    made.root = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(made.upstream), str(made.root))
    return made


@pytest.mark.parametrize("how", ["changed", "staged"])
def test_what_was_written_is_merged_into_the_new_version(clone, how):
    (clone.root / FILE).write_text(WRITTEN)
    if how == "staged":
        git(clone.root, "add", ".")
    clone.release(step_00_numbers=NEW, step_01_lines=NEW, step_02_more=STUB)
    ran = clone.grader("update")
    assert ran.returncode == 0, ran.stderr
    assert clone.texts() == {"00": MERGED, "01": NEW, "02": STUB}
    assert "The update changed steps 00, 01, 02." in ran.stdout
    assert "your own version stays, though the stub changed: `first`" in ran.stdout
    assert clone.copies() == [WRITTEN]
    assert git(clone.root, "rev-parse", "HEAD") == git(clone.upstream, "rev-parse", "HEAD")
    assert git(clone.root, "status", "--short") == f" M {FILE}\n"
    again = clone.grader("update")
    assert again.returncode == 0 and "has the newest version already" in again.stdout
    assert clone.texts()["00"] == MERGED


def test_work_that_is_not_in_the_way_is_not_touched(clone):
    (clone.root / FILE).write_text(WRITTEN)
    (clone.root / OTHER).unlink()
    clone.release(step_01_lines=NEW)
    assert clone.grader("update").returncode == 0
    assert clone.texts() == {"00": WRITTEN, "01": NEW} and clone.copies() == []


def test_a_file_that_cannot_be_merged_stays_as_it_is(clone):
    broken = WRITTEN.replace("x[0]", "x[")
    (clone.root / FILE).write_text(broken)
    (clone.root / "exercises/step_02_more.py").write_text("mine = 1\n")
    (clone.root / OTHER).write_text(WRITTEN)
    clone.release(step_00_numbers=NEW, step_01_lines=None, step_02_more=STUB)
    ran = clone.grader("update")
    assert ran.returncode == 1
    assert (
        "step_00_numbers.py was not touched, though its stub changed: it is not valid" in ran.stdout
    )
    assert "step_01_lines.py is no part of the course any more; your file stays." in ran.stdout
    assert clone.texts() == {"00": broken, "01": WRITTEN, "02": "mine = 1\n"}
    assert git(clone.root, "rev-parse", "HEAD") == git(clone.upstream, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("another change is in the way", "git merge failed"),
        ("a file that git was told not to look at", "git merge failed"),
        ("own commits", "this clone has commits of its own"),
        ("no branch to follow", "git branch --set-upstream-to=origin/main"),
        ("upstream is gone", "git fetch failed"),
        ("a link", "it is a link or no file"),
        ("no git", "This folder is no git clone"),
    ],
)
def test_when_git_cannot_update_all_is_as_it_was(clone, what, words):
    (clone.root / FILE).write_text(WRITTEN)
    (clone.root / "exercises/step_02_more.py").write_text("mine = 1\n")
    course = (clone.upstream / "course.toml").read_text()
    (clone.upstream / "course.toml").write_text(f"{course}# new\n")
    clone.release(step_00_numbers=NEW, step_02_more=STUB)
    if what == "another change is in the way":
        (clone.root / "course.toml").write_text(f"{course}# mine\n")
    elif what == "a file that git was told not to look at":
        git(clone.root, "update-index", "--assume-unchanged", FILE)
    elif what == "own commits":
        git(clone.root, "commit", "-q", "-a", "-m", "mine")
    elif what == "no branch to follow":
        git(clone.root, "checkout", "-q", "-b", "mine")
    elif what == "upstream is gone":
        clone.upstream.rename(clone.upstream.with_name("gone"))
    elif what == "a link":
        (clone.root / FILE).rename(clone.root / "elsewhere.py")
        (clone.root / FILE).symlink_to(clone.root / "elsewhere.py")
    else:
        (clone.root / ".git").rename(clone.root / "no git")
    before = clone.texts()
    ran = clone.grader("update", GIT_CEILING_DIRECTORIES=str(clone.root.parent))
    assert ran.returncode == 1 and words in ran.stderr and "Traceback" not in ran.stderr
    assert clone.texts() == before and before["00"] == WRITTEN
