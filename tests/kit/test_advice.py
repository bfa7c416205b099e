"""Advice: troubles that beginners know, each with its own helpful sentence, out of a real worker."""

import sys

import pytest

from grader.judge import advice
from grader.judge.feedback import raised
from grader.judge.stop import Stop
from grader.testing.answers import Call
from grader.wire import messages

CONFLICT = "x = 1\n{}<<<<<<< HEAD\n{}y = 1\n{}=======\n{}y = 2\n{}>>>>>>> main\n"
NOTEBOOK = '{\n "cells": [{"cell_type": "code", "execution_count": null}],\n "nbformat": 4\n}\n'
GENERAL = "Check this line and the one above it."

# Files that Python cannot read, and words of the advice.
UNREADABLE = {
    "conflict": (CONFLICT.format(*[""] * 5), "merge conflict"),
    "conflict in a function": ("def f():\n    " + CONFLICT.format(*["", "    "] * 2, ""), "merge conflict"),
    "conflict in brackets": ("x = (\n<<<<<<< HEAD\n1,\n=======\n2,\n>>>>>>> main\n)\n", "merge conflict"),
    "one mark left": ("x = 1\n=======\ny = 2\n", "merge conflict"),
    "magic": ("%matplotlib inline\nimport torch\n", "notebook commands"),
    "magic of a cell": ("%%time\nx = 1\n", "notebook commands"),
    "shell": ("!pip install torch\n", "notebook commands"),
    "shell in a function": ("def f():\n    !ls\n", "notebook commands"),
    "help": ("torch.randn?\n", "notebook commands"),
    "console": (">>> x = 1\n", "belong to the Python console"),
    "fences": ("```python\nx = 1\n```\n", "mark code in Markdown"),
    "terminal": ("pip install torch\n", "a command for the terminal"),
    "prompt": ("$ make check\n", "a command for the terminal"),
    "print": ('print "x"\n', "This is Python 2"),
    "print of a name": ("def f(x):\n    print x\n", "This is Python 2"),
    "except": ("try:\n    x = 1\nexcept ValueError, error:\n    pass\n", "as error:"),
    "raise": ('raise ValueError, "x"\n', "This is Python 2"),
    "else if": ("if x:\n    y = 1\nelse if z:\n    y = 2\n", "as `elif condition:`"),
    "elseif": ("if x:\n    y = 1\nelseif z:\n    y = 2\n", "as `elif condition:`"),
    "tabs": ("def f():\n\tx = 1\n        y = 2\n", "convert all tabs to spaces"),
    "further left": ("def f():\n    x = 1\n  y = 2\n", "is indented less than the line above it"),
    "further right": ("x = 1\n    y = 2\n", "is indented more than the line above it"),
    "no block": ("def f():\nx = 1\n", "indent the lines that belong to it by four more spaces"),
    "quotes": ("x = “a”\n", "straight ones, as on your keyboard"),
    "single quotes": ("x = ‘a’\n", "straight ones, as on your keyboard"),
    "dash": ("x = 3 – 2\n", "the minus sign on your keyboard"),
    "minus": ("x = 3 − 2\n", "the minus sign on your keyboard"),
    "hard space": ("x =\u00a03\n", "an invisible character"),
    "zero width": ("x = 1\n\u200by = 2\n", "an invisible character"),
    "wide bracket": ("x = max(1, 2）\n", "it only looks like the one that Python needs"),
    "colon": ("def f(x)\n    return x\n", GENERAL),
    "bracket": ("x = (1,\n\ndef f():\n    pass\n", GENERAL),
    "text": ("x = 'what?\n", GENERAL),
    "remainder": ("x = 3 %\n", GENERAL),
    "notebook": (NOTEBOOK, "is not a Python module: it is a notebook"),
    "web page": ("\n<!DOCTYPE html>\n<html></html>\n", "it is a web page"),
    "document": ("{\\rtf1\\ansi x = 1}", "it is a word processor document"),
}  # fmt: skip

# Lines of newer versions of Python.
NEWER = {
    "type X = int": (3, 12),
    "def first[T](values): pass": (3, 12),
    "class Box[T]: pass": (3, 12),
    'x = f"{d["a"]}"': (3, 12),
    "x = f'{'-'.join(a)}'": (3, 12),
    'x = f"{chr(10) + "\\n"}"': (3, 12),
    'x = t"{y}"': (3, 14),
}

