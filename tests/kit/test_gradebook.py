"""The gradebook: nothing is graded twice or lost, and a mark changes only when it is told to.

Most tests run the real command on a class of a toy kit, whose hidden test notes each run in a file.
"""

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from grader.course.course import Course
from grader.course.dates import Dates, Extension
from grader.course.marks import Learner, Mark, Student
from grader.run.grade import Grading, Wish, output_names
from grader.run.gradebook import Attempt, Gradebook, GradebookError
from grader.run.roster import ListError, join, read_extensions, read_roster
from grader.submissions.hand_ins import HandIn, read_class
from grader.submissions.moments import handed_in_at
from tests.kit.conftest import OUTER_LIMIT
from tests.kit.test_hand_ins import without_rights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

RIGHT = "def double(x):\n    return 2 * x\n\n\ndef total(values):\n    return values.sum()\n"
WRONG = RIGHT.replace("2 * x", "3 * x")
SLOW = "import time\ntime.sleep(0.2)\n" + RIGHT
HIDDEN = """
import pytest

@pytest.mark.exercise("double", "hidden", points=4)
def test_hidden(learner):
    learner.double({x}).is_close({y})
"""
DATES = """
[dates]
due = 2026-12-04T23:59:00+01:00
grace_minutes = 10
late_percent_per_day = 10
late_percent_at_most = 50
late_days = 1
"""


