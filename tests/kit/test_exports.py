"""Bulk exports of platforms, made up with the mess of real ones: whose each file is, and which attempt counts."""

import zipfile

import pytest

from grader.course.course import Course
from grader.submissions import exports
from grader.submissions.exports import Learner, origin_of, read_metadata, time_of
from grader.submissions.hand_ins import ClassError, read_class
from tests.kit.conftest import ROOT
from tests.kit.test_hand_ins import (
    DONE,
    FILE,
    MODULE,
    OTHER,
    encrypted,
    on_linux,
    put,
    tarred,
    zipped,
)

COURSE = Course.load(ROOT)
LATER = "step_04_descent.py"
DESCENT = (ROOT / "solutions" / LATER).read_bytes()

# Each export with what is expected of it: by the name of a hand-in, the learner's ids and the modules that it has.
MOODLE = {
    f"Zoë Ångström-Müller_101_assignsubmission_file/{FILE}": DONE,
    "Zoë Ångström-Müller_101_assignsubmission_onlinetext/onlinetext.html": b"<p>hi</p>",
    f"Anna Schmidt_102_assignsubmission_file/lab/exercises/{FILE}": DONE,
    f"Anna Schmidt_103_assignsubmission_file/{FILE}": DONE,
    "Jo_Li_104_assignsubmission_file/step_03_gradient (1).py": DONE,
    f"Flat One_105_assignsubmission_file_{FILE}": DONE,
    f"Flat One_105_assignsubmission_file_{LATER}": DESCENT,
    "Flat One_105_assignsubmission_file_essay.pdf": b"%PDF",
    "Flat One_105_assignsubmission_onlinetext_onlinetext.html": b"<p>hi</p>",
    "Zip Per_106_assignsubmission_file/work.zip": zipped({"lab.zip": zipped({FILE: DONE})}),
    "Only Pdf_107_assignsubmission_file_essay.pdf": b"%PDF",
    "Line\r\nEnd_108_assignsubmission_file/" + FILE: DONE,
    f"Participant_109_assignsubmission_file_{FILE}": DONE,
    f"Dots .._110_assignsubmission_file/{FILE}": DONE,
    f"..Dots.._111_assignsubmission_file/{FILE}": DONE,
}
MOODLE_FOUND = {
    "Zoë Ångström-Müller_101": ("Participant 101", {MODULE}),
    "Anna Schmidt_102": ("Participant 102", {MODULE}),
    "Anna Schmidt_103": ("Participant 103", {MODULE}),
    "Jo_Li_104": ("Participant 104", {MODULE}),
    "Flat One_105": ("Participant 105", {MODULE, "step_04_descent"}),
    "Zip Per_106": ("Participant 106", {MODULE}),
    "Only Pdf_107": ("Participant 107", set()),
    "Line\r\nEnd_108": ("Participant 108", {MODULE}),
    "Participant_109": ("Participant 109", {MODULE}),
    "Dots .._110": ("Participant 110", {MODULE}),
    "..Dots.._111": ("Participant 111", {MODULE}),
}
CANVAS = {
    f"müllerzoë_201_9001_{FILE}": DONE,
    f"müllerzoë_201_9002_{LATER}": DESCENT,
    "schmidtanna_LATE_202_9003_step_03_gradient-2.py": DONE,
    "schmidtanna_LATE_202_9004_step_03_gradient-1.py": OTHER,
    "schmidtanna_LATE_202_9005_step_03_gradient.py": OTHER,
    f"schmidtanna_203_9006_{FILE}": OTHER,
    "zipper_204_9007_lab.zip": zipped({f"lab/{FILE}": OTHER}),
    "zipper_204_9008_lab-1.zip": zipped({"more.tar.gz": tarred({FILE: DONE})}),
    "other_205_9009_homework2.py": b"x = 1\n",
    "text_206_text.html": b"<p>hi</p>",
    f"anon_AbC12_9010_{FILE}": DONE,
    f"LATE_anon_dEf34_9011_{FILE}": DONE,
    f"anon_AbC12_9012_{LATER}": DESCENT,
    "ctrl\x1b[31m_207_9013_step_03_gradient (1).py": DONE,
}
METADATA = r"""---
submission_301:
  :submitters:
  - :name: Zoë O'Ångström
    :sid: '007'
    :email: zoe@example.org
  :created_at: 2026-11-20 09:15:00.123456000 Z
  :score: 4.5
  :status: processed
  :results:
    tests:
    - name: hostile
      output: |
        submission_303:
          :submitters:
          - :name: Somebody Else

        # not a comment
  :history:
  - :id: 300
    :created_at: 2026-11-19 09:15:00.123456000 Z
submission_302:
  :submitters:
  - :name: 'Pair ''One'''
    :sid: 11
    :email: one@example.org
  - :name: "Pair\tTw\u00f6\e"
    :sid:
    :email: "two@example.org"
  :created_at: 2026-11-20 10:15:00.5 +0100
submission_303:
  :submitters:
  - :name: Zoë O'Ångström
    :sid: '007'
  :created_at: 2026-11-20 09:15:01 UTC
submission_304:
  :submitters: []
submission_305:
  :submitters:
  - :name: !ruby/object:Gem::Installer
    :sid: '55'
submission_306:
  :submitters:
  - :name: Missing
    :email: missing@example.org
"""
GRADESCOPE = {
    "submission_metadata.yml": METADATA.encode(),
    f"submission_301/{FILE}": OTHER,
    f"submission_302/exercises/{FILE}": DONE,
    f"submission_303/{FILE}": DONE,
    f"submission_304/{FILE}": DONE,
    f"submission_305/{FILE}": DONE,
    f"submission_399/{FILE}": DONE,
}


