"""What learners hand in, in all the shapes in which it comes: each file is judged, or named with a reason."""

import ctypes
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from grader.course.course import Course
from grader.submissions import archives, members, search
from grader.submissions.hand_ins import ClassError, check_output, read_class
from grader.submissions.module_names import ModuleName, understand
from grader.submissions.submission import Submission
from tests.kit.conftest import OUTER_LIMIT, ROOT, grade_class, run_python

COURSE = Course.load(ROOT)
MODULE = "step_03_gradient"
FILE = f"{MODULE}.py"
DONE = (ROOT / "solutions" / FILE).read_bytes()
STUB = (ROOT / "exercises" / FILE).read_bytes()
OTHER = DONE + b"\n# Another try.\n"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")


def put(folder, files):
    """Write files, given by their paths; a text is what a link leads to, and None is an empty folder."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir()
        elif isinstance(content, str):
            place.symlink_to(content)
        else:
            place.write_bytes(content)


def zipped(files, how=zipfile.ZIP_DEFLATED):
    """Return the bytes of a zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(files, mode="w:gz"):
    """Return the bytes of a tar file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def damaged(data):
    """Return a zip file in which the packed bytes of its first member are wrong."""
    at = data.index(b"PK\3\4") + 200
    return data[:at] + bytes(40) + data[at + 40 :]


def encrypted(data):
    """Return a zip file whose first member is said to have a password."""
    changed = bytearray(data)
    changed[6] |= 1
    changed[changed.rindex(b"PK\1\2") + 8] |= 1
    return bytes(changed)


# Hand-ins whose step 03 is meant without doubt. A folder is a dictionary, an archive is its bytes.
TAKEN = {
    "top": {FILE: DONE},
    "exercises": {f"exercises/{FILE}": DONE},
    "only folder": {f"my work/{FILE}": DONE},
    "twice the folder": {f"lab/lab/{FILE}": DONE},
    "deep": {f"a/b/c/exercises/{FILE}": DONE},
    "beside notes": {f"lab/{FILE}": DONE, "notes/readme.txt": b"hi"},
    "browser": {"step_03_gradient (1).py": DONE},
    "browser without a space": {"step_03_gradient(2).py": DONE},
    "drive": {"Copy of step_03_gradient.py": DONE},
    "drive in German": {"Kopie von step_03_gradient.py": DONE},
    "windows": {"step_03_gradient - Copy.py": DONE},
    "windows again": {"step_03_gradient - Copy (2).py": DONE},
    "mac": {"step_03_gradient copy 2.py": DONE},
    "mac finder": {"step_03_gradient 2.py": DONE},
    "canvas again": {"step_03_gradient-1.py": DONE},
    "canvas": {"onelearner_12345_67891_step_03_gradient.py": DONE},
    "canvas tries": {
        "onelearner_12345_67891_step_03_gradient.py": OTHER,
        "onelearner_12345_67899_step_03_gradient-1.py": DONE,
    },
    "blackboard tries": {
        "HW1_one_attempt_2026-01-02-12-00-00_step_03_gradient.py": DONE,
        "HW1_one_attempt_2026-01-01-12-00-00_step_03_gradient.py": OTHER,
    },
    "letters": {"Step_03_Gradient.PY": DONE},
    "separators": {"step-3 gradient.py": DONE},
    "notepad": {"step_03_gradient.py.txt": DONE},
    "own name": {"step_03_gradient_anna.py": DONE},
    "stub at the top": {FILE: STUB, f"exercises/{FILE}": DONE},
    "empty file at the top": {FILE: b"\n", f"exercises/{FILE}": DONE},
    "stub with other line ends": {FILE: STUB.replace(b"\n", b"\r\n"), f"exercises/{FILE}": DONE},
    "stub beside a copy": {FILE: STUB, "step_03_gradient (1).py": DONE},
    "stub beside an archive": {FILE: STUB, "lab.zip": zipped({FILE: DONE})},
    "two with the same bytes": {f"a/{FILE}": DONE, f"b/{FILE}": DONE},
    "expected place": {FILE: DONE, f"old/{FILE}": OTHER, "step_03_gradient (1).py": OTHER},
    "top before exercises": {FILE: DONE, f"exercises/{FILE}": OTHER},
    "the kit's solutions": {f"kit/exercises/{FILE}": DONE, f"kit/solutions/{FILE}": OTHER},
    "tools": {f".venv/lib/{FILE}": OTHER, f"lab/{FILE}": DONE, f"__pycache__/{FILE}": OTHER},
    "link beside": {FILE: "exercises/" + FILE, f"exercises/{FILE}": DONE},
    "zip in a folder": {"lab.zip": zipped({FILE: DONE})},
    "tar in a folder": {"lab.tar.gz": tarred({f"lab/{FILE}": DONE})},
    "zip": zipped({FILE: DONE}),
    "zip of backslashes": zipped({"lab\\": b"", f"lab\\exercises\\{FILE}": DONE}),
    "zip of dots": zipped({f"./{FILE}": DONE}),
    "zip of umlauts": zipped({f"Übung 学生/{FILE}": DONE}),
    "zip of slashes": zipped({f"/exercises/{FILE}": DONE}),
    "zip of two folders": zipped({f"lab/{FILE}": DONE, "notes/readme.txt": b"hi"}),
    "zip of twice the folder": zipped({f"lab/lab/{FILE}": DONE}),
    "zip of a mac": zipped({f"lab/{FILE}": DONE, f"__MACOSX/lab/._{FILE}": b"\0"}),
    "zip in a zip": zipped({"lab.zip": zipped({f"lab/{FILE}": DONE})}),
    "zip that begins late": b"#!/bin/sh\n" + zipped({FILE: DONE}),
    "tar": tarred({f"./{FILE}": DONE}, "w"),
    "tar.gz": tarred({f"lab/{FILE}": DONE, "lab/empty": b"", "lab/notes": b"hi"}),
    "tar.bz2": tarred({FILE: DONE}, "w:bz2"),
    "tar in a zip": zipped({"lab.tar.gz": tarred({FILE: DONE})}),
}

# Hand-ins whose step 03 cannot be taken: the files that are named, each with words of the reason.
NAMED = {
    "notebook": ({"step_03_gradient.ipynb": b"{}"}, {"step_03_gradient.ipynb": "a notebook"}),
    "another notebook": ({"lab.ipynb": b"{}"}, {"lab.ipynb": "a notebook"}),
    "link": ({FILE: "/etc/hostname"}, {FILE: "not a regular file"}),
    "link of another name": ({"work": "/etc"}, {"work": "links are not followed"}),
    "half a name": ({"step_03.py": DONE}, {"step_03.py": f"its name is not {FILE}"}),
    "other half": ({"gradient.py": DONE}, {"gradient.py": f"its name is not {FILE}"}),
    "another thing": ({f"test_{FILE}": DONE}, {f"test_{FILE}": f"its name is not {FILE}"}),
    "old": ({"step_03_gradient_old.py": DONE}, {"step_03_gradient_old.py": "its name is not"}),
    "folder of that name": ({f"{FILE}/x.txt": b""}, {FILE: "not a regular file"}),
    "two that differ": (
        {f"new/{FILE}": DONE, f"old/{FILE}": OTHER},
        {f"new/{FILE}": "nothing says which", f"old/{FILE}": "nothing says which"},
    ),
    "copies that differ": (
        {"step_03_gradient (1).py": DONE, "step_03_gradient (2).py": OTHER},
        {"step_03_gradient (1).py": "nothing says", "step_03_gradient (2).py": "nothing says"},
    ),
    "only the kit's solution": (
        {f"kit/solutions/{FILE}": DONE, "kit/exercises/step_04_descent.py": STUB},
        {f"kit/solutions/{FILE}": "of the kit itself"},
    ),
    "report": ({"report.pdf": b"%PDF", "a.docx": b""}, {"report.pdf": "not a Python", "a.docx": "not a Python"}),
    "rar": ({"lab.rar": b"Rar!"}, {"lab.rar": "not opened"}),
    "rar under another name": ({"lab.zip": b"Rar!\x1a"}, {"lab.zip": "a RAR archive"}),
    "broken zip": ({"lab.zip": b"PK\3\4"}, {"lab.zip": "cannot be read"}),
    "too large": ({FILE: b"#" * ((1 << 20) + 1)}, {FILE: "larger than 1024 KB"}),
    "upward": (zipped({f"../{FILE}": DONE}), {f"../{FILE}": "leads out"}),
    "password": (encrypted(zipped({FILE: DONE})), {FILE: "protected by a password"}),
    "damaged": (damaged(zipped({FILE: DONE})), {FILE: "cannot be unpacked"}),
    "three deep": (
        zipped({"a.zip": zipped({"b.zip": zipped({FILE: DONE})})}),
        {"a.zip/b.zip": "an archive in an archive"},
    ),
}  # fmt: skip


def place_of(folder, name, content):
    """Write a hand-in and return where it is."""
    if isinstance(content, dict):
        place = folder / name
        place.mkdir(parents=True)
        put(place, content)
    else:
        place = folder / f"{name}.zip"
        place.write_bytes(content)
    return place


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_unambiguous_is_taken(tmp_path, name):
    submission = Submission.read(place_of(tmp_path, name, TAKEN[name]), COURSE)
    assert submission.sources == {MODULE: DONE}
    assert submission.refused == {} and submission.unreadable == ""
    if FILE not in submission.paths[MODULE]:
        (note,) = submission.notes
        assert note == f"{FILE} was read from {submission.paths[MODULE]}"


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_taken_is_named_with_a_reason(tmp_path, name):
    content, named = NAMED[name]
    submission = Submission.read(place_of(tmp_path, name, content), COURSE)
    assert MODULE not in submission.sources
    reasons = {file.name: file.reason for file in submission.not_taken}
    assert reasons.keys() == named.keys()
    for path, words in named.items():
        assert words in reasons[path]


def test_the_learner_reads_what_lies_there_instead_of_a_module(kit):
    (kit.root / "exercises/step_01_lines.py").rename(kit.root / "exercises/step_01_lines.ipynb")
    (double, *_) = kit.verdicts()["01"]
    assert double["message"] == (
        "The file step_01_lines.py is missing, so step 01 counts as not started. "
        "But there is step_01_lines.ipynb: it is a notebook; the functions belong in a Python module."
    )
    # What was found before must not be said when it is gone.
    (kit.root / "exercises/step_01_lines.ipynb").rename(kit.root / "exercises/step_01.py")
    (double, *_) = kit.verdicts()["01"]
    assert "But there is step_01.py: its name is not step_01_lines.py." in double["message"]


def test_stubs_are_known_by_their_text():
    for step in COURSE.steps:
        assert search.is_stub((ROOT / "exercises" / step.filename).read_bytes())
        assert not search.is_stub((ROOT / "solutions" / step.filename).read_bytes())
        for style in (ROOT / "tests/styles").iterdir():
            assert not search.is_stub((style / step.filename).read_bytes())
    begun = STUB.replace(b'raise NotImplementedError("`mse` is', b'print("`mse` is', 1)
    assert begun != STUB and not search.is_stub(begun)
    assert not search.is_stub(b"") and not search.is_stub(b"x = 1\n")


@pytest.mark.parametrize(
    "place", ["exercises", "lab", "more/lab", "lab.zip", "Copy of step_03_gradient.py"]
)
def test_a_folder_of_all_stubs_does_not_hide_work_elsewhere(tmp_path, place):
    for step in COURSE.steps:
        put(tmp_path, {step.filename: (ROOT / "exercises" / step.filename).read_bytes()})
    if place.endswith(".zip"):
        put(tmp_path, {place: zipped({FILE: DONE})})
    else:
        put(tmp_path, {place if place.endswith(".py") else f"{place}/{FILE}": DONE})
    submission = Submission.read(tmp_path, COURSE)
    assert submission.sources[MODULE] == DONE and len(submission.sources) == len(COURSE.steps)
    (stub,) = [file for file in submission.not_taken if file.name == FILE]
    assert stub.reason.startswith("no function in it is written; ")


def test_one_damaged_member_costs_its_own_step(tmp_path):
    files = {path.name: path.read_bytes() for path in sorted((ROOT / "solutions").glob("step*.py"))}
    (tmp_path / "one.zip").write_bytes(damaged(zipped(files)))
    submission = Submission.read(tmp_path / "one.zip", COURSE)
    first = COURSE.steps[0].module
    assert submission.sources.keys() == {step.module for step in COURSE.steps} - {first}
    assert list(submission.refused) == [first]


def test_a_damaged_entry_in_the_list_of_a_zip_file_costs_its_own_step_or_what_comes_after(tmp_path):
    place = tmp_path / "one.zip"
    data = zipped({FILE: DONE, "ab/step_04_descent.py": DONE, "step_05_devices.py": DONE})
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    # A name that is said to be UTF-8 and is none, an entry with a wrong place, and no entry.
    named = data.replace(b"ab/", b"\xff\xff/")
    place.write_bytes(named[: second + 9] + bytes([8]) + named[second + 10 :])
    assert len(Submission.read(place, COURSE).sources) == 3
    place.write_bytes(data[: second + 42] + b"\1\0\0\0" + data[second + 46 :])
    found = Submission.read(place, COURSE)
    assert found.sources.keys() == {MODULE, "step_05_devices"}
    assert "cannot be unpacked" in found.refused["step_04_descent"]
    place.write_bytes(data[:second] + b"XX" + data[second + 2 :])
    found = Submission.read(place, COURSE)
    assert found.sources.keys() == {MODULE}
    assert "its list of files is damaged" in found.refused["step_05_devices"]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
def test_limits_count_what_is_taken_and_not_what_is_there(tmp_path, kind):
    files = {f"kit/.venv/lib/site-packages/torch/ops/file_{i:05}.h": b"" for i in range(31_899)}
    files |= {f"kit/data/picture_{i:05}.png": b"" for i in range(30_000)}
    files |= {f"kit/exercises/{FILE}": DONE}
    if kind == "folder":
        # A file takes longer to make than to look at.
        files = dict(list(files.items())[:300] + list(files.items())[-300:])
        place = place_of(tmp_path, "kit", files)
    else:
        place = tmp_path / f"one.{kind}"
        place.write_bytes(zipped(files) if kind == "zip" else tarred(files))
    submission = Submission.read(place, COURSE)
    assert submission.sources == {MODULE: DONE} and submission.refused == {}


def test_what_an_archive_claims_is_not_believed(tmp_path, monkeypatch):
    place = tmp_path / "bomb.tar.gz"
    monkeypatch.setattr(archives, "MAX_TAR_BYTES", 1 << 20)
    place.write_bytes(tarred({"zeros": bytes(3 << 20), FILE: DONE}))
    assert "larger than" in Submission.read(place, COURSE).refused[MODULE]
    # The name of a member, which `tarfile` reads at once, is said to be 4 GB long.
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    place.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4 << 20))
    assert "more than a million characters" in Submission.read(place, COURSE).refused[MODULE]
    monkeypatch.setattr(members, "MAX_LISTED", 3)
    monkeypatch.setattr(archives, "MAX_LISTED", 3)
    place.write_bytes(zipped({str(i): b"" for i in range(9)}))
    assert "more than 3 files" in Submission.read(place, COURSE).refused[MODULE]
    monkeypatch.setattr(archives, "MAX_INNER_BYTES", 1000)
    place.write_bytes(
        zipped({"lab.zip": zipped({FILE: bytes(range(256)) * 8}, zipfile.ZIP_STORED)})
    )
    assert "larger than" in Submission.read(place, COURSE).refused[MODULE]


def test_what_came_before_the_damage_in_a_tar_file_is_taken(tmp_path):
    place = tmp_path / "one.tgz"
    rest = {"step_04_descent.py": os.urandom(60_000)}
    data = tarred({FILE: DONE} | rest)
    place.write_bytes(data[: len(data) - 9000])
    submission = Submission.read(place, COURSE)
    assert submission.sources == {MODULE: DONE}
    assert "step_04_descent" in submission.refused


@pytest.mark.parametrize("damage", ["checksum", "inside a header", "before a header"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_a_damaged_list_in_a_tar_file_is_no_end(tmp_path, damage, packed):
    names = [f"{step.module}.py" for step in COURSE.steps[:4]]
    whole = tarred(dict.fromkeys(names, DONE), "w")
    third = 2 * (512 + -(-len(DONE) // 512) * 512)
    if damage == "checksum":
        data = whole[: third + 148] + b"7" + whole[third + 149 :]
    else:
        data = whole[: third + (200 if damage == "inside a header" else 0)]
    place = tmp_path / "lab.tar"
    place.write_bytes(packed(data))
    submission = Submission.read(place, COURSE)
    assert list(submission.sources) == [step.module for step in COURSE.steps[:2]]
    assert COURSE.steps[3].module in submission.refused
    assert any("cut off" in one.reason for one in submission.not_taken)


def test_a_name_with_many_digits_is_read_at_once():
    start = time.monotonic()
    for name in (f"step_03_gradient{'1' * 150}x.py", f"step_03_gradient{' (1)' * 40}x.py"):
        assert understand(name, COURSE).module in ("", MODULE)
    assert understand("step_03_gradient" + "1" * 5000 + ".py", COURSE) == ModuleName()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "prefix",
    [
        "PyTorch Test 1_anna_attempt_2026-11-20-10-00-00_",
        "Solutions_anna_attempt_2026-11-20-10-00-00_",
        "John Old_12345_assignsubmission_file_",
        "testdraft_12345_67891_",
    ],
)
def test_an_assignment_or_a_learner_may_be_called_test(prefix):
    assert understand(f"{prefix}{FILE}", COURSE).module == MODULE
    assert understand(f"{prefix}test_{FILE}", COURSE).module == ""


def test_many_copies_of_one_module_cost_no_other_one(tmp_path):
    copies = {f"lab/v{i}/step_00_tensors.py": OTHER + b"#%d" % i for i in range(129)}
    weeks = {f"lab/week{i}/{FILE}": OTHER + b"#%d" % i for i in range(8)}
    place = tmp_path / "lab.zip"
    place.write_bytes(zipped({**copies, **weeks, f"lab/{FILE}": DONE}))
    submission = Submission.read(place, COURSE)
    assert submission.sources == {MODULE: DONE}
    assert submission.refused["step_00_tensors"] == "more than 24 files have this name"


def test_what_may_lie_in_a_folder_that_cannot_be_read_has_begun_perhaps():
    submission = Submission("anna", Path(), {}, {}, unreadable="lab cannot be read")
    said = submission.absence(COURSE.by_id["03"])
    assert "not everything could be read: lab cannot be read" in said and "started" not in said


# A class, as platforms export it, and what is expected: the points of step 03, or a reason to be left out.
LMS = {
    "Moodle One_101_assignsubmission_file_": {"lab.zip": zipped({f"lab/{FILE}": DONE})},
    "Moodle One_101_assignsubmission_onlinetext_": {"onlinetext.html": b"<p>hi</p>"},
    "submission_456": {FILE: DONE},
    "notebook": {"step_03_gradient.ipynb": b"{}"},
    "nothing": {},
    "report": {"report.docx": b"PK"},
    "results": {
        "anna/results.json": b"{}",
        "bert/problem.txt": b"",
        "timings.json": b"{}",
        "gradebook.csv": b"",
    },
    "learner": {"results.json": b"{}"},
    "own results": {FILE: DONE, "results.json": b"{}"},
}
LMS_FILES = {
    "canvas_2001_1_step_03_gradient.py": DONE,
    "canvas_2001_2_step_04_descent.py": b"",
    "late_LATE_2002_3_step_03_gradient-1.py": DONE,
    "late_LATE_2002_2_step_03_gradient.py": OTHER,
    "HW1_black_attempt_2026-01-01-12-00-00_step_03_gradient.py": DONE,
    "Flat Moodle_103_assignsubmission_file_step_03_gradient.py": DONE,
    "carla_step_03_gradient.py": DONE,
    "zipper_2003_4_lab.zip": zipped({FILE: DONE}),
    "tries_2004_5_lab.zip": zipped({FILE: OTHER}),
    "tries_2004_6_lab-1.zip": zipped({FILE: DONE}),
    "packed.tar.gz": tarred({FILE: DONE}),
    "PACKED.TGZ": tarred({FILE: DONE}),
    "broken.zip": b"PK\3\4 and nothing more",
    FILE: DONE,
    "report.pdf": b"%PDF",
    "lab.rar": b"Rar!",
    "lab.7z": b"7z",
    "a.docx": b"PK",
    "notes_\x1b[31m.txt": b"",
    "notes\n   6.00 of 6  notes": b"",
    "submission_metadata.yml": b"",
    ".DS_Store": b"",
    "neighbour": "submission_456",
}
LEFT_OUT = {
    "results": "grading results",
    "learner": "grading results",
    FILE: "does not say whose it is",
    "tries_2004_5_lab.zip": "tries_2004_6_lab-1.zip is newer",
    "report.pdf": "not a Python module",
    "lab.rar": "not opened",
    "lab.7z": "not opened",
    "a.docx": "not a Python module",
    "notes_\x1b[31m.txt": "not a Python module",
    "notes\n   6.00 of 6  notes": "not a Python module",
    "submission_metadata.yml": "names no submission",
    "neighbour": "links are not followed",
}
NOTHING = {"notebook", "nothing", "report", "broken"}
POINTS = COURSE.by_id["03"].points


def make_evening(folder):
    """Write a class of all shapes; return the names of its results."""
    shapes = {f"shape {name}": content for name, content in TAKEN.items()}
    for name, content in (LMS | shapes).items():
        place_of(folder, name, content)
    put(folder, LMS_FILES)
    names = {name for name in (*shapes, *LMS) if name not in LEFT_OUT and "Moodle" not in name}
    return names | {
        "Moodle One_101",
        "canvas_2001", "late_2002", "black", "Flat Moodle_103", "carla", "zipper_2003",
        "tries_2004",
        "packed", "PACKED-2", "broken",
    }  # fmt: skip


@on_linux
def test_an_evening_with_a_learning_management_system(tmp_path):
    names = make_evening(tmp_path / "class")
    out = tmp_path / "out"
    ran = run_python(
        ROOT, "-m", "grader", "grade", str(tmp_path / "class"),
        "--out", str(out), "--steps", "03", "--jobs", "2", limit=900,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = {file.parent.name: json.loads(file.read_bytes()) for file in out.glob("*/results.json")}
    scores = {name: result["score"] for name, result in found.items()}
    assert len(scores) >= 50
    assert scores.pop("PACKED", scores.pop("packed", None)) == POINTS
    wrong = {name: score for name, score in scores.items() if score != POINTS}
    assert wrong == dict.fromkeys(NOTHING, 0.0)
    assert {name.casefold() for name in found} == {
        name.casefold().replace("'", "_") for name in names
    } | {"packed"}
    lines = ran.stdout.splitlines()
    for name, words in LEFT_OUT.items():
        shown = name.replace("\x1b", "\\x1b").replace("\n", "\\n")
        (line,) = [line for line in lines if line.startswith(f"left out: {shown}: ")]
        assert words in line
    assert sum(line.startswith("left out: ") for line in lines) == len(LEFT_OUT)
    assert "\x1b" not in ran.stdout
    # Who got nothing is told why, below the mark and in the result.
    for name in NOTHING:
        (at,) = [i for i, line in enumerate(lines) if line.endswith(f"0.00 of {POINTS}  {name}")]
        result = found[name]
        said = [file["reason"] for file in result["not_taken"]] + result["notes"]
        assert said and said[0] in lines[at + 1]


def test_a_class_that_is_none_is_refused_with_a_sentence(kit, tmp_path):
    (tmp_path / "file.zip").write_bytes(zipped({FILE: DONE}))
    (tmp_path / "empty").mkdir()
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "pdfs/a.pdf").touch()
    for name, words in {
        "": "Say which folder holds the class",
        ".": "is the folder of a kit, not of a class",
        "nowhere": "there is no folder nowhere",
        str(tmp_path / "file.zip"): "step_03_gradient.py: its name is not that of a step",
        "course.toml": "course.toml is neither a folder nor a zip or tar file",
        str(tmp_path / "empty"): "holds no folder and no archive",
        str(tmp_path / "pdfs"): "a.pdf: it is not a Python module",
        "exercises": "step_00_numbers.py: its name does not say whose it is",
    }.items():
        ran = kit.grader("grade", name, "--out", "results")
        assert ran.returncode == 2, name
        assert ran.stderr.startswith("Nothing to grade") and words in ran.stderr
        assert "Traceback" not in ran.stderr and not (kit.root / "results").exists()


def test_results_never_lie_among_the_submissions(tmp_path):
    folder = tmp_path / "class"
    put(folder, {f"anna/{FILE}": DONE, "learner.zip": zipped({FILE: DONE})})
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, folder / "results", folder / "anna/out", tmp_path / "link" / "out"):
        with pytest.raises(ClassError, match="among the submissions"):
            check_output(folder, out, [])
    # The results of a submission named "class" would lie in the class.
    with pytest.raises(ClassError, match="in the folder of the class"):
        check_output(folder, tmp_path, ["class"])
    check_output(folder, tmp_path / "out", ["anna", "learner"])
    assert sorted(path.name for path in folder.iterdir()) == ["anna", "learner.zip"]


@on_linux
def test_grading_into_the_class_is_refused_each_time_and_changes_nothing(tmp_path):
    put(tmp_path, {"learner.zip": zipped({FILE: DONE})})
    for out in (tmp_path, tmp_path / "results"):
        ran = run_python(
            ROOT, "-m", "grader", "grade", str(tmp_path), "--out", str(out), "--steps", "03"
        )
        assert ran.returncode == 2 and "among the submissions" in ran.stderr
    # What an earlier grading left there is not taken for a submission.
    put(tmp_path, {"learner/results.json": b"{}", "more/learner/results.json": b"{}"})
    found = read_class(tmp_path, COURSE)
    assert [one.name for one in found.hand_ins] == ["learner"]
    assert {one.name for one in found.left_out} == {"learner", "more"}


@on_linux
def test_results_that_cannot_be_written_are_wrong_usage_and_a_sentence(tmp_path):
    put(tmp_path, {f"class/anna/{FILE}": DONE, "file": b"", "occupied/anna": b""})
    for out, words in {
        "/proc/x": "cannot be written to /proc/x",
        str(tmp_path / "file"): "cannot be written to",
        str(tmp_path / "file/below"): "cannot be written to",
        "/dev/full": "cannot be written to",
        str(tmp_path / "occupied"): "could not be written to",
    }.items():
        ran = run_python(
            ROOT, "-m", "grader", "grade", str(tmp_path / "class"), "--out", out, "--steps", "03"
        )
        assert ran.returncode == 2, ran.stdout + ran.stderr
        assert words in ran.stderr and "Traceback" not in ran.stderr


@on_linux
@pytest.mark.parametrize("free", [0, 80])
def test_a_full_disk_is_wrong_usage_and_a_sentence(tmp_path, free):
    put(tmp_path, {f"class/anna/{FILE}": STUB, f"class/bert/{FILE}": DONE, "disk": None})
    disk = tmp_path / "disk"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(disk)], capture_output=True, check=False
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    try:
        with (disk / "filler").open("wb", buffering=0) as file:
            file.write(bytes((128 - free) << 10))
        ran = run_python(
            ROOT, "-m", "grader", "grade", str(tmp_path / "class"),
            "--out", str(disk / "out"), "--steps", "03,06,07,08",
        )  # fmt: skip
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "be written" in ran.stderr and "Traceback" not in ran.stderr


def without_rights():
    """Be a root who needs permissions, as every other user does."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
        assert libc.prctl(24, capability, 0, 0, 0) == 0


