"""Looks into the homes of others."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.listdir("/root"),
        lambda: os.listdir("/home"),
        lambda: os.listdir("/"),
        lambda: os.listdir("/tmp"),
        lambda: os.listdir("/var/tmp"),
    )
    return formula(a, b, x, y)
