"""Ends the worker as if all had gone well."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    os._exit(0)
