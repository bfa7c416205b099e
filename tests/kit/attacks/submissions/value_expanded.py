"""Answers with an array of eight terabytes that takes eight bytes."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    return np.broadcast_to(0.0, (1 << 20, 1 << 20)), 0.0
