"""Writes to every descriptor that is open."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    for fd in range(1024):
        if is_open(fd):
            through(lambda fd=fd: os.write(fd, b"PASSED\n" * 10), lambda: None)
    return formula(a, b, x, y)
