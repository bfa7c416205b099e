"""Changes the work and the results of neighbours."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: open(f"{CLASS}/000-honest/step_03_gradient.py", "w"),
        lambda: open(f"{OUT}/000-honest/results.json", "w"),
        lambda: os.unlink(f"{CLASS}/000-honest/step_03_gradient.py"),
        lambda: os.rmdir(f"{OUT}/999-honest"),
        lambda: os.mkdir(f"{OUT}/999-honest"),
    )
    return formula(a, b, x, y)
