"""Raises an exception whose text never comes."""
# expect: gradients=timeout rest=passed


class Slow(Exception):
    def __str__(self):
        while True:
            pass


def gradients(a, b, x, y):
    raise Slow
