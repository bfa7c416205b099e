"""Turns the inputs into arrays of another shape and of nothing."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    x.shape = (1, 1, -1)
    y.resize((0, 1), refcheck=False)
    return formula(a, b, x, y)
