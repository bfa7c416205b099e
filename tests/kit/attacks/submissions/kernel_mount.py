"""Mounts, changes the root and moves mounts."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(165, 0, 0, 0, 0, 0),
        lambda: reaches(166, b"./nowhere", 2),
        lambda: reaches(161, b"./nowhere"),
        lambda: reaches(155, 0, 0),
        lambda: reaches(428, -1, 0, 0),
        lambda: reaches(430, 0, 0),
    )
    return formula(a, b, x, y)
