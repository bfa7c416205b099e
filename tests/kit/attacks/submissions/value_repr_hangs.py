"""Answers with an object whose text never comes."""
# expect: gradients=timeout rest=passed


class Slow:
    def __repr__(self):
        while True:
            pass


def gradients(a, b, x, y):
    return Slow(), Slow()
