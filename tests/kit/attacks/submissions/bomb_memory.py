"""Asks for more memory than a worker may have, as a bytearray."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    bytearray(SIZE)
    return formula(a, b, x, y)
