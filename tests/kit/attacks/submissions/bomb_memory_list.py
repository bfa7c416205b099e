"""Fills memory with small objects."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    pieces = []
    while len(pieces) << 20 < SIZE:
        pieces.append(bytearray(1 << 20))
    return formula(a, b, x, y)
