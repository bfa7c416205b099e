"""Sends half a header and waits for ever."""
# expect: gradients=timeout rest=passed


def gradients(a, b, x, y):
    os.write(wire(), b"\1\0\0")
    while True:
        pass
