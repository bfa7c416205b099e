"""Asks NumPy for too much memory."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    np.ones(SIZE, np.uint8)
    return formula(a, b, x, y)
