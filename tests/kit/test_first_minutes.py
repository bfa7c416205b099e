"""The first ten minutes: setting up with any Python, and kits in odd places, with odd files, on odd terminals."""

import os
import shutil
import subprocess
import sys
import tomllib

import pytest

from grader import bootstrap
from grader.bootstrap import version_problem
from grader.report.terminal import make_console

from .conftest import OUTER_LIMIT, ROOT, Kit, clean_environment, closable, close

posix = pytest.mark.skipif(os.name == "nt", reason="there is no make here")


def make(folder, *arguments, **environment):
    """Run make in a folder."""
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**clean_environment(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=OUTER_LIMIT,
        check=False,
    )


@pytest.fixture
def bare(tmp_path):
    """A kit's folder that can be set up, without any package to install."""
    (tmp_path / "grader").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "grader" / "bootstrap.py", tmp_path / "grader")
    (tmp_path / "requirements.lock").touch()
    return tmp_path


@pytest.mark.parametrize("version", [(2, 7), (3, 9), (3, 10), (3, 15), (4, 0)])
def test_a_python_that_will_not_do_gets_a_sentence_with_a_next_step(version):
    problem = version_problem(version)
    assert problem.startswith("This kit needs Python 3.11 to 3.14, but this is Python ")
    assert "make setup PYTHON=" in problem
    assert "This machine has python3.13" in version_problem(version, "python3.13")


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_a_python_that_will_do_gets_none(minor):
    assert version_problem((3, minor)) == ""


def test_the_versions_are_the_same_in_all_places():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest, newest = (".".join(map(str, one)) for one in (bootstrap.OLDEST, bootstrap.NEWEST))
    assert project["requires-python"] == f">={oldest}"
    assert f"You need Python {oldest} to {newest}" in (ROOT / "README.md").read_text("utf-8")
    assert f"Install Python {oldest} to {newest}" in (ROOT / "Makefile").read_text("utf-8")
    assert f"Python {oldest} to {newest}" in (ROOT / "requirements.lock").read_text("utf-8")


def old_python():
    """Return a Python of this machine that is too old, or None."""
    for minor in range(6, 11):
        name = f"python3.{minor}"
        if shutil.which(name) and bootstrap.runs(name, "-c", ""):
            return name
    return None


@posix
def test_an_old_python_does_no_harm_to_a_later_try(bare):
    old = old_python()
    if old is None:
        pytest.skip("no old Python on this machine")
    refused = make(bare, "setup", f"PYTHON={old}")
    assert refused.returncode == 1 and not (bare / ".venv").exists()
    assert "This kit needs Python 3.11 to 3.14, but this is Python 3." in refused.stderr
    assert "***" not in refused.stderr
    assert make(bare, "setup", f"PYTHON={sys.executable}").returncode == 0


@posix
def test_a_python_that_is_not_there_gets_a_sentence(bare):
    ran = make(bare, "setup", "PYTHON=python3.99")
    assert ran.returncode == 1 and "There is no python3.99 here." in ran.stdout
    assert "***" not in ran.stderr and not (bare / ".venv").exists()