@on_linux
def test_what_cannot_be_read_is_an_error_and_no_mark(tmp_path):
    folder = tmp_path / "class"
    put(folder, {f"{name}/{FILE}": DONE for name in ("anna", "bert", "right")})
    put(folder, {f"carl/exercises/{FILE}": DONE, "dora.zip": zipped({FILE: DONE})})
    closed = {"anna": "anna", "bert": f"bert/{FILE}", "carl": "carl/exercises", "dora": "dora.zip"}
    options = {}
    for what in closed.values():
        (folder / what).chmod(0)
        if os.geteuid() == 0:
            os.chown(folder / what, 60_777, 60_777)
            options = {"preexec_fn": without_rights}
    ran = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(folder), "--out", str(tmp_path / "out"), "--steps", "03"],
        cwd=ROOT, capture_output=True, text=True, timeout=OUTER_LIMIT, check=False, **options,
    )  # fmt: skip
    assert ran.returncode == 3, ran.stdout + ran.stderr
    for name in closed:
        (line,) = [
            line for line in ran.stdout.splitlines() if line.startswith(f"{name}: no result")
        ]
        assert "cannot be read (Permission denied)" in line
        assert not (tmp_path / "out" / name / "results.json").exists()
    assert json.loads((tmp_path / "out/right/results.json").read_bytes())["score"] == POINTS


