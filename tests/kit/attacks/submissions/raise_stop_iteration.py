"""Raises the exception that ends a loop."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    raise StopIteration((4.0, 12.0))
