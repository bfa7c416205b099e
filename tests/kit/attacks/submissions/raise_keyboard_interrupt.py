"""Pretends that the teacher pressed Ctrl-C."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    raise KeyboardInterrupt
