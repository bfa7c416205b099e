"""Handles its own page faults, and watches its own performance: both were ways to become root."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(323, -1),
        lambda: reaches(298, 0, 0, -1, -1, 0),
        lambda: reaches(424, -1, 0, 0, 0),
    )
    return formula(a, b, x, y)
