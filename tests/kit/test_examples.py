"""The examples in the docstrings of the solutions: each one gives what it shows, kinds of numbers included."""

import doctest
from pathlib import Path

import pytest

from grader.course.course import Course
from tests.kit.test_catalogue import names_in

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course.load(ROOT)


@pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
def test_every_docstring_has_an_example_that_is_true(step):
    source = (ROOT / "solutions" / step.filename).read_text("utf-8")
    module: dict = {"__name__": step.module}
    exec(compile(source, step.filename, "exec"), module)
    failed = []
    for name in names_in(source):
        if name.startswith("_"):
            continue
        tests = doctest.DocTestFinder().find(module[name], name, globs=dict(module))
        examples = [test for test in tests if test.examples]
        assert examples, f"{name} has no example"
        runner = doctest.DocTestRunner(verbose=False)
        failed += [test.name for test in examples if runner.run(test, out=failed.append).failed]
    assert not failed, "".join(failed)
