"""Aborts."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os.abort()
