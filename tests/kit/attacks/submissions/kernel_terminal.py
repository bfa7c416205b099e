"""Types into the terminal of whoever grades, or changes its size."""
# expect: gradients=failed rest=passed

import fcntl


def gradients(a, b, x, y):
    through(
        lambda: fcntl.ioctl(0, 0x5412, b"x"),
        lambda: fcntl.ioctl(1, 0x541C, b"\3"),
        lambda: fcntl.ioctl(0, 0x5414, struct.pack("4H", 1, 1, 0, 0)),
    )
    return formula(a, b, x, y)
