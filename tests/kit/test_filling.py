"""Files of Moodle and Canvas, filled in and then read by functions that follow the rules of their importers.

They are written after the importers' sources and share nothing with the kit. What they pass over without a word
must be what the kit has named beforehand.
"""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from grader.course.marks import Learner, Mark, Student
from grader.report.filling import fill
from grader.report.sheets import FillError

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def mark(name, score, *, ids=None, student=None, problem="", attempt=0, learner=""):
    """Return the mark of a submission."""
    learners = (Learner(learner or name.rpartition("_")[0], ids),) if ids else ()
    result = None if score is None else float(score)
    return Mark(
        name, name, {}, {}, result, 0.0, 100.0,
        graded_at=NOW, problem=problem, attempt=attempt, learners=learners, student=student,
    )  # fmt: skip


def on_moodle(name, number, score, **more):
    """Return a mark of a submission that comes from Moodle."""
    ids = {"moodle": f"Participant {number}"}
    return mark(f"{name}_{number}", score, ids=ids, learner=name, **more)


# Moodle. `mod/assign/gradingtable.php` gives the columns, the packs of languages the words.

ENGLISH = {
    "id": "Identifier", "prefix": "Participant ", "name": "Full name", "mail": "Email address",
    "status": "Status", "grade": "Grade", "highest": "Maximum grade", "can": "Grade can be changed",
    "handed in": "Last modified (submission)", "modified": "Last modified (grade)",
    "feedback": "Feedback comments", "yes": "Yes", "no": "No", "point": ".",
    "date": "Friday, 20 November 2026, 9:15 AM",
}  # fmt: skip
GERMAN = {
    "id": "ID", "prefix": "Teilnehmer/in ", "name": "Vollständiger Name", "mail": "E-Mail-Adresse",
    "status": "Status", "grade": "Bewertung", "highest": "Bestwertung",
    "can": "Bewertung kann geändert werden", "handed in": "Zuletzt geändert (Abgabe)",
    "modified": "Zuletzt geändert (Bewertung)", "feedback": "Feedback als Kommentar", "yes": "Ja",
    "no": "Nein", "point": ",", "date": "Freitag, 20. November 2026, 09:15",
}  # fmt: skip
JAPANESE = {
    "id": "ID", "prefix": "参加者", "name": "フルネーム", "mail": "メールアドレス", "status": "ステータス",
    "grade": "評点", "highest": "最大評点", "can": "評点を変更できます", "handed in": "最終更新日時 (提出)",
    "modified": "最終更新日時 (評定)", "feedback": "フィードバックコメント", "yes": "Yes", "no": "No",
    "point": ".", "date": "2026年 11月 20日(金曜日) 09:15",
}  # fmt: skip
GRADED = datetime(2026, 11, 20, 9, 15, tzinfo=UTC).timestamp()


def worksheet(words, people, *, blind=False, highest="100.00", online_text=False):
    """Return a grading worksheet as Moodle downloads it.

    Args:
        words: the language.
        people: for each participant: number, name, e-mail address, grade or "", whether it can be changed.
        blind: whether there are no names.
        highest: the highest grade.
        online_text: whether learners type text, too.
    """
    names = () if blind else ("name", "mail")
    text = ["Online text"] if online_text else []
    header = [
        words[key] for key in ("id", *names, "status", "grade", "highest", "can", "handed in")
    ]
    rows = [[*header, *text, words["modified"], words["feedback"]]]
    for number, name, mail, grade, can_change in people:
        shown = grade.replace(".", words["point"])
        row = [f"{words['prefix']}{number}", *(() if blind else (name, mail)), "Submitted"]
        row += [shown, highest.replace(".", words["point"]), words["yes" if can_change else "no"]]
        row += [words["date"], *(["<p>2026,\n1:2</p>"] if online_text else [])]
        rows.append([*row, words["date"] if grade else "-", ""])
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return ("\ufeff" + out.getvalue()).encode()


