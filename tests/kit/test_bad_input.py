"""Bad modules of every kind: each costs its own functions' tests and no others, with a sentence of its own."""

import json
import os
import sys

import pytest

DOUBLE = "def double(x):\n    return 2 * x\n"
TOTAL = "def total(values):\n    return values.sum()\n"
GOOD = DOUBLE + TOTAL
GARBAGE = """for fd in range(3, 99):
        try:
            os.write(fd, b"x" * 99)
        except OSError:
            pass"""


def double(*lines):
    """Return a module whose `double` has this body."""
    return "import os, sys, time\n\ndef double(x):\n    " + "\n    ".join(lines) + "\n\n" + TOTAL


# Modules of which no function can be used: what they hold, the status, and words of the message.
UNUSABLE = {
    "missing": (None, "not_started", "FILE is missing, so step 00 counts as not started"),
    "empty": ("", "failed", "is empty. If that was an accident"),
    "blank": (" \n\t\n", "failed", "is empty"),
    "latin_1": (("# one\n# café\n" + GOOD).encode("latin-1"), "failed", "not saved as UTF-8 text: line 2 "),
    "utf_16": (GOOD.encode("utf-16"), "failed", "it contains zero bytes, as UTF-16 text does"),
    "null": (GOOD + "\0", "failed", "it contains zero bytes"),
    "encoding": ("# coding: klingon\n" + GOOD, "failed", "unknown encoding: klingon"),
    "syntax": ("x = 1\ndef double(x)\n    return 2\n", "failed", "cannot read line 2 of FILE"),
    "indent": ("def double(x):\nreturn 2 * x\n", "failed", "expected an indented block"),
    "bracket": ("x = (1,\n" + GOOD, "failed", "cannot read line 1 of"),
    "nested": ("x = " + "(" * 100_000, "failed", "too many nested parentheses"),
    "importing": ("import numpi\n" + GOOD, "failed", "No module named 'numpi'"),
    "raising": ("y = 1 / 0\n" + GOOD, "failed", "ZeroDivisionError: division by zero"),
    "stub": ("raise NotImplementedError('later')", "not_started", "Your code raised NotImplementedError: later"),
    "leaving": (GOOD + "exit()\n", "failed", "called `exit()`"),
    "crashing": ("import os\nos._exit(0)\n" + GOOD, "crashed", "it exited with code 0"),
    "looping": (GOOD + "while True:\n    pass\n", "timeout", "a loop outside all functions"),
    "deaf": ("import os\nos.closerange(3, 256)\n" + GOOD, "crashed", "Python stopped while running your code"),
    "huge": (GOOD + "#" * 1_100_000, "failed", "was not taken: it is larger than 1024 KB"),
    "link": (os.symlink, "failed", "was not taken: it is not a regular file"),
    "folder": (os.mkdir, "failed", "was not taken: it is not a regular file"),
}  # fmt: skip

# Modules with one bad function: `total` is right in all of them.
PARTLY = {
    "absent": (TOTAL, "failed", "There is no `double` in FILE"),
    "renamed": (GOOD.replace("double", "Double"), "failed", "But there is `Double`."),
    "inside": ("class A:\n    def double(x):\n        return x\n" + TOTAL, "failed", "belongs at the left margin"),
    "number": ("double = 3\n" + TOTAL, "failed", "it is not a function but int"),
    "signature": ("def double():\n    return 1\n" + TOTAL, "failed", "Keep the parameters of the exercise"),
    "nothing": (double("2 * x"), "failed", "Expected one number, got None. Is a `return` missing?"),
    "text": (double("return str(2 * x)"), "failed", "Expected one number, got '4'."),
    "several": (double("return [x, x]"), "failed", "Expected one number, got the list [2, 2]."),
    "nan": (double("return float('nan')"), "failed", "a finite number (not NaN or inf), got the float nan."),
    "enormous": (double("return 10 ** 5000"), "failed", "a finite number (not NaN or inf), got the float inf."),
    "thing": (double("return object()"), "failed", "got an object of type object: <object object at 0x…>"),
    "yielding": (double("yield x"), "failed", "got an object of type generator"),
    "endless": (double("a = []; a.append(a); return a"), "failed", "nested deeper than 32 levels"),
    "million": (double("return [0] * 2_000_000"), "failed", "more than 1000000 items"),
    "raises": (double("raise ValueError('oops')"), "failed", "line 4 of FILE: raise ValueError"),
    "silent": (
        "class Odd(Exception):\n    def __str__(self):\n        raise KeyError\n" + double("raise Odd"),
        "failed",
        "Odd: (its message cannot be shown)",
    ),
    "unknown": (double("return y"), "failed", "Is the name spelled correctly"),
    "exits": (double("exit()"), "failed", "called `exit()`, which ends the whole program"),
    "interrupts": (double("raise KeyboardInterrupt"), "failed", "KeyboardInterrupt is for Ctrl-C only"),
    "base": (double("raise GeneratorExit('x')"), "failed", "raised GeneratorExit: x"),
    "crashes": (double("os._exit(0)"), "crashed", "it exited with code 0"),
    "killed": (
        double("os.kill.__wrapped__(os.getpid(), 9)"),
        "crashed",
        "Python stopped while running your code",
    ),
    "asks": (double("return input('x? ')"), "failed", "waits for keyboard input"),
    "recursive": (double("return double(x)"), "failed", "calls itself without end"),
    "hangs": (double("while True: pass"), "timeout", "did not finish within 2 seconds"),
    "sleeps": (double("time.sleep(1000)"), "timeout", "did not finish within 2 seconds"),
    "garbage": (double(GARBAGE), "crashed", "Python stopped while running your code"),
    "unwritten": (double("raise NotImplementedError('later')"), "not_started", "not written yet"),
}  # fmt: skip

