"""Sends signals by the less known system calls; the empty signal only."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    parent = os.getppid()
    through(
        lambda: reaches(200, parent, 0),
        lambda: reaches(234, parent, parent, 0),
        lambda: reaches(129, parent, 0, 0),
    )
    return formula(a, b, x, y)
