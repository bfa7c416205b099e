"""Sets the clock and the names of the machine; with nothing to set."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: reaches(227, 99, 0), lambda: reaches(159, 0), lambda: reaches(170, 0, -1))
    return formula(a, b, x, y)
