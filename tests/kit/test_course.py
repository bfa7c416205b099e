"""The course file: what is wrong in it is said in a sentence, and learners may name steps loosely."""

import pytest

from grader.course.course import Course, CourseError
from grader.course.places import Places, find_places

LIMITS = "[limits]\nseconds = 3\n"
FIRST = {"module": '"step_00_first"', "title": '"First"', "points": "60"}
SECOND = {"module": '"step_01_second"', "title": '"Second"', "points": "40"}


def entry(fields):
    return "[[step]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())


def load(folder, *steps, head=LIMITS):
    (folder / "course.toml").write_text(head + "".join(map(entry, steps)), "utf-8")
    return Course.load(folder)


@pytest.fixture
def course(tmp_path):
    """A course of two steps."""
    return load(tmp_path, FIRST, SECOND | {"seconds": "0.5", "packages": '["sklearn"]'})


def test_steps_come_in_order_with_their_limits(course, tmp_path):
    first, second = course.steps
    assert (first.id, first.points, first.seconds, first.packages) == ("00", 60, 3.0, ())
    assert (second.id, second.points, second.seconds, second.packages) == (
        "01",
        40,
        0.5,
        ("sklearn",),
    )
    assert (first.filename, first.test_file) == ("step_00_first.py", "test_step_00.py")
    assert course.root == tmp_path
    assert course.by_id == {"00": first, "01": second}


@pytest.mark.parametrize(
    "name",
    [
        "1",
        "01",
        "step_01",
        "step_01_second",
        "step_01_second.py",
        "STEP_01",
        "exercises/step_01_second.py",
    ],
)
def test_a_step_is_found_by_every_name_that_learners_use(course, name):
    assert course.find(name) is course.steps[1]


def test_step_0_is_found_by_its_number(course):
    assert course.find("0") is course.find("00") is course.steps[0]


@pytest.mark.parametrize(
    "name", ["", "2", "001", "-1", "step", "second", "step_01_other", "1x", "é"]
)
def test_other_names_are_answered_with_the_steps_that_there_are(course, name):
    with pytest.raises(CourseError, match=r"There is no step .*: the steps are 00 to 01"):
        course.find(name)


BROKEN = {
    "no toml": ("[[step", "cannot be read"),
    "limits twice": ("[[limits]]\n[[limits]]\n", r"write \[limits\] once"),
    "a step that is no table": ("step = 3\n", r"\[\[step\]\] for each step"),
    "a step that is a table": ("[step]\nmodule = 1\n", r"\[\[step\]\] for each step"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_of_another_form_is_refused(tmp_path, name):
    text, words = BROKEN[name]
    with pytest.raises(CourseError, match=words):
        load(tmp_path, head=text)


WRONG = [
    ({"module": '"first"'}, "a module must be named step_XX_name, not first"),
    ({"module": '"step_0_first"'}, "a module must be named step_XX_name"),
    ({"module": '"step_00_first; import os"'}, "a module must be named step_XX_name"),
    ({"module": '"step_00_../x"'}, "a module must be named step_XX_name"),
    ({"module": '"step_٠٠_first"'}, "a module must be named step_XX_name"),
    ({"module": "3"}, "module must be a string"),
    ({"title": "[]"}, "step_00_first: title must be a string"),
    ({"points": '"60"'}, "step_00_first: points must be a whole number above 0"),
    ({"points": "60.0"}, "points must be a whole number above 0"),
    ({"points": "true"}, "points must be a whole number above 0"),
    ({"points": "-60"}, "points must be a whole number above 0"),
    ({"points": "0"}, "points must be a whole number above 0"),
    ({"points": "61"}, "the steps are worth 101 points, not 100"),
    ({"seconds": '"1"'}, "seconds must be a number above 0"),
    ({"seconds": "0"}, "seconds must be a number above 0"),
    ({"seconds": "nan"}, "seconds must be a number above 0"),
    ({"seconds": "inf"}, "seconds must be a number above 0"),
    ({"packages": '"sklearn"'}, "packages must be a list of strings"),
    ({"point": "1"}, "step_00_first: unknown: point"),
]


@pytest.mark.parametrize(("change", "words"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_field_is_named(tmp_path, change, words):
    with pytest.raises(CourseError, match=words) as caught:
        load(tmp_path, FIRST | change, SECOND)
    assert str(caught.value).startswith("course.toml: ")


@pytest.mark.parametrize("field", FIRST)
def test_a_missing_field_is_named(tmp_path, field):
    fields = {name: value for name, value in FIRST.items() if name != field}
    with pytest.raises(CourseError, match=f"missing: {field}"):
        load(tmp_path, fields, SECOND)


def test_two_steps_with_one_id_are_refused(tmp_path):
    with pytest.raises(CourseError, match="two steps have the same id"):
        load(tmp_path, FIRST, SECOND | {"module": '"step_00_second"'})


def test_a_wrong_general_limit_is_refused(tmp_path):
    with pytest.raises(CourseError, match="seconds must be a number above 0"):
        load(tmp_path, FIRST, SECOND, head="[limits]\nseconds = -1\n")


def test_a_file_that_is_missing_or_not_utf_8_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"There is no course.toml in "):
        Course.load(tmp_path)
    (tmp_path / "course.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(CourseError, match="cannot be read"):
        Course.load(tmp_path)


@pytest.mark.usefixtures("course")
def test_the_kit_is_found_from_any_folder_inside_it(tmp_path):
    inside = tmp_path / "exercises" / "notes"
    inside.mkdir(parents=True)
    assert find_places(inside) == find_places(tmp_path) == Places(tmp_path, tmp_path)


def test_outside_of_every_kit_the_one_of_the_package_is_taken(tmp_path):
    root = find_places(tmp_path).kit
    assert (root / "grader" / "course" / "course.py").is_file() and (root / "course.toml").is_file()
