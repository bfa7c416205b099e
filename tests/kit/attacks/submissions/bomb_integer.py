"""Raises nine to the power of nine to the power of nine."""
# expect: gradients=timeout|failed rest=passed


def gradients(a, b, x, y):
    return 9 ** (9**9), 0
