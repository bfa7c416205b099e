"""Answers this request and the next one at once."""
# expect: gradients=failed|crashed numerical_gradients=partly rest=passed


def gradients(a, b, x, y):
    send(asked(), value((0.0, 0.0)))
    send(asked() + 1, value((0.0, 0.0)))
    return 0.0, 0.0
