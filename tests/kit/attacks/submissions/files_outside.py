"""Leaves files where everybody may write."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    def write(folder):
        return lambda: open(f"{folder}/left-{NAME}", "w").write(NAME)

    through(*map(write, (CANARY, "/run", "/dev/mqueue")))
    return formula(a, b, x, y)