class Class:
    """A class of a toy kit: two steps, with hidden tests."""

    def __init__(self, kit):
        self.kit, self.root = kit, kit.root
        (kit.root / "grader/content/hidden").mkdir(parents=True)
        self.out = kit.root / "out"
        self.set_hidden("00", 2, 4)
        self.set_hidden("01", 5, 10)

    def set_hidden(self, step, x, y):
        file = self.root / f"grader/content/hidden/test_step_{step}.py"
        file.write_text(HIDDEN.format(x=x, y=y))

    def hand_in(self, name, *sources):
        for module, source in zip(self.kit.modules, sources, strict=False):
            self.kit.write(module, source, f"class/{name}")

    def grade(self, *options, code=0, text=None):
        ran = subprocess.run(
            self.command(*options), cwd=self.root, env=self.kit.environment(), input=text or "",
            capture_output=True, text=True, timeout=OUTER_LIMIT, check=False,
            preexec_fn=without_rights if os.geteuid() == 0 else None,
        )  # fmt: skip
        assert ran.returncode == code, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stdout + ran.stderr

    def command(self, *options):
        return [sys.executable, "-m", "grader", "grade", "class", "--out", "out", *options]

    def start(self, *options):
        return subprocess.Popen(
            self.command(*options), cwd=self.root, env=self.kit.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
            # What a shell starts in the background ignores Ctrl-C, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def rows(self, query):
        with closing(sqlite3.connect(self.out / "gradebook.db")) as database:
            return database.execute(query).fetchall()

    def verdicts(self):
        """Return how many verdicts there are on each submission and step."""
        query = """SELECT name, step, count(*) FROM verdicts JOIN attempts ON attempts.id = attempt
            JOIN submissions ON submissions.id = submission GROUP BY name, step"""
        return {(name, step): count for name, step, count in self.rows(query)}

    def scores(self):
        files = self.out.glob("*/results.json")
        return {file.parent.name: json.loads(file.read_text())["score"] for file in files}


@pytest.fixture
def group(kit):
    """A class of three."""
    group = Class(kit)
    group.hand_in("ann", RIGHT, RIGHT)
    group.hand_in("bob", WRONG, RIGHT)
    group.hand_in("cy", RIGHT, WRONG)
    return group


def test_nothing_runs_twice_and_marks_change_only_when_told(group):
    group.grade("--no-rehearse")
    first = group.scores()
    assert first["ann"] == 100.0 and 0 < first["bob"] < first["cy"] < 100
    assert set(group.verdicts().values()) == {1} and len(group.verdicts()) == 6
    files = {path: path.stat().st_mtime_ns for path in group.out.glob("*/results.json")}

    # Nothing has changed, so nothing runs: not even the tests are collected.
    group.kit.collected()
    said = group.grade("--publish")
    assert group.kit.collected() == [] and "3 marks were published" in said
    assert "3 graded, 0 without a result. 3 of them by earlier runs." in said

    # One test was corrected: the marks stay until they are told to change.
    group.set_hidden("01", 5, 15)
    said = group.grade()
    assert "The tests of 1 step have changed since marks were given (01)" in said
    assert group.scores() == first and set(group.verdicts().values()) == {1}

    # Only its step runs. The old and the new marks stand side by side before any is changed.
    said = group.grade("--regrade", "--no-rehearse", text="n\n")
    assert group.kit.collected() == ["01"]
    lines = [line.split() for line in said.splitlines() if "until --publish" in line]
    assert [(line[2], line[3]) for line in lines] == [("01", "ann"), ("01", "bob"), ("01", "cy")]
    assert float(lines[0][0]) == 100 > float(lines[0][1])
    assert "No mark was changed" in said and group.scores() == first
    counts = group.verdicts()
    assert {step: count for (_, step), count in counts.items()} == {"00": 1, "01": 2}
    assert group.rows("SELECT count(*) FROM marks") == [(3,)]

    # What has run already is not run again; who has a published mark keeps it, and nobody gets less.
    said = group.grade("--regrade", "--never-lower", "--yes")
    assert group.kit.collected() == [] and group.verdicts() == counts
    assert group.rows("SELECT count(*) FROM marks") == [(4,)] and group.scores() == first
    said = group.grade("--publish")
    assert "1 mark was published" in said
    after = group.scores()
    assert {name for name in first if after[name] != first[name]} == {"cy"} and after["cy"] > first[
        "cy"
    ]
    assert files.keys() == set(group.out.glob("*/results.json"))


def test_points_and_dates_run_no_code(group):
    for name, day in (("ann", 4), ("bob", 6), ("cy", 8)):
        group.root.joinpath("class", f"submission_{day}").mkdir(parents=True)
        for file in group.root.joinpath("class", name).iterdir():
            file.rename(group.root / "class" / f"submission_{day}" / file.name)
        group.root.joinpath("class", name).rmdir()
    people = {4: "ann", 6: "bob", 8: "cy"}
    group.root.joinpath("class/submission_metadata.yml").write_text(
        "---\n"
        + "".join(
            f"submission_{day}:\n  :submitters:\n  - :name: {name}\n    :sid: '{day}'\n"
            f"    :email: {name}@x.org\n  :created_at: 2026-12-0{day} 20:00:00.123456789 Z\n"
            for day, name in people.items()
        )
    )
    group.grade("--no-rehearse")
    plain = group.scores()
    group.kit.collected()
    course = group.root / "course.toml"
    course.write_text(DATES + course.read_text().replace("points = 99", "points = 50")
                      .replace("points = 1\n", "points = 50\n"))  # fmt: skip
    said = group.grade()
    assert "Points or dates have changed since marks were given: 3 would change" in said
    assert group.scores() == plain
    agreed = group.root / "agreed.csv"
    agreed.write_text("id;due;late days\nR8;2026-12-08T12:00;0\nnobody;;3\n")
    roster = group.root / "roster.csv"
    roster.write_text(
        "SID,Last Name,First Name,Email\n4,A,Ann,\n99,Dee,Di,\n,B,Bob,bob@x.org\nR8,,,CY@x.org\n"
    )
    lists = ("--extensions", str(agreed), "--roster", str(roster))
    said = group.grade("--regrade", "--yes", *lists)
    assert "agreed.csv: nobody in the class has the id nobody." in said
    # Which of both depends on today.
    assert group.kit.collected() == []
    assert re.search("1 (handed nothing in and get 0|have no mark yet): 99[.]", said)
    found = {
        file.parent.name[:2]: json.loads(file.read_text())
        for file in group.out.glob("*/results.json")
    }
    late = {name: one["late"] for name, one in found.items()}
    assert [late["an"][key] for key in ("days", "free_days", "penalty")] == [0, 0, 0]
    # Bob has two days, and one of them is free; cy has one day after an extension, and none is free.
    assert [late["bo"][key] for key in ("days", "free_days")] == [2, 1]
    assert [late["cy"][key] for key in ("days", "free_days")] == [1, 0]
    for one in found.values():
        assert one["score"] == pytest.approx(one["late"]["raw_score"] - one["late"]["penalty"])
    for name in ("bo", "cy"):
        assert late[name]["penalty"] == pytest.approx(late[name]["raw_score"] / 10)
        assert "points taken off" in found[name]["notes"][-1]


def test_a_changed_submission_is_graded_again_and_its_history_kept(group):
    group.grade("--no-rehearse", "--only", "bob")
    assert set(group.scores()) == {"bob"}
    group.grade("--no-rehearse")
    before = group.scores()
    group.hand_in("bob", RIGHT, RIGHT)
    group.grade("--no-rehearse")
    assert group.scores() == {**before, "bob": 100.0}
    history = group.rows(
        "SELECT raw FROM marks JOIN submissions s ON s.id = submission WHERE name = 'bob' ORDER BY marks.id"
    )
    assert history == [(before["bob"],), (100.0,)]
    # A result that was lost is written again, byte for byte, from the gradebook alone.
    file = group.out / "bob/results.json"
    text = file.read_bytes()
    group.kit.collected()
    for lose in (file.unlink, lambda: file.write_bytes(b"")):
        lose()
        group.grade()
        assert file.read_bytes() == text and group.kit.collected() == []
    assert json.loads(text)["versions"].keys() == {"kit", "course", "torch", "numpy", "python"}


def test_publishing_and_grading_again_add_no_steps(group):
    group.grade("--steps", "00", "--no-rehearse")
    for option in ("--publish", "--regrade"):
        group.grade(option)
        assert {step for _, step in group.verdicts()} == {"00"}
    group.grade("--no-rehearse")
    assert {step for _, step in group.verdicts()} == {"00", "01"}


def test_a_published_mark_stays_whatever_the_next_try_gives(group):
    group.grade("--no-rehearse")
    group.grade("--publish")
    before = {file.parent.name: file.read_bytes() for file in group.out.glob("*/results.json")}
    gradebook = (group.out / "gradebook.csv").read_bytes()

    # What is handed in next cannot be read: there is a problem to tell, and the mark stays.
    folder = group.root / "class/cy"
    folder.chmod(0)
    if os.geteuid() == 0:
        os.chown(folder, 60_777, 60_777)
    group.hand_in("bob", RIGHT, RIGHT)
    said = group.grade("--no-rehearse", code=3)
    assert "cy: no result: " in said and "it was published and stays; the last try gave no" in said
    assert "it was published and stays until --publish; the newer mark is 100" in said
    assert (group.out / "cy/problem.txt").is_file()
    assert {name: (group.out / name / "results.json").read_bytes() for name in before} == before
    assert (group.out / "gradebook.csv").read_bytes() == gradebook
    (group.out / "cy/results.json").unlink()
    said = group.grade("--publish", "--only", "ann")
    assert "0 marks were published" in said and (group.out / "cy/results.json").is_file()
    assert group.scores()["bob"] < 100
    said = group.grade("--publish", code=3)
    assert "1 mark was published" in said and group.scores()["bob"] == 100
    assert (group.out / "cy/results.json").read_bytes() == before["cy"]


def test_a_mark_that_is_not_final_is_not_published(group):
    group.set_hidden("01", "[][1]", 1)
    group.grade("--no-rehearse", code=3)
    said = group.grade("--publish", "--no-rehearse", code=3)
    assert "0 marks were published" in said
    group.set_hidden("01", 5, 10)
    said = group.grade("--no-rehearse")
    assert group.scores()["ann"] == 100


def wait_for(group, count):
    end = time.monotonic() + OUTER_LIMIT
    while time.monotonic() < end:
        try:
            if group.rows("SELECT count(*) FROM marks")[0][0] >= count:
                return
        except sqlite3.Error:
            pass
        time.sleep(0.02)
    raise AssertionError("no mark came")


def test_marks_change_by_regrade_although_the_submission_could_not_be_read_before(group):
    group.grade("--no-rehearse")
    with Gradebook(group.out) as book, book.transaction():
        entry = book.entries()["bob", 1]
        book.set_problem(entry.id, "it could not be read")
    course = group.root / "course.toml"
    text = course.read_text()
    course.write_text(
        text.replace("points = 99", "points = 50").replace("points = 1\n", "points = 50\n")
    )
    said = group.grade("--regrade", "--yes")
    assert "bob" in said and group.scores()["bob"] > 50

    # Who is no longer in the class keeps the marks of a step that is no longer in the course.
    head, first, _ = course.read_text().split("[[step]]")
    course.write_text(f"{head}[[step]]{first.replace('points = 50', 'points = 100')}")
    group.root.joinpath("class/ann").rename(group.root / "ann")
    group.grade("--no-rehearse")
    with (group.out / "gradebook.csv").open() as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert float(rows["ann"]["step_00"]) == float(rows["ann"]["step_01"]) == 50


def test_more_is_shown_after_a_date_and_less_after_a_killed_run(group):
    group.grade("--no-rehearse")
    file = group.out / "bob/results.json"

    def hidden():
        tests = [test for step in json.loads(file.read_text())["steps"] for test in step["tests"]]
        (wrong,) = [
            one for one in tests if one["visibility"] == "hidden" and one["status"] == "failed"
        ]
        return wrong["message"]

    assert hidden() != "A hidden test failed."
    course = group.root / "course.toml"
    plain = course.read_text()
    course.write_text(
        'hidden_feedback = "title"\n[dates]\nreveal_after = 2999-01-01T00:00:00Z\n' + plain
    )
    group.grade()
    assert hidden() == "A hidden test failed."
    course.write_text(course.read_text().replace("2999", "2001"))
    group.grade()
    assert hidden() != "A hidden test failed."

    # A run that wrote all of it and was killed then: the next one may be told to show less.
    course.write_text('hidden_feedback = "title"\n' + plain)
    group.grade()
    course.write_text(plain)
    kit = Course.load(group.root)
    with Gradebook(group.out) as book:
        grading = Grading(kit, book, group.out, Wish())
        grading.read(read_class(group.root / "class", kit).hand_ins, 1)
        grading.results.write(book.entries()["bob", 1])
    assert hidden() != "A hidden test failed."
    course.write_text('hidden_feedback = "title"\n' + plain)
    group.grade()
    assert hidden() == "A hidden test failed."


def test_names_of_results_are_taken_by_no_submission_and_fit_on_a_disk():
    names = ["gradebook.db", "JUNIT.XML", "\u540d" * 200, "a" * 300, "...", "x\nann: 100"]
    folders = list(output_names([HandIn(name, ()) for name in names]).values())
    assert folders[0] == "gradebook.db-2" and folders[1] == "JUNIT.XML-2"
    assert all(0 < len(folder.encode()) <= 255 for folder in folders)


def test_a_name_of_several_lines_is_one_line_and_other_exercises_are_said(group):
    name = "eve\n 100.00 of 100  ann"
    group.hand_in(name, WRONG, RIGHT)
    memory = group.root / "class" / name / ".torchsteps"
    memory.mkdir()
    stub = (group.root / "exercises/step_00_numbers.py").read_text()
    stubs = {"step_00_numbers.py": stub, "step_01_lines.py": "# other\n", "step_99_no.py": ""}
    (memory / "stubs.json").write_text(json.dumps(stubs))
    said = group.grade("--no-rehearse")
    assert len([line for line in said.splitlines() if line.startswith(" 100.00 of 100  ann")]) == 1
    words = "its workspace was made with other exercises than this kit has: step 01"
    assert said.count(words) == 1
    (notes,) = (
        json.loads(file.read_text())["notes"] for file in group.out.glob("eve*/results.json")
    )
    assert notes == [words]
    for broken in ("[1]", "{", '{"step_00_numbers.py": 1}'):
        (memory / "stubs.json").write_text(broken)
        assert "other exercises" not in group.grade("--no-rehearse")


def test_a_mark_that_keeps_its_sum_but_not_its_steps_is_asked_for(group):
    group.root.joinpath("roster.csv").write_text("id\nann\nbob\ncy\ndi\n")
    group.root.joinpath("agreed.csv").write_text("id,late_days\ndi,3\nnobody,3\n")
    lists = ("--roster", "roster.csv", "--extensions", "agreed.csv")
    said = group.grade("--no-rehearse", "--steps", "00", *lists)
    assert "has the id nobody." in said and "has the id di." not in said
    assert group.scores()["ann"] == 99
    # cy's second step is worth nothing: 99 of 99 become 99 of 100.
    (group.root / "class/cy/step_01_lines.py").write_text("x = 1\n")
    group.grade("--no-rehearse", "--steps", "00")
    said = group.grade("--no-rehearse", "--regrade", "--steps", "00,01", text="n\n")
    line = next(line for line in said.splitlines() if "  cy" in line)
    assert line.split()[:4] == ["99.00", "99.00", "01", "cy"] and "(of 99, then of 100)" in line
    assert "3 marks change. Write them?" in said
    assert "Graded for the first time: step 01. Marks now go up to 100." in said
    course = group.root / "course.toml"
    group.grade("--regrade", "--yes", "--steps", "00,01")
    # The points move from one step to the other, and the sum stays.
    course.write_text(course.read_text().replace("points = 99", "points = 60")
                      .replace("points = 1\n", "points = 40\n"))  # fmt: skip
    said = group.grade("--regrade", text="n\n")
    assert "100.00  100.00  00, 01  ann" in said and "No mark was changed" in said


def test_a_killed_run_and_one_that_is_stopped_go_on_where_they_ended(group):
    for number in range(7):
        group.hand_in(f"slow {number}", SLOW + f"# {number}\n", RIGHT)
    run = group.start("--no-rehearse")
    wait_for(group, 3)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    run = group.start("--no-rehearse")
    wait_for(group, 6)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=OUTER_LIMIT)[0]
    assert run.returncode == 130, said
    assert "Stopped." in said and "the same command goes on from there" in said
    assert "no result" not in said and "Traceback" not in said
    assert group.rows("SELECT count(*) FROM marks")[0][0] < 10
    group.grade("--no-rehearse")
    assert len(group.scores()) == 10 and set(group.verdicts().values()) == {1}
    assert group.rows("SELECT count(*) FROM marks") == [(10,)]
    assert group.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_disk_that_fills_up_costs_nothing_that_was_graded(group):
    for number in range(30):
        group.hand_in(f"more {number}", RIGHT + f"# {number}\n", RIGHT)
    group.out.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(group.out)]
    if subprocess.run(small, capture_output=True, check=False).returncode:
        pytest.skip("only root can make a small disk")
    try:
        said = group.grade("--no-rehearse", code=2)
        assert said.splitlines()[-1].count("be written") == 1, said
        (kept,) = group.rows("SELECT count(*) FROM marks")[0]
        assert 0 < kept < 33
        subprocess.run(["mount", "-o", "remount,size=64m", str(group.out)], check=True)
        group.grade("--no-rehearse")
        assert len(group.scores()) == 33 and set(group.verdicts().values()) == {1}
    finally:
        subprocess.run(["umount", str(group.out)], check=True)