def as_class(folder, files, how):
    """Write an export, unpacked or as an archive, perhaps with a folder around; return it and a scratch folder."""
    scratch = folder / "scratch"
    scratch.mkdir()
    around = "CS1-Lab 1-4711/" if "folder" in how else ""
    if how.startswith("unpacked"):
        put(folder, {f"class/{around}{name}": content for name, content in files.items()})
        return folder / "class", scratch
    packed = {f"{around}{name}": content for name, content in files.items()}
    place = folder / ("class.zip" if how.startswith("zip") else "class.tar.gz")
    place.write_bytes(zipped(packed) if how.startswith("zip") else tarred(packed))
    return place, scratch


def read(folder, files, how="unpacked", attempts="last"):
    """Return the hand-ins of an export by name, their submissions by name, and what is left out, by name."""
    place, scratch = as_class(folder, files, how)
    found = read_class(place, COURSE, attempts, scratch)
    hand_ins = {one.name: one for one in found.hand_ins}
    assert len(hand_ins) == len(found.hand_ins)
    return (
        hand_ins,
        {name: one.read(COURSE) for name, one in hand_ins.items()},
        {one.name: one.reason for one in found.left_out},
    )


HOW = ["unpacked", "unpacked folder", "zip", "zip folder", "tar"]


@pytest.mark.parametrize("how", HOW)
def test_moodle(tmp_path, how):
    hand_ins, submissions, left_out = read(tmp_path, MOODLE, how)
    found = {
        name: (one.learners[0].ids["moodle"], set(submissions[name].sources))
        for name, one in hand_ins.items()
    }
    assert found == MOODLE_FOUND and left_out == {}
    assert {one.learners[0].name for one in hand_ins.values()} >= {"Anna Schmidt", "Participant"}
    said = {
        name: {file.name: file.reason for file in one.not_taken}
        for name, one in submissions.items()
    }
    typed = "it holds text that was typed into a form"
    assert said["Zoë Ångström-Müller_101"] == {
        "Zoë Ångström-Müller_101_assignsubmission_onlinetext": typed
    }
    assert set(said["Flat One_105"].values()) == {"it is not a Python module", typed}
    assert list(said["Only Pdf_107"].values()) == ["it is not a Python module"]


