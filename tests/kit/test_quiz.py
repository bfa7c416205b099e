"""The quiz: the code gives the recorded answers, odd input is understood or wrong, a session ends kindly."""

import re
import signal
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.course import Course
from grader.course.paths import QUIZ_ANSWERS
from grader.maintain.quiz_answers import record, run
from grader.run.quiz import (
    KINDS,
    NO_ERROR,
    Question,
    QuizError,
    ask,
    is_right,
    questions_of,
    recorded_answers,
    text_of,
    unclear,
    unrecorded,
)

from .conftest import OUTER_LIMIT, ROOT

COURSE = Course.load(ROOT)
ANSWERS = recorded_answers(COURSE)
QUESTIONS = [question for step in COURSE.steps for question in questions_of(COURSE, step)]
STEPS = pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)

TOY = """
[[question]]
id = "sum"
code = '''
x = 1.5
print(x + 2)
'''
question = "Which number?"
kind = "number"
explanation = "Because one and a half and two are that."

[[question]]
id = "no-name"
code = "print(y)"
question = "Which error?"
kind = "error"
explanation = "Nobody made it."

[[question]]
id = "fine"
code = "import math"
question = "Which error, if any?"
kind = "error"
explanation = "There is nothing wrong with it."
"""

# The whole command in one interpreter, and then which heavy packages it has loaded.
LOOK = """
import sys
from grader.cli.main import main
sys.argv = ["grader", "quiz", "0"]
try:
    main()
finally:
    print("loaded:", *({"torch", "numpy", "pytest", "hypothesis", "rich"} & sys.modules.keys()))
"""


# The questions


@pytest.fixture(scope="module")
def came():
    """What the codes of all questions give, in one process, for loading torch takes longer than all of them.

    Answers were recorded in the order of the files. This is the reverse, so no code can count on an earlier one.
    """
    return run(reversed(QUESTIONS))


@STEPS
def test_the_code_gives_the_recorded_answers(step, came):
    for question in questions_of(COURSE, step):
        new, old = came[question.id], ANSWERS[question.id]
        assert is_right(question.kind, new.answer, old.answer), f"{question.id}: {new} is not {old}"
        assert new.message == old.message, question.id


@STEPS
def test_every_step_has_some_questions(step):
    assert 2 <= len(questions_of(COURSE, step)) <= 8


def test_exactly_the_questions_are_recorded():
    counts = Counter(question.id for question in QUESTIONS)
    assert not [name for name, count in counts.items() if count > 1]
    assert unrecorded(QUESTIONS, ANSWERS) == [], "run make record"
    assert ANSWERS.keys() == counts.keys()
    assert text_of(ANSWERS) == (ROOT / QUIZ_ANSWERS).read_text("utf-8")


def test_an_error_is_not_always_the_answer_where_one_is_asked_for():
    answers = [ANSWERS[question.id].answer for question in QUESTIONS if question.kind == "error"]
    assert NO_ERROR in answers and len(set(answers)) > 3


@STEPS
def test_words(step):
    for question in questions_of(COURSE, step):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", question.id)
        assert question.kind in KINDS, question.id
        lines = question.code.strip().splitlines()
        assert len(lines) <= 12 and max(map(len, lines)) <= 76, question.id
        assert question.question[-1] in ".?", question.id
        words = question.explanation.strip()
        assert 80 < len(words) <= 330 and words[-1] in ".)", question.id


# What is typed


