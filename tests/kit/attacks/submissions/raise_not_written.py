"""Pretends that it has not begun, which costs the points like any other error."""
# expect: gradients=not_started rest=passed


def gradients(a, b, x, y):
    raise NotImplementedError