def moodle_imports(data, words, grades, highest=100.0):
    """Do what `assign_feedback_offline::process_import_grades` does with a file.

    Args:
        data: the file.
        words: the language of the site.
        grades: what Moodle has of each participant: a grade or None, when it was changed, whether it is locked.
        highest: the highest grade.

    Returns:
        The grades that are changed, and the participants that are passed over although theirs would be another.
    """
    table = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    header = table[0]
    assert all(len(row) == len(header) for row in table), "csvweirdcolumns"
    columns = [header.index(words[key]) for key in ("id", "grade", "modified")]
    changed, silent = {}, set()
    for row in table[1:]:
        identifier, grade, modified = (row[index] for index in columns)
        number = identifier[len(words["prefix"]) :]
        if number not in grades:
            continue
        old, time, locked = grades[number]
        # unformat_float: "" is nothing, and the site's sign for decimals becomes a point.
        value = (
            float(grade.replace(" ", "").replace(words["point"], ".")) if grade.strip() else None
        )
        if value is None or value == old:
            continue
        late = old is not None and time > strtotime(modified) + 60
        if value < 0 or late or locked or value > highest:
            silent.add(number)
        else:
            changed[number] = value
    return changed, silent


def strtotime(text):
    """Return the time that PHP reads in a date of Moodle's; 0, which false is equal to, if it reads none."""
    try:
        time = datetime.strptime(text, "%A, %d %B %Y, %I:%M %p")
    except ValueError:
        return 0
    return time.replace(tzinfo=UTC).timestamp()


CLASS = [
    ("101", "Zoë Ångström-Müller", "zoe@example.org", "", True),
    ("102", "Anna Schmidt", "anna@example.org", "40.00", True),
    ("103", "Anna Schmidt", "anna.s@example.org", "", True),
    ("104", "=Jo, \"Li\"", "jo@example.org", "", False),
    ("105", "学生", "five@example.org", "12.50", True),
    ("106", "Nobody Here", "six@example.org", "", True),
    ("108", "100%", "eight@example.org", "", True),
]  # fmt: skip
MARKS = [
    on_moodle("Zoë Ångström-Müller", 101, 13.083333),
    on_moodle("Anna Schmidt", 102, 87.5),
    on_moodle("Group A-Anna Schmidt", 103, 0),
    on_moodle("=Jo, Li", 104, 55),
    on_moodle("学生", 105, 12.5),
    on_moodle("Who Left", 107, 70),
    on_moodle("100%", 108, 100),
]
# What Moodle has: a grade or None, when it was changed, whether it is locked.
GRADES = {
    number: (float(grade) if grade else None, GRADED, not can_change)
    for number, _, _, grade, can_change in CLASS
}


@pytest.mark.parametrize("online_text", [True, False])
@pytest.mark.parametrize("words", [ENGLISH, GERMAN, JAPANESE], ids=["en", "de", "ja"])
def test_moodle_takes_all_marks_but_those_that_were_named(words, online_text):
    filled = fill("grades.csv", worksheet(words, CLASS, online_text=online_text), MARKS)
    changed, silent = moodle_imports(filled.data, words, GRADES)
    unread = set() if words is ENGLISH else {"102"}
    assert changed == {
        number: grade
        for number, grade in (("101", 13.08333), ("102", 87.5), ("103", 0.0), ("108", 100.0))
        if number not in unread
    }
    named = {re.search(r"\d+", one.who)[0] for one in filled.skipped}
    assert silent == {"104"} | unread and named == silent | {"107"}
    assert (filled.platform, filled.count) == ("Moodle", 6)
    assert any("Participant 107 is not in the file" in one.reason for one in filled.skipped)
    assert filled.notes == ("1 participant of the file keeps what Moodle has.",)


def test_nothing_but_the_grades_of_a_worksheet_changes():
    before = worksheet(GERMAN, CLASS, online_text=True)
    after = fill("grades.csv", before, MARKS).data
    tables = [list(csv.reader(io.StringIO(data.decode(), newline=""))) for data in (before, after)]
    changed = {
        header
        for old, new in zip(*tables, strict=True)
        for header, a, b in zip(tables[0][0], old, new, strict=True)
        if a != b
    }
    assert changed == {"Bewertung"}
    assert before[:3] == after[:3]


def test_a_worksheet_without_names_is_filled_in_by_number():
    marks = [on_moodle("Participant", number, number - 50) for number in (101, 103)]
    filled = fill("grades.csv", worksheet(ENGLISH, CLASS, blind=True), marks)
    assert moodle_imports(filled.data, ENGLISH, GRADES) == ({"101": 51.0, "103": 53.0}, set())