@pytest.mark.parametrize(
    ("kind", "answer", "typed"),
    [
        (
            "number",
            "222.0",
            ["222", "222.0", "222.", "+222", "2.22e2", "tensor(222.)", "(222)", "0222"],
        ),
        ("number", "0.3367", ["0.3367", ".3367", "0.34", "0,34", "0.337", "0.33672"]),
        ("number", "1.3333333730697632", ["1.333", "1.3", "1,33", "1.3333333"]),
        ("number", "-0.19", ["-0.19", "\N{MINUS SIGN}0.19", "-.19"]),
        ("number", "40", ["40", "40.0", "4e1"]),
        ("number", "1234567", ["1,234,567", "1_234_567"]),
        ("number", "nan", ["nan", "NaN", "NAN"]),
        ("number", "inf", ["inf", "Infinity"]),
        ("number", "0.0", ["0", "0.0", "-0", "0.00"]),
        (
            "shape",
            "torch.Size([2, 3])",
            [
                "(2, 3)",
                "2,3",
                "[2,3]",
                "torch.Size([2, 3])",
                "2 x 3",
                "2×3",
                "2 3",
                "(2,3",
                "Size 2,3",
            ],
        ),
        ("shape", "(80, 80)", ["80,80", "torch.size([80,80])"]),
        ("shape", "torch.Size([3])", ["(3,)", "3", "[3]", "(3)", "3,"]),
        ("shape", "torch.Size([])", ["()", "[]", "torch.Size([])"]),
        ("bool", "True", ["True", "true", "TRUE", "t", "yes", "y", "1"]),
        ("bool", "False", ["False", "f", "no", "n", "0"]),
        (
            "error",
            "RuntimeError",
            ["RuntimeError", "runtimeerror", "builtins.RuntimeError", "Runtime error", "runtime"],
        ),
        (
            "error",
            "RuntimeError",
            ["RuntimeError: mat1 and mat2", "`RuntimeError`", "RuntimeError."],
        ),
        ("error", "none", ["none", "None", "no error", "no", "none."]),
        ("text", "None", ["None", "none", "'None'"]),
        ("text", "True False", ["true false", "True, False", "(True, False)"]),
        ("text", "torch.float32", ["float32", "torch.float32"]),
        (
            "text",
            "[1, 3, 80]",
            ["1 3 80", "[1,3,80]", "1, 3, 80", "(1, 3, 80)", "tensor([1, 3, 80])"],
        ),
        ("text", "16.0 4.0", ["16 4", "16.0, 4.0"]),
    ],
)
def test_what_means_the_answer_is_right(kind, answer, typed):
    assert [line for line in typed if not is_right(kind, f"  {line} \n", answer)] == []


@pytest.mark.parametrize(
    ("kind", "answer", "typed"),
    [
        (
            "number",
            "222.0",
            ["221", "2220", "-222", "222 or 12", "?", "x", "22 2", "nan", "", "--222"],
        ),
        ("number", "0.3367", ["0.3", "0", "1", "0.4", ".", "0.0", "-0.34", "0.33"]),
        ("number", "6400", ["6401", "6400.5", "6.4", "80"]),
        ("number", "0.9975", ["1", "0.9", "0"]),
        ("number", "3.5", ["3", "4", "inf", "1e999", "-1e999", "nan"]),
        ("number", "0.0", ["1e-9", "0.1", "none", "e"]),
        ("number", "nan", ["0", "inf", "not a number"]),
        (
            "shape",
            "torch.Size([2, 3])",
            ["(3, 2)", "6", "23", "2;3", "2.3", "-2, 3", "two", "()", "2, 3, 1"],
        ),
        ("shape", "torch.Size([])", ["(1,)", "", "1", "none", "x", ","]),
        ("shape", "torch.Size([3])", ["(3, 1)", "(1, 3)", "9" * 5000]),
        ("bool", "True", ["False", "maybe", "", "2", "truefalse"]),
        ("bool", "False", ["True", "None", "none"]),
        (
            "error",
            "RuntimeError",
            ["ValueError", "error", "RuntimeErrors", "none", "", ":", ".", "Run"],
        ),
        ("error", "none", ["", "RuntimeError", "error", "nonsense"]),
        ("text", "True False", ["False True", "True", "True False True", "TrueFalse", ""]),
        ("text", "1 6", ["16", "6 1", "1 5.999"]),
    ],
)
def test_what_does_not_mean_the_answer_is_wrong(kind, answer, typed):
    assert [line for line in typed if is_right(kind, line, answer)] == []


@given(kind=st.sampled_from(sorted(KINDS)), typed=st.text(), answer=st.sampled_from(QUESTIONS))
def test_no_input_breaks_a_comparison(kind, typed, answer):
    assert is_right(kind, typed, ANSWERS[answer.id].answer) in (True, False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "typed", ["\x1b[2J", "\0", "(" * 10**6, "9" * 10**6, "\ud800", "²", "é,ß", "1e" + "9" * 50]
)
def test_hostile_input_is_wrong(kind, typed):
    answers = {"number": "3.5", "shape": "(2, 3)", "bool": "True", "error": "ValueError"}
    assert not is_right(kind, typed, answers.get(kind, "None"))


