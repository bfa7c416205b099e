"""Answers the next request before this one."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    send(asked() + 1, value((0.0, 0.0)))
    return formula(a, b, x, y)
