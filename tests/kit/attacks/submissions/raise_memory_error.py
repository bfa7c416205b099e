"""Pretends that memory is used up."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    raise MemoryError
