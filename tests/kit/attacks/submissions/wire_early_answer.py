"""Sends a well-formed answer of its own before the worker sends one."""
# expect: gradients=failed|crashed numerical_gradients=partly rest=passed


def gradients(a, b, x, y):
    send(asked(), value((0.0, 0.0)))
    return 0.0, 0.0