def test_a_gradebook_that_others_hold_or_that_is_none_is_a_sentence(tmp_path):
    with Gradebook(tmp_path, patience=0.05) as book:
        with closing(sqlite3.connect(book.path)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with (
                pytest.raises(GradebookError, match=r"is held by another program\. What was"),
                book.transaction(),
            ):
                pass
        with book.transaction():
            entry = book.add_entry("name \udcff", 1, "name _", (Learner("N", {"canvas": "7"}),))
            book.add_attempt(entry.id, Attempt(0, "c", "s"))
        script = "import sys; from pathlib import Path; from grader.run.gradebook import *\n"
        script += "try: Gradebook(Path(sys.argv[1]))\nexcept GradebookError as error: print(error)"
        ran = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "is being written by another `grade`" in ran.stdout, ran.stderr
        with pytest.raises(ZeroDivisionError), book.transaction():
            book.add_entry("lost", 1, "lost")
            raise ZeroDivisionError
    with Gradebook(tmp_path) as book:
        assert book.entries() == {("name \udcff", 1): replace(entry, problem="")}
        assert next(iter(book.entries().values())).learners[0].ids == {"canvas": "7"}
    for content, words in ((b"no database" * 999, "is not a gradebook"), (b"", "")):
        folder = tmp_path / f"of {len(content)}"
        folder.mkdir()
        (folder / "gradebook.db").write_bytes(content)
        if not words:
            Gradebook(folder).close()
            continue
        with pytest.raises(GradebookError, match=words):
            Gradebook(folder)
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(GradebookError, match="by a newer version of the kit"):
        Gradebook(tmp_path)


DUE = datetime(2026, 12, 4, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "extension", "expected"),
    [
        (-1, None, (0, 0, 0)),
        (0.1, None, (0, 0, 0)),
        (0.2, None, (1, 1, 0)),
        (24, None, (1, 1, 0)),
        (25, None, (2, 1, 10)),
        (25, Extension(late_days=0), (2, 0, 20)),
        (25, Extension(late_days=9), (2, 2, 0)),
        (25, Extension(due=DUE + timedelta(hours=25)), (0, 0, 0)),
        (999, None, (42, 1, 50)),
        (None, None, (0, 0, 0)),
    ],
)
def test_lateness_costs_what_the_rules_say(hours, extension, expected):
    dates = Dates(DUE, 10, 10, 50, 1)
    moment = None if hours is None else DUE + timedelta(hours=hours)
    late = dates.lateness(moment, extension)
    assert (late.days, late.free, late.percent) == expected
    assert Dates().lateness(DUE).due is None
    never = datetime.max.replace(tzinfo=UTC)
    assert Dates(never, 10).lateness(DUE).days == 0


