"""Announces the largest frame that is taken, and sends nothing."""
# expect: gradients=timeout rest=passed


def gradients(a, b, x, y):
    os.write(wire(), struct.pack("<II", 64 << 20, asked()))
    while True:
        pass
