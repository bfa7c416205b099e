"""Answers a request that was never made."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    send(asked() + 1000, value((0.0, 0.0)))
    return formula(a, b, x, y)
