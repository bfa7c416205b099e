"""Raises an exception with ten thousand causes, the last of which is caused by the first."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    first = error = ValueError("first")
    for number in range(10_000):
        error.__cause__ = ValueError(str(number))
        error = error.__cause__
    error.__cause__ = first
    raise first
