"""Raises an exception whose text ends the interpreter."""
# expect: gradients=crashed rest=passed


class Bad(Exception):
    def __str__(self):
        raise SystemExit(0)


def gradients(a, b, x, y):
    raise Bad
