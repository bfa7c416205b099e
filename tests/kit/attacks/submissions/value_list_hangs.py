"""Answers with a list that never yields its first item."""
# expect: gradients=timeout rest=passed


class List(list):
    def __iter__(self):
        while True:
            pass


def gradients(a, b, x, y):
    return List([0.0, 0.0])
