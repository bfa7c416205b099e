"""Sends bytes that are no value, in a well-formed frame."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    data = b"l\xff\xff\xff\xff" * 1000
    os.write(wire(), struct.pack("<II", len(data), asked()) + data)
    os._exit(0)
