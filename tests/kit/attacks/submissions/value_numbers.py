"""Answers with numbers that are none, or too large, or of another kind."""
# expect: gradients=failed rest=passed

from itertools import cycle

VALUES = cycle(
    [
        (float("nan"), float("nan")),
        (float("inf"), -float("inf")),
        (4.0 + 1e-3j, 12.0 + 0j),
        (np.complex64(4), np.complex64(12j)),
        (10**9000, -(10**9000)),
        (10**400, 10**400),
        (True, False),
        (np.uint64(2**64 - 1), np.int8(-128)),
        (np.float16("inf"), np.float32("nan")),
        (-0.0, 5e-324),
        {float("nan"): 1, 10**9000: 2, None: 3},
        (10**40_000, 0),
    ]
)


def gradients(a, b, x, y):
    return next(VALUES)
