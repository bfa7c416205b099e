"""Lets the module itself make up a function for every name."""
# expect: gradients=failed rest=passed

del gradients


def __getattr__(name):
    return lambda *a, **k: (0.0, 0.0)
