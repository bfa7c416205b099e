"""Sends half a frame; what the worker sends then is taken for the rest."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os.write(wire(), struct.pack("<II", 30, asked()) + b"d\2\0\0\0s\4")
    return formula(a, b, x, y)
