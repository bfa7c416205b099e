"""Prints for ever."""
# expect: gradients=timeout rest=passed


def gradients(a, b, x, y):
    while True:
        print("4.0, 12.0 " * 100)
