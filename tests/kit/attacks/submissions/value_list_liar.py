"""Answers with a list that says four thousand million items and yields two."""
# expect: gradients=failed|timeout rest=passed


class List(list):
    __len__ = lambda self: 0xFFFFFFFF  # noqa: E731


def gradients(a, b, x, y):
    return List([0.0, 0.0])
