"""Asks Python to exit."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    sys.exit(0)
