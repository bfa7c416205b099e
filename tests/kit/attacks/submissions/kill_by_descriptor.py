"""Lets the kernel send a signal to the zygote when a pipe becomes readable."""
# expect: gradients=failed rest=passed

import fcntl
import signal
import time


@once
def gradients(a, b, x, y):
    reading, writing = os.pipe()
    through(lambda: fcntl.fcntl(reading, fcntl.F_SETOWN, os.getppid()))
    through(lambda: fcntl.fcntl(reading, 10, signal.SIGURG))
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writing, b"1")
    return formula(a, b, x, y)
