"""Copies from the neighbour."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.listdir(CLASS),
        lambda: open(f"{CLASS}/000-honest/step_03_gradient.py").read(),
    )
    return formula(a, b, x, y)