@pytest.mark.parametrize("how", HOW)
def test_canvas(tmp_path, how):
    hand_ins, submissions, left_out = read(tmp_path, CANVAS, how)
    ids = {name: one.learners[0].ids["canvas"] for name, one in hand_ins.items()}
    assert ids == {
        "müllerzoë_201": "201",
        "schmidtanna_202": "202",
        "schmidtanna_203": "203",
        "zipper_204": "204",
        "other_205": "205",
        "text_206": "206",
        "anon_AbC12": "AbC12",
        "anon_dEf34": "dEf34",
        "ctrl\x1b[31m_207": "207",
    }
    assert {name for name, one in hand_ins.items() if one.late} == {"schmidtanna_202", "anon_dEf34"}
    assert submissions["schmidtanna_202"].sources == {MODULE: DONE}
    assert submissions["schmidtanna_203"].sources == {MODULE: OTHER}
    assert submissions["zipper_204"].sources == {MODULE: DONE}
    assert submissions["anon_AbC12"].sources == {MODULE: DONE, "step_04_descent": DESCENT}
    assert hand_ins["schmidtanna_202"].attempt == 3
    assert submissions["other_205"].sources == submissions["text_206"].sources == {}
    (other,) = submissions["other_205"].not_taken
    assert other.reason == "its name is not that of a step"
    assert left_out == {"zipper_204_9007_lab.zip": "zipper_204_9008_lab-1.zip is newer"}


def test_each_attempt_has_all_that_was_there_after_it(tmp_path):
    files = {
        f"anna_201_9001_{FILE}": OTHER,
        f"anna_201_9002_{LATER}": DESCENT,
        "anna_201_9003_step_03_gradient-1.py": DONE,
        "HW1_black_attempt_2026-01-02-12-00-00_step_03_gradient.py": DONE,
        "HW1_black_attempt_2026-01-01-12-00-00_step_03_gradient.py": OTHER,
        f"once_202_9004_{FILE}": DONE,
    }
    hand_ins, submissions, left_out = read(tmp_path, files, attempts="all")
    assert {name: (one.attempt, one.time) for name, one in hand_ins.items()} == {
        "anna_201 attempt 1": (1, ""),
        "anna_201 attempt 2": (2, ""),
        "black attempt 1": (1, "2026-01-01-12-00-00"),
        "black attempt 2": (2, "2026-01-02-12-00-00"),
        "once_202": (1, ""),
    }
    for name in ("anna_201", "black"):
        assert submissions[f"{name} attempt 1"].sources[MODULE] == OTHER
        assert submissions[f"{name} attempt 2"].sources[MODULE] == DONE
    for attempt in (1, 2):
        assert submissions[f"anna_201 attempt {attempt}"].sources["step_04_descent"] == DESCENT
    assert left_out == {}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("attempts", ["last", "all"])
def test_gradescope(tmp_path, how, attempts):
    hand_ins, submissions, left_out = read(tmp_path, GRADESCOPE, how, attempts)
    zoe = {"gradescope": "303", "sid": "007"}
    learners = {name: one.learners for name, one in hand_ins.items()}
    pair = "Pair 'One' and Pair\tTwö\x1b_302"
    expected = {
        pair: (
            Learner("Pair 'One'", {"gradescope": "302", "sid": "11", "email": "one@example.org"}),
            Learner("Pair\tTwö\x1b", {"gradescope": "302", "email": "two@example.org"}),
        ),
        "Zoë O'Ångström_303": (Learner("Zoë O'Ångström", zoe),),
        "submission_304": (),
        "submission_305": (Learner("", {"gradescope": "305", "sid": "55"}),),
        "submission_399": (),
    }
    if attempts == "all":
        ids = {"gradescope": "301", "sid": "007", "email": "zoe@example.org"}
        expected["Zoë O'Ångström_301"] = (Learner("Zoë O'Ångström", ids),)
        assert hand_ins["Zoë O'Ångström_301"].attempt == 1
    assert learners == expected
    assert hand_ins["Zoë O'Ångström_303"].attempt == 2
    assert submissions["Zoë O'Ångström_303"].sources == {MODULE: DONE}
    assert submissions["submission_304"].notes == (
        "submission_metadata.yml does not say who handed it in",
    )
    assert submissions["submission_399"].notes == ("submission_metadata.yml does not name it",)
    older = {} if attempts == "all" else {"submission_301": "submission_303 is newer"}
    (number,) = (i for i, line in enumerate(METADATA.splitlines(), 1) if "!ruby" in line)
    assert left_out == older | {
        "submission_metadata.yml": f"line {number} is not understood",
        "submission_306": "submission_metadata.yml names it, but it is not there",
    }


