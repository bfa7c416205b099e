"""Whatever passes `check` passes `grade`: correct modules get the same marks in every way of judging them.

A few modules that write files, ask loaders for workers, start threads or look at their surroundings stand for all
others. With TORCHSTEPS_PARITY=all, all styles and variants are judged in every way, which takes an hour:

    TORCHSTEPS_PARITY=all .venv/bin/python -m pytest -q tests/kit/test_parity.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

import pytest

from grader.course.course import Course
from grader.course.paths import RESULTS
from grader.maintain import catalogue
from tests.kit.attacks.test_attacks import ORDINARY, OUTSIDE, ROOT, interpreter_for_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

COURSE = Course.load(ROOT)
ALL = os.environ.get("TORCHSTEPS_PARITY") == "all"
# Each of them does something that a sandbox could refuse.
SAMPLE = {
    "14": ("make-loaders-with-workers",),
    "17": ("fit-early-best-weights-in-tmp",),
    "19": ("train-digits-loaders-with-workers",),
}
# Run in a kit: judges a class with all tests, in each way. `check` has the limits of a sandbox, and often its
# `/tmp`.
JUDGE = """
import os, sys
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
sys.path.insert(0, os.getcwd())
from pathlib import Path
from grader.course.course import Course
from grader.run.grade import grade, test_files
from grader.submissions.hand_ins import read_class
from grader.launch.trial import REQUIRED, working_layers
from grader.launch.launchers import ForkLauncher

course = Course.load(Path.cwd())
places = read_class(Path("../class"), course).hand_ins
launcher = ForkLauncher((), course.limits)
layers = working_layers(launcher)[0]
assert {*REQUIRED, "scratch"} <= set(layers), layers
ways, steps = sys.argv[1].split(";"), [course.by_id[name] for name in sys.argv[2:]]
for way in ways:
    chosen, *rehearsed = way.split()
    branch = launcher.branch({"sandbox": layers, "limits": ["limits"], "bare": []}[chosen])
    files, out = test_files(course, steps), Path("../out", way)
    grade(course, places, out, files, branch, 2, print, rehearse=bool(rehearsed))
    branch.close()
launcher.close()
"""
# The sample is judged in two ways that differ in everything.
WAYS = (
    ["sandbox", "sandbox rehearsed", "limits", "bare rehearsed"]
    if ALL
    else ["sandbox rehearsed", "limits"]
)
OUTER_LIMIT = 7200


def write_class(folder, sample):
    """Write submissions that hold the modules to compare, one of each step; return the steps."""
    rows = {}
    for step in COURSE.steps:
        modules = catalogue.correct_modules(COURSE, step)
        if ALL or step.id in sample:
            names = modules if ALL else sample[step.id]
            rows[step] = [modules[name] for name in names]
    for number, column in enumerate(zip_longest(*rows.values())):
        place = folder / f"{number:02}"
        place.mkdir(parents=True)
        for step, source in zip(rows, column, strict=True):
            solution = (ROOT / "solutions" / step.filename).read_bytes()
            (place / step.filename).write_bytes(source or solution)
    return [step.id for step in rows]


@pytest.mark.parametrize("user", ["myself", "ordinary"])
def test_correct_modules_get_all_points_in_every_way_of_judging_them(user):
    options, sample = {}, SAMPLE
    if user == "ordinary":
        if os.geteuid() != 0:
            pytest.skip("who runs this is an ordinary user already")
        # For a user the files are what may differ.
        sample = {"17": ("save-checkpoint-copied-from-tmp",)}
        options = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="parity-", dir=OUTSIDE) as name:
        place = Path(name)
        place.chmod(0o755)
        for folder in ("grader", "tests/steps", "solutions"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, place / "kit" / folder, ignore=ignored)
        for file in ("pyproject.toml", "course.toml"):
            shutil.copy(ROOT / file, place / "kit")
        steps = write_class(place / "class", sample)
        for folder in ("out", "home"):
            (place / folder).mkdir()
        python = interpreter_for_all(place / "python") if options else sys.executable
        if python is None:
            pytest.skip(
                "no interpreter of this version with these packages is readable by all users"
            )
        if options:
            for path in (place, *place.rglob("*")):
                os.chown(path, ORDINARY, ORDINARY, follow_symlinks=False)

        def run(*arguments):
            return subprocess.run(
                [python, *arguments],
                cwd=place / "kit",
                env={
                    "PATH": os.defpath,
                    "HOME": str(place / "home"),
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=OUTER_LIMIT,
                check=False,
                **options,
            )

        ran = run("-c", JUDGE, ";".join(WAYS), *steps)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        for submission in sorted(path.name for path in (place / "class").iterdir()):
            found = [(place / "out" / way / submission / RESULTS).read_bytes() for way in WAYS]
            tests = verdicts_in(found[0])
            assert not [test for test in tests if test["status"] != "passed"]
            assert [WAYS[i] for i, data in enumerate(found) if data != found[0]] == []
            checked = place / "home" / f"{submission}.json"
            ran = run(
                "-m",
                "grader",
                "check",
                *steps,
                "--target",
                f"../class/{submission}",
                "--json",
                checked,
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            visible = [test for test in tests if test["visibility"] == "visible"]
            said = ("id", "status", "message")
            both = [
                [[test[k] for k in said] for test in tests]
                for tests in (visible, verdicts_in(checked.read_bytes()))
            ]
            assert both[0] == both[1] != []


def verdicts_in(results):
    """Return the tests of a `results.json`."""
    return [test for step in json.loads(results)["steps"] for test in step["tests"]]
