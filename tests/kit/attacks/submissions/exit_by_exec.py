"""Becomes another program."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.execv("/bin/true", ["true"]),
        lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]),
    )
    return formula(a, b, x, y)
