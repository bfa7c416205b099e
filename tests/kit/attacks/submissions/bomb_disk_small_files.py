"""Writes thousands of empty files."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    for i in range(8_000):
        open(f"bomb{i}", "w").close()
    return formula(a, b, x, y)
