"""Changes the inputs, so that its own wrong answer becomes the right one."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    x[...] = 0.0
    y[...] = 0.0
    return 0.0, 0.0
