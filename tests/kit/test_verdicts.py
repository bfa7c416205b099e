"""Verdicts: how points follow from tests, and a result file that is always the same."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from grader.course.course import Course, Step
from grader.course.verdicts import StepVerdict, TestVerdict, collect, results, shown, told

STATUSES = ["passed", "failed", "not_started", "timeout", "crashed", "error"]


def step(number, points):
    return Step(f"{number:02}", f"step_{number:02}_toy", "Toy", points, 1.0, ())


def verdict(status, weight=1, number=0, function="f"):
    return TestVerdict(
        f"test_step_{number:02}::test",
        f"{number:02}",
        function,
        "title",
        "visible",
        status,
        weight,
        "",
    )


def judged(points, *tests):
    return StepVerdict(step(0, points), tuple(verdict(*test) for test in tests))


@pytest.mark.parametrize("status", STATUSES)
def test_a_step_whose_tests_agree_has_their_status(status):
    expected = {"timeout": "failed", "crashed": "failed"}.get(status, status)
    assert judged(10, (status,), (status,)).status == expected


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_beats_everything(status):
    assert judged(10, (status,), ("error",), (status,)).status == "error"


@pytest.mark.parametrize("status", STATUSES[1:5])
def test_a_step_is_passed_only_if_every_test_is(status):
    assert judged(10, ("passed",), (status,), ("passed",)).status == "failed"


def test_a_step_that_is_half_written_has_begun():
    assert judged(10, ("not_started",), ("failed",)).status == "failed"


def test_a_step_without_tests_is_an_error_and_worth_nothing():
    assert judged(10).status == "error"
    assert judged(10).share == 0


def test_only_passed_tests_count_and_by_their_weight():
    tests = judged(7, ("passed", 2), ("failed", 3), ("timeout", 1), ("passed", 1))
    assert tests.share == Fraction(3, 7)
    assert [tests.points_of(test) for test in tests.tests] == [2, 3, 1, 1]
    for status in STATUSES[1:]:
        assert judged(7, (status, 5)).share == 0


def test_full_marks_are_exact_however_the_points_are_divided():
    course = [judged(33, *[("passed", 1)] * 7), judged(67, *[("passed", 3)] * 11)]
    report = results("name", "digest", course)
    assert report["score"] == report["max_score"] == 100.0
    for one in report["steps"]:
        assert one["score"] == one["max_score"]


def test_the_maximum_does_not_depend_on_the_verdicts():
    good = results("a", "", [judged(33, ("passed", 2), ("passed", 1))])
    bad = results("a", "", [judged(33, ("error", 2), ("crashed", 1))])
    assert good["max_score"] == bad["max_score"] == 33.0
    assert bad["score"] == 0.0
    for one, other in zip(good["steps"][0]["tests"], bad["steps"][0]["tests"], strict=True):
        assert one["max_score"] == other["max_score"]


def test_verdicts_are_put_in_the_order_of_the_course(tmp_path):
    course = Course(tmp_path, (step(0, 50), step(1, 30), step(2, 20)))
    tests = [
        verdict("passed", 1, n, f) for n, f in [(2, "a"), (0, "b"), (2, "c"), (0, "d"), (9, "e")]
    ]
    assert [(v.step.id, [t.function for t in v.tests]) for v in collect(course, tests)] == [
        ("00", ["b", "d"]),
        ("02", ["a", "c"]),
    ]


def test_functions_come_in_the_order_of_their_first_tests():
    tests = StepVerdict(step(0, 1), tuple(verdict("passed", function=f) for f in "bab"))
    assert [(name, len(found)) for name, found in tests.by_function.items()] == [("b", 2), ("a", 1)]


def said(function, status="not_started", name=""):
    """Return a verdict whose message says what is not written yet."""
    needed = f"`{name}` is not written yet: open x.py."
    if name and name.partition(".")[0] != function:
        needed = f"`{function}` needs `{name}`, which is not written yet: open x.py."
    return replace(verdict(status, function=function), message=needed if name else "No.")


def test_of_a_half_written_class_its_missing_methods_are_named():
    begun = StepVerdict(
        step(0, 1),
        (
            said("SGD", "passed"),
            said("SGD", name="SGD.step"),
            said("SGD", name="SGD.zero_grad"),
            said("SGD", name="SGD.step"),
        ),
    )
    assert begun.to_write == ["SGD.step", "SGD.zero_grad"] and begun.wrong == {}
    assert begun.is_right_so_far and begun.to_do == "SGD"
    # What a later test says of the part that is written comes later.
    unchecked = StepVerdict(step(0, 1), (*begun.tests, said("SGD", "failed")))
    assert unchecked.to_write == begun.to_write and unchecked.wrong == {}
    assert not unchecked.is_right_so_far
    wrong = StepVerdict(step(0, 1), (said("SGD", "failed"), *begun.tests))
    assert wrong.to_write == [] and list(wrong.wrong) == ["SGD"]


def test_a_class_without_its_init_is_to_be_written_as_a_whole():
    begun = StepVerdict(step(0, 1), (said("f", "passed"), said("SGD", name="SGD.__init__")))
    assert begun.to_write == ["SGD"]


def test_of_an_untouched_step_every_function_is_to_be_written():
    tests = (said("save", name="save"), said("load", name="save"), said("fit", name="fit"))
    assert StepVerdict(step(0, 1), tests).to_write == ["save", "load", "fit"]
    # Where something is written, what needs another function may be written, too.
    begun = StepVerdict(step(0, 1), (*tests, said("show", "passed")))
    assert begun.to_write == ["save", "fit"] and begun.unwritten["load"] == ["save"]


# The result file of a real run

MODULES = {
    "step_00_right": None,
    "step_01_wrong": "def double(x):\n    print('hello')\n    return -x\n\ndef total(values):\n    return [1]\n",
    "step_02_random": (
        "import random, torch\n\ndef double(x):\n    return x + torch.rand(1).item()\n\n"
        "def total(values):\n    print(set('abc'), random.random(), total)\n    return object()\n"
    ),
    "step_03_begun": (
        "def double(x):\n    raise NotImplementedError('later')\n\ndef total(values):\n    while True:\n"
        "        print('more')\n"
    ),
    "step_04_crash": "import os\n\ndef double(x):\n    os._exit(1)\n\ndef total(values):\n    values += 1\n",
    "step_05_syntax": "def double(x)\n    return x\n",
    "step_06_missing": "",
}


@pytest.fixture(scope="module")
def reports(kit_factory):
    """The bytes of two result files, from two runs on one submission and a copy of it elsewhere."""
    kit = kit_factory(*MODULES, seconds=2)
    for folder in ("first/ann", "elsewhere/second/ann"):
        (kit.root / folder).mkdir(parents=True)
        for module, source in MODULES.items():
            if source is None:
                source = (kit.root / "exercises" / f"{module}.py").read_text()
            if source:
                kit.write(module, source, folder)
    first = kit.results("--target", "first/ann", "--fresh")[1]
    return first, kit.results("--target", str(kit.root / "elsewhere/second/ann"), "--fresh")[1]


def test_the_same_submission_gives_the_same_bytes_wherever_it_lies(reports):
    first, second = reports
    assert first == second


def test_a_result_file_is_of_the_schema(reports):
    report = json.loads(reports[0])
    assert list(report) == [
        "schema", "submission", "sha256", "score", "max_score", "late", "versions", "not_taken",
        "notes", "steps",
    ]  # fmt: skip
    assert report["not_taken"] == report["notes"] == [] and report["late"] is None
    assert list(report["versions"]) == ["kit", "course", "torch", "numpy", "python"]
    assert report["schema"] == 1 and report["submission"] == "ann" and report["max_score"] == 100.0
    assert len(report["sha256"]) == 64 and int(report["sha256"], 16)
    assert [step["id"] for step in report["steps"]] == [name[5:7] for name in MODULES]
    for one in report["steps"]:
        assert list(one) == ["id", "title", "status", "score", "max_score", "tests"]
        assert one["status"] in ("passed", "failed", "not_started", "error")
        assert one["score"] == pytest.approx(sum(test["score"] for test in one["tests"]), abs=1e-4)
        for test in one["tests"]:
            assert list(test) == [
                "id", "function", "title", "visibility", "status", "score", "max_score", "message",
                "misconception", "counterexample",
            ]  # fmt: skip
            assert test["status"] in STATUSES and test["visibility"] == "visible"
            assert test["score"] == (test["max_score"] if test["status"] == "passed" else 0)
            assert (test["message"] == "") == (test["status"] == "passed")
            assert test["counterexample"] is None or all(
                type(text) is str for text in test["counterexample"].values()
            )


def test_each_step_of_a_result_file_has_the_verdicts_that_it_deserves(reports):
    report = json.loads(reports[0])
    found = {step["id"]: [test["status"] for test in step["tests"]] for step in report["steps"]}
    assert found == {
        "00": ["passed", "passed", "passed"],
        "01": ["failed", "failed", "failed"],
        "02": ["failed", "failed", "failed"],
        "03": ["not_started", "not_started", "timeout"],
        "04": ["crashed", "crashed", "failed"],
        "05": ["failed", "failed", "failed"],
        "06": ["not_started", "not_started", "not_started"],
    }
    assert report["score"] == 94.0


def test_a_result_file_holds_no_path_and_no_host(reports):
    text = reports[0].decode()
    assert "/tmp" not in text and "first/" not in text and "site-packages" not in text


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("feedback", ["all", "mistake", "title"])
def test_only_of_a_failed_hidden_test_less_is_told(status, feedback):
    hidden = replace(
        verdict(status), visibility="hidden", message="Words.", counterexample={"x": "1"}
    )
    come = shown(told(hidden, "an-id", "It looks so."), feedback)
    if feedback == "all" or status in ("passed", "not_started", "error"):
        expected = ("Words.\nIt looks so.", "an-id", {"x": "1"})
    elif feedback == "mistake":
        expected = ("A hidden test failed.\nIt looks so.", "an-id", None)
    else:
        expected = ("A hidden test failed.", None, None)
    assert (come.message, come.misconception, come.counterexample) == expected
    visible = replace(hidden, visibility="visible")
    assert shown(told(visible, None, ""), feedback) == visible
