"""Answers with objects that claim to be floats."""
# expect: gradients=failed rest=passed


class Liar:
    __class__ = property(lambda self: float)
    __eq__ = lambda self, other: True  # noqa: E731
    __hash__ = None


def gradients(a, b, x, y):
    return Liar(), Liar()
