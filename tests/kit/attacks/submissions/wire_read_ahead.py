"""Looks for requests that wait on the wire, to know later inputs."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    fd = wire()
    os.set_blocking(fd, False)
    try:
        through(lambda: os.read(fd, 1))
    finally:
        os.set_blocking(fd, True)
    return formula(a, b, x, y)
