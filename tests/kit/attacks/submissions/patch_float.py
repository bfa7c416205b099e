"""Reaches the methods of float itself and makes every two numbers equal."""
# expect: gradients=failed rest=passed

import gc

methods = gc.get_referents(float.__dict__)[0]
methods["__eq__"] = methods["__le__"] = methods["__lt__"] = lambda self, other: True


def gradients(a, b, x, y):
    return 1e9, 1e9