def test_grades_that_are_out_of_range_are_named():
    filled = fill("grades.csv", worksheet(ENGLISH, CLASS, highest="50.00"), MARKS)
    changed, silent = moodle_imports(filled.data, ENGLISH, GRADES, 50.0)
    assert changed == {"101": 13.08333, "103": 0.0} and silent == {"102", "104", "108"}
    reasons = {re.search(r"\d+", one.who)[0]: one.reason for one in filled.skipped}
    assert reasons["102"] == "87.5 is out of range: the highest grade is 50"
    assert "the assignment is worth 50, and these marks go up to 100" in filled.notes[0]


def test_a_worksheet_that_is_older_than_the_last_upload_is_named():
    old = worksheet(ENGLISH, CLASS)
    first = fill("grades.csv", old, MARKS)
    # The same marks once more are as good as before.
    assert fill("grades.csv", old, MARKS, before=first.data) == first
    later = [on_moodle("Zoë Ångström-Müller", 101, 20), *MARKS[1:]]
    again = fill("grades.csv", old, later, before=first.data)
    changed, _ = moodle_imports(first.data, ENGLISH, GRADES)
    there = GRADES | {number: (grade, NOW.timestamp(), False) for number, grade in changed.items()}
    assert moodle_imports(again.data, ENGLISH, there) == ({}, {"101", "104"})
    (reason,) = (one.reason for one in again.skipped if one.who.startswith("Participant 101"))
    assert "downloaded before the last one was filled in" in reason
    # One that was downloaded afterwards shows the grades.
    people = [
        (number, name, mail, f"{there[number][0]:.2f}" if there[number][0] else "", can_change)
        for number, name, mail, _, can_change in CLASS
    ]
    fresh = worksheet(ENGLISH, people)
    assert not any("101" in s.who for s in fill("g", fresh, later, before=first.data).skipped)


def test_the_number_of_a_group_is_not_taken_for_that_of_a_participant():
    filled = fill("grades.csv", worksheet(ENGLISH, CLASS), [on_moodle("Team Blue", 101, 99)])
    assert filled.count == 0
    assert filled.skipped[0].reason == "in the worksheet, Participant 101 is Zoë Ångström-Müller"


def test_who_is_known_by_roster_alone_is_found_by_address_or_number():
    marks = [
        mark("zoe", 90, student=Student("s1", "Other Name", email="ZOE@example.org ")),
        mark("anna", 80, student=Student("anna@example.org")),
        mark("who", 70, student=Student("s3")),
        mark("none", 60),
        mark("two", 50, student=Student("jo@example.org", email="five@example.org")),
        mark(
            "", 0, student=Student("s4", email="six@example.org"), problem="nothing was handed in"
        ),
    ]
    filled = fill("grades.csv", worksheet(ENGLISH, CLASS), marks)
    changed, _ = moodle_imports(filled.data, ENGLISH, GRADES)
    assert changed == {"101": 90.0, "102": 80.0, "106": 0.0}
    assert {one.who: one.reason for one in filled.skipped} == {
        "who": "its learner is not in the file",
        "none": "nothing tells which row it belongs to; a roster with ids would",
        "two": "its id and its e-mail address are in different rows",
    }


def test_an_address_that_two_rows_have_tells_nothing():
    twins = [(n, name, "both@example.org", *rest) for n, name, _, *rest in CLASS[:2]]
    marks = [mark("zoe", 90, student=Student("s1", email="both@example.org"))]
    filled = fill("grades.csv", worksheet(ENGLISH, [*twins, *CLASS[2:]]), marks)
    assert filled.count == 0 and filled.skipped[0].reason == "its learner is not in the file"


def test_the_last_attempt_counts_and_what_is_not_final_is_left_out():
    marks = [
        on_moodle("Zoë", 101, 50, attempt=1),
        on_moodle("Zoë", 101, 40, attempt=2),
        on_moodle("Jo Li", 104, 50, attempt=1),
        on_moodle("Jo Li", 104, None, attempt=2, problem="it hangs"),
        on_moodle("Anna Schmidt", 102, 70),
        on_moodle("Anna Schmidt", 102, 60),
        on_moodle("Anna Schmidt", 103, 30, problem="the kit itself failed"),
        on_moodle("学生", 105, None, problem="it cannot be read"),
    ]
    filled = fill("grades.csv", worksheet(ENGLISH, CLASS), marks)
    assert moodle_imports(filled.data, ENGLISH, GRADES) == ({"101": 40.0}, set())
    reasons = {one.who: one.reason for one in filled.skipped}
    assert reasons["Jo Li_104"] == "it hangs"
    assert reasons["Anna Schmidt_103"] == "the kit itself failed"
    assert reasons["学生_105"] == "it cannot be read"
    assert "of the same learner" in reasons["Anna Schmidt_102 and Anna Schmidt_102"]