def test_hidden_tests_are_revealed_after_their_date():
    dates = Dates(DUE, reveal_after=DUE)
    moments = [DUE - timedelta(seconds=1), DUE]
    assert [dates.feedback("title", moment) for moment in moments] == ["title", "all"]
    assert Dates().feedback("mistake", DUE) == "mistake"


def agreed_with(hand_in, wish):
    """Return the ids of the extensions that are found for a submission."""
    with TemporaryDirectory() as folder, Gradebook(Path(folder)) as book:
        grading = Grading(Course(Path(folder), ()), book, Path(folder), wish)
        grading._agreed(hand_in)
        return sorted(grading.agreed_with)


def mark(name, *learners):
    return Mark(name, name, {"00": 60.0}, {"00": 100.0}, 60.0, 0.0, 100.0, learners=learners)


def test_a_roster_is_joined_by_id_address_and_name_and_doubt_is_said():
    students = [
        Student("s1", "Ann Lee", "Ann", "Lee", "ann@x.org"),
        Student("s2", "Zoë Ångström", "Zoë", "Ångström"),
        Student("s3", "Lee, Bo"),
        Student("s4", "Twin"),
        Student("s5", "Twin"),
        Student("s6", "Gone"),
    ]
    marks = [
        mark("submission_1", Learner("?", {"sid": "S2"}), Learner("?", {"email": "Ann@x.org"})),
        mark("leebo_123", Learner("leebo", {"canvas": "123"})),
        mark("Twin_9", Learner("Twin", {"moodle": "Participant 9"})),
        mark("stranger"),
    ]
    joined, said = join(marks, students, Dates(), {}, datetime.now(UTC))
    found = {one.student.id: (one.submission, one.score) for one in joined if one.student}
    # Who handed nothing in has 0. Of two whom a submission fits, neither has: nobody knows.
    assert found.pop("s6") == ("", 0.0) and found.pop("s4") == found.pop("s5") == ("", None)
    assert found == {
        "s1": ("submission_1", 60),
        "s2": ("submission_1", 60),
        "s3": ("leebo_123", 60),
    }
    assert said == ["Twin_9: 2 rows of the roster fit.", "stranger: nobody in the roster fits."]
    assert [one.submission for one in joined if not one.student] == ["Twin_9", "stranger"]


