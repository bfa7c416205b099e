"""Makes a file that says it is a terabyte."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    with open("bomb", "wb") as file:
        file.truncate(1 << 40)
    return formula(a, b, x, y)
