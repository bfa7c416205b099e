"""Answers with as many items as go through."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    return [0.0] * 900_000
