"""Becomes another kind of process: predictable addresses, undumpable no more, no death with the parent."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(135, 0x0040000),
        lambda: reaches(157, 1, 0, 0, 0, 0),
        lambda: reaches(157, 4, 1, 0, 0, 0),
        lambda: reaches(157, 23, 0, 0, 0, 0),
    )
    return formula(a, b, x, y)
