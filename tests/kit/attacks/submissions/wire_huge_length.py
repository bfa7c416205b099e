"""Announces a frame of 4 GiB."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os.write(wire(), struct.pack("<II", 0xFFFFFFFF, asked()))
    return formula(a, b, x, y)
