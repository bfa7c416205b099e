"""Makes folders within folders, deeper than a recursion goes."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    for _ in range(6_000):
        os.mkdir("d")
        os.chdir("d")
    return formula(a, b, x, y)
