"""Opens a file that only its owner may read."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: open(f"{KIT}/secret").read())
    return formula(a, b, x, y)
