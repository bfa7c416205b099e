"""Reserves room on the disk without writing."""
# expect: gradients=failed|timeout rest=passed


@once
def gradients(a, b, x, y):
    for i in range(4):
        with open(f"bomb{i}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 30 << 20)
    return formula(a, b, x, y)