@posix
@pytest.mark.parametrize("broken", ["link to nothing", "no pip", "half made"])
def test_an_environment_that_is_broken_is_made_anew(bare, broken):
    folder = bare / ".venv" / "bin"
    folder.mkdir(parents=True)
    if broken == "link to nothing":
        (folder / "python").symlink_to(bare / "gone" / "python3")
    elif broken == "no pip":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare / ".venv"], check=True)
    elif broken == "half made":
        (folder / "python").write_text("not a program")
        (folder / "python").chmod(0o755)
    if broken == "link to nothing":
        (bare / ".venv" / "ready").touch()
    ran = make(bare, "setup", f"PYTHON={sys.executable}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert bootstrap.fits(str(folder / "python"))
    # What works is left alone.
    (bare / ".venv" / "kept").touch()
    os.utime(bare / "requirements.lock")
    assert make(bare, "setup", f"PYTHON={sys.executable}").returncode == 0
    assert (bare / ".venv" / "kept").exists()


@posix
def test_an_environment_of_somebody_else_is_not_cleared(bare, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "work").write_text("dear")
    (bare / ".venv").symlink_to(other)
    assert make(bare, "setup", f"PYTHON={sys.executable}").returncode == 0
    assert (other / "work").exists() and not (bare / ".venv").is_symlink()


@posix
def test_a_folder_in_which_no_environment_can_be_made_is_said_to_be_so(bare):
    odd = bare / "a::b"
    odd.mkdir()
    for name in ("Makefile", "grader", "requirements.lock"):
        (bare / name).rename(odd / name)
    ran = make(odd, "setup", f"PYTHON={sys.executable}")
    assert ran.returncode == 1 and 'path of this folder contains ":"' in ran.stderr


def odd_kit(tmp_path, name="plain"):
    """Make a toy kit in a folder of this name, that make can be run in."""
    root = tmp_path / name
    root.mkdir()
    kit = Kit.toy(root, ["step_00_numbers", "step_01_lines"], 30)
    shutil.copy(ROOT / "Makefile", root)
    shutil.copy(ROOT / "exercises" / "Makefile", root / "exercises")
    (root / "requirements.lock").touch()
    # The toy kit has its own hints there.
    ignored = shutil.ignore_patterns("__pycache__", "hints")
    shutil.copytree(ROOT / "grader", root / "grader", ignore=ignored, dirs_exist_ok=True)
    (root / ".venv").symlink_to(sys.prefix)
    return kit


def check(folder, *arguments, **environment):
    """Run `make check` in a folder, without ever making its environment."""
    return make(folder, "-o", ".venv/ready", "check", *arguments, **environment)


@posix
@pytest.mark.parametrize("name", ["[2026] PyTorch", 'a::b $HOME `id` "ü" [1-9]*'])
def test_a_kit_may_lie_in_any_folder(tmp_path, name):
    kit = odd_kit(tmp_path, name)
    ran = check(kit.root)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 of 2 steps done" in ran.stdout


@posix
def test_files_named_like_packages_are_not_taken_for_them(tmp_path):
    kit = odd_kit(tmp_path)
    for name in ("torch", "numpy", "random", "types", "typing", "pytest", "rich", "json", "socket"):
        for folder in (kit.root, kit.root / "exercises"):
            (folder / f"{name}.py").write_text("raise SystemExit('not the package')")
    for ran in (check(kit.root), check(kit.root / "exercises", "STEP=01")):
        assert ran.returncode == 0, ran.stdout + ran.stderr
    # Without make, as on Windows: Python itself imports some modules before ours can help.
    (kit.root / "types.py").unlink()
    ran = kit.grader("check", "--fresh")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@posix
def test_an_odd_environment_changes_nothing(tmp_path):
    ran = check(odd_kit(tmp_path).root, COLUMNS="0", LINES="0", TERM="", PYTHONSAFEPATH="1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 of 2 steps done, 100 of 100 points." in ran.stdout


@pytest.mark.parametrize(("columns", "width"), [("0", 80), ("1", 80), ("x", 80), ("100", 100)])
def test_a_console_has_columns_to_write_in(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    assert make_console().width == width


@posix
def test_make_does_not_call_a_mistake_an_error(tmp_path):
    kit = odd_kit(tmp_path)
    kit.write("step_01_lines", "def double(x):\n    return x\n")
    for folder in (kit.root, kit.root / "exercises"):
        for step in ("STEP=01", "STEP=99"):
            ran = check(folder, step)
            assert ran.returncode == 1
            assert "***" not in ran.stdout + ran.stderr
        for more in ([], ["FN=total", "AGAIN=1"]):
            ran = make(folder, "-o", ".venv/ready", "hint", "STEP=01", *more)
            assert ran.returncode == 0
            assert not more or "hint 1 of 3 for total" in ran.stdout
        ran = make(folder, "-o", ".venv/ready", "quiz", "STEP=99")
        assert ran.returncode == 1 and "no step" in ran.stderr and "***" not in ran.stderr
        for name in ("solution", "stretch"):
            ran = make(folder, "-o", ".venv/ready", name, "STEP=99", "AGAIN=1")
            assert ran.returncode == 1 and "no step" in ran.stderr and "***" not in ran.stderr
        for name in ("hint", "quiz", "show", "reset", "solution", "stretch"):
            ran = make(folder, "-o", ".venv/ready", name)
            assert (ran.returncode, ran.stderr) == (1, "")
            assert ran.stdout == f"Which step? For example: make {name} STEP=03\n"
        ran = make(folder, "-o", ".venv/ready", "run")
        assert ran.returncode == 1 and "This kit has no train.py" in ran.stderr
        assert "***" not in ran.stderr
        ran = make(folder, "-o", ".venv/ready", "update", GIT_CEILING_DIRECTORIES=str(tmp_path))
        assert ran.returncode == 1 and "is no git clone" in ran.stderr and "***" not in ran.stderr
    assert check(kit.root, "STEP=00").returncode == 0
    # Other targets fail as make does.
    assert "***" in make(kit.root, "-o", ".venv/ready", "stubs").stderr


@pytest.fixture
def read_only(tmp_path):
    """A folder that can be closed."""
    with closable(tmp_path / "read-only") as folder:
        yield folder


@posix
def test_hints_of_a_read_only_kit_go_on(read_only, tmp_path):
    kit = Kit.toy(read_only, ["step_00_numbers", "step_01_lines"], 30)
    close(read_only)
    home = tmp_path / "home"
    home.mkdir()
    told = [kit.grader("hint", "00", HOME=str(home)).stdout for _ in range(2)]
    assert "hint 1 of 3" in told[0] and "hint 2 of 3" in told[1]
    nowhere = kit.grader("hint", "00", HOME=str(read_only))
    assert "the kit cannot remember which hints you have seen" in nowhere.stdout
    assert all(hint in nowhere.stdout for hint in ("first", "second", "third"))
