"""Raises an exception whose text is 100 MB long."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    raise ValueError("4.0" * (35 << 20))
