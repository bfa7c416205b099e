"""Becomes root."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.setuid(0),
        lambda: os.setresuid(0, 0, 0),
        lambda: os.setgroups([0]),
        lambda: os.setgid(0),
    )
    return formula(a, b, x, y)
