"""Reads the course file, which may hold the secret seed."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: open(f"{KIT}/course.toml").read())
    return formula(a, b, x, y)
