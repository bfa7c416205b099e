"""Puts its output in the place of the wire."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os.dup2(1, wire())
    return formula(a, b, x, y)
