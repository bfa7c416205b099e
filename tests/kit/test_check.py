"""`python -m grader check`: exit codes, what is remembered, and what stands in the terminal."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from grader.course.course import Course
from grader.course.paths import MEMORY
from grader.course.verdicts import StepVerdict, TestVerdict
from grader.report.terminal import Screen
from grader.run.cache import State, _kit_files, kit_fingerprint, step_key
from grader.submissions.submission import Submission
from tests.kit.conftest import ROOT

GOOD = """
def double(x):
    return 2 * x

def total(values):
    return values.sum()
"""
STUB = """
def double(x):
    raise NotImplementedError("later")

def total(values):
    raise NotImplementedError("later")
"""
BAD = GOOD.replace("2 * x", "3 * x")
UNSURE = """
@pytest.mark.skip("not today")
@pytest.mark.exercise("double", "skipped")
def test_skipped(learner):
    pass

@pytest.fixture
def falling():
    yield
    raise OSError("down")

@pytest.mark.exercise("double", "not taken down")
def test_not_taken_down(learner, falling):
    learner.double(2).is_close(4.0)
"""
# The whole command in one interpreter, and then what it has loaded that only a run of tests needs.
LOOK = """
import sys
from grader.cli.main import app
sys.argv = ["grader", "check", *{arguments!r}]
try:
    app()
finally:
    print("loaded:", *({{"torch", "numpy", "pytest", "hypothesis", "grader.judge.advice"}} & sys.modules.keys()))
