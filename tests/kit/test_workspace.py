"""The kit apart from a learner's folder: a wheel, an installation that nobody writes to, and workspaces."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest

from grader.course.course import Course
from grader.course.paths import BACKUP, GIVEN, MEMORY, QUIZ_ANSWERS, STUBS_FILE
from grader.maintain.stubs import make_stubs
from grader.run import update
from grader.run.cache import State
from grader.run.update import UpdateError
from grader.run.workspace import WorkspaceError, make_workspace, update_workspace

from .conftest import OUTER_LIMIT, ROOT, clean_environment, closable, close, run_python
from .test_merge import NEW, RAISE, STUB

STEPS = Course.load(ROOT).steps
FIRST, SECOND = "step_12_train_step.py", "step_09_loss.py"
SOLUTIONS = ROOT / "solutions"


# The installed kit


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this kit."""
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling")
    out = tmp_path_factory.mktemp("wheel")
    ran = run_python(ROOT, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (made,) = out.glob("*.whl")
    return made


class Installation:
    """A kit that was installed into an environment of its own, to which nobody can write."""

    def __init__(self, folder, wheel):
        command = [sys.executable, "-m", "venv", "--without-pip", str(folder / "env")]
        subprocess.run(command, check=True)
        (packages,) = folder.glob("env/lib/python*/site-packages")
        # All that the kit depends on is where the tests have it.
        (packages / "shared.pth").write_text(str(Path(numpy.__file__).parents[1]))
        self.package = packages / "grader"
        self.python = folder / "env" / "bin" / "python"
        options = ("--no-deps", "--no-index", "--quiet")
        command = ["-m", "pip", "--python", str(self.python), "install", *options, str(wheel)]
        ran = run_python(folder, *command)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        close(folder)

    def __call__(self, folder, *arguments, newer=None):
        """Run a command in a folder; with the package in the folder `newer`, if there is one."""
        command = [self.python.with_name("torchsteps")]
        if newer:
            command = [self.python, "-m", "grader"]
        return subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env=clean_environment() | ({"PYTHONPATH": str(newer)} if newer else {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=OUTER_LIMIT,
            check=False,
        )


@pytest.fixture(scope="module")
def torchsteps(wheel, tmp_path_factory):
    """The command of an installed kit."""
    if os.name == "nt":
        pytest.skip("an environment looks different there")
    with closable(tmp_path_factory.mktemp("installed") / "here") as folder:
        yield Installation(folder, wheel)


def init(torchsteps, folder, name="my course"):
    ran = torchsteps(folder, "init", name)
    assert ran.returncode == 0, ran.stderr
    assert f"{name}/exercises holds {len(STEPS)} exercises." in ran.stdout
    assert f"Next: cd '{name}', open exercises/step_00_tensors.py" in ran.stdout
    return folder / name


def test_the_wheel_holds_the_kit_and_nothing_that_only_teachers_need(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    for step in STEPS:
        places = [f"exercises/{step.filename}", step.visible_tests, step.recorded_file]
        places += [step.hints_file, step.after_file, step.quiz_file, QUIZ_ANSWERS]
        assert names >= {f"grader/kit/{place}" for place in places}
    assert names >= {f"grader/kit/exercises/{module}.py" for module in GIVEN}
    code = {str(path.relative_to(ROOT)) for path in ROOT.glob("grader/**/*.py")}
    secret = "grader/content/(hidden|skeleton|misconceptions)/"
    assert {name for name in code if not re.match(secret, name)} <= names
    assert "grader/content/errors.toml" in names
    assert not [name for name in names if re.search(f"{secret}|solutions|tests/(kit|styles)", name)]
    assert all(name.startswith("grader/") for name in names)


def test_a_workspace_is_checked_by_an_installation_that_nobody_writes_to(torchsteps, tmp_path):
    one, other = init(torchsteps, tmp_path), init(torchsteps, tmp_path, "another one")
    for folder in (one, other):
        shutil.copy(SOLUTIONS / FIRST, folder / "exercises")
    # One step imports another one.
    step = "step_03_gradient"
    (one / "exercises" / FIRST).rename(one / "exercises" / f"{step}.py")
    source = f"from {step} import make_train_step\nfrom tutorial_data import x_train\n"
    (one / "exercises" / FIRST).write_text(source)
    shutil.copy(SOLUTIONS / SECOND, one / "exercises")

    def check(place):
        return torchsteps(place[0], "check", place[1])

    # At the same time, also in one workspace, and from a folder inside.
    places = [(one, "12"), (one / "exercises", "9"), (other, "12")]
    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(check, places))
    assert [done.returncode for done in ran] == [0, 0, 0], [
        done.stdout + done.stderr for done in ran
    ]
    assert all("Everything is correct" in done.stdout for done in ran)
    known = json.loads((other / MEMORY / "checks.json").read_text())
    assert [list(steps) for steps in known.values()] == [["12"]]
    # What is remembered is right, and a mistake has the commands that work here.
    assert check(places[2]).stdout == ran[2].stdout
    bad = (SOLUTIONS / SECOND).read_text().replace("(yhat - y) ** 2", "(yhat - y)")
    assert bad != (SOLUTIONS / SECOND).read_text()
    (other / "exercises" / SECOND).write_text(bad)
    wrong = check((other, "9"))
    assert wrong.returncode == 1 and wrong.stderr == ""
    assert (
        "For a hint: torchsteps hint 09 mse\n" in wrong.stdout
        and "then: torchsteps check" in wrong.stdout
    )
    assert "This looks like a common mistake" in wrong.stdout
    told = [torchsteps(other / "exercises", "hint", "9").stdout for _ in range(2)]
    assert "hint 1 of 3 for mse" in told[0] and "hint 2 of 3 for mse" in told[1]
    assert "torchsteps hint 09 NAME" in told[1]
    solution = torchsteps(other, "solution", "9")
    assert solution.returncode == 1 and "There are no solutions in this" in solution.stderr
    assert "One task more: torchsteps stretch 09" in solution.stderr
    assert torchsteps(other, "stretch", "9").stdout.endswith("torchsteps stretch 09 --again\n")
    together = torchsteps(other / "exercises", "run")
    assert "step 02 `generate_data` is not written yet: open step_02_data.py" in together.stderr
    assert together.stderr.endswith(
        "torchsteps check says more. When all is right: torchsteps run\n"
    )
    quiz = torchsteps(other, "quiz", "9")
    assert quiz.returncode == 0 and quiz.stdout.startswith("Step 09, Losses: ")


def test_outside_of_a_workspace_a_sentence_says_how_to_make_one(torchsteps, tmp_path):
    for command in (["check"], ["update"]):
        ran = torchsteps(tmp_path, *command)
        assert ran.returncode == 2 and "torchsteps init my-course" in ran.stderr
    for command in (["stubs"], ["grade", "a", "--out", "b"]):
        ran = torchsteps(tmp_path, *command)
        assert ran.returncode == 2 and "use a clone of the repository" in ran.stderr
    (tmp_path / "notes").touch()
    for name in (".", "notes"):
        ran = torchsteps(tmp_path, "init", name)
        assert ran.returncode == 2 and f"{name} is not empty" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_an_update_brings_new_stubs_and_keeps_what_was_written(torchsteps, tmp_path):
    folder = init(torchsteps, tmp_path)
    shutil.copy(SOLUTIONS / FIRST, folder / "exercises")
    written = (folder / "exercises" / FIRST).read_text()
    newer = tmp_path / "newer"
    shutil.copytree(torchsteps.package, newer / "grader")
    course = newer / "grader/kit/course.toml"
    text = course.read_text().replace("points = 7", "points = 6", 1)
    new = STEPS[0].module, "step_77_new"
    course.write_text(f'{text}\n[[step]]\nmodule = "{new[1]}"\ntitle = "New"\npoints = 1\n')
    stubs = newer / "grader/kit/exercises"
    shutil.copy(stubs / STEPS[0].filename, stubs / f"{new[1]}.py")
    for name in (FIRST, SECOND):
        stub = (stubs / name).read_text()
        (stubs / name).write_text(
            stub.replace('"""Step', '"""The new step').replace("Return", "Give")
        )

    given = "tutorial_data.py"
    (stubs / given).write_text((stubs / given).read_text() + "MORE = 1\n")

    waits = "The kit has newer exercises. To get them and keep what you wrote: torchsteps update"
    assert waits in torchsteps(folder, "check", "12", newer=newer).stdout

    done = torchsteps(folder / "exercises", "update", newer=newer)
    assert done.returncode == 0, done.stderr
    assert "The update changed steps 09, 12, 77 and tutorial_data.py." in done.stdout
    assert (folder / "exercises/tutorial_data.py").read_text() == (stubs / given).read_text()
    assert (
        f"{FIRST}: your own version stays, though the stub changed: `make_train_step`."
        in done.stdout
    )
    assert (folder / "exercises" / SECOND).read_text() == (stubs / SECOND).read_text()
    assert (folder / "exercises" / f"{new[1]}.py").is_file()
    merged = (folder / "exercises" / FIRST).read_text()
    assert merged == written.replace('"""Step', '"""The new step')
    copies = {path.read_text() for path in (folder / MEMORY / BACKUP).iterdir()}
    assert written in copies and len(copies) == 3
    again = torchsteps(folder, "update", newer=newer)
    assert again.stdout == "The update changed no step.\n" and again.returncode == 0
    assert waits not in torchsteps(folder, "check", "12", newer=newer).stdout


def test_a_clone_serves_workspaces_too_and_never_gives_away_what_was_written_in_it(tmp_path):
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}

    def grader(folder, *arguments):
        ran = run_python(folder, "-m", "grader", *arguments, environment=environment)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    grader(tmp_path, "init", "made")
    stubs = {path.name: path.read_text() for path in (tmp_path / "made/exercises").iterdir()}
    assert stubs == {path.name: text for path, text in make_stubs(Course.load(ROOT)).items()}
    assert "hint 1 of 3" in grader(tmp_path / "made" / "exercises", "hint", "0")
    assert (tmp_path / "made" / MEMORY / "hints.json").is_file()
    assert grader(tmp_path / "made", "update") == "The update changed no step.\n"


# Workspaces


@pytest.fixture
def workspace(tmp_path):
    """A workspace of two files."""
    make_workspace(tmp_path / "made", {"step_00_a.py": STUB, "step_01_b.py": STUB})
    return tmp_path / "made"


def contents(folder):
    """Return the text of each file of a workspace, without copies."""
    files = [path for path in folder.rglob("*") if path.is_file() and BACKUP not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_file_that_cannot_be_merged_is_named_and_tried_again(workspace):
    path = workspace / "exercises/step_00_a.py"
    broken = STUB.replace(RAISE.format("first"), "return x[")
    path.write_text(broken)
    stubs = {"step_00_a.py": NEW, "step_01_b.py": STUB}
    done = update_workspace(workspace, stubs)
    assert done.alone == ["step_00_a.py"] and "it is not valid Python" in done.said[0]
    assert path.read_text() == broken and not done.changed
    path.write_text(broken.replace("x[", "x[0]"))
    done = update_workspace(workspace, stubs)
    assert done.changed == ["step_00_a.py"] and "return x[0]" in path.read_text()
    assert "the very second" in path.read_text()
    assert update_workspace(workspace, stubs).said == []


def test_a_link_and_a_folder_are_left_alone(workspace, tmp_path):
    one, other = sorted((workspace / "exercises").iterdir())
    one.rename(tmp_path / "elsewhere.py")
    one.symlink_to(tmp_path / "elsewhere.py")
    other.unlink()
    other.mkdir()
    done = update_workspace(workspace, {one.name: NEW, other.name: NEW})
    assert done.alone == [one.name, other.name] and one.is_symlink() and other.is_dir()
    assert (tmp_path / "elsewhere.py").read_text() == STUB


def test_without_a_memory_of_the_stubs_nothing_is_overwritten(workspace):
    path = workspace / "exercises/step_00_a.py"
    path.write_text(STUB + "\n\nLIMIT = 3\n")
    (workspace / MEMORY / STUBS_FILE).write_text("{")
    done = update_workspace(workspace, {"step_00_a.py": NEW, "step_01_b.py": STUB})
    assert done.alone == ["step_00_a.py"] and "it is not known from which stub" in done.said[0]
    assert path.read_text() == STUB + "\n\nLIMIT = 3\n"


def test_a_step_that_is_gone_leaves_the_file_there_and_one_that_was_removed_comes_back(workspace):
    (workspace / "exercises/step_01_b.py").unlink()
    done = update_workspace(workspace, {"step_01_b.py": NEW})
    assert "step_00_a.py is no part of the course any more; your file stays." in done.said
    assert contents(workspace)["exercises/step_00_a.py"] == STUB
    assert contents(workspace)["exercises/step_01_b.py"] == NEW


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2])
def test_when_an_update_fails_all_files_are_as_they_were(workspace, monkeypatch, error, at):
    before = contents(workspace)
    write, count = update.write_whole, 0

    def failing(path, data):
        nonlocal count
        count += 1
        if count == at:
            raise error
        write(path, data)

    monkeypatch.setattr(update, "write_whole", failing)
    with pytest.raises(UpdateError if isinstance(error, OSError) else KeyboardInterrupt):
        update_workspace(workspace, {"step_00_a.py": NEW, "step_01_b.py": NEW})
    assert contents(workspace) == before
    monkeypatch.undo()
    assert len(update_workspace(workspace, {"step_00_a.py": NEW}).changed) == 1


def test_a_workspace_that_cannot_be_finished_is_not_begun(tmp_path):
    with pytest.raises(WorkspaceError):
        make_workspace(tmp_path / "made", {"step_00_a.py": STUB, "x" * 300: STUB})
    assert list(tmp_path.iterdir()) == []


def test_writers_at_the_same_time_leave_a_whole_file(tmp_path):
    def write(i):
        state = State(tmp_path, "checks.json")
        state.data[str(i)] = "x" * 1000
        return state.save() and bool(State(tmp_path, "checks.json").data)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write, range(100)))
    assert [path.name for path in tmp_path.iterdir()] == ["checks.json"]