def test_who_can_still_hand_in_has_no_mark_yet():
    now = datetime(2026, 12, 4, 12, tzinfo=UTC)
    students = [Student("s1"), Student("s2", email="bo@x.org"), Student("s3"), Student("s4")]
    agreed = {"S1": Extension(due=now + timedelta(days=3)), "Bo@x.org": Extension(late_days=5)}

    def scores(due, **more):
        dates = Dates(due=due, **more)
        joined, _ = join([mark("s4", Learner("", {"sid": "s4"}))], students, dates, agreed, now)
        assert [one.student.id for one in joined] == ["s1", "s2", "s3", "s4"]
        return [(one.score, one.problem) for one in joined]

    late = (0.0, "nothing was handed in")
    later = (None, "nothing was handed in yet, and it is due at 2026-12-07 12:00")
    assert scores(now - timedelta(hours=1)) == [later, late, late, (60, "")]
    soon = (None, "nothing was handed in yet, and it is due at 2026-12-04 13:00")
    assert scores(now + timedelta(hours=1)) == [later, soon, soon, (60, "")]
    grace = (None, "nothing was handed in yet, and it is due at 2026-12-04 11:55")
    assert scores(now - timedelta(minutes=5), grace_minutes=10) == [later, grace, grace, (60, "")]
    assert scores(None) == [later, late, late, (60, "")]


