"""Raises exceptions that have the names of the judge's and of hypothesis's own."""
# expect: gradients=failed rest=passed

from itertools import cycle


def named(module, name):
    return type(name, (BaseException,), {"__module__": module})


KINDS = cycle(
    [
        named("hypothesis.errors", "UnsatisfiedAssumption"),
        named("hypothesis.errors", "StopTest"),
        named("hypothesis.errors", "Frozen"),
        named("grader.judge.stop", "Stop"),
        named("grader.testing.properties", "EndOfSearch"),
        named("_pytest.outcomes", "Skipped"),
        named("builtins", "NotImplementedError"),
    ]
)


def gradients(a, b, x, y):
    raise next(KINDS)
