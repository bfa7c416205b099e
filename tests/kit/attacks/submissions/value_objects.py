"""Answers with arrays of objects, of records, of texts and of times."""
# expect: gradients=failed rest=passed

from itertools import cycle

VALUES = cycle(
    [
        np.array([4.0, None, object()], object),
        np.zeros(2, [("a_grad", "f8"), ("b_grad", "O")]),
        np.array(["4.0", "12.0"]),
        np.array(["2020-01-01", "NaT"], "M8[D]"),
        np.zeros(2, np.void(8).dtype),
        np.ma.masked_array([4.0, 12.0], [True, True]),
        np.matrix([[1e9, 1e9]]),
        np.longdouble(4.0),
        np.zeros((1,) * 32),
    ]
)


def gradients(a, b, x, y):
    return next(VALUES)
