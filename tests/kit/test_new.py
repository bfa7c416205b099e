"""`make new`: the skeleton of a step is a step that works, and nothing is overwritten."""

import json
import sys

import pytest

from grader.course.course import Course
from grader.maintain.new import NewStepError, make_step
from grader.run.hints import hints_of
from tests.kit.conftest import ROOT, Kit
from tests.kit.test_styles import NAMES as STYLES

WRONG = "\n\ndef scale(x, factor):\n    return factor + x\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A copy of this kit with one step more than it has, and what the command said."""
    kit = Kit.whole(tmp_path_factory.mktemp("new"))
    ran = kit.grader("new", "77_new_things", "--title", "New things")
    assert ran.returncode == 0, ran.stderr
    return kit, ran.stdout


@pytest.fixture
def course(kit):
    """The course of a kit of two steps."""
    return Course.load(kit.root)


def files(root):
    """Return the bytes of all files of a kit, by their paths."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_all_files_are_there_and_named(made):
    kit, said = made
    there = {str(path.relative_to(kit.root)) for path in kit.root.rglob("*step_77*")}
    assert there == {
        "solutions/step_77_new_things.py",
        "exercises/step_77_new_things.py",
        "tests/steps/test_step_77.py",
        "grader/content/hidden/test_step_77.py",
        "grader/content/hints/step_77.toml",
        "grader/content/after/step_77.toml",
        "grader/content/misconceptions/step_77.toml",
        "grader/content/quiz/step_77.toml",
        *(f"tests/styles/{style}/step_77_new_things.py" for style in STYLES),
    }
    assert all(f"  {file}\n" in said for file in there)
    assert "make record STEP=77, make strength STEP=77, make lint, make test" in said


def test_each_file_says_what_to_replace(made):
    kit, _ = made
    for path in kit.root.rglob("*step_77*"):
        text = path.read_text("utf-8")
        assert "TODO" in text
        assert not {"XX", "TITLE", "GIVER"} & set(text.replace("_", " ").split())


def test_the_course_has_one_step_more_and_still_100_points(made):
    kit, said = made
    old, new = Course.load(ROOT), Course.load(kit.root)
    step = new.by_id["77"]
    assert (step.module, step.title, step.points) == ("step_77_new_things", "New things", 1)
    assert [one.id for one in new.steps] == sorted([*old.by_id, "77"])
    hints = hints_of(new, step)
    assert hints.keys() == {"scale"} and len(set(hints["scale"])) == 3
    (giver,) = [one for one in old.steps if new.by_id[one.id].points != one.points]
    assert f"taken from {giver.module}, which has {giver.points - 1} now." in said
    text = (kit.root / "course.toml").read_text("utf-8")
    for line in (ROOT / "course.toml").read_text("utf-8").splitlines():
        assert line in text or line == f"points = {giver.points}"


def test_the_solution_is_right_and_the_exercise_not_started(made):
    kit, _ = made
    right = kit.grader("check", "77", "--target", "solutions")
    assert right.returncode == 0 and "2 of 2 tests" in right.stdout, right.stdout + right.stderr
    assert {test["status"] for test in kit.verdicts("77")["77"]} == {"not_started"}
    assert kit.grader("stubs", "--check").returncode == 0


def test_what_ruff_demands_is_done(made):
    kit, _ = made
    for command in (("check",), ("format", "--check")):
        ran = kit.run("-m", "ruff", *command, ".")
        assert ran.returncode == 0, ran.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the catalogue is for Linux")
def test_it_is_recorded_and_strong_at_once(made):
    kit, _ = made
    ran = kit.grader("record", "77")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Recorded: 77, 2 answers of the quiz." in ran.stdout
    recorded = json.loads((kit.root / "grader/content/behaviour/step_77.json").read_text("utf-8"))
    (battery,) = recorded["functions"].values()
    assert [transcript["id"] for transcript in battery["transcripts"]] == ["scale-added"]
    assert kit.grader("quiz", "77").stdout.startswith("Step 77, New things: 2 questions.")
    ran = kit.grader("strength", "77")
    assert ran.returncode == 0 and "Nothing is missing." in ran.stdout, ran.stdout + ran.stderr
    solution = (kit.root / "solutions/step_77_new_things.py").read_text("utf-8")
    wrong = kit.write("step_77_new_things", solution + WRONG, "wrong").parent
    assert {test["misconception"] for test in kit.verdicts("77", "--target", str(wrong))["77"]} == {
        "scale-added"
    }


def test_a_step_comes_in_the_order_of_the_numbers(kit, course):
    make_step(course, "07_last")
    make_step(Course.load(kit.root), "step_03_one_between", "One, between: 'XX' & TITLE")
    new = Course.load(kit.root)
    assert [(step.id, step.title, step.points) for step in new.steps] == [
        ("00", "Toy 0", 97),
        ("01", "Toy 1", 1),
        ("03", "One, between: 'XX' & TITLE", 1),
        ("07", "Last", 1),
    ]


@pytest.mark.parametrize(
    ("name", "title", "words"),
    [
        ("01_other", "", "Step 01 already exists: step_01_lines."),
        ("2_short", "", 'such as 20_pipelines, not "2_short"'),
        ("", "", 'such as 20_pipelines, not ""'),
        ("02_two-words", "", "two digits and a lower-case name"),
        ("02_Large", "", "two digits and a lower-case name"),
        ("02_1st", "", "two digits and a lower-case name"),
        ("02_../../x", "", "two digits and a lower-case name"),
        ("02_é", "", "two digits and a lower-case name"),
        ("02_x\n", "", "two digits and a lower-case name"),
        ("٠٢_x", "", "two digits and a lower-case name"),
        ("02_x", 'The "end"', "A title is one line"),
        ("02_x", "a\\b", "A title is one line"),
        ("02_x", "a\nb", "A title is one line"),
        ("02_x", 61 * "x", "A title is one line"),
    ],
)
def test_what_is_no_step_is_refused(course, name, title, words):
    before = files(course.root)
    with pytest.raises(NewStepError) as caught:
        make_step(course, name, title)
    assert words in str(caught.value)
    assert files(course.root) == before


def test_nothing_is_overwritten(kit, course):
    kit.write("step_02_mine", "my work\n")
    before = files(kit.root)
    with pytest.raises(NewStepError, match=r"The file exercises/step_02_mine\.py already exists"):
        make_step(course, "02_mine")
    assert files(kit.root) == before


@pytest.mark.parametrize(("old", "new"), [("[[step]]", "[[ step ]]"), ("points", '"points"')])
def test_a_course_file_that_cannot_be_divided_is_refused(kit, old, new):
    file = kit.root / "course.toml"
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    before = files(kit.root)
    with pytest.raises(NewStepError, match="at the beginning of a line"):
        make_step(Course.load(kit.root), "02_x")
    assert files(kit.root) == before


def test_the_command_refuses_in_one_sentence(kit):
    ran = kit.grader("new", "01_other")
    assert ran.returncode == 2 and ran.stdout == ""
    assert ran.stderr == "Step 01 already exists: step_01_lines.\n"
