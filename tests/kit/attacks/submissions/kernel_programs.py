"""Loads programs and filters into the kernel."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(321, -1, 0, 0), lambda: reaches(317, 1, 0, 0), lambda: reaches(175, 0, 0, 0)
    )
    return formula(a, b, x, y)
