"""Writes zero bytes and bytes that are no UTF-8 to both streams."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    os.write(1, b"\0\xff\xfe\xc3(" * 500)
    os.write(2, b"\xed\xa0\x80" * 500)
    return 0.0, 0.0
