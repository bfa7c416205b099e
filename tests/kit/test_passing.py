"""Passes that are known: a test need not run on replies with which it has passed, and a failure is never known."""

import json
import sys

import pytest

from grader.course.course import Course
from grader.judge.passing import Passing, further, trail_of
from grader.judge.pool import is_tried
from grader.submissions.submission import Submission

RIGHT = "def double(x):\n    return 2 * x\n\n\ndef total(values):\n    return values.sum()\n"
# Right as well, with other bytes in every reply.
OTHER = RIGHT.replace("return 2 * x", "return np.float64(x + x)").replace(
    "def double", "import numpy as np\n\n\ndef double", 1
)
WRONG = RIGHT.replace("2 * x", "x * x")
HIDDEN = """
import pytest

@pytest.mark.exercise("double", "hidden", points=4)
def test_hidden(learner):
    learner.double(2).is_close(4)
    learner.double(3).is_close(6)
    with open(__file__ + ".log", "a") as log:
        log.write("ran\\n")
"""


def passing(*replies):
    return Passing([(b"request %d" % i, reply) for i, reply in enumerate(replies)])


def known(found, *replies):
    """Return how many replies in a row are known."""
    trail = trail_of(replies)
    return next((i for i, one in enumerate(trail) if one not in found), len(trail))


def test_only_whole_rows_of_replies_are_known():
    found = passing(b"a", b"b")
    assert known(found, b"a", b"b") == 2
    assert known(found, b"a", b"c") == 1
    assert known(found, b"b", b"a") == known(found, b"ab") == 0
    found.add(trail_of([b"c", b"d"]))
    assert known(found, b"c", b"d") == 2
    # Each half has passed, but not together.
    assert known(found, b"a", b"d") == known(found, b"c", b"b") == 1


def test_a_run_with_other_requests_is_not_known():
    found = passing(b"a", b"b")
    other = [(b"request 0", b"x"), (b"another", b"y")]
    assert found.new(other) == []
    assert not found.like(other) and not found.like([])
    found.add(trail_of([b"x"]))
    assert known(found, b"x") == 0
    same = [(b"request 0", b"x"), (b"request 1", b"y")]
    assert found.new(same) == trail_of([b"x", b"y"]) and not found.like(same)
    found.add(found.new(same))
    assert found.new(same) == [] and found.like(same)


def test_the_memory_for_passes_is_bounded():
    found = passing(b"0")
    for i in range(1000):
        found.add([further(b"", b"%d" % i)])
    assert known(found, b"1") == 1 and known(found, b"999") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_a_pass_is_known_from_the_second_submission_on(kit):
    module = kit.modules[0]
    kit.write(module, RIGHT, "solutions")
    hidden = kit.root / "grader/content/hidden"
    hidden.mkdir(parents=True)
    test = hidden / f"test_step_{module[5:7]}.py"
    test.write_text(HIDDEN)
    sources = {"a": OTHER, "b": OTHER, "c": OTHER, "d": WRONG, "e": WRONG, "f": RIGHT}
    for name, source in sources.items():
        kit.write(module, f"{source}# {name}\n", f"class/{name}")
    ran = kit.grader(
        "grade", "class", "--out", "out", "--steps", module[5:7], "--jobs", "1", "--rehearse",
        "--allow-unsandboxed",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = {}
    for name in sources:
        result = json.loads((kit.root / "out" / name / "results.json").read_text())
        found[name] = {
            test["id"].split("::")[1]: test["status"] for test in result["steps"][0]["tests"]
        }
    assert all(status == "passed" for name in "abcf" for status in found[name].values())
    assert [found[name]["test_hidden"] for name in "de"] == ["failed"] * 2
    # Twice for the solutions and once for the first of the three. What is wrong fails before it notes a run.
    course = Course.load(kit.root)
    verified = [
        name
        for name in "bcf"
        if is_tried(
            Submission.read(kit.root / "class" / name, course).sha256,
            f"grader/content/hidden/{test.name}::test_hidden",
        )
    ]
    log = test.with_name(f"{test.name}.log").read_text()
    assert log == "ran\n" * (3 + len(verified))