"""


def test_a_step_is_run_again_only_when_it_changed(kit):
    first = kit.grader("check")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 of 2 steps done, 100 of 100 points." in first.stdout and "Well done" in first.stdout
    assert kit.collected() == ["00", "01"]

    looked = kit.run("-c", LOOK.format(arguments=[]))
    assert looked.returncode == 0 and looked.stdout.endswith("loaded:\n"), looked.stdout
    assert looked.stdout.removesuffix("loaded:\n") == first.stdout
    assert kit.collected() == []

    kit.write("step_01_lines", BAD)
    second = kit.grader("check")
    assert second.returncode == 1 and kit.collected() == ["01"]
    assert "Fix `double` in exercises/step_01_lines.py" in second.stdout
    inside = subprocess.run(
        [sys.executable, "-m", "grader", "check", "--json", "../nowhere/out.json"],
        cwd=kit.root / "exercises",
        env=kit.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert inside.returncode == 2 and "Cannot write the verdicts" in inside.stderr
    assert inside.stdout == second.stdout.replace("exercises/step_01_lines", "step_01_lines")
    assert kit.collected() == []

    # What was right once is right again, and a copy elsewhere is another submission.
    kit.write("step_00_numbers", GOOD, "copy")
    kit.write("step_01_lines", GOOD, "copy")
    assert kit.grader("check", "--fresh", "0", "--target", "copy").returncode == 0
    assert kit.collected() == ["00"]
    (kit.root / "tests/steps/test_step_00.py").open("a").write("\n# changed\n")
    assert kit.grader("check", "step_00_numbers").returncode == 0
    assert kit.collected() == ["00"]
    # Another mistake may be named now.
    recorded = kit.root / "grader/content/behaviour/step_00.json"
    recorded.parent.mkdir(parents=True)
    recorded.write_text('{"made_of": "", "functions": {}}')
    assert kit.grader("check", "step_00_numbers").returncode == 0
    assert kit.collected() == ["00"]


def test_steps_can_be_chosen_in_several_ways(kit):
    kit.write("step_00_numbers", STUB)
    ran = kit.grader("check", "01")
    assert ran.returncode == 0 and kit.collected() == ["01"]
    assert "1 of 1 step done, 1 of 1 points." in ran.stdout and "Toy 0" not in ran.stdout
    ran = kit.grader("check", "1,step_00", "--json", "out.json")
    assert ran.returncode == 1 and kit.collected() == ["00"]
    assert "not started" in ran.stdout and "Next: step 00, Toy 0. Write `double`" in ran.stdout
    written = json.loads((kit.root / "out.json").read_text())
    assert [step["status"] for step in written["steps"]] == ["not_started", "passed"]


def test_a_broken_memory_does_no_harm(kit_factory):
    kit = kit_factory("step_00_numbers")
    memory = kit.root / MEMORY / "checks.json"
    assert kit.grader("check").returncode == 0
    whole = json.loads(memory.read_text())
    ((folder, steps),) = whole.items()
    key = steps["00"]["key"]
    memory.write_text(json.dumps({folder: {"00": {"key": key, "tests": [{"status": "passed"}]}}}))
    kit.collected()
    assert kit.grader("check").returncode == 0
    assert kit.collected() == ["00"]
    assert json.loads(memory.read_text()) == whole


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "\ud800", "[" * 100_000, "\0"])
def test_a_broken_memory_is_like_none(tmp_path, text):
    (tmp_path / MEMORY).mkdir()
    (tmp_path / MEMORY / "hints.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    state = State(tmp_path / MEMORY, "hints.json")
    assert state.data == {}
    state.data["00"] = 2
    state.save()
    assert State(tmp_path / MEMORY, "hints.json").data == {"00": 2}


def test_a_memory_that_can_be_neither_read_nor_written_does_no_harm(tmp_path):
    (tmp_path / MEMORY / "hints.json").mkdir(parents=True)
    assert not State(tmp_path / MEMORY, "hints.json").save()
    (tmp_path / "file").touch()
    assert not State(tmp_path / "file", "hints.json").save()
    assert not State(None, "hints.json").save()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "7"], 'There is no step "7": the steps are 00 to 01.'),
        (["check", "--target", "nowhere"], "Nothing to check: there is no folder"),
        (["check", "--nonsense"], "No such option"),
        (["hint"], "Missing argument"),
        (["nonsense"], "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(kit, arguments, words):
    ran = kit.grader(*arguments)
    assert ran.returncode == 2
    assert words in " ".join(ran.stderr.replace("│", " ").split())
    assert "Traceback" not in ran.stderr and kit.collected() == []


def test_a_target_that_is_no_folder_and_no_zip_is_said_to_be_so(kit):
    ran = kit.grader("check", "0", "--target", "course.toml")
    assert ran.returncode == 1 and ran.stderr == ""
    assert "the zip file cannot be read (File is not a zip file)" in ran.stdout


def test_a_broken_course_is_exit_code_2_and_a_sentence(kit):
    (kit.root / "course.toml").write_text("[[step]]\npoints = 100\n")
    ran = kit.grader("check")
    assert ran.returncode == 2 and re.match(r"course.toml: line \d+: \?: missing: ", ran.stderr)


def test_a_kit_that_fails_is_exit_code_3(kit):
    tests = kit.root / "tests/steps/test_step_01.py"
    text = tests.read_text()
    tests.write_text(text + "import nothing_of_that_name\n")
    ran = kit.grader("check", "01")
    assert ran.returncode == 3 and "not your fault" in ran.stderr
    assert "nothing_of_that_name" in ran.stderr
    # A test that fails by itself says nothing about the learner.
    tests.write_text(text.replace("learner.double(2)", "learner.double(1 / 0)"))
    ran = kit.grader("check", "01", "--json", "out.json")
    assert ran.returncode == 3 and "The kit itself failed" in ran.stdout
    (step,) = json.loads((kit.root / "out.json").read_text())["steps"]
    assert [test["status"] for test in step["tests"]] == ["error", "passed", "passed"]
    assert "ZeroDivisionError" in step["tests"][0]["message"] and step["status"] == "error"
    assert "error" not in (kit.root / MEMORY / "checks.json").read_text()
    tests.unlink()
    ran = kit.grader("check", "01")
    assert ran.returncode == 3 and "Test files are missing" in ran.stderr


def test_anything_unforeseen_is_exit_code_3(kit):
    code = "from grader.cli import app, main; app.find_places = lambda: 1 / 0; main.main()"
    ran = kit.run("-c", code, "check")
    assert ran.returncode == 3 and "ZeroDivisionError" in ran.stderr
    assert "The kit itself failed, which is not your fault." in ran.stderr


ESCAPES = """
def double(x):
    print("\\x1b[2J\\x07printed [red]text[/red]")
    raise ValueError("\\x1b]0;title\\x07 \\u202e [bold]é ≈ \\udcff")

def total(values):
    return "\\x1b[31m" + "[/nothing]"
