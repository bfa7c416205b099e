"""Pretends, below the right function, that it has not begun: costs the points like any other error."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    raise NotImplementedError
