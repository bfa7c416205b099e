"""Answers with floats of a class that is close to everything."""
# expect: gradients=failed rest=passed


class Float(float):
    __eq__ = __le__ = __lt__ = lambda self, other: True
    __sub__ = __rsub__ = __abs__ = lambda self, *a: 0.0
    __hash__ = float.__hash__


def gradients(a, b, x, y):
    return Float(1e9), Float(1e9)