def test_every_recorded_answer_is_right_when_it_is_typed():
    for question in QUESTIONS:
        assert is_right(question.kind, ANSWERS[question.id].answer, ANSWERS[question.id].answer)


# Recording


def question(kind, code, name="toy"):
    return Question(name, code, "What?", kind, "So.")


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("number", "print('tensor(3.)')", "one line, a number, but it printed: 'tensor(3.)'"),
        ("number", "print(1)\nprint(2)", "one line, a number"),
        ("number", "1 + 1", "it printed: ''"),
        ("shape", "print('Size')", "a shape"),
        ("bool", "print(1)", "a bool"),
        ("text", "", "a text"),
        ("text", "print(1 / 0)", "toy: the code raised ZeroDivisionError: division by zero"),
        ("number", "import os; os._exit(3)", "ended early"),
    ],
)
def test_what_is_no_answer_is_not_recorded(kind, code, words):
    with pytest.raises(QuizError, match=re.escape(words)):
        run([question(kind, code)])


def test_each_code_has_names_of_its_own():
    came = run(
        [
            question("number", "x = 1\nprint(x)", "first"),
            question("error", "x", "second"),
            question(
                "text",
                "class A:\n    def f(self):\n        return A\nprint(A().f().__name__)",
                "third",
            ),
        ]
    )
    assert [recorded.answer for recorded in came.values()] == ["1", "NameError", "A"]
    assert came["second"].message == "name 'x' is not defined"


@pytest.fixture
def toy(kit):
    """A kit of two steps, the first with questions; and its course."""
    course = Course.load(kit.root)
    file = kit.root / course.steps[0].quiz_file
    file.parent.mkdir(parents=True)
    file.write_text(TOY, "utf-8")
    return kit, course


def test_only_what_changed_is_recorded_and_what_is_gone_is_dropped(toy):
    kit, course = toy
    file = kit.root / course.steps[0].quiz_file
    assert list(record(course, course.steps)) == ["sum", "no-name", "fine"]
    answers = recorded_answers(course)
    assert [answers[name].answer for name in ("sum", "no-name", "fine")] == [
        "3.5",
        "NameError",
        "none",
    ]
    assert record(course, course.steps) == {}
    # Words may change without another run; code may not, and a broken one leaves all as it was.
    text = (kit.root / QUIZ_ANSWERS).read_text("utf-8")
    file.write_text(
        TOY.replace("Nobody made it", "It was never made").replace("+ 2", "+ z"), "utf-8"
    )
    with pytest.raises(QuizError, match="sum: the code raised NameError"):
        record(course, course.steps)
    assert (kit.root / QUIZ_ANSWERS).read_text("utf-8") == text
    file.write_text(TOY.replace("+ 2", "+ 3").partition('[[question]]\nid = "fine"')[0], "utf-8")
    assert list(record(course, course.steps[1:])) == []
    assert list(record(course, course.steps[:1])) == ["sum"]
    assert recorded_answers(course).keys() == {"sum", "no-name"}


def test_an_answer_to_other_code_is_not_used(toy):
    kit, course = toy
    unanswered = quiz(kit, "0", b"")
    assert unanswered.returncode == 1 and "not recorded: sum, no-name, fine" in unanswered.stderr
    record(course, course.steps)
    file = kit.root / course.steps[0].quiz_file
    file.write_text(TOY.replace("+ 2", "+ 3"), "utf-8")
    ran = quiz(kit, "0", b"")
    assert ran.returncode == 1 and "not recorded: sum. Run: make record STEP=00" in ran.stderr


# A session


def quiz(kit, step, typed):
    """Run the command with these bytes as its input."""
    ran = subprocess.run(
        [sys.executable, "-m", "grader", "quiz", step],
        cwd=kit.root,
        env=kit.environment(),
        input=typed,
        capture_output=True,
        timeout=OUTER_LIMIT,
        check=False,
    )
    ran.stdout, ran.stderr = (
        text.decode().replace("\r\n", "\n") for text in (ran.stdout, ran.stderr)
    )
    return ran


def session(course, *typed):
    """Return what a session says to these lines."""
    lines, said = iter(typed), []
    ask(course, course.steps[0], lambda _: next(lines, None), said.append)
    return said


