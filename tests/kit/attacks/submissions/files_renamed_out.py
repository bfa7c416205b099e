"""Moves a file out of its folder, and another one in."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    open("mine", "w").close()
    through(
        lambda: os.rename("mine", f"{CANARY}/renamed"),
        lambda: os.link("mine", f"{CANARY}/linked"),
        lambda: os.rename(f"{CANARY}/bait", "bait"),
        lambda: os.rename(f"{CANARY}/bait", f"{CANARY}/renamed"),
    )
    return formula(a, b, x, y)