"""


def in_terminal(kit, *arguments, **environment):
    """Run a command of the grader in a terminal, and return what it wrote there."""
    import pty  # Windows has none

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "grader", *arguments]
    more = {"TERM": "xterm-256color", **environment}
    process = subprocess.Popen(
        command, cwd=kit.root, env=kit.environment(**more), stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert process.wait() == 1
    return written.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals here")
def test_what_a_submission_says_does_not_act_on_the_terminal(kit_factory):
    kit = kit_factory("step_00_numbers")
    kit.write("step_00_numbers", ESCAPES)
    # Not a terminal, and one that knows ASCII only: plain text.
    plain = kit.grader("check", PYTHONIOENCODING="ascii")
    assert plain.returncode == 1 and "\x1b" not in plain.stdout and "\x07" not in plain.stdout
    assert plain.stdout.isascii() and plain.stderr == ""
    for text in (
        r"\x1b]0;title\x07 \u202e [bold]\xe9 \u2248 \udcff",
        r"\x1b[2J\x07printed [red]text[/red]",
        r"\x1b[31m[/nothing]",
    ):
        assert text in plain.stdout
    assert "é ≈" in kit.grader("check").stdout
    # In a terminal there are colours, if they are wanted; none comes from the submission.
    colourful = in_terminal(kit, "check")
    assert "\x1b[31mfailed" in colourful.replace("\x1b[1;31m", "\x1b[31m")
    for written in (colourful, in_terminal(kit, "check", NO_COLOR="1")):
        assert r"\x1b[2J" in written
        for act in ("\x1b[2J", "\x1b]0;", "\x07", "\u202e"):
            assert act not in written
    assert "\x1b[31m" not in written and "\x1b[1;31m" not in written and "\x1b[32m" not in written


UNWRITTEN = 'def {}(*values):\n    raise NotImplementedError("`{}` is not written yet.")\n\n'


def test_a_function_that_needs_an_unwritten_one_is_not_called_unwritten(kit_factory):
    kit = kit_factory("step_00_numbers", "step_01_lines", "step_02_words")
    double, total = UNWRITTEN.format("double", "double"), UNWRITTEN.format("total", "total")
    kit.write(
        "step_00_numbers", f"{double}def total(values):\n    return double(values.sum()) / 2\n"
    )
    kit.write("step_01_lines", f"def double(x):\n    return total([x, x])\n\n{total}")
    kit.write("step_02_words", double + total)
    ran, data = kit.results()
    messages = [test["message"] for step in json.loads(data)["steps"] for test in step["tests"]]
    assert (
        messages[2] == "`total` needs `double`, which is not written yet: open step_00_numbers.py."
    )
    assert messages[3] == "`double` needs `total`, which is not written yet: open step_01_lines.py."
    assert messages[6] == "`double` is not written yet: open step_02_words.py."
    assert "Next: step 00, Toy 0. Write `double` in " in ran.stdout


def test_what_is_unwritten_is_told_apart_from_what_needs_it():
    needs = "`{}` needs `predict`, which is not written yet: open x.py."
    tests = [
        verdict_on("predict", "not_started", "`predict` is not written yet: open x.py."),
        verdict_on("gradients", "not_started", needs.format("gradients")),
        verdict_on("numerical_gradients", "not_started", needs.format("numerical_gradients")),
        verdict_on("mse", "not_started", "`mse` is not written yet: open x.py."),
        verdict_on("update", "failed", "It is wrong."),
    ]
    course, out = Course.load(ROOT), io.StringIO()
    screen = Screen(Console(file=out, width=200), course, Submission("ada", Path(), {}, {}))
    screen.summary([StepVerdict(course.by_id["03"], tuple(tests))])
    lines = out.getvalue().splitlines()
    assert "  Not written yet: `predict`, `mse`" in lines
    assert "  `gradients` needs `predict`, so write `predict` first." in lines
    assert "  `numerical_gradients` needs `predict`, so write `predict` first." in lines
    assert any("Write `predict` in " in line for line in lines)


def test_methods_that_are_missing_are_said_before_a_later_failure():
    tests = [
        verdict_on("predict", "passed", ""),
        verdict_on("mse", "not_started", "`mse.step` is not written yet: open x.py."),
        verdict_on("mse", "failed", "Expected a ValueError because lr is -1."),
    ]
    course, out = Course.load(ROOT), io.StringIO()
    screen = Screen(Console(file=out, width=200), course, Submission("ada", Path(), {}, {}))
    screen.summary([StepVerdict(course.by_id["03"], tuple(tests))])
    assert "  Not written yet: `mse.step`\n" in out.getvalue()
    assert "ValueError" not in out.getvalue() and "Write `mse.step` in " in out.getvalue()


def verdict_on(function, status, message):
    return TestVerdict("test", "03", function, "title", "visible", status, 1, message)


# Each of these is run when the tests of a step are imported, which is in the middle of a check.
IN_BETWEEN = """
from pathlib import Path

ROOT = Path({root!r})

def append(name, text):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.open("a").write(text)