@pytest.fixture
def recorded(toy):
    """A kit whose questions have answers, and its course."""
    record(toy[1], toy[1].steps)
    return toy


def test_a_session_says_what_is_right_and_why(recorded):
    said = session(recorded[1], "3.5\n", "ValueError\n", "none\n")
    assert said[0].startswith("Step 00, Toy 0: 3 questions.")
    assert said[1] == "\n1 of 3\n\n    x = 1.5\n    print(x + 2)\n\nWhich number?"
    assert said[2:4] == ["Right. It prints 3.5.", "Because one and a half and two are that."]
    assert said[5:7] == ["No. NameError: name 'y' is not defined", "Nobody made it."]
    assert said[8] == "Right. No error comes."
    assert said[-1] == "\n2 of 3 right."


def test_a_question_mark_shows_an_answer_and_an_empty_line_skips_one(recorded):
    said = session(recorded[1], "?\n", " \n", "no\n")
    assert said[2:4] == ["It prints 3.5.", "Because one and a half and two are that."]
    assert said[5] == "Skipped." and said[6].startswith("\n3 of 3")
    assert said[-1] == "\n1 of 1 right. 2 not answered."


def test_a_session_may_end_at_any_question(recorded):
    said = session(recorded[1], "3.5\n")
    assert (
        said[-1]
        == "\nThat is all for now: 1 of 1 right. Questions left: 2. Come back when you like."
    )
    assert len(said) == 6


def test_a_slip_is_asked_for_again(recorded):
    said = session(recorded[1], "q\n", "\x1b3\n", "4\n", "\x1b[A\n", "NameError\n", "none\n")
    assert said[2:5] == ["That is no number: try again."] * 2 + ["No. It prints 3.5."]
    assert said[7:9] == [
        "That is no answer: try again.",
        "Right. NameError: name 'y' is not defined",
    ]
    assert said[-1] == "\n2 of 3 right."
    assert session(recorded[1], "q\n")[-1].startswith("\nThat is all for now. Questions left: 3.")
    for kind, slips, answers in (
        ("number", ["two", "1 2", "\x1b"], ["nan", "-1,5", "tensor(3.)", "1e3", "?", ""]),
        ("shape", ["two", "2;3", "-1"], ["()", "2x3", "torch.Size([2])", "?", ""]),
        ("bool", ["maybe", "2"], ["no", "TRUE", "1", "?", " "]),
        ("error", ["\x1b[B", "\0"], ["nonsense", "none", "?", ""]),
    ):
        assert all(unclear(kind, typed).endswith("try again.") for typed in slips)
        assert not any(unclear(kind, typed) for typed in answers)


def test_every_recorded_answer_can_be_read():
    assert not [one.id for one in QUESTIONS if unclear(one.kind, ANSWERS[one.id].answer)]


def test_the_command_reads_a_pipe_and_loads_nothing_heavy(recorded):
    kit, _ = recorded
    before = sorted(kit.root.rglob("*"))
    ran = quiz(kit, "step_00", b"3,5\r\n\xff\xfe\x1b[2J\nValueError\nnone")
    assert ran.returncode == 0 and ran.stderr == ""
    assert "A number: 3,5\nRight. It prints 3.5.\n" in ran.stdout
    assert "or none: \\xff\\xfe\\x1b[2J\nThat is no answer: try again.\n" in ran.stdout
    assert ran.stdout.endswith("\n2 of 3 right.\n")
    assert sorted(kit.root.rglob("*")) == before, "nothing is stored"
    looked = kit.run("-c", LOOK)
    assert "Come back when you like" in looked.stdout and looked.stdout.endswith("loaded:\n")
    assert quiz(kit, "1", b"").stderr == "Step 01, Toy 1, has no questions.\n"
    assert quiz(kit, "7", b"").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_an_interrupt_ends_a_session_kindly(recorded):
    kit, _ = recorded
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "quiz", "0"],
        cwd=kit.root,
        env=kit.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    shown = b""
    while not shown.endswith(b"A number: "):
        shown += process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=OUTER_LIMIT)
    assert process.returncode == 0 and err == b""
    assert out == b"\nThat is all for now. Questions left: 3. Come back when you like.\n"
