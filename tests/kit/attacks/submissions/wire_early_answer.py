"""Sends a well-formed answer of its own before the worker sends one."""
# expect: numerical_gradients=partly rest=passed


def gradients(a, b, x, y):
    send(asked(), value((0.0, 0.0)))
    return 0.0, 0.0
