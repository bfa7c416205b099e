"""The catalogue of misconceptions, and what is recorded of it."""

import ast
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from grader.course.course import Course
from grader.judge.diagnosis import Recorded
from grader.judge.fingerprint import Fingerprint
from grader.maintain import catalogue
from grader.maintain.mutants import mutants_of
from grader.maintain.record import is_stale

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course.load(ROOT)
ENTRIES = [(step, entry) for step in COURSE.steps for entry in catalogue.load(COURSE, step)]
STEPS = pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)


def names_in(source: str) -> set[str]:
    """Return the functions and classes at the top of a module."""
    return {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def test_there_are_many():
    assert len(ENTRIES) >= 200
    counts = Counter(entry.id for _, entry in ENTRIES)
    assert not [name for name, count in counts.items() if count > 1]


@STEPS
def test_every_function_has_some(step):
    functions = names_in((ROOT / "exercises" / step.filename).read_text("utf-8"))
    assert {entry.function for entry in catalogue.load(COURSE, step)} == functions


@STEPS
def test_words(step):
    exercise = (ROOT / "exercises" / step.filename).read_text("utf-8")
    for entry in catalogue.load(COURSE, step):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", entry.id)
        assert exercise.count(entry.read) == 1, (
            f"{entry.id}: {entry.read!r} is not once in the text"
        )
        for words in (entry.sentence, entry.hint):
            assert 20 < len(words) <= 220, entry.id
            assert words[-1] in ".?!", entry.id


@STEPS
def test_one_mistake_only(step):
    solution = (ROOT / "solutions" / step.filename).read_text("utf-8")
    for entry in catalogue.load(COURSE, step):
        module = entry.module(solution).decode()
        assert names_in(solution) <= names_in(module)
        # The other functions call the right one, under a name that nobody else uses.
        assert f"_right_{entry.function}" in names_in(module)


@STEPS
def test_recorded_is_up_to_date(step):
    stale = is_stale(COURSE, step)
    assert not stale, f"run `make record STEP={step.id}`"


@STEPS
def test_recorded_holds_no_wrong_code(step):
    text = (ROOT / step.recorded_file).read_text("utf-8")
    for function, battery in json.loads(text)["functions"].items():
        for transcript in battery["transcripts"]:
            assert transcript.keys() == {
                "id", "sentence", "hint", "read", "answers", "fails", "loosely",
            }, function  # fmt: skip


def test_recorded_is_read_as_it_was_written(tmp_path):
    step = COURSE.by_id["03"]
    recorded = Recorded.load(COURSE, step)
    (tmp_path / step.recorded_file).parent.mkdir(parents=True)
    (tmp_path / step.recorded_file).write_text(recorded.text(), "utf-8")
    assert Recorded.load(Course(tmp_path, COURSE.steps), step) == recorded


def test_listed_mutants_exist():
    made = {mutant.id for step in COURSE.steps for mutant in mutants_of(COURSE, step)}
    listed = catalogue.equivalents(COURSE)
    assert listed.keys() <= made, "these are not made any more"
    assert all(reason.endswith(".") for reason in listed.values())


def value(value: object, after: bytes | None = None) -> Fingerprint:
    return Fingerprint.of({"kind": "value", "value": value, "after": after})


def test_fingerprints_of_other_numbers_differ():
    assert value(1.0).matches(value(1.00001))
    assert not value(1.0).matches(value(1.01))
    assert not value([1.0, 2.0]).matches(value([2.0, 1.0]))
    assert value(float("nan")).matches(value(float("nan")))


def test_of_times_only_the_order_counts():
    times, on_a_busy_machine = value([0.08, 0.0801, 0.0]), value([0.25, 0.2504, 0.0])
    assert times.matches(on_a_busy_machine, timed=True)
    assert not times.matches(on_a_busy_machine)
    assert not times.matches(value([0.08, 0.0, 0.0]), timed=True)
    assert not times.matches(value([0.0, 0.0801, 0.0]), timed=True)


def test_fingerprints_of_other_forms_differ_unless_loosely():
    assert not value((1.0, 2)).matches(value([1, 2.0]))
    assert value((1.0, 2)).matches(value([1, 2.0]), loosely=True)
    assert not value((1.0, 2)).matches(value([1.0]), loosely=True)
    assert value(["a", "b"]).matches(value(["b", "a"]), loosely=True)


def test_fingerprints_of_changed_inputs_differ():
    assert not value(1.0).matches(value(1.0, b"changed"))
