"""Answers with the module of the right function, hoping to be called again by the judge."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    return formula
