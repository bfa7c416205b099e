"""Leaves its session and its group, by which it is ended."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: os.setpgid(0, 0), os.setsid)
    return formula(a, b, x, y)
