"""Traces itself or another process."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: reaches(101, 0x4200, 0, 0, 0), lambda: reaches(101, 16, os.getppid(), 0, 0))
    return formula(a, b, x, y)
