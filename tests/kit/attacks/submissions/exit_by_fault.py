"""Writes to an address that is not there."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    ctypes.memset(8, 0, 8)
