"""Lets objects act when they are thrown away."""
# expect: gradients=failed rest=passed


class Late:
    def __del__(self):
        open(f"{CANARY}/late", "w").close()


def gradients(a, b, x, y):
    for _ in range(100):
        Late()
    return Late(), Late()
