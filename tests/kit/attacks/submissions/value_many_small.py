"""Answers with as many items as go through."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    return [0.0] * 900_000
