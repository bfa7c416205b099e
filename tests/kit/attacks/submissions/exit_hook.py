"""Leaves work for the end of the interpreter."""
# expect: gradients=crashed rest=passed

import atexit

atexit.register(lambda: send(asked(), value((4.0, 12.0))))


def gradients(a, b, x, y):
    os._exit(0)
