"""Answers with an array of a gigabyte."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    return np.zeros(1 << 27), 0.0
