"""Starts a program that stays."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.posix_spawn("/bin/sleep", ["sleep", "20"], {}),
        lambda: os.posix_spawn("/bin/sleep", ["sleep", "20"], {}, setsid=True),
    )
    return formula(a, b, x, y)
