"""Answers with arrays of a class that decides on every comparison itself."""
# expect: gradients=failed rest=passed


class Array(np.ndarray):
    __array_priority__ = 1e9

    def __array_ufunc__(self, *a, **k):
        return True

    def __array_function__(self, *a, **k):
        return True

    def tobytes(self, *a):
        return bytes(8)


def gradients(a, b, x, y):
    return np.zeros(()).view(Array), np.zeros(()).view(Array)