def test_a_number_of_the_platform_that_speaks_against_the_name_is_said():
    students = [Student("1", "Ann Lee"), Student("2", "Bo Ray"), Student("3", "Cy Fox")]
    marks = [
        mark("Ann Lee_2", Learner("Ann Lee", {"moodle": "Participant 2"})),
        mark("Cy Fox_3", Learner("Cy Fox", {"moodle": "Participant 3"})),
        mark("Di_9", Learner("Di", {"moodle": "Participant 9"})),
    ]
    joined, said = join(marks, students, Dates(), {}, datetime.now(UTC))
    found = {one.student.id: one.submission for one in joined if one.student}
    assert found == {"1": "", "2": "", "3": "Cy Fox_3"}
    assert said == ["Ann Lee_2: 2 rows of the roster fit.", "Di_9: nobody in the roster fits."]
    # What is agreed with the row 2 of the roster is not agreed with Moodle's participant 2.
    number = HandIn("Ann Lee_2", (), (Learner("Ann Lee", {"moodle": "Participant 2"}),))
    agreed = {"2": Extension(late_days=5)}
    assert agreed_with(number, Wish(extensions=agreed)) == ["2"]
    assert agreed_with(number, Wish(extensions=agreed, students=students)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,age\nA,3\n", "line 1 names no column of ids"),
        ("id,name\n1,A\n1,B\n", "line 3: the id 1 stands there twice"),
        ("id,name\n,A\n", "line 2: there is no id"),
        ("id,name\n\xff", "is not UTF-8"),
    ],
)
def test_a_roster_that_cannot_be_used_is_a_sentence(tmp_path, text, words):
    file = tmp_path / "roster.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ListError, match=words):
        read_roster(file)


