"""Reads what was graded so far."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.listdir(OUT),
        lambda: open(f"{OUT}/000-honest/results.json").read(),
    )
    return formula(a, b, x, y)
