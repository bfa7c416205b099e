"""Raises a group of groups of exceptions."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    group = ValueError("inside")
    for _ in range(100):
        group = BaseExceptionGroup("a group", [group, KeyboardInterrupt()])
    raise group
