"""Benchmarks are computed from real runs, and one that fails is said instead of being measured."""

import re
import sys

import pytest

from grader.course.course import Course
from grader.maintain import bench
from tests.kit.conftest import TOY_TESTS
from tests.kit.test_grade import small_class

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")


@pytest.fixture
def kit(kit_factory, monkeypatch):
    """A kit of one step, which processes that are started here find as one finds the kit itself."""
    kit = small_class(kit_factory, TOY_TESTS, {})
    monkeypatch.setenv("PYTHONPATH", kit.environment()["PYTHONPATH"])
    return kit


@pytest.fixture
def small(kit, tmp_path):
    """As little as can be compared: one step, three submissions, one round."""
    return bench._Bench(Course.load(kit.root), tmp_path, many=3, rounds=1)


def numbers(figures):
    return [float(re.fullmatch(r"([\d.]+)( MB)?", figure.value)[1]) for figure in figures]


def test_a_submission_costs_more_than_its_code_and_less_than_a_cold_start(small):
    solutions = [small.course.root / "solutions"]
    cold, alone, direct = small.ratios(list(small.course.steps), solutions)
    assert 0 < cold < 1 < alone and direct > 0


def test_two_judges_are_compared_with_one(small):
    figure = small.two_judges()
    assert figure.what.startswith("two judges") and 0.1 < numbers([figure])[0] < 10


def test_checking_again_is_faster_than_the_first_verdict(kit):
    again, first = bench._checking(Course.load(kit.root))
    assert "nothing changed" in again.what and "first verdict" in first.what
    low, high = numbers([again, first])
    assert 0 < low < high


def test_a_further_worker_has_some_memory_of_its_own(kit):
    (megabytes,) = numbers([bench._memory(Course.load(kit.root))])
    assert 0 < megabytes < 1000


def test_what_does_not_run_is_not_measured(kit, small):
    steps, solutions = list(small.course.steps), small.course.root / "solutions"
    (kit.root / "grader/content/hidden/test_step_00.py").write_text("def test(:\n")
    with pytest.raises(RuntimeError, match=r"(?s)-m pytest -q failed: .*SyntaxError"):
        small.cold(steps, solutions)
    with pytest.raises(RuntimeError, match="cannot be run"):
        small.alone(steps, solutions)


def test_grading_that_fails_is_said(kit, small):
    steps, solutions = list(small.course.steps), [small.course.root / "solutions"]
    (kit.root / "grader/content/hidden/test_step_00.py").write_text("def test(:\n")
    with (
        pytest.raises(RuntimeError, match="ended too early"),
        small.grader(steps, solutions, "isolated") as broken,
    ):
        broken.wait()
    with pytest.raises(RuntimeError, match="grading failed"):
        small.two_judges()
