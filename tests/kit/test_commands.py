"""The smaller commands: the doctor, and making stubs."""

import shutil
import subprocess

import pytest

from grader.course.paths import MEMORY

SOLUTION = '''"""The lesson."""

import math


def double(x):
    """Return twice x."""
    return 2 * x
'''


def test_the_doctor_finds_nothing_wrong_here(kit):
    ran = kit.grader("doctor")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = dict(line[8:].split(maxsplit=1) for line in ran.stdout.splitlines())
    assert {"Python", "torch", "numpy", "devices"} <= lines.keys()
    assert "PROBLEM" not in ran.stdout
    assert "cpu" in lines["devices"]


def git(kit, *arguments):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "core.excludesFile=")
    subprocess.run(
        ["git", *who, *arguments], cwd=kit.root, check=True, capture_output=True, timeout=60
    )


def test_stubs_are_made_from_solutions_but_never_over_own_work(kit):
    missing = kit.grader("stubs")
    assert missing.returncode == 1 and "solutions/step_00_numbers.py is missing" in missing.stderr
    for module in kit.modules:
        kit.write(module, SOLUTION, "solutions")
        (kit.root / "exercises" / f"{module}.py").unlink()
    stale = kit.grader("stubs", "--check")
    assert stale.returncode == 1
    assert stale.stderr == "Stale, run `make stubs`: step_00_numbers.py, step_01_lines.py\n"
    made = kit.grader("stubs")
    assert made.returncode == 0 and made.stdout.startswith("Exercises written: step_")
    assert kit.grader("stubs", "--check").returncode == 0

    exercise = kit.root / "exercises/step_00_numbers.py"
    stub = exercise.read_text()
    git(kit, "init", "-q")
    git(kit, "add", ".")
    git(kit, "commit", "-q", "-m", "all")
    exercise.write_text(stub.replace("raise", "return 2 * x  # raise"))
    refused = kit.grader("stubs")
    assert refused.returncode == 1 and "hold work that is not committed: step_00" in refused.stderr
    assert exercise.read_text() != stub
    # What git was told not to look at is work all the same.
    git(kit, "update-index", "--skip-worktree", "exercises/step_00_numbers.py")
    assert kit.grader("stubs").returncode == 1
    forced = kit.grader("stubs", "--force")
    assert forced.returncode == 0
    assert exercise.read_text() == stub
    (copy,) = (kit.root / MEMORY / "backup").iterdir()
    assert "return 2 * x" in copy.read_text() and copy.name in forced.stdout
    git(kit, "update-index", "--no-skip-worktree", "exercises/step_00_numbers.py")

    # What is committed can be brought back, so it may be overwritten.
    kit.write("step_01_lines", SOLUTION.replace("twice", "two times"), "solutions")
    git(kit, "commit", "-q", "-a", "-m", "new words")
    made = kit.grader("stubs")
    assert made.stdout == "Exercises written: step_01_lines.py.\n"
    assert "two times" in (kit.root / "exercises/step_01_lines.py").read_text()


@pytest.mark.parametrize("how", ["no git", "ignored", "assume unchanged", "untracked"])
def test_work_that_git_does_not_have_is_never_lost(kit, how):
    for module in kit.modules:
        kit.write(module, SOLUTION, "solutions")
    exercise = kit.root / "exercises/step_00_numbers.py"
    assert kit.grader("stubs", "--force").returncode == 0
    if how != "no git":
        (kit.root / ".gitignore").write_text("exercises/\n" if how == "ignored" else "")
        git(kit, "init", "-q")
        git(kit, "add", *((".gitignore",) if how == "untracked" else (".",)))
        git(kit, "commit", "-q", "-m", "all")
    if how == "assume unchanged":
        git(kit, "update-index", "--assume-unchanged", "exercises/step_00_numbers.py")
    exercise.write_text("my work\n")
    assert kit.grader("stubs").returncode == 1
    assert exercise.read_text() == "my work\n"


def test_a_stub_in_which_nothing_is_written_is_made_anew_though_git_does_not_have_it(kit):
    for module in kit.modules:
        kit.write(module, SOLUTION, "solutions")
    assert kit.grader("stubs", "--force").returncode == 0
    shutil.rmtree(kit.root / MEMORY / "backup")
    kit.write("step_01_lines", SOLUTION.replace("twice", "two times"), "solutions")
    made = kit.grader("stubs")
    assert made.returncode == 0, made.stderr
    assert "two times" in (kit.root / "exercises/step_01_lines.py").read_text()
    (copy,) = (kit.root / MEMORY / "backup").iterdir()
    assert "twice" in copy.read_text() and copy.name in made.stdout


def test_a_solution_that_is_not_finished_gives_no_stub(kit):
    for module in kit.modules:
        kit.write(module, SOLUTION, "solutions")
    for broken, words in [
        (SOLUTION.replace('"""Return twice x."""', "pass"), "`double` has no docstring"),
        (SOLUTION.replace('"""The lesson."""', ""), "the lesson"),
        (SOLUTION.replace("(x)", "(x"), "was never closed"),
    ]:
        kit.write("step_01_lines", broken, "solutions")
        ran = kit.grader("stubs")
        assert ran.returncode == 1 and words in ran.stderr and "Cannot make the stubs" in ran.stderr
