"""Puts objects in the place of the streams that fail at every use."""
# expect: gradients=failed rest=passed


class Stream:
    def __getattr__(self, name):
        raise ValueError(name)


sys.stdout = sys.stderr = sys.stdin = sys.__stdout__ = Stream()


def gradients(a, b, x, y):
    return 0.0, 0.0
