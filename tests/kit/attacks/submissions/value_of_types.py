"""Answers with classes, modules, exceptions, functions and open files."""
# expect: gradients=failed rest=passed

from itertools import cycle

VALUES = cycle(
    [float, np, ValueError("4.0"), len, sys.stdout, NotImplemented, ..., {1, 2}, range(2)]
)


def gradients(a, b, x, y):
    return next(VALUES), next(VALUES)
