"""The made-up class comes out as expected, in the real command, and a result that is not as expected is named."""

import json
import subprocess
import sys

import pytest

from bench.made_up_class import EXPECTED, KINDS, compare
from tests.kit.conftest import ROOT, grade_class, run_python
from tests.kit.test_filling import ENGLISH, moodle_imports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

# With all kinds of learners, of whom nobody waits for a limit of time.
SIZE, SEED, STEPS = "24", "3", "03"


def make(folder):
    ran = run_python(
        ROOT, "bench/made_up_class.py", "make", str(folder),
        "--size", SIZE, "--seed", SEED, "--steps", STEPS,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def content(folder):
    """Return the bytes and the time of all files below a folder, by path; attacks name the folder."""
    where = str(folder.parent).encode()
    return {
        str(path.relative_to(folder)): (
            path.read_bytes().replace(where, b"") if path.is_file() else b"",
            path.lstat().st_mtime,
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "up"
    make(folder)
    return folder


@pytest.fixture(scope="module")
def graded(made):
    lists = ("--fill", str(made / "worksheet.csv"), "--roster", str(made / "roster.csv"))
    options = ("--jobs", "2", "--steps", STEPS, "--no-rehearse", *lists)
    found = grade_class(made / "class", made / "results", *options, limit=300)
    return found


def test_the_same_seed_gives_the_same_class(made, tmp_path):
    make(tmp_path / "up")
    first, again = content(made / "class"), content(tmp_path / "up/class")
    assert first == again and len(first) > 24
    expected = json.loads((made / EXPECTED).read_bytes())
    assert expected == json.loads((tmp_path / "up" / EXPECTED).read_bytes())
    kinds = {one["kind"].partition(",")[0] for one in expected["submissions"].values()}
    assert kinds == set(KINDS)


def test_every_verdict_is_as_expected_and_another_one_is_named(made, graded, tmp_path):
    assert len(graded) == int(SIZE)
    assert list(compare(made / "results", made / EXPECTED)) == []
    for name, data in graded.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_bytes(data)
    name = next(name for name, data in graded.items() if json.loads(data)["score"])
    results = json.loads(graded[name])
    results["steps"][0]["tests"][0]["status"] = "crashed"
    (tmp_path / name / "results.json").write_text(json.dumps(results))
    ran = subprocess.run(
        [sys.executable, "bench/made_up_class.py", "compare", tmp_path, "--expected", made / EXPECTED],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1 and "1 differences." in ran.stdout, ran.stdout + ran.stderr
    assert "step 03: " in ran.stdout and "crashed" in ran.stdout


def test_moodle_takes_the_marks_of_the_whole_class(made, graded):
    participants = [
        line.partition(",")[0].removeprefix(ENGLISH["prefix"])
        for line in (made / "worksheet.csv").read_text("utf-8-sig").splitlines()[1:]
    ]
    there = dict.fromkeys(participants, (None, 0.0, False))
    changed, silent = moodle_imports((made / "results/moodle.csv").read_bytes(), ENGLISH, there)
    assert silent == set() and len(changed) == len(participants) >= int(SIZE)
    scores = {name.rpartition("_")[2]: json.loads(data)["score"] for name, data in graded.items()}
    assert {number: changed[number] for number in scores} == pytest.approx(scores, abs=1e-5)