# Canvas.

ASSIGNMENTS = {"71": "Week 1", "72": "PyTorch, step by step", "73": "Week 1"}
STUDENTS = {
    "201": ("Müller, Zoë", "zoe"),
    "202": ("Schmidt, Anna", "anna"),
    "203": ("Schmidt, Anna", "anna2"),
    "204": ("=Jo", "jo"),
    "205": ("Excused, Ed", "ed"),
    "206": ("Elsewhere, El", "el"),
    "207": ("Student, Test", "test"),
}


def export(cells, *, sis=True, delimiter=",", points="100.00", names=False, bom=False):
    """Return an export of the gradebook as `lib/gradebook_exporter.rb` writes it; 72 has these cells."""
    who = ["LastName", "FirstName"] if names else ["Student"]
    known = ["SIS User ID", "SIS Login ID"] if sis else ["SIS Login ID"]
    titles = [f"{title} ({number})" for number, title in ASSIGNMENTS.items()]
    totals = ["Homework Current Score", "Current Score (Fall (2026))", "Final Score (2026)"]
    header = [*who, "ID", *known, "Section", "Notes", *titles, *totals]
    comma = "," if delimiter == ";" else "."
    rows = [header, [""] * (len(header) - 6) + ["", "Manual Posting", ""]]
    empty = [""] * (len(header) - len(totals) - 4)
    possible = [points.replace(".", comma)] * 3
    rows.append(["    Points Possible", *empty, *possible, *["(read only)"] * 3])
    for number, (name, login) in STUDENTS.items():
        row = name.split(", ") if names else [name]
        if names and len(row) == 1:
            row.append("")
        sis_ids = [f"s{number}", login] if sis else [login]
        grades = [f"7{comma}25", cells.get(number, ""), "N/A", "1", "2", "3"]
        rows.append([*row, number, *sis_ids, "A and B", "a note", *grades])
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return ("\ufeff" if bom else "").encode() + out.getvalue().encode()


def canvas_imports(data):
    """Do what `GradebookImporter` does with a file.

    Returns:
        The grades by student and assignment; the names of students and assignments that would be new.
    """
    text = data.decode()
    lines = text.splitlines()[:3]
    fields = {}
    for sign in ";,":
        counts = {len(next(csv.reader([line], delimiter=sign))) for line in lines}
        fields[sign] = counts.pop() if len(counts) == 1 else 0
    sign = ";" if fields[";"] > fields[","] else ","
    table = [
        [decimal_comma_to_period(value) for value in row]
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign)
        if not re.fullmatch(r"[;, ]+", sign.join(row))
    ]
    header = table[0]
    names = "LastName" in header[0]
    assert names or (len(header) > 3 and "Student" in header[0] and "ID" in header[1])
    count = 4 if names else 3
    if re.search(r"SIS\s+Login\s+ID", header[count - 1]):
        count += 1
    elif re.search(r"SIS\s+User\s+ID", header[count - 1]):
        count += 2
    assert "Section" in header[count - 1], "Invalid header row"
    totals = re.compile(
        "Current Score|Current Points|Current Grade|Final Score|Final Points|Final Grade|Override"
    )
    columns, new_assignments = {}, []
    for title in header[count:]:
        if totals.search(title):
            continue
        found = re.fullmatch(r"(.*) \((\d+)\)", title)
        number = found[2] if found and found[2] in ASSIGNMENTS else None
        number = number or next((n for n, t in ASSIGNMENTS.items() if t == title), None)
        if number is None:
            new_assignments.append(title)
        else:
            columns[number] = header.index(title)
    grades, new_students = {}, []
    for row in table[1:]:
        if "Points Possible" in row[0]:
            continue
        if all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", value) for value in row):
            continue
        number = row[2 if names else 1]
        if number not in STUDENTS:
            new_students.append(row[0])
            continue
        for assignment, column in columns.items():
            grades[number, assignment] = row[column].strip()
    return grades, new_students, new_assignments


def decimal_comma_to_period(value):
    if not re.fullmatch(r"-?[0-9.,]+%?", value):
        return value
    *parts, last = re.split("[,.]", value)
    return f"{''.join(parts)}.{last}" if parts else last


