"""Opens a ring, through which files are opened behind the filter's back."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: reaches(425, 0, 0), lambda: reaches(206, 0, 0))
    return formula(a, b, x, y)
