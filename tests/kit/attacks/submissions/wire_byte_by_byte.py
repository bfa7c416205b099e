"""Sends a large frame so slowly that each byte looks like progress."""
# expect: gradients=timeout rest=passed

import time


def gradients(a, b, x, y):
    fd = wire()
    os.write(fd, struct.pack("<II", 1 << 20, asked()))
    while True:
        os.write(fd, b"\0")
        time.sleep(0.01)
