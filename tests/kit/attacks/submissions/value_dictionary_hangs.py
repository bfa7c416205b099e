"""Answers with a dictionary whose items never come."""
# expect: gradients=timeout rest=passed


class Dictionary(dict):
    def items(self):
        while True:
            pass


def gradients(a, b, x, y):
    return Dictionary(a=1)