def test_attempts_without_a_time_are_all_kept_and_said_so(tmp_path):
    entry = "submission_{}:\n  :submitters:\n  - :name: Zoë\n    :sid: '1'\n  :created_at: {}\n"
    text = entry.format(1, "yesterday") + entry.format(2, "2026-11-20 09:15:00 Z")
    files = {f"submission_{i}/{FILE}": DONE for i in (1, 2)}
    hand_ins, _, _ = read(tmp_path, files | {"submission_metadata.yml": text.encode()})
    assert list(hand_ins) == ["Zoë_1", "Zoë_2"]
    assert all("which of 2 attempts" in one.notes[0] for one in hand_ins.values())


@pytest.mark.parametrize(
    "line",
    [
        "- submission_1:",
        "submission_1: &anchor",
        "? submission_1",
        "submission_1:\n  :submitters: *all",
        "submission_1:\n  :submitters:\n  - *one",
        "submission_1:\n  :submitters:\n    :name: without a dash",
        "submission_1:\n  :submitters:\n  - :name: |",
        "submission_1:\n  :submitters:\n  - :name: {a: b}",
        'submission_1:\n  :submitters:\n  - :name: "\\q"',
        'submission_1:\n  :submitters:\n  - :name: "\\UFFFFFFFF"',
        'submission_1:\n  :submitters:\n  - :name: "\\uD800"',
        'submission_1:\n  :submitters:\n  - :name: "not closed',
        "submission_1:\n  :created_at: !ruby/object:Time {}",
    ],
)
def test_yaml_that_means_more_is_not_understood(tmp_path, line):
    (tmp_path / "m.yml").write_text(line + "\n", "utf-8")
    records, unclear = read_metadata(tmp_path / "m.yml")
    assert unclear == [f"line {line.count(chr(10)) + 1} is not understood"]
    assert all(not learner.name for one in records.values() for learner in one.learners)


def test_metadata_are_read_as_text_whatever_they_are(tmp_path):
    place = tmp_path / "m.yml"
    for data in (b"\xff\xfe\0", b"a" * (3 << 20), b"\n" * 9, b":" * 1000, b"'" * 1000):
        place.write_bytes(data)
        records, unclear = read_metadata(place)
        assert records == {} and all(one.endswith("is not understood") for one in unclear)
    place.write_bytes(b"x y z w\n" * 1000)
    assert read_metadata(place)[1][-1] == "and so are 995 lines more"
    (tmp_path / "link.yml").symlink_to(place)
    assert read_metadata(tmp_path / "link.yml")[1] == ["it is not a regular file"]
    windows = b"\xef\xbb\xbfsubmission_1:\r\n  :submitters:\r\n  - :name: Zo\xc3\xab\r\n"
    place.write_bytes(windows)
    records, unclear = read_metadata(place)
    assert unclear == [] and records["submission_1"].learners[0].name == "Zoë"


def test_times_are_ordered_as_times():
    early, late = time_of("2026-11-20 10:15:00.5 +0100"), time_of("2026-11-20 09:15:01 Z")
    assert early and late and early < late
    assert time_of("2026-11-20 09:15:00.123456789 UTC") == time_of("2026-11-20T09:15:00.123456Z")
    assert time_of("") is None and time_of("yesterday") is None


def test_a_name_that_no_platform_gave_tells_nothing():
    for name in ("anna", FILE, f"anna_{FILE}", "hw1_anna", "submission_12", "a_1_b.py", "_" * 999):
        assert origin_of(name, False) is None and origin_of(name, True) is None
    assert origin_of(f"anna_1_2_{FILE}", True) is None


def test_a_clone_for_each_learner(tmp_path):
    files = {
        f"lab-anna/exercises/{FILE}": DONE,
        f"lab-anna/.git/{FILE}": OTHER,
        "lab-anna/.git/HEAD": b"ref: refs/heads/main\n",
        "lab-bert/step_03_gradient-2.py": DONE,
        "lab-bert/.git": b"gitdir: ../elsewhere\n",
        "lab-cleo/.git/HEAD": b"",
    }
    hand_ins, submissions, left_out = read(tmp_path, files)
    assert list(hand_ins) == ["lab-anna", "lab-bert", "lab-cleo"] and left_out == {}
    assert submissions["lab-anna"].sources == submissions["lab-bert"].sources == {MODULE: DONE}
    assert submissions["lab-cleo"].sources == {}
    assert all(one.learners == () for one in hand_ins.values())


