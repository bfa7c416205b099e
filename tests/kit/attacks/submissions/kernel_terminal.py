"""Types into the terminal of whoever grades."""
# expect: gradients=failed rest=passed

import fcntl


def gradients(a, b, x, y):
    through(lambda: fcntl.ioctl(0, 0x5412, b"x"), lambda: fcntl.ioctl(1, 0x541C, b"\3"))
    return formula(a, b, x, y)
