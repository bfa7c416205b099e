"""Makes a second name for a file of the system."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.link("/etc/passwd", "passwd"),
        lambda: os.link(f"{CANARY}/bait", "bait"),
        lambda: os.link(f"{CANARY}/bait", f"{CANARY}/linked"),
    )
    return formula(a, b, x, y)