def test_a_target_may_be_one_module(kit):
    kit.write("step_01_lines", "def double(x):\n    return x\n")
    ran = kit.grader("check", "--target", "exercises/step_01_lines.py")
    assert ran.returncode == 1 and "Fix `double` in exercises/step_01_lines.py, then" in ran.stdout
    assert kit.collected() == ["01"]
    kit.write(
        "mine", "def double(x):\n    return 2 * x\n\ndef total(v):\n    return v.sum()\n", "."
    )
    ran = kit.grader("check", "01", "--target", "mine.py")
    assert ran.returncode == 0 and "1 of 1 step done" in ran.stdout
    for arguments, words in (
        (["00", "--target", "exercises/step_01_lines.py"], "is the module of step 01"),
        (["--target", "mine.py"], "Say which step it is"),
    ):
        ran = kit.grader("check", *arguments)
        assert ran.returncode == 2 and words in ran.stderr


def test_an_archive_beside_the_working_folder_is_found(kit):
    (kit.root / "one.zip").write_bytes(
        zipped({"step_00_numbers.py": b"def double(x): return 2 * x\n"})
    )
    for name in ("one.zip", "../one.zip"):
        ran = run_python(
            kit.root / "exercises", "-m", "grader", "check", "0", "--target", name,
            environment=kit.environment(),
        )  # fmt: skip
        assert "1 of 3" not in ran.stderr and "2 of 3 tests" in ran.stdout


@on_linux
def test_the_same_hand_ins_give_the_same_results_again(tmp_path):
    folder = tmp_path / "class"
    for name in ("two that differ", "report", "notebook", "password"):
        place_of(folder, name, NAMED[name][0])
    first = grade_class(folder, tmp_path / "one", "--steps", "03", limit=OUTER_LIMIT)
    shutil.copytree(folder, tmp_path / "copy" / "class", symlinks=True)
    again = grade_class(
        tmp_path / "copy/class", tmp_path / "two", "--steps", "03", limit=OUTER_LIMIT
    )
    assert first == again and len(first) == 4
    assert Path(tmp_path / "one/timings.json").exists()