# Modules that fail when they are imported or called, and words of the sentence.
FAILING = {
    "breakpoint": ("def f():\n    breakpoint()\n    return 1\n", "waits for a debugger"),
    "pdb": ("import pdb\ndef f():\n    pdb.set_trace()\n    return 1\n", "waits for a debugger"),
    "ipdb": ("import ipdb\n", "A debugger does not work here"),
    "input": ("def f():\n    return input()\n", "waits for keyboard input"),
    "pandas": ("import pandas_ as pd\n", "Is the name spelled correctly?"),
    "get_ipython": ("get_ipython().system('ls')\n", "works only in a notebook"),
    "display": ("def f():\n    display(1)\n", "works only in a notebook"),
    "xrange": ("def f():\n    return xrange(3)\n", "it is called `range`"),
    "null": ("x = {'a': null}\n", "None, True and False"),
    "moved": ("import sklearn.cross_validation\n", "has nothing of this name"),
    "misspelled": ("from sklearn.linear_model import LinearRegresion\n", "has nothing of this name"),
    "dot": ("from .step_01_other import g\n", "Remove the dot"),
    "folder": ("from exercises.step_01_other import g\n", "import another step without the folder's name"),
    "absent": ("from step_02_absent import g\n", "A step can import another step"),
    "typo": ("def f():\n    return numby\n", "Is the name spelled correctly, and does it get a value"),
}  # fmt: skip


def said_of(session):
    """Return what a learner reads when `f` is called."""
    request = messages.call("f")
    try:
        return raised(session.ask("f", Call("f"), request), "step_00_toy.py")
    except Stop as stop:
        return stop.sentence


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_python_cannot_read(fork_launcher, session_factory, kind):
    source, words = UNREADABLE[kind]
    with session_factory(fork_launcher, source) as session:
        said = said_of(session)
    assert words in said and "step_00_toy.py" in said
    assert GENERAL not in said or words == GENERAL


def test_a_question_of_python_gets_no_full_stop(fork_launcher, session_factory):
    with session_factory(fork_launcher, "x = [1 2]\n") as session:
        assert "Perhaps you forgot a comma?\n" in said_of(session)


@pytest.mark.parametrize("line", NEWER)
def test_newer_syntax_is_known_by_its_line(line):
    version = NEWER[line]
    before = (3, version[1] - 1)
    needs, here = f"needs Python 3.{version[1]} or newer", f"this is Python 3.{before[1]}."
    said = advice.of_syntax("SyntaxError", "invalid syntax", f"    {line}", b"", before)
    assert needs in said and here in said
    assert needs not in advice.of_syntax("SyntaxError", "invalid syntax", line, b"", version)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python can read it")
@pytest.mark.parametrize("line", [line for line in NEWER if NEWER[line] == (3, 12)])
def test_newer_syntax_in_a_file(fork_launcher, session_factory, line):
    with session_factory(fork_launcher, f"def f():\n    {line}\n") as session:
        assert "needs Python 3.12 or newer" in said_of(session)


@pytest.mark.parametrize("line", ['x = f"{x', 'x = f"{}"', "def f(", "type(x"])
def test_old_mistakes_are_not_taken_for_newer_syntax(line):
    with pytest.raises(SyntaxError) as caught:
        compile(line, "x", "exec")
    said = advice.of_syntax("SyntaxError", str(caught.value.msg), line, b"", (3, 11))
    assert "newer" not in said


@pytest.mark.parametrize("line", ["make = Model(1, 2", "git = (1", "cd = 3 4", "python = 3 4"])
def test_names_that_are_also_commands_are_not_taken_for_them(line):
    with pytest.raises(SyntaxError) as caught:
        compile(line, "x", "exec")
    assert "terminal" not in advice.of_syntax("SyntaxError", str(caught.value.msg), line, b"")


@pytest.mark.parametrize("kind", FAILING)
def test_an_error_with_its_usual_reason(fork_launcher, session_factory, kind):
    source, words = FAILING[kind]
    with session_factory(fork_launcher, source) as session:
        said = said_of(session)
    assert words in said
    assert "site-packages" not in said


@pytest.mark.parametrize("package", ["pandas", "matplotlib", "seaborn", "torchvision", "scipy"])
def test_packages_of_tutorials(package):
    for name in (package, f"{package}.part"):
        said = advice.of_error(["ModuleNotFoundError"], f"No module named '{name}'")
        assert "Remove this import" in str(said)