# Odd, but right: nothing is lost.
ODD = {
    "talkative": "print('x' * 1_000_000)\n" + GOOD,
    "loud": double("print('x' * 1_000_000)", "return 2 * x"),
    "bom": b"\xef\xbb\xbf" + GOOD.encode(),
    "windows": GOOD.replace("\n", "\r\n"),
    "cookie": ("# coding: latin-1\n# café\n" + GOOD).encode("latin-1"),
    "callable": "class Double:\n    def __call__(self, x):\n        return 2 * x\n\ndouble = Double()\n"
    + TOTAL,
    "closing": double("sys.stdout.close()", "sys.stderr = None", "return 2 * x"),
    "moving": "import os, tempfile\nos.chdir('/')\n" + GOOD,
    "patching": "import builtins\nbuiltins.print = builtins.open = None\n" + GOOD,
}
KINDS = [*UNUSABLE, *PARTLY, *ODD]


def name_of(kind):
    return f"step_{KINDS.index(kind):02}_{kind}"


@pytest.fixture(scope="module")
def judged(kit_factory):
    """How the check of all bad modules ended, and the tests of each step by function."""
    kit = kit_factory(*map(name_of, KINDS), seconds=2)
    for kind in KINDS:
        held = ODD[kind] if kind in ODD else (UNUSABLE | PARTLY)[kind][0]
        path = kit.root / "bad" / f"{name_of(kind)}.py"
        if held is os.symlink:
            path.symlink_to(kit.root / "exercises" / path.name)
        elif held is os.mkdir:
            path.mkdir()
        elif held is not None:
            kit.write(name_of(kind), held, "bad")
    ran, data = kit.results("--target", "bad")
    steps = {}
    for step in json.loads(data)["steps"]:
        tests = steps[KINDS[int(step["id"])]] = {"double": [], "total": []}
        for test in step["tests"]:
            tests[test["function"]].append(test)
    return ran, steps


def statuses(tests):
    return {test["status"] for test in tests}


def test_the_check_of_bad_modules_ends_as_any_other_check(judged):
    ran, steps = judged
    assert ran.returncode == 1 and ran.stderr == ""
    assert "Traceback" not in ran.stdout
    assert list(steps) == KINDS
    assert f"{len(ODD)} of {len(KINDS)} steps done" in ran.stdout


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_module_that_cannot_be_used_says_why(judged, kind):
    _, status, words = UNUSABLE[kind]
    tests = judged[1][kind]
    assert statuses(tests["double"] + tests["total"]) == {status}
    messages = {test["message"] for test in tests["double"] + tests["total"]}
    assert len(messages) == 1
    (message,) = messages
    assert words.replace("FILE", f"{name_of(kind)}.py") in message
    assert f"{name_of(kind)}.py" in message
    assert len(message) < 600


@pytest.mark.parametrize("kind", PARTLY)
def test_a_bad_function_costs_its_own_tests_only(judged, kind):
    _, status, words = PARTLY[kind]
    tests = judged[1][kind]
    assert statuses(tests["total"]) == {"passed"}
    assert statuses(tests["double"]) == {status}
    assert words.replace("FILE", f"{name_of(kind)}.py") in tests["double"][0]["message"]
    assert all(len(test["message"]) < 600 for test in tests["double"])


@pytest.mark.parametrize("kind", ODD)
def test_a_module_that_is_odd_but_right_loses_nothing(judged, kind):
    tests = judged[1][kind]
    assert statuses(tests["double"] + tests["total"]) == {"passed"}


def test_a_syntax_error_is_shown_with_its_line_and_a_caret(judged):
    message = judged[1]["syntax"]["double"][0]["message"]
    assert "expected ':'" in message
    _, line, caret, after = message.split("\n")
    assert line == "    def double(x)" and caret.strip() == "^"
    assert caret.index("^") == line.index(")") + 1
    assert after == "Check this line and the one above it."


def test_much_output_is_noted_even_when_all_is_right(judged):
    tests = judged[1]["loud"]
    assert "printed 1000001 bytes in one call" in tests["double"][0]["message"]
    assert judged[1]["talkative"]["double"][0]["message"] == ""


def test_a_hang_says_so_once_and_is_not_run_again(judged):
    first, second = judged[1]["hangs"]["double"]
    assert "`double(2)`" in first["message"] and "Not run again" not in first["message"]
    assert "Not run again: an earlier test used up the time for `double`." in second["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions here")
def test_a_file_without_permission_was_not_taken(kit_factory):
    kit = kit_factory("step_00_numbers")
    path = kit.write("step_00_numbers", GOOD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    (double_of_two, *_) = kit.verdicts()["00"]
    assert "was not taken: it cannot be read (Permission denied)" in double_of_two["message"]


def test_a_folder_of_exercises_that_leads_elsewhere_is_not_followed(kit):
    other = kit.root / "other"
    (kit.root / "submission").mkdir()
    (kit.root / "exercises").rename(other)
    (kit.root / "submission" / "exercises").symlink_to(other)
    assert {test["status"] for test in kit.verdicts("0", "--target", "submission")["00"]} == {
        "not_started"
    }
