"""Closes every descriptor."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os.closerange(0, 64)
    return formula(a, b, x, y)
