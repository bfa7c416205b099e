"""docs/curriculum.md: every step and function stands there, and each place in its table of concepts exists."""

import re

import pytest

from grader.course.course import Course
from grader.run.quiz import questions_of

from .conftest import ROOT
from .test_hints import definitions
from .test_lessons import lesson_of

COURSE = Course.load(ROOT)
PAGE = (ROOT / "docs" / "curriculum.md").read_text("utf-8")
CONTRACT, _, CONCEPTS = PAGE.partition("\n## Concepts\n")
ROWS = [line.strip("| ").split(" | ") for line in CONCEPTS.splitlines() if line.startswith("| ")][
    1:
]
PLACE = re.compile(r'(\d\d) (?:`(\w+)`|lesson "((?:[^"]|"(?!,|$))+)"|quiz `([\w-]+)`)(?:, |$)')


@pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
def test_every_step_stands_there_with_its_functions(step):
    parts = re.split(r"(?m)^## ", CONTRACT)
    [part] = [part for part in parts if part.startswith(f"{step.id} · {step.filename} · ")]
    names = [name for name in definitions(step) if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"`(class )?{name}\b", part)] == []


def is_there(step, function, phrase, question):
    if function:
        return function in definitions(step)
    if question:
        return question in {question.id for question in questions_of(COURSE, step)}
    return " ".join(phrase.split()) in " ".join(lesson_of(step).split())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_concept_has_a_place_that_exists(row):
    _, where = row
    places = list(PLACE.finditer(where))
    assert places and "".join(place[0] for place in places) == where
    for place in places:
        step, *rest = place.groups()
        assert is_there(COURSE.by_id[step], *rest), place[0]


def test_the_table_is_complete():
    assert len(ROWS) >= 90
    assert {where[:2] for _, where in ROWS} >= {f"{number:02}" for number in range(17)}
