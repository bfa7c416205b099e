"""Writes many files that together are too large."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    for i in range(100):
        with open(f"bomb{i}", "wb") as file:
            file.write(bytes(1 << 20))
    return formula(a, b, x, y)
