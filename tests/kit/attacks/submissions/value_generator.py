"""Answers with a generator that never ends."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    return (0.0 for _ in iter(int, 1))