CELLS = {"202": "40", "205": "EX", "206": "N/A"}
CANVAS_MARKS = [
    mark("müllerzoë_201", 13.083333, ids={"canvas": "201"}),
    mark("schmidtanna_202", 87.5, ids={"canvas": "202"}),
    mark("schmidtanna_203", 0, ids={"canvas": "203"}),
    mark("jo_204", 1e-7, ids={"canvas": "204"}),
    mark("ed_205", 55, ids={"canvas": "205"}),
    mark("el_206", 66, ids={"canvas": "206"}),
    mark("left_299", 77, ids={"canvas": "299"}),
    mark("anon_AbC12", 88, ids={"canvas": "AbC12"}),
]


@pytest.mark.parametrize(
    "form",
    [{}, {"sis": False}, {"delimiter": ";"}, {"names": True}, {"bom": True}],
    ids=["comma", "no sis", "semicolon", "two names", "mark"],
)
def test_canvas_takes_all_marks_but_those_that_were_named(form):
    before = export(CELLS, **form)
    filled = fill("export.csv", before, CANVAS_MARKS, "PyTorch, step by step")
    grades, new_students, new_assignments = canvas_imports(filled.data)
    assert new_students == new_assignments == []
    # The grades of other assignments are not in it, so an old export cannot set them back.
    assert {assignment for _, assignment in grades} == {"72"}
    assert {number: grade for (number, _), grade in grades.items()} == {
        "201": "13.08333", "202": "87.5", "203": "0", "204": "0", "205": "EX", "206": "N/A", "207": "",
    }  # fmt: skip
    assert {one.who.partition(" (")[0].partition(",")[0]: one.reason for one in filled.skipped} == {
        "Excused": "Canvas has excused the student",
        "Elsewhere": "the assignment is not assigned to the student",
        "left_299": "299 is not in the file",
        "anon_AbC12": "AbC12 is not in the file",
    }
    assert filled.notes == ("3 students of the file keep what Canvas has.",)


def test_students_of_an_export_are_found_by_the_roster_but_never_by_name():
    marks = [
        mark("a", 10, student=Student("s201")),
        mark("b", 20, student=Student("x", email="ANNA")),
        mark("c", 30, student=Student("Schmidt, Anna")),
        mark("d", 40, ids={"gradescope": "9", "sid": "204", "email": "d@example.org"}),
    ]
    filled = fill("export.csv", export({}), marks, "PyTorch, step by step (72)")
    grades, *_ = canvas_imports(filled.data)
    assert {n: grade for (n, _), grade in grades.items() if grade} == {
        "201": "10",
        "202": "20",
        "204": "40",
    }
    assert [one.who for one in filled.skipped] == ["c"]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("", "say which one is meant with --assignment"),
        ("Week 1", 'several are called "Week 1"'),
        ("Week 9", "Canvas would make a new one"),
    ],
)
def test_the_assignment_must_be_one_of_the_export(title, words):
    with pytest.raises(FillError, match=words) as caught:
        fill("export.csv", export({}), CANVAS_MARKS, title)
    assert '"Week 1 (71)", "PyTorch, step by step (72)", "Week 1 (73)"' in str(caught.value)


def test_another_number_of_points_is_said():
    filled = fill("e.csv", export({}, points="20.00"), CANVAS_MARKS, "PyTorch, step by step")
    assert "In Canvas the assignment is worth 20, and these marks go up to 100." in filled.notes[0]


# Neither.

SCALE = worksheet(ENGLISH, CLASS).replace(b"100.00", b"Good")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name,mark\nAnna,3\n", "is neither a grading worksheet of Moodle"),
        (b"", "has no rows to fill in"),
        (b"Identifier,Grade\n", "has no rows to fill in"),
        (worksheet(GERMAN, CLASS).decode().encode("utf-16"), "is not text in UTF-8"),
        (SCALE, "is graded by a scale"),
        (b"Identifier,Grade,Maximum grade\nParticipant 1,,100\n", 'no column "Last modified (grade)"'),
        (worksheet(ENGLISH, CLASS) + b"Participant 9,a,b,c,d,e,f,g,h,i,j,k,l\n", "row 9 has 13 fields"),
        (b'Identifier,"Grade\n1,2', "is not a CSV file"),
    ],
)  # fmt: skip
def test_what_cannot_be_filled_in_is_refused_with_a_sentence(data, words):
    with pytest.raises(FillError) as caught:
        fill("file.csv", data, MARKS)
    assert str(caught.value).startswith("file.csv ") and words in str(caught.value)
    assert str(caught.value).endswith((".", ").")), caught.value
