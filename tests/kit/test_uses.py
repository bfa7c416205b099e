"""Which functions of a module another one uses, found without parsing it."""

import time

import pytest

from grader.judge.uses import used_by

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
    assert time.process_time() - start < 2
