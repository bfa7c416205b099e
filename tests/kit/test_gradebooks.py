"""The files of a class in formats of others: CSV without formulas, nbgrader's columns, JUnit XML."""

import csv
import io
import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest

from grader.course.course import Course
from grader.course.marks import Mark, Student
from grader.report.gradebooks import gradebook_csv, nbgrader_csv
from grader.run.class_files import Download, write_class_files
from tests.kit.conftest import ROOT, run_python

COURSE = Course.load(ROOT)
STEPS = [step.id for step in COURSE.steps]
NOW = datetime(2026, 11, 27, 12, 30, 1, 999, tzinfo=UTC)
DUE = datetime(2026, 11, 20, 23, 59, tzinfo=timezone(timedelta(hours=1)))
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("x","y")']


def mark(name, raw=13.083333, penalty=0.0, **more):
    steps = {"00": 4.0, "03": 9.083333} if raw else {}
    return Mark(
        name, name, steps, {"00": 4.0, "03": 15.0}, raw, penalty, 19.0, graded_at=NOW, **more
    )


def missing(student):
    worth = {"00": 4.0, "03": 15.0}
    said = "nothing was handed in"
    return Mark("", "", {}, worth, 0.0, 0.0, 19.0, problem=said, student=student)


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_the_gradebook_has_a_row_for_each_submission_and_a_column_for_each_step():
    zoe = Student("7", first_name="Zoë", last_name="Müller", email="zoe@example.org")
    marks = [
        mark("Zoë, the 1st", penalty=2.5, student=zoe),
        mark("no result", None, problem="it cannot be read"),
        mark("not final", problem="the kit itself failed"),
        missing(Student("8")),
    ]
    first, unread, broken, absent = rows = table(gradebook_csv(marks, STEPS))
    columns = [
        "submission",
        *(f"step_{n:02}" for n in range(20)),
        "score",
        "max_score",
        "graded_at",
    ]
    assert list(first) == [*columns, "id", "last_name", "first_name", "email"]
    assert (first["step_00"], first["step_03"], first["step_04"]) == ("4", "9.08333", "")
    assert (first["score"], first["max_score"]) == ("10.58333", "19")
    assert (first["submission"], first["last_name"]) == ("Zoë, the 1st", "Müller")
    assert datetime.fromisoformat(first["graded_at"]) == NOW.replace(microsecond=0)
    # What is not known is never a 0; what was not handed in is one.
    assert [row["score"] for row in rows] == ["10.58333", "", "", "0"]
    assert (unread["step_00"], broken["step_00"], absent["step_00"]) == ("", "", "0")
    assert absent["id"] == "8"
    assert list(table(gradebook_csv([mark("a")], STEPS))[0]) == columns


def test_no_text_of_a_file_of_ours_is_a_formula():
    for text in FORMULAS:
        student = Student(text, text, text, text, text)
        marks = [mark(text, student=student)]
        for data in (gradebook_csv(marks, STEPS), nbgrader_csv(marks, text)):
            (row,) = csv.reader(io.StringIO(data.decode().partition("\n")[2], newline=""))
            for value in row:
                assert not value.startswith(tuple("=+-@\t\r＝")), (text, value)
                assert value.isprintable()
            assert any(value.lstrip("'") == text for value in row) or not text.isprintable()
    lone = "half \udc80 a name"
    assert b"half \\udc80 a name" in gradebook_csv([mark(lone)], STEPS)


def test_nbgrader_has_its_columns_quoted_and_its_times_in_utc():
    student = Student("7", "Zoë Müller", "Zoë", "Müller", "zoe@example.org")
    marks = [
        mark("zoe", penalty=1.5, due=DUE, handed_in=DUE + timedelta(hours=2), student=student),
        mark("nobody", None, problem="it cannot be read"),
    ]
    data = nbgrader_csv(marks, "week 1")
    assert data.decode().splitlines()[0] == (
        '"assignment","duedate","timestamp","student_id","last_name","first_name","email",'
        '"raw_score","late_submission_penalty","score","max_score"'
    )
    first, second = table(data)
    assert list(first.values()) == [
        "week 1", "2026-11-20 22:59:00", "2026-11-21 00:59:00", "7", "Müller", "Zoë",
        "zoe@example.org", "13.08333", "1.5", "11.58333", "19",
    ]  # fmt: skip
    assert second["student_id"] == "nobody" and second["score"] == second["raw_score"] == ""


RESULTS = {
    "steps": [
        {
            "id": "03",
            "tests": [
                {"function": "mse", "title": "one", "status": "passed", "message": ""},
                {"function": "mse", "title": "two", "status": "failed", "message": "a < b & \x1b[31m ]]>"},
                {"function": "predict", "title": "three", "status": "not_started", "message": "write"},
                {"function": "update", "title": "four", "status": "error", "message": "\ud800\ufffe"},
                {"function": "gradients", "title": "five", "status": "passed", "message": ""},
            ],
        }
    ]
}  # fmt: skip


def test_all_files_are_written_and_junit_counts_what_it_shows(tmp_path):
    folder = tmp_path / 'Zoë "&" <b>'
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(RESULTS))
    marks = [
        mark(folder.name),
        mark("lost", None, problem="it cannot be read\x00"),
        missing(Student("8", "Nobody")),
    ]
    (tmp_path / "grades.csv").write_bytes(
        b"Identifier,Grade,Maximum grade,Last modified (grade)\nParticipant 1,,100,-\n"
    )
    download = Download.read(tmp_path / "grades.csv")
    filled = write_class_files(COURSE, tmp_path, marks, "week 1", download)
    assert filled and (tmp_path / "moodle.csv").read_bytes() == filled.data
    assert (tmp_path / "gradebook.csv").is_file() and (tmp_path / "nbgrader.csv").is_file()

    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suites.tag == "testsuites"
    assert [suite.get("name") for suite in suites] == [folder.name, "lost", "Nobody"]
    for suite in suites:
        cases = list(suite)
        assert {case.tag for case in cases} == {"testcase"}
        assert int(suite.get("tests")) == len(cases) > 0
        for kind in ("failure", "error"):
            found = sum(case.find(kind) is not None for case in cases)
            assert int(suite.get(f"{kind}s")) == found
    outcome = {
        case.get("name"): (case[0].tag, case[0].text) if len(case) else () for case in suites[0]
    }
    assert outcome["gradients"] == ()
    assert outcome["mse"] == ("failure", "two: failed\na < b & \\x1b[31m ]]>")
    assert outcome["predict"][0] == "failure" and outcome["update"][0] == "error"
    assert [(suite[0][0].tag, suite[0][0].get("message")) for suite in suites[1:]] == [
        ("error", "no final mark"),
        ("failure", "nothing was handed in"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_a_file_that_cannot_be_filled_in_is_said_before_anything_is_graded(tmp_path):
    (tmp_path / "class/anna").mkdir(parents=True)
    (tmp_path / "neither.csv").write_text("name,mark\nAnna,3\n")
    for name, words in (
        ("missing.csv", "cannot be read (No such file"),
        ("neither.csv", "neither"),
    ):
        arguments = ("--out", str(tmp_path / "out"), "--fill", str(tmp_path / name))
        ran = run_python(ROOT, "-m", "grader", "grade", str(tmp_path / "class"), *arguments)
        assert ran.returncode == 2 and words in ran.stderr, ran.stderr
        assert ran.stderr.startswith("Nothing was graded: ") and not (tmp_path / "out").exists()
