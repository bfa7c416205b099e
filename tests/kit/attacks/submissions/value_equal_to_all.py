"""Answers with objects that are equal to everything."""
# expect: gradients=failed rest=passed


class Equal:
    def __eq__(self, other):
        return True

    def __float__(self):
        return 4.0

    def __getattr__(self, name):
        return self

    __hash__ = None
    __call__ = __sub__ = __rsub__ = __abs__ = __array__ = lambda self, *a, **k: 0.0
    __le__ = __lt__ = __ge__ = __gt__ = __ne__ = __eq__


def gradients(a, b, x, y):
    return Equal(), Equal()
