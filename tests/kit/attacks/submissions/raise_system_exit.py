"""Raises the exception of a good end."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    raise SystemExit(0)
