"""Looks for a descriptor that was inherited, besides its streams and its wire."""
# expect: gradients=failed rest=passed


@once
def gradients(a, b, x, y):
    if len([fd for fd in range(3, 1 << 16) if is_open(fd)]) < 2:
        raise PermissionError("nothing was inherited")
    return formula(a, b, x, y)
