"""Hints: what stands in them, which function gets one, and which one comes next."""

import ast
import json
import re

import pytest

from grader.course.course import Course, CourseError
from grader.course.paths import HINTS, MEMORY
from grader.run.hints import function_named, hints_of

from .conftest import ROOT, TOY_SOLUTION

COURSE = Course.load(ROOT)
STEPS = pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
DEFINITION = ast.FunctionDef | ast.ClassDef
# Names of functions of Python, NumPy and PyTorch that are everyday words, too: they count in code only.
WORDS = {
    "all",
    "mean",
    "model",
    "parameters",
    "range",
    "step",
    "sum",
    "tensor",
    "to",
    "train",
    "view",
}


# What stands in the hints of the course


def definitions(step):
    """Return the functions and classes at the top of a solution, by name."""
    tree = ast.parse((ROOT / step.solution).read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, DEFINITION)}


@STEPS
def test_each_function_has_three_hints_in_the_order_of_the_lesson(step):
    hints = hints_of(COURSE, step)
    assert list(hints) == [name for name in definitions(step) if not name.startswith("_")]
    for name, texts in hints.items():
        assert len(texts) == len(set(texts)) == 3, name


def test_there_are_hints_for_the_steps_of_the_course_only():
    files = {path.name for path in (ROOT / HINTS).iterdir()}
    assert files == {f"step_{step.id}.toml" for step in COURSE.steps}


@STEPS
def test_a_hint_is_short_and_fits_a_terminal(step):
    for name, texts in hints_of(COURSE, step).items():
        for text in texts:
            assert 80 <= len(text) <= 700 and text[-1] in ".?", (name, text)
            assert max(map(len, text.splitlines())) < 80, (name, text)
        assert len(texts[0]) <= 350, name


@STEPS
def test_a_hint_is_about_the_exercise_and_not_about_its_judge(step):
    for name, texts in hints_of(COURSE, step).items():
        for text in texts:
            assert not re.search(r"\b(tests?(?! part|`)|grader|judge|kit)\b", text, re.I), (
                name,
                text,
            )


def squeezed(text):
    """Return code or prose without what may differ between two ways to write the same code."""
    return re.sub(r"[\s`]", "", text).replace('"', "'")


def is_work(value):
    """Return whether an expression does anything that is worth a hint."""
    if re.fullmatch(r"len\(\w+\)", ast.unparse(value)):
        return False
    works = ast.Call | ast.BinOp | ast.Compare | ast.Subscript
    return any(isinstance(node, works) for node in ast.walk(value))


def lines(node):
    """Yield the lines of a definition, and what stands in them behind `return` or `=`, squeezed."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.For | ast.While | ast.With | ast.If):
            yield squeezed(ast.unparse(inner).splitlines()[0])
        value = getattr(inner, "value", None)
        if isinstance(inner, ast.stmt) and value is not None and is_work(value):
            yield squeezed(ast.unparse(value))


@STEPS
def test_no_hint_holds_a_line_of_the_solution(step):
    found = {line for node in definitions(step).values() for line in lines(node)}
    assert found
    for name, texts in hints_of(COURSE, step).items():
        told = [line for line in found for text in texts if line in squeezed(text)]
        assert told == [], name


def calls(name, all_of_them):
    """Return the names of the functions that a function of a step and its helpers call, but for the step's own."""
    found, waiting, seen = set(), [name], set()
    while waiting:
        current = waiting.pop()
        seen.add(current)
        nodes = list(ast.walk(all_of_them[current]))
        own = {node.arg for node in nodes if isinstance(node, ast.arg)}
        own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        for node in nodes:
            function = node.func if isinstance(node, ast.Call) else None
            if isinstance(function, ast.Attribute) and ast.unparse(function.value) != "self":
                found.add(function.attr)
            elif isinstance(function, ast.Name) and function.id in all_of_them:
                helper = function.id.startswith("_") and function.id not in seen
                waiting += [function.id] if helper else []
            elif isinstance(function, ast.Name) and function.id not in own:
                found.add(function.id)
    return {one for one in found - {name} if not one.endswith("Error")}


@STEPS
def test_the_first_hint_names_nothing_that_the_solution_calls(step):
    all_of_them = definitions(step)
    for name, (first, *_) in hints_of(COURSE, step).items():
        code = " ".join(re.findall(r"`[^`]*`|\w+(?=\()", first))
        words = set(re.findall(r"\w+", first)) - WORDS | set(re.findall(r"\w+", code))
        assert calls(name, all_of_them) & words == set(), name


# Which hint comes


