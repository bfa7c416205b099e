"""Writes one file of 100 MB."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    with open("bomb", "wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))
    return formula(a, b, x, y)
