"""Raises an exception that `except Exception` does not catch."""
# expect: gradients=failed rest=passed


class Stop(BaseException):
    status = "passed"


def gradients(a, b, x, y):
    raise Stop
