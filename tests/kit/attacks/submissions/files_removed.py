"""Removes and empties files of others."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.truncate(f"{CANARY}/bait", 0),
        lambda: os.unlink(f"{CANARY}/bait"),
        lambda: open(f"{CANARY}/bait", "w").close(),
    )
    return formula(a, b, x, y)
