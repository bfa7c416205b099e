"""Prints 100 MB at once."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    print("PASSED " * (15 << 20))
    return 0.0, 0.0
