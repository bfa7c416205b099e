"""Runs the solution in place of an answer."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: open(f"{KIT}/solutions/step_03_gradient.py").read())
    return formula(a, b, x, y)