def test_extensions_are_read_with_the_offset_of_the_due_date(tmp_path):
    file = tmp_path / "agreed.csv"
    file.write_text(
        "id,due,late_days,handed in\n1,2026-12-05 12:00,,\n2,,3,2026-12-01T00:00+02:00\n"
    )
    found = read_extensions(file, UTC)
    assert found["1"] == Extension(datetime(2026, 12, 5, 12, tzinfo=UTC))
    assert found["2"].late_days == 3 and found["2"].handed_in.utcoffset() == timedelta(hours=2)
    # A day alone would be over as soon as it begins.
    for row, words in (
        ("1,soon,,", "due must be"),
        ("1,2026-12-08,,", "due must be"),
        ("1,,-1,", "late_days must be"),
    ):
        file.write_text(f"id,due,late_days,handed_in\n{row}\n")
        with pytest.raises(ListError, match=f"line 2: {words}"):
            read_extensions(file, UTC)


def test_a_clone_was_handed_in_with_its_last_commit_and_runs_nothing(tmp_path):
    clone = tmp_path / 'ann 12:30 "x" \\'
    moment = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment |= {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment["GIT_COMMITTER_DATE"] = environment["GIT_AUTHOR_DATE"] = moment.isoformat()
    for command in (
        ["init", "-q", str(clone)],
        ["-C", str(clone), "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *command], env=environment, check=True)
    # A configuration that would run a program if git read it.
    with (clone / ".git/config").open("a") as config:
        config.write(
            f'[core]\n\tfsmonitor = "touch {tmp_path}/ran"\n\tpager = "touch {tmp_path}/ran"\n'
        )
    hand_in = HandIn("ann", (clone,))
    assert handed_in_at(hand_in, None) == moment
    for ref in (clone / ".git").glob("refs/heads/*"):
        ref.unlink()
    assert handed_in_at(hand_in, None) is None and not (tmp_path / "ran").exists()
    blackboard = HandIn("bo", (), time="2026-12-01-09-30-00")
    assert handed_in_at(blackboard, UTC) == moment + timedelta(hours=1)
    assert handed_in_at(HandIn("cy", ()), UTC) is None