def ask(kit, *arguments):
    """Return number and text of the hint that is shown."""
    ran = kit.grader("hint", *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    head, _, text = ran.stdout.strip().partition("\n\n")
    return head, text


def test_hints_come_one_after_the_other_and_the_last_one_stays(kit):
    assert ask(kit, "0", "double") == ("Step 00, Toy 0: hint 1 of 3 for double", "first")
    assert ask(kit, "step_00", "--function", "double") == (
        "Step 00, Toy 0: hint 2 of 3 for double",
        "second",
    )
    assert ask(kit, "0", "total") == ("Step 00, Toy 0: hint 1 of 3 for total", "one")
    assert ask(kit, "01", "double") == ("Step 01, Toy 1: hint 1 of 3 for double", "first")
    for _ in range(2):
        head, text = ask(kit, "0", "Double")
        assert head == "Step 00, Toy 0: hint 3 of 3 for double"
        assert text.startswith("third") and "This is the last hint for double." in text
    assert ask(kit, "0", "double", "--again")[1] == "first"
    assert ask(kit, "0", "double")[1] == "second"
    assert ask(kit, "0", "total")[1] == "two"


@pytest.mark.parametrize("seen", ["two", -7, 1000, None, [1], {"a": 1}])
def test_a_broken_memory_of_hints_does_no_harm(kit, seen):
    (kit.root / MEMORY).mkdir()
    (kit.root / MEMORY / "hints.json").write_text(json.dumps({"00 double": seen, "00": 2}))
    _, text = ask(kit, "0", "double")
    assert text.startswith("third" if seen == 1000 else "first")


def test_a_function_may_be_named_loosely_and_an_unknown_one_is_answered_with_those_there_are(kit):
    step = COURSE.by_id["08"]
    hints = hints_of(COURSE, step)
    for name in ("SGD", "sgd", "SGD.step"):
        assert function_named(name, step, hints) == "SGD"
    ran = kit.grader("hint", "0", "--function", "duble")
    assert ran.returncode == 2 and ran.stdout == ""
    assert ran.stderr == 'Step 00 has no function "duble". It has: double, total.\n'


STUB = 'raise NotImplementedError("later")'


def test_without_a_name_it_is_the_function_that_failed_first(kit):
    assert "for double" in ask(kit, "0")[0], "nothing is known yet, and nothing is a stub"
    kit.write("step_00_numbers", TOY_SOLUTION.replace("values.sum()", "values.max()"))
    checked = kit.grader("check", "0")
    assert "      For a hint: make hint STEP=00 FN=total" in checked.stdout
    head, text = ask(kit, "0")
    assert head == "Step 00, Toy 0: hint 1 of 3 for total"
    assert text == "one\n\nFor another function (double, total): make hint STEP=00 FN=NAME"
    # What a check said about another version does not count.
    kit.write("step_00_numbers", TOY_SOLUTION.replace("return 2 * x", STUB))
    assert "for double" in ask(kit, "0")[0]
    kit.write("step_00_numbers", TOY_SOLUTION.replace("return values.sum()", STUB))
    kit.collected()
    assert "for total" in ask(kit, "0")[0]
    assert kit.collected() == []
    checked = kit.grader("check", "0")
    assert "\n  For a hint: make hint STEP=00 FN=total\n" in checked.stdout
    assert ask(kit, "0")[0] == "Step 00, Toy 0: hint 3 of 3 for total"


def test_when_all_is_right_no_hint_is_used_up(kit):
    assert kit.grader("check", "1").returncode == 0
    for _ in range(2):
        head, text = ask(kit, "1")
        assert head == "Step 01, Toy 1: all is right here, so you need no hint. Well done!"
        assert text.endswith("(double, total), for example: make hint STEP=01 FN=double")
    assert ask(kit, "1", "total")[1] == "one"


@pytest.mark.parametrize(
    ("source", "function"),
    [
        (b"class total:\n    def f(self):\n        raise NotImplementedError\n", "total"),
        (
            b"\xef\xbb\xbfdef total(x):\r\n    '''Do.'''\r\n    raise NotImplementedError\r\n",
            "total",
        ),
        (b"async def total(x):\n    raise NotImplementedError()\n", "total"),
        (b"def total(x):\n    raise NotImplementedError\n    return x\n", "double"),
        (b"def total(x):\n    raise ValueError\n", "double"),
        (b"def total(x:\n    raise NotImplementedError\n", "double"),
        (b"\xff", "double"),
        (None, "double"),
    ],
    ids=["class", "windows", "async", "begun", "another error", "syntax", "no utf-8", "no file"],
)
def test_what_is_not_written_is_seen_without_a_check(kit, source, function):
    if source is None:
        (kit.root / "exercises/step_00_numbers.py").unlink()
    else:
        kit.write("step_00_numbers", source)
    assert ask(kit, "0")[0].endswith(f"for {function}")


def test_without_exercises_it_is_the_first_function(kit):
    for path in (kit.root / "exercises").iterdir():
        path.unlink()
    (kit.root / "exercises").rmdir()
    assert ask(kit, "0")[0].endswith("for double")


def test_a_changed_hint_makes_no_check_run_again(kit):
    assert kit.grader("check", "0").returncode == 0 and kit.collected() == ["00"]
    (kit.root / HINTS / "step_00.toml").write_text('double = ["a"]')
    assert kit.grader("check", "0").returncode == 0 and kit.collected() == []
    assert ask(kit, "0", "double")[1].startswith("a\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "There is no grader/content/hints/step_00.toml in "),
        ("double", "cannot be read"),
        ("", "there is no function"),
        ("double = []", "double must be a list of at least one string"),
        ('double = "first"', "double must be a list"),
        ("[double]", "double must be a list"),
        ("double = [1]", "double must be a list"),
    ],
)
def test_a_broken_file_of_hints_is_said_to_be_so(kit, text, words):
    course = Course.load(kit.root)
    path = kit.root / HINTS / "step_00.toml"
    path.write_text(text or "")
    if text is None:
        path.unlink()
    with pytest.raises(CourseError, match=re.escape(words)):
        hints_of(course, course.steps[0])
    ran = kit.grader("hint", "0")
    assert ran.returncode == 2 and words in ran.stderr
