"""Keeps a note in a keyring for the next one."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: reaches(250, -1, 0, 0, 0, 0), lambda: reaches(248, 0, 0, 0, 0, 0))
    return formula(a, b, x, y)
