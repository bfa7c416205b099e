"""Answers with empty arrays of impossible shapes."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    return np.empty((0, 1 << 40)), np.empty((1 << 50, 0))
