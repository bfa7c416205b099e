"""Which functions of a module another one uses, found without parsing it."""

import time

import pytest

from grader.judge.uses import taken_from, used_by

MODULE = b'''"""A lesson about `fit`."""

def step(p):
    """Not `fit`."""
    return p  # nor fit


def fit(
    x,
) -> list:
    """Uses `other` in words only."""
    text = \'\'\'
other
\'\'\'

    return [step(x)]


class Trainer:
    def run(self):
        return fit(1)


def other(x):
    return x


other(fit(2))


def alone():
    return 1
'''


@pytest.mark.parametrize(
    "function, names",
    [
        ("step", []),
        ("fit", ["step"]),
        ("Trainer", ["fit", "step"]),
        ("other", []),
        ("alone", []),
        ("missing", []),
    ],
)
def test_names_in_code_count_and_those_in_words_do_not(function, names):
    assert used_by(MODULE, function) == names
    assert used_by(MODULE.replace(b"\n", b"\r\n"), function) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (b"from step_00_a import f, g as h\n\ndef k():\n    pass\n", {"f", "g", "h"}),
        (b"from step_00_a import (\n    f,\n    g,\n)\n\ndef k(): pass\n", {"f", "g"}),
        (b"import step_00_a\n\ndef k():\n    return step_00_a.f()\n", {"k", "f"}),
        (b"from step_00_a import *\n\ndef k():\n    return f()\n", {"k", "f"}),
        (b"from step_01_b import f\n", set()),
        (b"# from step_00_a import f\n", set()),
    ],
)
def test_what_is_imported_from_another_step(source, names):
    keywords = {"from", "import", "as", "def", "return", "pass", "step_00_a"}
    assert taken_from(source, "step_00_a") - keywords == names


def test_the_last_definition_counts():
    assert used_by(b"def a():\n    b()\n\ndef b():\n    pass\n\ndef a():\n    pass\n", "a") == []


@pytest.mark.parametrize(
    "source",
    [
        b"\xff\xfe\x00",
        b"def f(:\n    g(\n\ndef g():\n  pass\n",
        b"def f():\n    return " + b"(" * 10**6,
        b"def f():\n" + b"\n" * 10**6,
        b'"""' * 300_000,
        b"def f(): g()\n" * 70_000,
        b"#" * 10**6,
    ],
    ids=["no text", "no Python", "brackets", "lines", "quotes", "definitions", "comment"],
)
def test_hostile_text_takes_no_time(source):
    start = time.process_time()
    assert used_by(source, "f") in ([], ["g"])
    taken_from(source, "f")
    assert time.process_time() - start < 2
