"""Answers with an object whose class has a hostile name."""
# expect: gradients=failed rest=passed


class Meta(type):
    __name__ = property(lambda cls: 10**5000)


class Strange(metaclass=Meta):
    pass


def gradients(a, b, x, y):
    return Strange(), Strange()
