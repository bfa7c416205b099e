"""Sends a thousand frames."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    for number in range(1000):
        send(asked() + 1 + number, value((0.0, 0.0)))
    return formula(a, b, x, y)
