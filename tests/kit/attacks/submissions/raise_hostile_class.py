"""Raises an exception whose class lies about its name and hangs on nothing."""
# expect: gradients=failed rest=passed


class Meta(type):
    __module__ = property(lambda cls: [1])
    mro = lambda cls: [cls, Exception, BaseException, object]  # noqa: E731


Bad = Meta("Bad", (Exception,), {"__module__": 5})


def gradients(a, b, x, y):
    raise Bad