{act}
"""


def in_between(kit, act):
    """Let the tests of step 01, which come last, do something at their import."""
    tests = kit.root / "tests/steps/test_step_01.py"
    tests.write_text(tests.read_text() + IN_BETWEEN.format(root=str(kit.root), act=act))


@pytest.mark.parametrize(
    "act",
    [
        "append('exercises/step_01_lines.py', 'def double(x):\\n    return 2 * x\\n')",
        "(ROOT / 'exercises/step_01_lines.py').unlink()",
        "import shutil; shutil.rmtree(ROOT / 'exercises')",
    ],
    ids=["mended", "removed", "removed with its folder"],
)
def test_what_was_read_is_judged_and_remembered(kit, act):
    kit.write("step_00_numbers", GOOD)
    kit.write("step_01_lines", BAD)
    in_between(kit, act)
    first = kit.verdicts()
    assert [test["status"] for test in first["01"]] == ["failed", "failed", "passed"]
    kit.collected()
    # The same file once more is known, and is still wrong.
    kit.write("step_00_numbers", GOOD)
    kit.write("step_01_lines", BAD)
    assert kit.verdicts() == first and kit.collected() == []


@pytest.mark.parametrize(
    "name",
    [
        "tests/steps/test_step_00.py",
        "tests/steps/conftest.py",
        "grader/content/behaviour/step_01.json",
        "pyproject.toml",
    ],
)
def test_what_was_judged_while_the_kit_changed_is_not_remembered(kit, name):
    path = kit.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text('{"made_of": "", "functions": {}}\n')
    # Taken back at once: what is there before and after the check is the same.
    in_between(kit, f"append({name!r}, ' ')\n(ROOT / {name!r}).write_text({path.read_text()!r})")
    assert kit.grader("check").returncode == 0
    assert kit.collected() == ["00", "01"]
    (known,) = json.loads((kit.root / MEMORY / "checks.json").read_text()).values()
    assert known == {}


def test_the_course_is_read_once(kit):
    in_between(kit, "append('course.toml', '\\nnonsense = [')")
    ran = kit.grader("check")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("course.toml", "seconds = 5", "seconds = 6"),
        ("course.toml", "[limits]", "[limits]\nmemory_mb = 1999"),
        ("course.toml", "[limits]", 'hidden_feedback = "title"\n[limits]'),
        ("course.toml", "[limits]", 'seed = "another"\n[limits]'),
        ("pyproject.toml", "minversion", "filterwarnings = ['error']\nminversion"),
        ("tests/steps/test_step_00.py", "4.0", "5.0"),
    ],
    ids=lambda text: text[-20:],
)
def test_what_a_verdict_depends_on_is_part_of_its_key(kit, name, old, new):
    def key():
        course = Course.load(kit.root)
        return step_key(course, course.steps[0], b"", {}, None, kit_fingerprint(course))

    path, before = kit.root / name, key()
    text = path.read_text()
    assert key() == before
    path.write_text(text.replace(old, new, 1))
    assert key() != before
    path.write_text(text)
    assert key() == before


def test_other_limits_are_another_check(kit_factory):
    kit = kit_factory("step_00_numbers")
    for memory in (2000, 1900):
        text = (kit.root / "course.toml").read_text()
        (kit.root / "course.toml").write_text(text.replace("]", f"]\nmemory_mb = {memory}", 1))
        assert kit.grader("check").returncode == 0
        assert kit.collected() == ["00"]
        kit.root.joinpath("course.toml").write_text(text)


def test_a_package_that_is_installed_makes_another_key(tmp_path, monkeypatch):
    course = Course.load(ROOT)
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = kit_fingerprint(course)
    (folder / "pandas-2.3.0.dist-info").mkdir()
    first = kit_fingerprint(course)
    (folder / "pandas-2.3.0.dist-info").rename(folder / "pandas-2.3.1.dist-info")
    assert len({before, first, kit_fingerprint(course)}) == 3


def test_a_test_that_is_skipped_or_cannot_be_taken_down_is_an_error_once(kit_factory):
    kit = kit_factory("step_00_numbers")
    tests = kit.root / "tests/steps/test_step_00.py"
    tests.write_text(tests.read_text() + UNSURE)
    ran, data = kit.results()
    assert ran.returncode == 3
    (step,) = json.loads(data)["steps"]
    found = {test["id"].partition("::")[2]: test["status"] for test in step["tests"]}
    assert found == {
        "test_double_of_two": "passed",
        "test_double_of_any_number": "passed",
        "test_total_of_three": "passed",
        "test_skipped": "error",
        "test_not_taken_down": "error",
    }


def test_the_fingerprint_of_the_kit_covers_all_rooms():
    files = {path for path in _kit_files(Course.load(ROOT)) if path.is_relative_to(ROOT / "grader")}
    content = ROOT / "grader" / "content"
    others = [content / "hidden", content / "skeleton", content / "pictures"]
    # No verdict depends on the page.
    others.append(ROOT / "grader" / "report" / "page")
    code = {
        path
        for path in (ROOT / "grader").rglob("*.py")
        if not any(path.is_relative_to(folder) for folder in others)
    }
    assert files == {*code, content / "errors.toml"}
