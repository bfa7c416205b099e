"""Answers with a list that says two items and yields them for ever."""
# expect: gradients=failed|timeout rest=passed

import itertools


class List(list):
    __len__ = lambda self: 2  # noqa: E731
    __iter__ = lambda self: itertools.repeat(0.0)  # noqa: E731


def gradients(a, b, x, y):
    return List([0.0, 0.0])
