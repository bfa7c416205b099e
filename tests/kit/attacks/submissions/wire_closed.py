"""Closes the wire."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os.close(wire())
    return formula(a, b, x, y)
