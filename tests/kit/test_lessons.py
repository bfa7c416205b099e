"""Lessons: what each one must have, and that all examples and numbers in them are true."""

import ast
import doctest
import re
import sys

import pytest
import torch

from grader.course.course import Course

from .conftest import ROOT
from .test_hints import definitions, lines, squeezed

COURSE = Course.load(ROOT)
STEPS = pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
# Other systems end tracebacks and round last digits in other ways; a lesson may cut both short with "...".
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Whole numbers from here on are facts, which an example must show; smaller ones can be checked by eye.
LARGE = 100
# What a lesson teaches by its name, or the contract has: no exercise is done with one of these.
IDIOMS = {
    "a+b*x",
    "yhat-y",
    "loss.backward()",
    "model(x)",
    "model.eval()",
    "nn.CrossEntropyLoss()",
    "nn.Linear(1,1)",
    "load_diabetes(return_X_y=True)",
    "load_digits(return_X_y=True)",
    "optimizer.step()",
    "optimizer.zero_grad()",
    "super().__init__()",
    "time.perf_counter()",
    "withtorch.no_grad():",
}
# Numbers that no example prints: what they are made of, or the source that has them.
FACTS = {
    "00": {"255": 2**8 - 1, "2019": "the year of the tutorial"},
    "02": {"0.01": 0.1**2},
    "03": {"4.67": 14 / 3, "0.39": 4.667 - 4.277, "0.4": 0.1 * 4},
    "04": {"0.625": 5 / 8, "1.375": 11 / 8, "1.531": 49 / 32},
    "05": {
        "0.4": "the version of PyTorch without Variable",
        "10,000": "a benchmark of the sources",
    },
    "08": {"1.9": 0.9 + 1, "2.71": 0.9 * 1.9 + 1, "0.19": 0.1 * 1.9, "0.271": 0.1 * 2.71},
    "09": {
        "4.67": 14 / 3,
        "100": 10**2,
        "0.125": 0.5 * 0.5**2,
        "4.5": 0.5 * 3**2,
        "2.5": 1 * (3 - 0.5 * 1),
        "50.0": 0.5 * 10**2,
        "9.5": 1 * (10 - 0.5 * 1),
    },
    "12": {"3.005": "a text among the sources"},
    "15": {"0.01": 0.1**2, "3.5": (1 + 6) / 2},
    "16": {"0.01": 0.1**2},
    "17": {
        "5.0": 5,
        "4.0": 4,
        "3.0": 3,
        "3.5": 7 / 2,
        "0.0083": "the validation loss in step 16",
        "2.6": "a version of PyTorch",
    },
    "19": {
        "0.1": 1 / 10,
    },
}


def lesson_of(step):
    """Return the text at the top of a step's module."""
    return ast.get_docstring(ast.parse((ROOT / step.solution).read_text("utf-8")), clean=False)


def parts_of(step):
    """Return the prose of a lesson and its examples, what they print included, as two texts."""
    prose, examples = [], []
    for part in doctest.DocTestParser().parse(lesson_of(step)):
        if isinstance(part, doctest.Example):
            examples += [part.source, part.want]
        else:
            prose.append(part)
    return "".join(prose), "".join(examples)


@pytest.fixture
def beside_the_exercises(monkeypatch):
    """Import steps and given modules as a learner does in the folder of the exercises, with one thread."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "solutions"), str(ROOT / "exercises"), *sys.path])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    for name in [name for name in sys.modules if re.match(r"step_\d\d_|tutorial_data$", name)]:
        del sys.modules[name]


@STEPS
@pytest.mark.usefixtures("beside_the_exercises")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_all_examples_of_a_lesson_print_what_stands_below_them(step):
    examples = doctest.DocTestParser().get_doctest(lesson_of(step), {}, step.id, step.solution, 0)
    told = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    assert not runner.run(examples, out=told.append).failed, "".join(told)
    assert runner.tries >= 3


@STEPS
def test_every_number_of_a_lesson_stands_in_an_example(step):
    prose, examples = parts_of(step)
    shown = set(re.findall(r"\d+(?:\.\d+)?", examples.replace("_", "").replace(",", " ")))
    prose = re.sub(r"Time: \d+ minutes", "", prose)
    numbers = set(re.findall(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?!\w)", prose))
    facts = {text for text in numbers if float(text.replace(",", "")) >= LARGE or "." in text}
    known = FACTS.get(step.id, {})
    assert facts - shown == set(known)
    for text, fact in known.items():
        decimals = len(text.partition(".")[2])
        assert isinstance(fact, str) or f"{fact:.{decimals}f}" == text


@STEPS
def test_a_lesson_has_its_parts(step):
    text = lesson_of(step)
    head = rf"Step {step.id}: .*\.\n\nTime: \d+ minutes\. Difficulty: [1-5] of 5\. You need: .*\.\n\n## Why\n"
    assert re.match(head, text)
    assert text.count("\n## Recap\n") == 1
    assert "Try it" in text
    recap = text.partition("\n## Recap\n")[2]
    assert re.search(r"\bsteps?\s\d\d|capstone", recap, re.I)
    assert "documentation" in recap
    assert max(map(len, text.splitlines())) <= 120


@STEPS
def test_a_lesson_is_about_its_subject_and_not_about_its_judge(step):
    assert not re.search(
        r"\b(the tests|hidden tests?|(auto)?grad(er|ed)|marks?)\b", lesson_of(step)
    )


@STEPS
def test_a_lesson_holds_no_line_of_the_solution(step):
    found = {line for node in definitions(step).values() for line in lines(node)} - IDIOMS
    text = squeezed(lesson_of(step))
    assert [line for line in found if line in text] == []