def test_a_class_that_is_a_hostile_archive_stays_in_its_folder(tmp_path):
    place, scratch = tmp_path / "class.zip", tmp_path / "scratch"
    scratch.mkdir()
    link = zipfile.ZipInfo("Link_1_assignsubmission_file/" + FILE)
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(f"../Up_2_assignsubmission_file/{FILE}", DONE)
        archive.writestr(f"Up_3_assignsubmission_file/../../../{FILE}", DONE)
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"Both_4_assignsubmission_file/{FILE}", DONE)
        archive.writestr(f"Both_4_assignsubmission_file/{FILE}/below", DONE)
        archive.writestr(f"Both_4_assignsubmission_file/{LATER}", b"#" * ((1 << 20) + 1))
        archive.writestr(f"{'n' * 300}/{FILE}", DONE)
        archive.writestr(f"/Root_5_assignsubmission_file/{FILE}", DONE)
    found = read_class(place, COURSE, scratch=scratch)
    assert {one.name for one in found.hand_ins} == {"Both_4", "Root_5"}
    both = next(one for one in found.hand_ins if one.name == "Both_4").read(COURSE)
    assert both.sources == {MODULE: DONE}
    reasons = {one.name: one.reason for one in both.not_taken}
    assert "larger than" in reasons[LATER] and f"{FILE}/below" in reasons
    assert "larger than" in both.absence(COURSE.by_id["04"])
    assert len(found.left_out) == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == ["class.zip", "scratch"]
    assert not any(one.is_symlink() for one in scratch.rglob("*"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("MAX_FILES", 1, "holds more than 1 files"), ("MAX_CLASS_BYTES", 10, "when unpacked")],
)
def test_a_class_that_is_too_large_is_refused(tmp_path, monkeypatch, name, value, words):
    monkeypatch.setattr(exports, name, value)
    with pytest.raises(ClassError, match=words):
        read(tmp_path, MOODLE, "zip")


def test_a_class_that_cannot_be_unpacked_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "scratch").mkdir()
    for data, words in (
        (b"PK\3\4 and nothing more", "cannot be read"),
        (b"Rar!\x1a", "is a RAR archive"),
        (b"", "cannot be read"),
    ):
        (tmp_path / "class.zip").write_bytes(data)
        with pytest.raises(ClassError, match=f"class.zip {words}"):
            read_class(tmp_path / "class.zip", COURSE, scratch=tmp_path / "scratch")
    (tmp_path / "class.zip").write_bytes(
        encrypted(zipped({f"anna_201_9001_{FILE}": DONE, f"bert_202_9002_{FILE}": DONE}))
    )
    found = read_class(tmp_path / "class.zip", COURSE, scratch=tmp_path / "scratch")
    assert [one.name for one in found.hand_ins] == ["anna_201"]
    (locked,) = found.left_out
    assert locked.name == f"bert_202_9002_{FILE}" and "password" in locked.reason


@on_linux
def test_an_export_is_graded_as_it_comes(kit, tmp_path):
    (kit.root / "grader/content/hidden").mkdir(parents=True)
    (kit.root / "exercises").rename(kit.root / "solutions")
    (kit.root / "class.zip").write_bytes(
        zipped(
            {
                "zoë_201_1_step_00_numbers.py": b"def double(x):\n    return x\n",
                "zoë_201_2_step_00_numbers-1.py": b"def double(x):\n    return 2 * x\n",
                "li\x1b_202_3_essay.pdf": b"%PDF",
            }
        )
    )
    ran = kit.grader(
        "grade", "class.zip", "--out", "out", "--attempts", "all", TMPDIR=str(tmp_path)
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    names = sorted(file.parent.name for file in (kit.root / "out").glob("*/results.json"))
    assert names == ["li__202", "zoë_201 attempt 1", "zoë_201 attempt 2"]
    assert "\x1b" not in ran.stdout and "li\\x1b_202_3_essay.pdf: it is not a Python" in ran.stdout
    # What was unpacked is gone.
    assert not list(tmp_path.glob("class-*"))
